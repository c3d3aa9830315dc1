package rules

import (
	"slices"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
)

// byAgent decides on what an agent writes about a ticket: commands, a note or
// an answer to the requester. All lines are good, or nothing happens at all.
func (d *decider) byAgent(a desk.Agent, t desk.Ticket) {
	if d.Message.Class == mail.ClassMachine {
		d.settle(ToFiled, "el correo automático de un agente no se pasa a nadie")
		return
	}
	if a.Reader {
		d.settle(ToCommand, a.Name+" solo lee: no se hizo nada")
		d.Letters = append(d.Letters, Letter{Template: "transcripcion", To: a.Address, Name: a.Title, Ticket: t.ID, Reason: "not-allowed", Lines: strings.Split(d.Message.Reply, "\n")})
		return
	}
	if d.agentConsents(a, t) {
		return
	}
	block, rest := commandBlock(d.Message.Reply)
	p, problems := plan(block, d.Case, t, a)
	cmds, note := d.activities(p.cmds, a), p.note
	canned, markdown := d.canned(block, a, t)
	says := strings.TrimSpace(rest) != "" || canned != "" || len(d.Message.Parts) > 0
	d.Body = rest
	if d.AsksConsent && says && !note { // what he says besides is for agents, as that mail told him
		cmds, note = append(cmds, desk.Command{Ticket: t.ID, Kind: desk.CmdNote, Actor: desk.ByAgent(a.Name)}), true
	}
	cmds = d.addressedInside(cmds, t, note)
	inside := consults(cmds) >= 0
	outward := slices.ContainsFunc(cmds, func(c desk.Command) bool { return c.Kind == desk.CmdConsult || c.Kind == desk.CmdAskApproval })
	if v := d.agentVerdict(says && !note || outward); v != Yes {
		d.unprovedAgent(a, t, v)
		return
	}
	problems = append(problems, d.checkHeld(cmds, p.done)...)
	if reason := forbidden(d.World, a, t, answering); reason != "" && says && !note && !inside {
		problems = append(problems, Problem{Line: firstLine(rest), Reason: reason})
	}
	if len(problems) == 0 && says && !note && !inside && !d.ThisOne && d.meanwhile(a, t) {
		d.askAgent(a, t, "answered-meanwhile")
		return
	}
	if len(problems) == 0 && slices.ContainsFunc(cmds, grave) {
		switch v := d.Policy.Verdict(ActAgentGrave, d.Decision.Trust); {
		case v == Confirm && d.ThisOne:
		case v == Confirm:
			d.askAgent(a, t, "agent-grave")
			return
		default:
			problems = append(problems, Problem{Line: d.graveLine(block), Reason: "grave-not-proved"})
		}
	}
	if inside && len(problems) == 0 {
		cmds, problems = d.withConsult(cmds, a, t, says && !note)
	}
	if len(problems) > 0 {
		d.settle(ToCommand, "una orden está mal: no se hizo nada")
		d.Activities = nil
		d.wrong(a, t, problems)
		return
	}
	d.Body, d.Canned = strings.TrimSpace(canned+"\n\n"+rest), markdown
	cmds = d.withText(cmds, a, t, note, says && !inside)
	d.Commands = cmds
	d.settle(ToCommand, "órdenes del agente "+a.Name)
	if says || note {
		d.settle(ToAppend, "del agente "+a.Name)
	}
	if len(block) > 0 {
		d.transcript(a, t, block, p.done)
	}
	if slices.ContainsFunc(cmds, func(c desk.Command) bool { return c.Kind == desk.CmdExport }) {
		d.Letters = append(d.Letters, Letter{Template: "expediente", To: a.Address, Name: a.Title, Ticket: t.ID, Export: true})
	}
}

// meanwhile says whether another agent has answered the requester since the mail of
// ours that this agent answers to: two answers to one question help nobody.
func (d *decider) meanwhile(a desk.Agent, t desk.Ticket) bool {
	if t.AnsweredBy == "" || t.AnsweredBy == a.Name {
		return false
	}
	saw := 0
	for _, th := range d.Thread {
		if th.Ticket == t.ID {
			saw = max(saw, th.Revision)
		}
	}
	return saw < t.AnsweredIn
}

