package rules

import (
	"slices"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
)

// Held articles with this Value are for agents alone, also once they are let in.
const heldInside = "inside"

// fromInside decides on what somebody writes whom agents asked: a provider, or one
// whose consent is waited for. It goes to the agents, and never to the requester. It is
// false where the mail is like any other's.
func (d *decider) fromInside(t desk.Ticket, th Thread) bool {
	known := d.Sender != 0 && slices.Contains(t.Inside, d.Sender) && !d.takesPart(t)
	if d.waitsFor(t) && d.consent(t) {
		return true
	}
	if !known && th.Inside == 0 {
		return false
	}
	row := ActAppend
	if th.By > ByReceived {
		row = ActAppendTag
	}
	v := d.Policy.Verdict(row, d.Decision.Trust)
	d.say("de alguien a quien consultaron los agentes: %s con confianza %s: %s", row, d.Decision.Trust, v)
	switch {
	case v == Quarantine:
		d.settle(ToQuarantine, "no es de fiar: "+d.Decision.Trust.String())
	case v == Yes, v == IfParticipant && known, v == IfSameDomain && (known || domain(d.People[th.Inside].Address) == domain(d.from().Address)):
		d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdInform, Actor: d.actor(), Article: true})
		d.settle(ToAppend, "respuesta de un consultado: solo la ven los agentes")
	case v == Linked && !known:
		return false
	default:
		d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdHold, Actor: d.actor(), Article: true, Text: "sender-not-proved", Value: heldInside})
		d.settle(ToPending, "no se comprueba el remitente ("+d.Decision.Trust.String()+")")
	}
	return true
}

// waitsFor says whether the sender's consent is waited for.
func (d *decider) waitsFor(t desk.Ticket) bool {
	_, waits := t.Awaited(d.actor())
	return waits && d.Sender != 0
}

// consent hears the sender give or refuse a consent by reply, if the table lets him. If
// not, and he is likely to be the one, the links are mailed to him again.
func (d *decider) consent(t desk.Ticket) bool {
	p, reason := readPhrase(d.Message.Reply)
	if p != approvePhrase && p != rejectPhrase || d.Message.Class == mail.ClassMachine {
		return false
	}
	a, _ := t.Awaited(d.actor())
	row := ActApprove
	if p == rejectPhrase {
		row = ActReject
	}
	switch v := d.Policy.Verdict(row, d.Decision.Trust); v {
	case Yes, IfApprover:
		d.consented(t, a, d.actor(), p == approvePhrase, reason)
	case ByPolicy:
		d.Letters = append(d.Letters, Letter{Template: "visto-bueno", To: d.People[d.Sender].Address, Name: d.People[d.Sender].Name, Ticket: t.ID,
			Reason: "decision-not-proved", Approval: a.Number, Counted: true})
		d.settle(ToCommand, "un visto bueno que no se comprueba")
	default:
		return false
	}
	return true
}

// consented records a consent that was given or refused.
func (d *decider) consented(t desk.Ticket, a desk.Approval, by desk.Actor, given bool, reason string) {
	c := desk.Command{Ticket: t.ID, Kind: desk.CmdGiveApproval, Actor: by, Number: a.Number, Text: reason, Article: true}
	d.settle(ToCommand, "visto bueno dado")
	if !given {
		c.Kind = desk.CmdRefuseApproval
		d.settle(ToCommand, "visto bueno negado")
	}
	d.command(c)
}

// byConsentAddress gives or refuses a consent by an address of its own: whoever bears
// it may.
func (d *decider) byConsentAddress(by Addressed) {
	t, ok := d.Tickets[by.Token.Ticket]
	a, asked := t.Approval(by.Token.Revision)
	expired := !by.Token.Expires.IsZero() && d.Now.After(by.Token.Expires)
	switch {
	case !ok || !asked || d.Message.Class != mail.ClassHuman && d.Message.Class != mail.ClassList:
		d.settle(ToFiled, "nada espera ese visto bueno")
	case expired || a.Decision != "":
		d.settle(ToCommand, "el visto bueno ya está decidido o el enlace venció")
	default:
		d.consented(t, a, d.consentBearer(a, by), by.Token.Purpose == desk.ForConsentYes, d.comment())
	}
}

