package rules

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

// byOther decides on what somebody who is no agent writes about a ticket.
func (d *decider) byOther(t desk.Ticket, th Thread) {
	if d.fromInside(t, th) {
		return
	}
	row := ActAppend
	switch {
	case th.By > ByReceived:
		row = ActAppendTag
	case th.By == ByReceived && th.Copied && !d.takesPart(t):
		row = ActAppendCopied
	}
	v := d.Policy.Verdict(row, d.Decision.Trust)
	d.say("%s con confianza %s: %s", row, d.Decision.Trust, v)
	switch v {
	case IfParticipant:
		v = Linked
		if d.takesPart(t) {
			v = Yes
		}
	case IfSameDomain:
		v = Hold
		if d.takesPart(t) {
			v = Yes
		} else if d.sameDomain(t) {
			v = Guest
		}
		if v == Hold {
			d.askIdentity(t)
		}
	}
	switch v {
	case Yes:
		d.reply(t)
	case Guest:
		d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdJoin, Actor: d.actor(), Person: d.Sender})
		d.reply(t)
	case Linked:
		d.open(t)
	case Quarantine:
		d.settle(ToQuarantine, "no es de fiar: "+d.Decision.Trust.String())
	default:
		d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdHold, Actor: d.actor(), Article: true, Text: "sender-not-proved"})
		d.settle(ToPending, "no se comprueba el remitente ("+d.Decision.Trust.String()+")")
	}
}

func (d *decider) takesPart(t desk.Ticket) bool {
	return d.Sender != 0 && (d.Sender == t.Requester || slices.Contains(t.Others, d.Sender) || d.decides(t))
}

// decides says whether the sender is one of those who may approve or reject the
// present resolution: the requester, or the deputy who was asked.
func (d *decider) decides(t desk.Ticket) bool {
	return d.Sender != 0 && (d.Sender == t.Requester || t.State == desk.Resolved && d.Sender == t.Deputy)
}

func (d *decider) sameDomain(t desk.Ticket) bool {
	p := d.People[t.Requester]
	return p.Address != "" && domain(p.Address) == domain(d.from().Address)
}

func domain(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// askIdentity asks the requester, at the registered address, whether the other
// address is theirs too; once, while something is held.
func (d *decider) askIdentity(t desk.Ticket) {
	if p := d.People[t.Requester]; p.Address != "" && t.Held == 0 && d.Counts.AllHour < d.Caps.AllPerHour {
		d.Letters = append(d.Letters, Letter{Template: "identidad", To: p.Address, Name: p.Name, Ticket: t.ID,
			Lines: []string{d.from().Address}, Counted: true})
	}
}

// reply appends to a ticket, and hears the phrases that a requester can say.
func (d *decider) reply(t desk.Ticket) {
	keep := d.Message.Class == mail.ClassMachine
	scored, again := d.scored(t)
	p, reason := readPhrase(d.Message.Reply)
	switch {
	case scored, !keep && d.asked(t, p, reason):
		return
	case keep:
	case again:
		keep = true
	case t.State == desk.Resolved && (p == approvePhrase || p == rejectPhrase):
		if d.decision(t, p, reason) {
			return
		}
		keep = p == approvePhrase
	case p == approvePhrase && t.State == desk.Closed: // his own decision came first, or his deputy's: he agrees
		keep = true
	case p == closePhrase && t.State == desk.Closed && len(d.Message.Parts) == 0: // it is already
		keep = true
	case p == thanksPhrase && len(d.Message.Parts) == 0:
		keep = true
	case t.State == desk.Closed && d.Now.Sub(t.ClosedAt) > d.World.ReopensWithin(t.Queue):
		d.say("el ticket se cerró hace demasiado: se abre uno nuevo, vinculado")
		d.open(t)
		return
	case t.State == desk.Cancelled:
		d.open(t)
		return
	}
	c := desk.Command{Ticket: t.ID, Kind: desk.CmdReply, Actor: d.actor(), Article: true}
	if keep {
		c.Value = desk.KeepState
	}
	changes, hold := d.byRules(t)
	if hold {
		d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdHold, Actor: d.actor(), Article: true, Text: "held-by-rule"})
		d.settle(ToPending, "por la regla "+strings.Join(d.Matched, ", "))
		return
	}
	d.command(c)
	if _, _, err := desk.Apply(d.Tickets, d.Now, append(slices.Clone(d.Commands), changes...)...); err != nil {
		d.say("lo que piden las reglas no se puede en este ticket: %v", err) // the answer itself is taken all the same
	} else {
		d.Commands = append(d.Commands, changes...)
	}
	d.fill(t)
	d.settle(ToAppend, "respuesta")
}

