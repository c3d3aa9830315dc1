package rules

import (
	"fmt"
	"slices"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
)

// Decide says what is to be done with a mail. It reads nothing but its
// argument, and the same case always has the same decision.
func (s *Set) Decide(c Case) Decision {
	d := &decider{Case: c, set: s}
	d.Decision.Trust = Evidence{Auth: c.Auth, Fails: c.Fails, Token: d.proved(), Bound: d.bound()}.Trust()
	d.Body = c.Message.Reply
	d.say("clase %s (%s); confianza: %s", c.Message.Class, c.Message.ClassReason, d.Trust)
	if c.Repeated {
		d.say("su Message-ID ya había llegado con otro contenido: es otro correo")
	}
	for _, t := range c.Thread {
		d.say("hilo: %s → ticket %s (%s)", t.By, c.Tickets[t.Ticket].Number, t.Detail)
	}
	d.decide()
	d.hush()
	d.say("resultado: %s (%s)", d.Disposition, d.Reason)
	return d.Decision
}

// decider is a decision being made.
type decider struct {
	Case
	Decision
	set    *Set
	behalf string // the address for which an agent opens a ticket
	opens  bool   // an agent opens the ticket: no rule holds it
}

func (d *decider) decide() {
	m := d.Message
	switch {
	case d.Duplicate:
		d.settle(ToDuplicate, SameContent)
	case d.Case.Probe > 0:
		d.settle(ToLedger, ProbeBack)
		d.Decision.Probe = d.Case.Probe
	case m.Class == mail.ClassOwn:
		d.settle(ToFiled, "un correo nuestro volvió")
		if !d.Counts.OwnTold { // the notice itself may come back too
			d.tellAdmin(OwnMailCameBack)
		}
	case m.Class == mail.ClassBounce, m.Class == mail.ClassReceipt, m.Class == mail.ClassComplaint:
		d.ledger()
	case len(m.From) != 1 || m.From[0].Address == "":
		d.settle(ToQuarantine, "From debe nombrar un buzón y solo uno")
	case d.Decision.Trust == TrustFails:
		d.settle(ToQuarantine, "la política del dominio de From lo rechaza (DMARC)")
	case d.addressFor(desk.ForApprove, desk.ForReject) != nil:
		d.byAddress(*d.addressFor(desk.ForApprove, desk.ForReject))
	case d.addressFor(desk.ForConsentYes, desk.ForConsentNo) != nil:
		d.byConsentAddress(*d.addressFor(desk.ForConsentYes, desk.ForConsentNo))
	case d.addressFor(desk.ForUndo) != nil:
		d.byUndoAddress(*d.addressFor(desk.ForUndo))
	case d.addressFor(desk.ForConfirm) != nil:
		d.confirm(*d.addressFor(desk.ForConfirm))
	case d.addressFor(desk.ForStop) != nil:
		d.stopped(*d.addressFor(desk.ForStop))
	case m.Class == mail.ClassAutoReply, m.Class == mail.ClassCalendar:
		d.automatic()
	default:
		d.written()
	}
}

// written decides on a mail that wants something: from a person, or a machine.
func (d *decider) written() {
	if a, ok := d.agent(); ok && (d.knowledge(true) || d.lists(a) || d.alerted(a) || d.byListing(a)) {
		return
	}
	ticket, thread, found := d.meant()
	if !found {
		if a, ok := d.agent(); ok && d.byAgentNew(a) {
			return
		}
		if d.answered() || d.knowledge(false) {
			return
		}
		d.open(desk.Ticket{})
		return
	}
	if d.completed(ticket, thread) {
		d.say("la dirección lleva un token, pero el mensaje no responde a nada y su asunto es otro")
		d.open(ticket)
		return
	}
	if agent, ok := d.agent(); ok && d.Sender != ticket.Requester && !d.deputyDecides(ticket) {
		d.byAgent(agent, ticket)
		return
	}
	d.byOther(ticket, thread)
	for _, th := range d.Thread { // tokens of further tickets: an article on each
		if t, ok := d.Tickets[th.Ticket]; ok && th.By == ByToken && t.ID != ticket.ID && thread.By == ByToken {
			d.byOther(t, th)
		}
	}
}

