package rules

import (
	"slices"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
)

// byAgentNew decides on an agent's mail that belongs to no ticket and begins with
// commands: he opens one, for himself or on behalf of somebody, or writes to them.
// It is false where the mail is like anybody's.
func (d *decider) byAgentNew(a desk.Agent) bool {
	block, rest := commandBlock(d.Message.Reply)
	if len(block) == 0 || a.Reader || d.Message.Class != mail.ClassHuman && d.Message.Class != mail.ClassList || d.agentVerdict(false) != Yes {
		return false
	}
	cmds, note, problems := plan(block, d.Case, desk.Ticket{}, a)
	if len(problems) > 0 {
		d.settle(ToCommand, "una orden está mal: no se hizo nada")
		d.transcript(a, desk.Ticket{}, block, problems)
		return true
	}
	d.Body = rest
	if has(block, "ayuda") && strings.TrimSpace(rest) == "" && len(block) == 1 {
		d.settle(ToCommand, "el agente "+a.Name+" pide ayuda")
		d.transcript(a, desk.Ticket{}, block, nil)
		return true
	}
	cmds = slices.DeleteFunc(cmds, func(c desk.Command) bool {
		if c.Kind == desk.CmdRequester {
			d.behalf = c.Address
		}
		return c.Kind == desk.CmdRequester || c.Kind == desk.CmdNote
	})
	d.opens = true
	d.open(desk.Ticket{})
	i := slices.IndexFunc(d.Commands, func(c desk.Command) bool { return c.Kind == desk.CmdOpen })
	if i < 0 {
		return true
	}
	by := desk.ByAgent(a.Name)
	opened := &d.Commands[i]
	opened.Actor, opened.Address, opened.Opening.Unverified = by, d.behalf, false
	if note {
		opened.Ack = desk.AckNone
	}
	if has(block, "escribir") {
		opened.Ack, opened.Article = desk.AckNone, false
		d.write(a)
	}
	d.Commands = append(d.Commands, cmds...)
	d.settle(ToTicket, "nuevo, del agente "+a.Name)
	return true
}

// write sends what an agent writes to somebody first, or holds it on the new ticket
// until he confirms it: an answer needs more proof than a command.
func (d *decider) write(a desk.Agent) {
	c := desk.Command{Kind: desk.CmdAnswer, Actor: desk.ByAgent(a.Name), Article: true}
	if d.agentVerdict(true) != Yes {
		c = desk.Command{Kind: desk.CmdHold, Actor: d.actor(), Article: true, Text: "agent-not-proved"}
		d.Letters = append(d.Letters, Letter{Template: "transcripcion", To: a.Address, Name: a.Title, Reason: c.Text,
			Lines: strings.Split(d.Message.Reply, "\n"), Confirm: 1})
	}
	d.Commands = append(d.Commands, c)
}

// requester is whose ticket a mail opens: the sender's, or another's whose address
// the command has.
func (d *decider) requester() desk.PersonID {
	if d.behalf != "" {
		return 0
	}
	return d.Sender
}