// consentBearer is who decides by a consent's own address: the deputy, if it was made
// for him and he writes, else who was asked.
func (d *decider) consentBearer(a desk.Approval, by Addressed) desk.Actor {
	if agent, ok := d.World.AgentAt(d.from().Address); by.Bound && a.Deputy != "" && (a.Deputy == d.actor() || ok && a.Deputy == desk.ByAgent(agent.Name)) {
		return a.Deputy
	}
	return a.Actor()
}

// absentApprover asks the deputy of one whose consent is waited for, where his
// automatic answer to our mail says that he is away.
func (d *decider) absentApprover(t desk.Ticket) {
	who := d.actor()
	if agent, ok := d.World.AgentAt(d.from().Address); ok {
		who = desk.ByAgent(agent.Name)
	}
	for _, a := range t.Approvals {
		if a.Decision != "" || a.Deputy != "" || a.Actor() != who || t.State.Ended() {
			continue
		}
		if to, ok := d.World.StandIn(d.from().Address, d.Now); ok {
			d.say("a quien se le pidió el visto bueno %d está ausente: se le pide a %s", a.Number, to.Address)
			d.Commands = append(d.Commands, desk.Command{Ticket: t.ID, Kind: desk.CmdApprovalDeputy, Actor: desk.System, Number: a.Number, Address: to.Address})
		}
	}
}

// agentConsents hears an agent, whose consent is waited for, answer with the bare word:
// it is no answer to the requester.
func (d *decider) agentConsents(a desk.Agent, t desk.Ticket) bool {
	asked, waits := t.Awaited(desk.ByAgent(a.Name))
	p, reason := readPhrase(d.Message.Reply)
	if !waits || p != approvePhrase && p != rejectPhrase || d.agentVerdict(false) != Yes {
		return false
	}
	d.consented(t, asked, desk.ByAgent(a.Name), p == approvePhrase, reason)
	return true
}

// readApproval reads whose consent is asked for, and what for: an address, an agent, or
// somebody of people.csv by name.
func readApproval(r *reading) ([]desk.Command, Problem) {
	if r.ticket.ID == 0 {
		return wrong("no-ticket", "")
	}
	if r.argument == "" {
		return wrong("unknown-person", "")
	}
	c := desk.Command{Kind: desk.CmdAskApproval}
	word, rest, _ := strings.Cut(r.argument, " ")
	at, is := address(word)
	agent, agentRest, named := r.agent()
	switch {
	case is:
		if a, ok := r.world.AgentAt(at); ok {
			c.Value = a.Name
		} else {
			c.Address = at
		}
		c.Text = rest
	case named:
		c.Value, c.Text = agent.Name, agentRest
	default:
		if c.Address, c.Text = r.known(); c.Address == "" {
			return wrong("unknown-approver", nearest(mail.Fold(word), agentNames(r.world)))
		}
	}
	if c.Value == r.by.Name {
		return wrong("own-approval", "")
	}
	if requester := r.People[r.ticket.Requester].Address; requester != "" && strings.EqualFold(requester, c.Address) {
		return wrong("is-requester", "")
	}
	c.Text = strings.Trim(c.Text, " ,:;-–—")
	return one(c)
}

// known returns the address of somebody of people.csv whose name stands at the
// beginning of the argument, and what stands behind it.
func (r *reading) known() (at, rest string) {
	for end := len(r.argument); end > 0; end = strings.LastIndexAny(r.argument[:end], " ,:;") {
		name := mail.Fold(strings.Trim(r.argument[:end], " ,:;"))
		var found []string
		for _, k := range r.world.Known {
			if name != "" && mail.Fold(k.Name) == name && !slices.Contains(found, k.Address) {
				found = append(found, k.Address)
			}
		}
		if len(found) == 1 {
			return found[0], r.argument[end:]
		}
	}
	return "", ""
}