// deputyDecides says whether the mail is the decision of a deputy: one who is an agent
// may mean the requester by what else he writes.
func (d *decider) deputyDecides(t desk.Ticket) bool {
	p, _ := readPhrase(d.Message.Reply)
	return d.decides(t) && (p == approvePhrase || p == rejectPhrase)
}

// settle ends a decision.
func (d *decider) settle(as Disposition, reason string) { d.Disposition, d.Reason = as, reason }

// command adds a command. Of an old mail nobody is told, whatever it does.
func (d *decider) command(c desk.Command) {
	c.Quiet = c.Quiet || d.Envelope.Quiet
	d.Commands = append(d.Commands, c)
}

// hush takes back the letters of an old mail, but for those to the admin.
func (d *decider) hush() {
	if d.Envelope.Quiet {
		d.Letters = slices.DeleteFunc(d.Letters, func(l Letter) bool { return l.Template != "aviso-admin" })
	}
}

// say adds a line to the trace, where one is wanted.
func (d *decider) say(format string, args ...any) {
	if d.Explain {
		d.Trace = append(d.Trace, Step{Matched: true, Why: fmt.Sprintf(format, args...)})
	}
}

func (d *decider) from() mail.Address { return d.Message.From[0] }

// actor is who acts when the sender is no agent.
func (d *decider) actor() desk.Actor { return desk.ByPerson(d.Sender) }

// proved says whether one of our tokens came with the mail.
func (d *decider) proved() bool {
	for _, t := range d.Thread {
		if t.By.Proves() {
			return true
		}
	}
	return d.Listing != nil || d.ListingGone
}

// bound says whether a token that came was issued to the address in From.
func (d *decider) bound() bool {
	for _, t := range d.Thread {
		if t.By.Proves() && t.Bound {
			return true
		}
	}
	return d.Listing != nil || d.ListingGone
}

// completed says whether a token only stands in an address that a mail client
// completed by itself: in a mail that answers nothing and has another subject.
func (d *decider) completed(t desk.Ticket, th Thread) bool {
	m := d.Message
	return th.By == ByToken && len(m.InReplyTo) == 0 && len(m.References) == 0 && !d.sameSubject(t)
}

// meant returns the ticket that the strongest evidence points to.
func (d *decider) meant() (desk.Ticket, Thread, bool) {
	for _, th := range d.Thread {
		if t, ok := d.Tickets[th.Ticket]; ok {
			return t, th, true
		}
	}
	return desk.Ticket{}, Thread{}, false
}

func (d *decider) sameSubject(t desk.Ticket) bool {
	return mail.Fold(mail.StripPrefixes(mail.StripTags(d.Message.Subject))) == mail.Fold(t.Subject)
}

// agent returns the agent in From. One whose answers would go elsewhere has no
// powers.
func (d *decider) agent() (desk.Agent, bool) {
	a, ok := d.World.AgentAt(d.from().Address)
	if !ok {
		return desk.Agent{}, false
	}
	for _, r := range d.Message.ReplyTo {
		if other, ok := d.World.AgentAt(r.Address); !ok || other.Name != a.Name {
			d.say("Reply-To (%s) no es del agente: sin poderes", r.Address)
			return desk.Agent{}, false
		}
	}
	return a, true
}

