package rules

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"ventanilla/desk"
	"ventanilla/mail"
)

// trialText is a [[rule.test]] as the admin writes it.
type trialText struct {
	Mail    string       `toml:"mail" help:"Correo de la prueba: un archivo .eml, desde la carpeta rules/. En su lugar pueden ir from, to, subject y body."`
	From    string       `toml:"from" help:"Remitente. Sin esta clave, ana@solicitante.example."`
	To      string       `toml:"to" help:"Dirección a la que va. Sin esta clave, la de la primera cola."`
	Subject string       `toml:"subject" help:"Asunto del correo de la prueba."`
	Body    string       `toml:"body" help:"Texto del correo de la prueba."`
	At      any          `toml:"at" help:"Cuándo llega, en la zona de la mesa: 2026-05-04T10:00:00, sin comillas. Sin esta clave, el lunes 5 de enero de 2026 a las 10."`
	Trust   string       `toml:"trust" values:"nothing auth bound auth+bound" help:"Qué se comprobó del remitente. Sin esta clave, auth; en la prueba de una regla con on = \"reply\", auth+bound."`
	Ticket  trialTicket  `toml:"ticket" inline:"true" help:"Ticket al que responde, o cuyo plazo es, para una regla con on: state, queue, type, priority, owner, category, service, level y tags."`
	Clock   string       `toml:"clock" values:"first next resolution" help:"Plazo, para una regla con on = \"warning\" o \"breach\". Sin esta clave, first."`
	Expect  expectedText `toml:"expect" inline:"true" help:"Lo que debe ser del correo: rule (la que decide), queue, type, priority, owner, category, service, level, responsible, urgency, impact, tags, fields, language y disposition (ticket, append, pending, filed o quarantine). Sin esta clave, que decida la regla de encima."`
}

type trialTicket struct {
	State    string `toml:"state" values:"new open pending resolved closed"`
	Queue    string `toml:"queue"`
	Type     string `toml:"type"`
	Priority any    `toml:"priority"`
	Owner    string `toml:"owner"`

	Category string   `toml:"category"`
	Service  string   `toml:"service"`
	Level    string   `toml:"level" values:"0 1 2 provider"`
	Tags     []string `toml:"tags"`
}

type expectedText struct {
	Rule        string            `toml:"rule"`
	Queue       string            `toml:"queue"`
	Type        string            `toml:"type"`
	Priority    any               `toml:"priority"`
	Owner       string            `toml:"owner"`
	Category    string            `toml:"category"`
	Service     string            `toml:"service"`
	Level       string            `toml:"level" values:"0 1 2 provider"`
	Responsible string            `toml:"responsible"`
	Urgency     any               `toml:"urgency"`
	Impact      any               `toml:"impact"`
	Tags        []string          `toml:"tags"`
	Fields      map[string]string `toml:"fields"`
	Language    string            `toml:"language" values:"es en pt"`
	Disposition string            `toml:"disposition" values:"ticket append pending filed quarantine"`
}

// trial is a test of a rule, ready to run.
type trial struct {
	rule, path string
	document   *Document
	text       trialText
	message    *mail.Message
	on         occasion
	at         time.Time
}

// trialAt is when the mails of tests come that do not say: a Monday at ten.
var trialAt = [...]int{2026, 1, 5, 10}

// trial reads the tests of a rule.
func (l *loader) trial(c *checker, t ruleText) {
	outer := c.path
	for i, text := range t.Tests {
		c.path = fmt.Sprintf("%s.test[%d]", outer, i)
		one := trial{rule: t.Name, path: c.path, document: c.document, text: text, on: occasion(or(t.On, string(onOpen)))}
		one.at = l.trialTime(c, text.At)
		one.message = l.trialMail(c, text)
		if !c.has("expect") {
			one.text.Expect.Rule = t.Name
		}
		for key, p := range map[string]any{"priority": text.Expect.Priority, "urgency": text.Expect.Urgency, "impact": text.Expect.Impact} {
			if p != nil && Priority(fmt.Sprint(p)) == 0 {
				c.fault("expect."+key, "no es una prioridad: de 1 a 5, o %s", strings.Join(priorityWords[:], ", "))
			}
		}
		if q := text.Ticket.Queue; q != "" {
			if _, ok := l.world.Queue(q); !ok {
				c.fault("ticket.queue", "no hay ninguna cola %q en desk/queues.toml%s", q, meant(q, queueNames(l.world), "colas"))
			}
		}
		l.set.trials = append(l.set.trials, one)
	}
	c.path = outer
}