// decision approves or rejects by reply, if the table lets the sender. If not,
// the link is mailed to the one who may decide, and it reports false.
func (d *decider) decision(t desk.Ticket, p phrase, reason string) bool {
	row, kind := ActApprove, desk.CmdApprove
	if p == rejectPhrase {
		row, kind = ActReject, desk.CmdReject
	}
	approver := d.decides(t)
	v := d.Policy.Verdict(row, d.Decision.Trust)
	d.say("%s con confianza %s: %s; %v quien decide", row, d.Decision.Trust, v, approver)
	if approver && (v == Yes || v == IfApprover) {
		d.command(desk.Command{Ticket: t.ID, Kind: kind, Actor: d.actor(), Text: reason, Revision: t.Resolution, Article: true})
		d.settle(ToCommand, decided(kind)+" por respuesta")
		return true
	}
	who := d.People[t.Requester]
	if approver {
		who = d.People[d.Sender]
	}
	if v == ByPolicy && who.Address != "" {
		d.Letters = append(d.Letters, Letter{Template: "confirmar", To: who.Address, Name: who.Name, Ticket: t.ID, Reason: "decision-not-proved"})
	}
	return false
}

// open opens a ticket; linked is the one that the mail seems to mean but may
// not touch, or the zero Ticket.
func (d *decider) open(linked desk.Ticket) {
	route := d.route()
	v := d.Policy.Verdict(ActOpen, d.Decision.Trust)
	switch {
	case v == Quarantine || route.Quarantine:
		d.settle(ToQuarantine, "por regla o por falta de confianza")
		return
	case route.Ignore:
		d.settle(ToFiled, "por la regla "+strings.Join(route.Matched, ", "))
		return
	case d.Message.Class == mail.ClassMachine && len(route.Matched) == 0:
		d.settle(ToFiled, "lo hizo una máquina y ninguna regla lo quiere")
		return
	}
	o := d.opening(route)
	o.Unverified = v == Unverified
	o.Linked = linked.ID
	d.form(&o)
	ack := d.acknowledge()
	if ack == desk.AckFull && len(o.Missing) > 0 {
		ack = desk.AckForm
	}
	opening := desk.Command{Kind: desk.CmdOpen, Actor: d.actor(), Opening: &o, Ack: ack, Words: route.Template, Article: true, Text: d.ready(route.Reply, o, ack)}
	d.settle(ToTicket, "nuevo")
	if linked.ID != 0 {
		d.settle(ToTicket, "nuevo, vinculado con "+linked.Number)
	}
	if route.Hold && !d.opens {
		d.openHeld(opening)
	} else {
		d.command(opening)
	}
	d.Commands = append(d.Commands, observe(0, route.Observers)...)
}

// openHeld opens a ticket on which the very mail that opens it is held: nobody but
// those who decide on it is told before it is let in.
func (d *decider) openHeld(c desk.Command) {
	ack := &desk.HeldAck{Ack: c.Ack, Words: c.Words, Text: c.Text}
	c.Ack, c.Words, c.Text, c.Article, c.Quiet = desk.AckNone, "", "", false, true
	d.command(c)
	d.command(desk.Command{Kind: desk.CmdHold, Actor: c.Actor, Article: true, Text: "held-new", HeldAck: ack})
	d.settle(ToPending, d.Reason+", retenido por la regla "+strings.Join(d.Matched, ", "))
}

// route asks the rules.
func (d *decider) route() (r Route) { return d.ask(d.routing()) }

func (d *decider) ask(in Routing) (r Route) {
	if d.Explain {
		var steps []Step
		r, steps = d.set.routeSteps(in)
		d.Trace = append(d.Trace, steps...)
	} else {
		r = d.set.route(in)
	}
	d.Matched = append(d.Matched, r.Matched...)
	return r
}