// agentVerdict asks the table for commands, and for an answer where there is one.
// A confirmation is good for the mail that it was asked for, and for some hours
// for mail that carries the agent's own tokens.
func (d *decider) agentVerdict(answers bool) Verdict {
	confirmed := d.ThisOne || d.Confirmed && d.Decision.Trust == TrustBound
	for _, row := range []Action{ActAgentCommand, ActAgentAnswer} {
		v := d.Policy.Verdict(row, d.Decision.Trust)
		d.say("%s con confianza %s: %s; confirmado: %v", row, d.Decision.Trust, v, confirmed)
		if v != Yes && !(v == Confirm && confirmed) {
			return v
		}
		if !answers {
			break
		}
	}
	return Yes
}

// unprovedAgent holds what an agent's address wrote without proof. Whoever is
// likely to be the agent learns why, at the registered address.
func (d *decider) unprovedAgent(a desk.Agent, t desk.Ticket, v Verdict) {
	if v == Confirm {
		d.askAgent(a, t, "agent-not-proved")
		return
	}
	d.holdAgent(a, t, "agent-not-proved")
}

// askAgent holds an agent's mail until he says, from his own mailbox, that it is
// his and that he means it.
func (d *decider) askAgent(a desk.Agent, t desk.Ticket, reason string) {
	d.holdAgent(a, t, reason)
	d.Commands[len(d.Commands)-1].Quiet = true // he alone is asked
	d.Letters = append(d.Letters, Letter{Template: "transcripcion", To: a.Address, Name: a.Title, Ticket: t.ID, Reason: reason,
		Lines: strings.Split(d.Message.Reply, "\n"), Confirm: t.Articles + 1})
}

func (d *decider) holdAgent(a desk.Agent, t desk.Ticket, reason string) {
	d.Activities = nil
	d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdHold, Actor: d.actor(), Article: true, Text: reason})
	why := "no se comprueba que sea el agente "
	switch reason {
	case "agent-grave":
		why = "no se puede deshacer y espera que lo confirme el agente "
	case "answered-meanwhile":
		why = "otro agente respondió hace poco y espera que lo confirme el agente "
	}
	d.settle(ToPending, why+a.Name+" ("+d.Decision.Trust.String()+")")
}

// graveLine is the line that asks for it, as the agent wrote it.
func (d *decider) graveLine(block []line) string {
	for _, l := range block {
		if v, _ := findVerb(l.word); v.name == "anular" || v.name == "exportar" {
			return l.raw
		}
	}
	return ""
}

// grave says that a command cannot be undone.
func grave(c desk.Command) bool { return c.Kind == desk.CmdCancel || c.Kind == desk.CmdExport }

// confirm hears an agent say that a held article is his: whoever has that
// address has read the agent's mailbox.
func (d *decider) confirm(a Addressed) {
	t, ok := d.Tickets[a.Token.Ticket]
	expired := !a.Token.Expires.IsZero() && d.Now.After(a.Token.Expires)
	_, held := d.Held[a.Token.Ticket][a.Token.Revision]
	if !ok || expired || !held || d.Message.Class != mail.ClassHuman && d.Message.Class != mail.ClassList {
		d.settle(ToFiled, "nada espera esta confirmación")
		return
	}
	d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdSetAside, Actor: d.actor(), Number: a.Token.Revision, Quiet: true})
	d.Confirms = a.Token
	d.settle(ToCommand, "un agente confirma lo retenido")
}