func (l *loader) zone() *time.Location {
	if l.world.Zone != nil {
		return l.world.Zone
	}
	return time.UTC
}

func (l *loader) trialTime(c *checker, at any) time.Time {
	switch at := at.(type) {
	case nil:
		return time.Date(trialAt[0], time.Month(trialAt[1]), trialAt[2], trialAt[3], 0, 0, 0, l.zone())
	case toml.LocalDateTime:
		return at.AsTime(l.zone())
	case time.Time:
		return at.In(l.zone())
	}
	c.fault("at", "no es un momento: escriba el día y la hora sin comillas, como 2026-05-04T10:00:00")
	return time.Time{}
}

// trialMail reads the mail of a test, or makes it.
func (l *loader) trialMail(c *checker, t trialText) *mail.Message {
	if t.Mail == "" {
		to := or(t.To, l.world.Queues[0].Address)
		for _, address := range []string{or(t.From, "ana@solicitante.example"), to} {
			if wrong := WrongAddress(address); wrong != "" {
				c.fault("from", "%s", wrong)
				return nil
			}
		}
		return &mail.Message{ID: "test", MessageID: "test@solicitante.example", From: []mail.Address{{Address: or(t.From, "ana@solicitante.example")}},
			To: []mail.Address{{Address: to}}, Subject: t.Subject, Text: t.Body, Reply: t.Body, Class: mail.ClassHuman}
	}
	if t.From+t.To+t.Subject+t.Body != "" {
		c.fault("mail", "con mail sobran from, to, subject y body: deje una de las dos formas")
		return nil
	}
	raw, err := fs.ReadFile(l.files, path.Join("rules", t.Mail))
	if err != nil {
		c.fault("mail", "no se puede leer rules/%s: ponga ahí el correo, o escriba from, subject y body", t.Mail)
		return nil
	}
	if err := mail.Prescan(raw, mail.DefaultLimits); err != nil {
		c.fault("mail", "rules/%s no es un correo que se pueda leer", t.Mail)
		return nil
	}
	return mail.Parse(raw)
}

// expectations checks, once all rules are known, that the rules which tests name
// exist.
func (l *loader) expectations() {
	for _, t := range l.set.trials {
		name := t.text.Expect.Rule
		if _, ok := l.firsts[name]; name == "" || ok {
			continue
		}
		var names []string
		for known := range l.firsts {
			names = append(names, known)
		}
		slices.Sort(names)
		l.found = append(l.found, t.document.Fault(t.path+".expect.rule", "no hay ninguna regla %q%s", name, meant(name, names, "reglas")))
	}
}

// Tests returns how many tests the files have.
func (s *Set) Tests() int { return len(s.trials) }

// Test runs the tests of the rule files against a desk. It returns nil, or an
// error that joins a [*FileError] for each that fails: what came out, what was
// expected, and why.
func (s *Set) Test(world *desk.World) error {
	var faults []*FileError
	for _, t := range s.trials {
		faults = append(faults, t.run(s, world)...)
	}
	return Join(faults...)
}

func (t *trial) run(s *Set, world *desk.World) (faults []*FileError) {
	d := t.decide(s, world)
	got := map[string]string{"disposition": string(d.Disposition)}
	if len(d.Matched) > 0 {
		got["rule"] = d.Matched[0]
	}
	for _, command := range d.Commands {
		outcomeOf(command, got)
	}
	fail := func(key, want string) {
		have := got[key]
		if key == "rule" && slices.Contains(d.Matched, want) || mail.Fold(have) == mail.Fold(want) {
			return
		}
		why := ""
		for _, step := range d.Trace {
			if step.Rule != "" && step.Rule == t.rule {
				why = "; " + step.Why
			}
		}
		key, _, _ = strings.Cut(key, "/")
		faults = append(faults, t.document.Fault(t.path+".expect."+key, "la prueba de %q falla: %s es %q y se esperaba %q%s", t.rule, key, have, want, why))
	}
	e := t.text.Expect
	for _, one := range [...]struct{ key, want string }{{"rule", e.Rule}, {"queue", e.Queue}, {"type", e.Type}, {"owner", e.Owner}, {"category", e.Category}, {"service", e.Service},
		{"level", e.Level}, {"responsible", e.Responsible}, {"language", e.Language}, {"disposition", e.Disposition}} {
		if one.want != "" {
			fail(one.key, one.want)
		}
	}
	for _, one := range [...]struct {
		key  string
		want any
	}{{"priority", e.Priority}, {"urgency", e.Urgency}, {"impact", e.Impact}} {
		if one.want != nil {
			fail(one.key, fmt.Sprint(Priority(fmt.Sprint(one.want))))
		}
	}
	for _, tag := range e.Tags {
		fail("tags/"+mail.Fold(tag), tag)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		fail("fields/"+name, e.Fields[name])
	}
	return faults
}

