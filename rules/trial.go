package rules

import (
	"fmt"
	"io/fs"
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
	Ticket  trialTicket  `toml:"ticket" inline:"true" help:"Ticket al que responde, para una regla con on = \"reply\": state, queue, type, priority y owner."`
	Expect  expectedText `toml:"expect" inline:"true" help:"Lo que debe ser del correo: rule (la que decide), queue, type, priority, owner, language y disposition (ticket, append, pending, filed o quarantine). Sin esta clave, que decida la regla de encima."`
}

type trialTicket struct {
	State    string `toml:"state" values:"new open pending resolved closed"`
	Queue    string `toml:"queue"`
	Type     string `toml:"type"`
	Priority any    `toml:"priority"`
	Owner    string `toml:"owner"`
}

type expectedText struct {
	Rule        string `toml:"rule"`
	Queue       string `toml:"queue"`
	Type        string `toml:"type"`
	Priority    any    `toml:"priority"`
	Owner       string `toml:"owner"`
	Language    string `toml:"language" values:"es en pt"`
	Disposition string `toml:"disposition" values:"ticket append pending filed quarantine"`
}

// trial is a test of a rule, ready to run.
type trial struct {
	rule, path string
	document   *Document
	text       trialText
	message    *mail.Message
	reply      bool
	at         time.Time
}

// trialAt is when the mails of tests come that do not say: a Monday at ten.
var trialAt = [...]int{2026, 1, 5, 10}

// trial reads the tests of a rule.
func (l *loader) trial(c *checker, t ruleText) {
	outer := c.path
	for i, text := range t.Tests {
		c.path = fmt.Sprintf("%s.test[%d]", outer, i)
		one := trial{rule: t.Name, path: c.path, document: c.document, text: text, reply: t.On == "reply"}
		one.at = l.trialTime(c, text.At)
		one.message = l.trialMail(c, text)
		if one.text.Expect == (expectedText{}) {
			one.text.Expect.Rule = t.Name
		}
		if p := text.Expect.Priority; p != nil && Priority(fmt.Sprint(p)) == 0 {
			c.fault("expect.priority", "no es una prioridad: de 1 a 5, o %s", strings.Join(priorityWords[:], ", "))
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
	c := t.situation(world)
	d := s.Decide(c)
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
		faults = append(faults, t.document.Fault(t.path+".expect."+key, "la prueba de %q falla: %s es %q y se esperaba %q%s", t.rule, key, have, want, why))
	}
	e := t.text.Expect
	for _, one := range [...]struct{ key, want string }{{"rule", e.Rule}, {"queue", e.Queue}, {"type", e.Type}, {"owner", e.Owner}, {"language", e.Language}, {"disposition", e.Disposition}} {
		if one.want != "" {
			fail(one.key, one.want)
		}
	}
	if e.Priority != nil {
		fail("priority", fmt.Sprint(Priority(fmt.Sprint(e.Priority))))
	}
	return faults
}

// outcomeOf notes what a command makes of a ticket.
func outcomeOf(c desk.Command, got map[string]string) {
	switch c.Kind {
	case desk.CmdOpen:
		got["queue"], got["type"], got["owner"], got["language"] = c.Opening.Queue, c.Opening.Type, c.Opening.Assignee, c.Opening.Language
		got["priority"] = fmt.Sprint(c.Opening.Priority)
	case desk.CmdQueue:
		got["queue"] = c.Value
	case desk.CmdType:
		got["type"] = c.Value
	case desk.CmdAssign:
		got["owner"] = c.Value
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
	if t.reply {
		trust = or(trust, "auth+bound")
		w := t.text.Ticket
		c.Tickets[1] = desk.Ticket{ID: 1, Number: "000001", Revision: 1, State: desk.State(or(w.State, string(desk.Open))), Type: w.Type, Queue: or(w.Queue, world.Queues[0].Name),
			Priority: max(Priority(fmt.Sprint(w.Priority)), 0), Language: world.Language, Requester: 1, Assignee: w.Owner, Articles: 1}
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