// ledger notes what became of a mail of ours. Only a report that carries proof of
// the mail that it speaks of changes that mail's state or suppresses an address.
func (d *decider) ledger() {
	m := d.Message
	ticket, _, found := d.meant()
	d.settle(ToLedger, string(m.Class))
	switch m.Class {
	case mail.ClassReceipt:
		d.report(mail.Recipient{}, "delivered", false)
	case mail.ClassComplaint:
		d.report(mail.Recipient{}, "complaint", true)
	case mail.ClassBounce:
		for _, r := range m.Recipients {
			d.report(r, reported[r.Action], r.Permanent && Gone(r.Status, r.Diagnostic))
		}
	}
	if !found || m.Class != mail.ClassBounce {
		return
	}
	for _, r := range m.Recipients {
		author, told := d.author(r)
		d.command(desk.Command{Ticket: ticket.ID, Kind: desk.CmdDelivery, Actor: desk.System, Value: r.Action, Author: author, Quiet: told || d.toAgent(r.Address),
			Text: strings.TrimSpace(r.Address + " " + r.Status + " " + r.Diagnostic)})
	}
	if len(m.Recipients) == 0 {
		author, told := d.author(mail.Recipient{Action: "failed"})
		d.command(desk.Command{Ticket: ticket.ID, Kind: desk.CmdDelivery, Actor: desk.System, Value: "failed", Author: author, Quiet: told || d.toAgent(""), Text: m.Subject})
	}
}

// author returns the agent who wrote the mail of ours that went to a recipient, and
// whether what is said of it has been told before.
func (d *decider) author(r mail.Recipient) (name string, told bool) {
	for _, ours := range d.About {
		if len(d.About) == 1 || strings.EqualFold(ours.To, r.Address) {
			return ours.Author, ours.Told == reported[r.Action]
		}
	}
	return "", false
}

// toAgent says that what came back went to an agent, by the address that failed or
// by the mail of ours. Nobody is told by mail that mails to agents fail: that one
// might come back too, and so on without end.
func (d *decider) toAgent(failed string) bool {
	agent := func(address string) bool { _, ok := d.World.AgentAt(address); return ok }
	return agent(failed) || slices.ContainsFunc(d.About, func(ours OurMail) bool { return agent(ours.To) })
}

// reported says what a delivery status makes of a mail (RFC 3464 §2.3.3).
var reported = map[string]string{"failed": "bounced", "delayed": "delayed", "delivered": "delivered", "relayed": "delivered", "expanded": "delivered"}

// Gone says that by its status an address is no more, rather than full, or
// refusing this one mail (RFC 3463 §3). Where the status says nothing the words
// of the diagnostic do.
func Gone(status, diagnostic string) bool {
	switch status {
	case "5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4":
		return true
	case "", "5.0.0":
		folded := mail.Fold(diagnostic)
		return slices.ContainsFunc(goneWords[:], func(w string) bool { return strings.Contains(folded, w) })
	}
	return false
}

// goneWords say that there is no such mailbox.
var goneWords = [...]string{"user unknown", "unknown user", "no such user", "no mailbox here", "does not exist", "usuario desconocido", "no existe el usuario", "unrouteable address"}

// report notes what is said of the mails of ours that went to a recipient, or of
// the only one.
func (d *decider) report(r mail.Recipient, outcome string, suppress bool) {
	for _, ours := range d.About {
		if outcome == "" || len(d.About) > 1 && !strings.EqualFold(ours.To, r.Address) {
			continue
		}
		d.Ledger = append(d.Ledger, Report{Mail: ours, Outcome: outcome, Suppress: suppress,
			Text: strings.TrimSpace(r.Status + " " + r.Diagnostic)})
		d.say("el correo nuestro %s a %s: %s", ours.ID, ours.To, outcome)
	}
}

// automatic folds an automatic answer into its ticket. It changes nothing else.
func (d *decider) automatic() {
	ticket, thread, found := d.meant()
	if d.Message.Class == mail.ClassAutoReply {
		d.report(mail.Recipient{}, "away", false)
	}
	if !found || thread.By > ByReceived {
		d.settle(ToFiled, string(d.Message.Class))
		return
	}
	d.command(desk.Command{Ticket: ticket.ID, Kind: desk.CmdAutoReply, Actor: d.actor(), Article: true})
	d.settle(ToAppend, string(d.Message.Class))
	d.absent(ticket, thread)
}