// decide lets the rules decide on the mail or the clock of a test.
func (t *trial) decide(s *Set, world *desk.World) Decision {
	if !t.on.ofClock() {
		return s.Decide(t.situation(world))
	}
	e := Expiry{Now: t.at, World: world, Ticket: t.ticket(world)}
	e.Ticket.Subject = or(t.message.Subject, e.Ticket.Subject)
	if len(t.message.From) == 1 {
		e.Requester = desk.Person{ID: 1, Address: t.message.From[0].Address}
	}
	clock := desk.ClockName(or(t.text.Clock, string(desk.FirstClock)))
	route, steps := s.routeSteps(e.routing(&e.Ticket, clock, t.on))
	d := &decider{Case: Case{Now: e.Now, World: world}, set: s}
	return Decision{Matched: route.Matched, Trace: steps, Commands: d.changes(e.Ticket, route)}
}

// ticket is the ticket that a test speaks of.
func (t *trial) ticket(world *desk.World) desk.Ticket {
	w := t.text.Ticket
	return desk.Ticket{ID: 1, Number: "000001", Revision: 1, State: desk.State(or(w.State, string(desk.Open))), Type: w.Type, Queue: or(w.Queue, world.Queues[0].Name),
		Priority: max(Priority(fmt.Sprint(w.Priority)), 0), Language: world.Language, Requester: 1, Assignee: w.Owner, Articles: 1,
		Details: desk.Details{Category: w.Category, Service: w.Service, Level: w.Level, Tags: w.Tags}}
}

// outcomeOf notes what a command makes of a ticket.
func outcomeOf(c desk.Command, got map[string]string) {
	switch c.Kind {
	case desk.CmdOpen:
		o := c.Opening
		got["queue"], got["type"], got["owner"], got["language"], got["priority"] = o.Queue, o.Type, o.Assignee, o.Language, fmt.Sprint(o.Priority)
		got["category"], got["service"], got["level"], got["responsible"] = o.Category, o.Service, o.Level, o.Responsible
		got["urgency"], got["impact"] = fmt.Sprint(o.Urgency), fmt.Sprint(o.Impact)
		for _, tag := range o.Tags {
			got["tags/"+mail.Fold(tag)] = tag
		}
		for name, value := range o.Fields {
			got["fields/"+name] = value
		}
	case desk.CmdQueue:
		got["queue"] = c.Value
	case desk.CmdType:
		got["type"] = c.Value
	case desk.CmdAssign:
		got["owner"] = c.Value
	case desk.CmdTag:
		got["tags/"+mail.Fold(c.Value)] = c.Value
	case desk.CmdSet:
		if name, own := c.Field.Own(); own {
			got["fields/"+name] = c.Value
		} else {
			got[string(c.Field)] = c.Value
		}
	case desk.CmdPriority:
		got["priority"] = fmt.Sprint(c.Number)
	}
}

// situation is the case of a test: its mail as it comes to the desk.
func (t *trial) situation(world *desk.World) Case {
	m := t.message
	c := Case{Now: t.at, World: world, Message: m, Envelope: mail.Envelope{ReceivedAt: t.at}, Explain: true,
		Tickets: desk.Tickets{}, People: map[desk.PersonID]desk.Person{}, Held: map[desk.TicketID]map[int]desk.PersonID{}}
	for _, a := range slices.Concat(m.To, m.Cc) {
		if q, ok := world.QueueAt(withoutPlus(a.Address)); ok {
			c.Addressed = append(c.Addressed, Addressed{Address: a.Address, Queue: q.Name, Visible: true})
		}
	}
	trust := t.text.Trust
	if t.on == onReply {
		trust = or(trust, "auth+bound")
		c.Tickets[1] = t.ticket(world)
		if len(m.From) == 1 {
			c.Sender, c.People[1] = 1, desk.Person{ID: 1, Address: m.From[0].Address}
		}
		bound := strings.HasSuffix(trust, "bound")
		by := ByReceived
		if bound {
			by = BySigned
		}
		c.Thread = []Thread{{By: by, Ticket: 1, Bound: bound}}
	}
	c.Auth = strings.HasPrefix(or(trust, "auth"), "auth")
	return c
}