// arrived is when the mail came, by the clock of the desk's zone.
func (d *decider) arrived() time.Time {
	at := d.Envelope.ReceivedAt
	if at.IsZero() {
		at = d.Now
	}
	if d.World.Zone != nil {
		return at.In(d.World.Zone)
	}
	return at
}

// byRules carries out what the rules for answers say of one that a ticket takes,
// and reports whether it is to be held instead.
func (d *decider) byRules(t desk.Ticket) (cmds []desk.Command, hold bool) {
	in := d.routing()
	in.Ticket = &t
	r := d.ask(in)
	return d.changes(t, r), r.Hold
}

// changes are the commands that make of a ticket what rules say.
func (d *decider) changes(t desk.Ticket, r Route) (cmds []desk.Command) {
	add := func(kind desk.CommandKind, value, present string) {
		if value != "" && value != present {
			cmds = append(cmds, desk.Command{Ticket: t.ID, Kind: kind, Actor: desk.System, Value: value})
		}
	}
	add(desk.CmdQueue, r.Queue, t.Queue)
	add(desk.CmdType, r.Type, t.Type)
	if q, ok := d.World.Queue(or(r.Queue, t.Queue)); ok {
		add(desk.CmdAssign, d.owner(r.Owner, q), t.Assignee)
	}
	if r.Priority != 0 && r.Priority != t.Priority {
		cmds = append(cmds, desk.Command{Ticket: t.ID, Kind: desk.CmdPriority, Actor: desk.System, Number: r.Priority})
	}
	set := func(f desk.Field, value string) {
		if value != "" && value != t.Value(f) {
			cmds = append(cmds, desk.Command{Ticket: t.ID, Kind: desk.CmdSet, Actor: desk.System, Field: f, Value: value})
		}
	}
	set(desk.FieldCategory, r.Category)
	set(desk.FieldService, r.Service)
	set(desk.FieldLevel, r.Level)
	set(desk.FieldResponsible, r.Responsible)
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		set(desk.OwnField(name), r.Fields[name])
	}
	if r.Urgency > 0 {
		set(desk.FieldUrgency, strconv.Itoa(r.Urgency))
	}
	if r.Impact > 0 {
		set(desk.FieldImpact, strconv.Itoa(r.Impact))
	}
	for _, tag := range r.Tags {
		if !slices.Contains(t.Tags, tag) {
			cmds = append(cmds, desk.Command{Ticket: t.ID, Kind: desk.CmdTag, Actor: desk.System, Value: tag})
		}
	}
	return append(cmds, observe(t.ID, r.Observers)...)
}

// observe makes those take part whom a rule names.
func observe(t desk.TicketID, addresses []string) (cmds []desk.Command) {
	for _, a := range addresses {
		cmds = append(cmds, desk.Command{Ticket: t, Kind: desk.CmdJoin, Actor: desk.System, Address: a})
	}
	return cmds
}

func (d *decider) routing() Routing {
	m := d.Message
	r := Routing{Subject: m.Subject, Body: m.Reply, From: d.from().Address, Class: m.Class, Header: m.Header, Parts: m.Parts,
		Trust: d.Decision.Trust, Person: d.People[d.Sender], At: d.arrived()}
	if strings.TrimSpace(r.Body) == "" {
		r.Body = m.Text
	}
	r.Known, r.Contract = d.knownRequester()
	for _, a := range m.Cc {
		r.Cc = append(r.Cc, a.Address)
	}
	for _, a := range d.Addressed {
		r.To = append(r.To, a.Address)
	}
	return r
}

// knownRequester is what the desk's files tell of who asks: of whoever an agent
// opens a ticket for, else of the sender.
func (d *decider) knownRequester() (desk.Known, desk.Client) {
	address := strings.ToLower(or(d.behalf, d.from().Address))
	client, _ := d.World.ClientOf(address)
	return d.World.Known[address], client
}