// readProvider reads to which provider the mail's text goes.
func readProvider(r *reading) ([]desk.Command, Problem) {
	if r.ticket.ID == 0 {
		return wrong("no-ticket", "")
	}
	if len(r.world.Providers) == 0 {
		return wrong("no-providers", "")
	}
	c, p := r.provider(r.argument)
	switch {
	case p.Reason != "":
		return nil, p
	case c.Text != "" && c.Text == r.argument: // it names none that there is
		return wrong("unknown-provider", nearest(mail.Fold(r.argument), namesOf(r.world.Providers, func(p desk.Provider) string { return p.Name })))
	}
	return one(c)
}

// provider reads a provider at the beginning of a text, which may name none where it
// is clear who is meant. What stands behind is said to it where the mail has no text.
func (r *reading) provider(text string) (desk.Command, Problem) {
	c := desk.Command{Kind: desk.CmdConsult, Text: strings.Trim(text, " ,:;-–—")}
	word, rest, _ := strings.Cut(c.Text, " ")
	name, p := pick(strings.Trim(word, ",:;"), "unknown-provider", listOf(r.world.Providers, func(p desk.Provider) listed { return listed{p.Name, p.Title} }))
	to, ok := r.world.Provider(name)
	if ok {
		c.Text = strings.Trim(rest, " ,:;-–—")
	} else if to, ok = r.world.ProviderFor(r.ticket); !ok || p.Near != "" {
		if p.Reason == "argument-missing" {
			p.Reason = "which-provider"
		}
		return c, p
	}
	c.Value, c.Address = to.Name, to.Address
	return c, Problem{}
}

// toProvider adds to an escalation to the provider the mail that goes there, where the
// desk's files know one.
func (r *reading) toProvider(cmds []desk.Command) ([]desk.Command, Problem) {
	i := len(cmds) - 1
	if cmds[i].Value != "provider" || r.ticket.ID == 0 || len(r.world.Providers) == 0 {
		return cmds, Problem{}
	}
	c, p := r.provider(cmds[i].Text)
	if p.Reason != "" {
		return nil, p
	}
	cmds[i].Text = c.Text
	return append(cmds, c), Problem{}
}

// consults says where among commands somebody else than the requester is written to;
// -1 for nowhere.
func consults(cmds []desk.Command) int {
	return slices.IndexFunc(cmds, func(c desk.Command) bool { return c.Kind == desk.CmdConsult })
}

// addressedInside makes an agent's answer to what a provider or another consulted person
// wrote one that goes back there.
func (d *decider) addressedInside(cmds []desk.Command, t desk.Ticket, note bool) []desk.Command {
	if d.Interlocutor == 0 || note || consults(cmds) >= 0 || strings.TrimSpace(d.Body) == "" && len(d.Message.Parts) == 0 {
		return cmds
	}
	return append(cmds, desk.Command{Ticket: t.ID, Kind: desk.CmdConsult, Person: d.Interlocutor})
}

// withConsult puts the mail's own text into what goes to a provider, and makes the ticket
// wait for it where the mail says nothing else of its state.
func (d *decider) withConsult(cmds []desk.Command, a desk.Agent, t desk.Ticket, says bool) ([]desk.Command, []Problem) {
	i := consults(cmds)
	cmds[i].Actor, cmds[i].Article = desk.ByAgent(a.Name), says
	if !says && cmds[i].Text == "" {
		return cmds, []Problem{{Line: "#proveedor", Reason: "provider-text-missing"}}
	}
	waits := t.State == desk.New || t.State == desk.Open
	if cmds[i].Value != "" && waits && !slices.ContainsFunc(cmds, changesState) {
		cmds = append(cmds, desk.Command{Ticket: t.ID, Kind: desk.CmdWait, Actor: desk.ByAgent(a.Name), Value: string(desk.ForProvider)})
	}
	return cmds, nil
}