// absent asks the deputy of a requester whose automatic answer says that he is away:
// an answer to a mail of ours to him, so that nobody else can make him away.
func (d *decider) absent(t desk.Ticket, th Thread) {
	if d.Message.Class != mail.ClassAutoReply || !d.Message.Away() || !th.By.Proves() || !th.Bound {
		return
	}
	d.absentApprover(t)
	if t.State != desk.Resolved || t.Deputy != 0 || d.Sender != t.Requester {
		return
	}
	to, ok := d.World.StandIn(d.from().Address, d.Now)
	if !ok {
		d.say("quien decide está ausente y no tiene suplente")
		return
	}
	d.say("quien decide está ausente: se le pide a %s", to.Address)
	d.Commands = append(d.Commands, desk.Command{Ticket: t.ID, Kind: desk.CmdDeputy, Actor: desk.System, Address: to.Address})
}

// addressFor returns the address with a token for one of these purposes that the
// mail went to, or nil.
func (d *decider) addressFor(purposes ...desk.Purpose) *Addressed {
	for i, a := range d.Addressed {
		if a.Token != nil && slices.Contains(purposes, a.Token.Purpose) {
			return &d.Addressed[i]
		}
	}
	return nil
}

// byAddress decides by a decision's own address: whoever bears it may. A late
// one is kept as an article when the decision is made already.
func (d *decider) byAddress(a Addressed) {
	t, ok := d.Tickets[a.Token.Ticket]
	if !ok {
		d.settle(ToFiled, "decisión sobre un ticket que ya no está")
		return
	}
	if d.Message.Class != mail.ClassHuman && d.Message.Class != mail.ClassList {
		d.settle(ToFiled, "una decisión debe venir de una persona")
		return
	}
	expired := !a.Token.Expires.IsZero() && d.Now.After(a.Token.Expires)
	if expired || t.State != desk.Resolved || a.Token.Revision != t.Resolution {
		reason := "already-decided"
		d.settle(ToCommand, "la decisión ya está tomada o ya no vale")
		if expired && t.State == desk.Resolved && a.Token.Revision == t.Resolution {
			reason = "expired" // and fresh links come with the letter
			d.settle(ToCommand, "el enlace venció")
		}
		if d.Decision.Trust == TrustAuth || d.Decision.Trust == TrustAuthBound || a.Bound {
			d.Letters = append(d.Letters, Letter{Template: "confirmar", To: d.from().Address, Name: d.from().Name, Ticket: t.ID, Reason: reason, Counted: true})
		}
		return
	}
	kind := desk.CmdApprove
	if a.Token.Purpose == desk.ForReject {
		kind = desk.CmdReject
	}
	d.command(desk.Command{Ticket: t.ID, Kind: kind, Actor: desk.ByPerson(d.bearer(t, a)), Text: d.comment(), Revision: a.Token.Revision, Article: true})
	d.settle(ToCommand, decided(kind)+" por la dirección de la decisión")
}

// bearer is who decides by a decision's own address: the deputy, if it was made for
// him and he writes, else the requester.
func (d *decider) bearer(t desk.Ticket, a Addressed) desk.PersonID {
	if a.Bound && d.decides(t) {
		return d.Sender
	}
	return t.Requester
}

// decided is a decision in words.
func decided(kind desk.CommandKind) string {
	if kind == desk.CmdApprove {
		return "aprobado"
	}
	return "rechazado"
}

// comment is the sender's own text without the phrase that decides, and without
// the words that our mailto link had put there.
func (d *decider) comment() string {
	p, reason := readPhrase(d.Message.Reply)
	if p == approvePhrase || p == rejectPhrase {
		return reason
	}
	return strings.TrimSpace(d.Message.Reply)
}

// tellAdmin writes to the admin, if there is one.
func (d *decider) tellAdmin(reason string) {
	if d.World.AdminAddress != "" {
		d.Letters = append(d.Letters, Letter{Template: "aviso-admin", To: d.World.AdminAddress, Reason: reason, Lines: []string{d.Message.Subject}})
	}
}