// opening fills in what no rule has said.
func (d *decider) opening(r Route) desk.Opening {
	q := d.World.Queues[0]
	for _, visible := range []bool{false, true} { // one that stands in To or Cc, if any does
		for _, a := range slices.Backward(d.Addressed) {
			if named, ok := d.World.Queue(a.Queue); ok && (a.Visible || !visible) {
				q = named
			}
		}
	}
	category, _ := d.World.Category(r.Category)
	for _, name := range []string{category.Queue, r.Queue} {
		if named, ok := d.World.Queue(name); ok {
			q = named
		}
	}
	o := desk.Opening{Queue: q.Name, Type: r.Type, Priority: r.Priority, Language: r.Language, Assignee: r.Owner, Requester: d.requester(),
		Subject: mail.StripPrefixes(mail.StripTags(d.Message.Subject))}
	o.Offered = d.Suits
	for _, a := range d.Addressed {
		if a.Queue != "" && a.Queue != o.Queue && !slices.Contains(o.Told, a.Queue) {
			o.Told = append(o.Told, a.Queue)
		}
	}
	o.Type = or(or(o.Type, category.Type), q.Type)
	o.Assignee = d.owner(or(o.Assignee, category.Owner), q)
	o.Details = d.details(r, category)
	o.Language = or(o.Language, or(d.People[d.requester()].Language, or(q.Language, d.World.Language)))
	for _, p := range []int{d.World.Matrix.Priority(o.Urgency, o.Impact), 3} {
		if o.Priority == 0 {
			o.Priority = p
		}
	}
	return o
}

// details are what the rules, the category and the list of people say of a new
// ticket beyond what every ticket has.
func (d *decider) details(r Route, category desk.Category) desk.Details {
	t := desk.Details{Category: r.Category, Service: or(r.Service, category.Service), Level: r.Level, Responsible: r.Responsible,
		Urgency: r.Urgency, Impact: r.Impact, Tags: r.Tags, Fields: r.Fields}
	if t.Urgency == 0 {
		t.Urgency = category.Urgency
	}
	if t.Impact == 0 {
		t.Impact = category.Impact
	}
	_, client := d.knownRequester()
	t.Client = client.Name
	return t
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// acknowledge says how the sender of an opening mail is acknowledged.
func (d *decider) acknowledge() desk.Ack {
	if ok, why := mail.Answerable(d.Envelope, d.Message); !ok {
		d.say("sin acuse: %s", why)
		return desk.AckNone
	}
	if d.Envelope.Quiet {
		d.say("sin acuse: puede ser un correo viejo, leído al recorrer otra vez el buzón")
		return desk.AckNone
	}
	visible := slices.ContainsFunc(d.Addressed, func(a Addressed) bool { return a.Visible && a.Queue != "" })
	_, ours := d.World.QueueAt(d.from().Address)
	if !visible || ours {
		d.say("sin acuse: nuestra dirección no está en To ni Cc, o el remitente es nuestro")
		return desk.AckNone
	}
	ack := desk.AckFull
	switch d.Policy.Verdict(ActAcknowledge, d.Decision.Trust) {
	case Never:
		d.say("sin acuse: confianza %s", d.Decision.Trust)
		return desk.AckNone
	case Fixed:
		ack = desk.AckFixed
	}
	return d.capped(ack)
}

// capped holds acknowledgements to the caps: a storm of mail is not answered
// by a storm. The ticket is made all the same.
func (d *decider) capped(ack desk.Ack) desk.Ack {
	over := func(count, limit int) bool { return limit > 0 && count >= limit }
	k, n := d.Caps, d.Counts
	switch {
	case over(n.AllHour, k.AllPerHour):
		d.Capped = CappedAll
		d.say("sin acuse: tope general de %d por hora", k.AllPerHour)
		if n.AllHour == k.AllPerHour && !n.CapTold {
			d.tellAdmin(CapReached)
		}
	case ack == desk.AckFixed && (over(n.AddressHour, k.UnverifiedPerHour) || over(n.AddressDay, k.UnverifiedPerDay)):
		d.Capped = CappedAddress
		d.say("sin acuse: tope por dirección no verificada")
	case ack == desk.AckFixed && over(n.DomainHour, k.DomainPerHour) && !d.World.Own(domain(d.from().Address)):
		d.Capped = CappedDomain
		d.say("sin acuse: tope por dominio")
	case ack == desk.AckFull && over(n.AddressHour, k.VerifiedPerHour):
		d.say("sin acuse: tope por dirección; irá en el resumen de la hora")
		d.Capped, d.Listed = CappedVerified, true
	default:
		return ack
	}
	return desk.AckNone
}