// withText puts the mail's own text in its place among the commands: behind
// identity and fields, before the state.
func (d *decider) withText(cmds []desk.Command, a desk.Agent, t desk.Ticket, note, says bool) []desk.Command {
	by := desk.ByAgent(a.Name)
	state := slices.IndexFunc(cmds, changesState)
	for i, c := range cmds {
		switch {
		case c.Kind == desk.CmdNote:
			cmds[i].Article = true
			d.Body = strings.TrimSpace(c.Text + "\n" + d.Body)
			cmds[i].Text = ""
		case c.Kind == desk.CmdResolve && !d.approval(t):
			cmds[i].Kind = desk.CmdClose
		}
	}
	if note || !says {
		return cmds
	}
	answer := desk.Command{Ticket: t.ID, Kind: desk.CmdAnswer, Actor: by, Article: true}
	if state < 0 {
		return append(cmds, answer)
	}
	// one mail tells the requester both: what was answered and the new state
	answer.Quiet = !cmds[state].Quiet && (cmds[state].Kind == desk.CmdResolve || cmds[state].Kind == desk.CmdClose)
	return slices.Insert(cmds, state, answer)
}

func changesState(c desk.Command) bool {
	switch c.Kind {
	case desk.CmdResolve, desk.CmdClose, desk.CmdReopen, desk.CmdWait, desk.CmdCancel, desk.CmdMerge, desk.CmdUndo:
		return true
	}
	return false
}

// approval says whether resolving a ticket asks its requester.
func (d *decider) approval(t desk.Ticket) bool {
	q, ok := d.World.Queue(t.Queue)
	return !ok || q.Approval
}

// checkHeld finds the held article that each #aceptar and #apartar means. Where
// only one is held, the number may be left out.
func (d *decider) checkHeld(cmds []desk.Command, done []Done) (problems []Problem) {
	lineOf := func(c desk.Command) string {
		for _, l := range done {
			if slices.ContainsFunc(l.Commands, func(k desk.Command) bool { return k.Kind == c.Kind && k.Number == c.Number }) {
				return l.Line
			}
		}
		return "#" + string(c.Kind)
	}
	for i, c := range cmds {
		if _, held := d.Held[c.Ticket][c.Number]; held && c.Kind == desk.CmdGiveAway {
			problems = append(problems, Problem{Line: lineOf(c), Reason: "article-held"})
		}
		if c.Kind != desk.CmdAccept && c.Kind != desk.CmdSetAside {
			continue
		}
		held := d.Held[c.Ticket]
		if c.Number == 0 && len(held) == 1 {
			for n := range held {
				cmds[i].Number = n
			}
		}
		if _, ok := held[cmds[i].Number]; !ok {
			problems = append(problems, Problem{Line: lineOf(c), Reason: "unknown-article"})
		}
	}
	return problems
}

// transcript tells an agent what his commands did.
func (d *decider) transcript(a desk.Agent, t desk.Ticket, block []line, done []Done) {
	l := Letter{Template: "transcripcion", To: a.Address, Name: a.Title, Ticket: t.ID, Done: done,
		Help: has(block, "ayuda"), Why: has(block, "porque"), Show: has(block, "ver") || asksState(block)}
	l.Spared = d.spares(a, l)
	d.Letters = append(d.Letters, l)
}

// spares says that an agent does without a transcript, which would tell him nothing
// but that all went well on the ticket that he wrote to.
func (d *decider) spares(a desk.Agent, l Letter) bool {
	news := l.Ticket == 0 || l.Help || l.Why || l.Show || slices.ContainsFunc(l.Done, func(o Done) bool {
		return slices.ContainsFunc(o.Commands, func(c desk.Command) bool { return c.Opening != nil || c.Ticket != l.Ticket })
	})
	return !news && slices.Contains(d.Preferences.Of(a).Mute, l.Template)
}

// wrong tells an agent why nothing was done, with his text back.
func (d *decider) wrong(a desk.Agent, t desk.Ticket, problems []Problem) {
	d.Letters = append(d.Letters, Letter{Template: "transcripcion", To: a.Address, Name: a.Title, Ticket: t.ID, Problems: problems,
		Reason: "command-wrong", Lines: strings.Split(d.Message.Reply, "\n")})
}

// asksState says that a line asks for the state without naming one.
func asksState(block []line) bool {
	return slices.ContainsFunc(block, func(l line) bool { v, _ := findVerb(l.word); return v.name == "estado" && l.argument == "" })
}
