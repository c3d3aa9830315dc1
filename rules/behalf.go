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
	p, problems := plan(block, d.Case, desk.Ticket{}, a)
	if len(problems) > 0 {
		d.settle(ToCommand, "una orden está mal: no se hizo nada")
		d.wrong(a, desk.Ticket{}, problems)
		return true
	}
	cmds, note := d.activities(p.cmds, a), p.note
	d.Body = rest
	if strings.TrimSpace(rest) == "" && !slices.ContainsFunc(block, opens) {
		d.settle(ToCommand, "órdenes del agente "+a.Name+" a la mesa")
		d.transcript(a, desk.Ticket{}, block, p.done)
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
	if !slices.ContainsFunc(d.Letters, func(l Letter) bool { return l.Confirm > 0 }) { // else he is asked first
		d.transcript(a, desk.Ticket{}, block, p.done)
		d.Letters[len(d.Letters)-1].Opened = true
	}
	d.settle(ToTicket, "nuevo, del agente "+a.Name)
	return true
}

// opens says that a line in a mail to the desk itself belongs to a ticket that the
// mail opens.
func opens(l line) bool {
	v, _ := findVerb(l.word)
	return v.name != "ayuda" && v.name != "actividad"
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
