package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

var now = time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)

func testSet(t testing.TB, files ...string) *Set {
	t.Helper()
	tree := fstest.MapFS{"rules/LEAME": {}}
	for i, f := range files {
		tree[fmt.Sprintf("rules/%d.toml", i)] = &fstest.MapFile{Data: []byte(f)}
	}
	s, err := Load(tree, testWorld())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The people of the cases. Ana is the requester of ticket 1, Beto takes part in
// it, Caro works at Ana's domain, Otto is nobody.
const (
	ana, beto, caro, otto = "ana@uni.example", "beto@otra.example", "caro@uni.example", "otto@malo.example"
)

var people = map[string]desk.PersonID{ana: 1, beto: 2, caro: 3, "luis@mesa.example": 5}

// column returns a mail's evidence: Auth and Fails, and whether its token, if
// it brings one, was issued to From.
func column(c *Case, t Trust, by ThreadBy) {
	c.Auth = t == TrustAuth || t == TrustAuthBound || t == TrustAuthTokenOther
	c.Fails = t == TrustFails
	th := Thread{By: by, Ticket: 1}
	switch t {
	case TrustBound, TrustAuthBound:
		th.By, th.Bound = ByToken, true
	case TrustTokenOther, TrustAuthTokenOther:
		th.By = ByToken
	}
	c.Thread = []Thread{th}
}

func testCase(from, text string) Case {
	m := &mail.Message{ID: "x", MessageID: "1@x.example", From: []mail.Address{{Address: from}}, To: []mail.Address{{Address: "soporte@mesa.example"}},
		Subject: "Re: [#000001] Acceso", Text: text, Reply: text, Class: mail.ClassHuman, InReplyTo: []string{"y@x.example"}}
	return Case{Now: now, World: testWorld(), Message: m, Envelope: mail.Envelope{From: from}, Sender: people[from],
		Caps:      Caps{UnverifiedPerHour: 1, UnverifiedPerDay: 5, DomainPerHour: 50, VerifiedPerHour: 20, AllPerHour: 500},
		Addressed: []Addressed{{Address: "soporte@mesa.example", Queue: "soporte", Visible: true}},
		Tickets: desk.Tickets{1: {ID: 1, Number: "000001", Revision: 3, State: desk.Open, Subject: "Acceso", Queue: "soporte", Language: "es",
			Requester: 1, Others: []desk.PersonID{2}, Assignee: "eva", Articles: 1}},
		People: map[desk.PersonID]desk.Person{1: {ID: 1, Address: ana, Name: "Ana"}},
		Held:   map[desk.TicketID]map[int]desk.PersonID{},
	}
}

func resolved(c Case) Case {
	t := c.Tickets[1]
	t.State, t.Resolution = desk.Resolved, 1
	c.Tickets[1] = t
	return c
}

// outcome tells a decision in one line: disposition, then commands, then
// letters.
func outcome(d Decision) string {
	out := []string{string(d.Disposition)}
	for _, c := range d.Commands {
		s := string(c.Kind)
		switch {
		case c.Opening != nil && c.Opening.Linked != 0:
			s += " linked"
		case c.Opening != nil && c.Opening.Unverified:
			s += " unverified"
		}
		if c.Kind == desk.CmdOpen {
			s += " ack=" + string(c.Ack)
		}
		out = append(out, s)
	}
	for _, l := range d.Letters {
		out = append(out, "letter "+l.Template)
	}
	return strings.Join(out, ", ")
}

// TestTrust walks every column of the table for each kind of mail: what is
// proved decides what happens.
func TestTrust(t *testing.T) {
	s := testSet(t)
	const quarantine, hold = "quarantine", "pending, hold"
	for _, c := range []struct {
		name, from, text string
		by               ThreadBy // where there is no token
		resolved         bool
		policy           Policy
		// nothing, fails, auth, token, auth+token, bound, auth+bound
		want [trusts]string
	}{
		{name: "requester by reply", from: ana, text: "más datos", by: ByReceived,
			want: [trusts]string{hold, quarantine, "append, reply", hold, "append, reply", "append, reply", "append, reply"}},
		{name: "requester by tag alone", from: ana, text: "más datos", by: ByTag,
			want: [trusts]string{"ticket, open linked ack=fixed", quarantine, "append, reply", hold, "append, reply", "append, reply", "append, reply"}},
		{name: "stranger by tag alone", from: otto, text: "hola", by: ByTag,
			want: [trusts]string{"ticket, open linked ack=fixed", quarantine, "ticket, open linked ack=full", hold, "pending, hold, letter identidad", "append, reply", "append, reply"}},
		{name: "colleague", from: caro, text: "yo también", by: ByReceived,
			want: [trusts]string{hold, quarantine, "ticket, open linked ack=full", hold, "append, join, reply", "append, reply", "append, reply"}},
		{name: "requester approves", from: ana, text: "aprobar", by: ByReceived, resolved: true,
			want: [trusts]string{hold, quarantine, "command, approve", hold, "append, reply", "append, reply, letter confirmar", "command, approve"}},
		{name: "requester approves, site asks for less", from: ana, text: "aprobar", by: ByReceived, resolved: true, policy: Policy{ApproveBound: true},
			want: [trusts]string{hold, quarantine, "command, approve", hold, "append, reply", "command, approve", "command, approve"}},
		{name: "requester rejects", from: ana, text: "rechazar no abre", by: ByReceived, resolved: true,
			want: [trusts]string{hold, quarantine, "command, reject", hold, "append, reply", "command, reject", "command, reject"}},
		{name: "observer approves", from: beto, text: "aprobar", by: ByReceived, resolved: true,
			want: [trusts]string{hold, quarantine, "append, reply", hold, "append, reply", "append, reply, letter confirmar", "append, reply"}},
		{name: "requester, site asks for less", from: ana, text: "más", by: ByReceived, policy: Policy{RequestersToken: true},
			want: [trusts]string{hold, quarantine, "append, reply", "append, reply", "append, reply", "append, reply", "append, reply"}},
		{name: "agent commands", from: "luis@mesa.example", text: "#prioridad 1", by: ByTag,
			want: [trusts]string{hold, quarantine, "command, priority, letter transcripcion", hold, hold, hold + ", letter transcripcion", "command, priority, letter transcripcion"}},
		{name: "agent closes", from: "luis@mesa.example", text: "#cerrar", by: ByTag,
			want: [trusts]string{hold, quarantine, "command, close, letter transcripcion", hold, hold, hold + ", letter transcripcion", "command, close, letter transcripcion"}},
		{name: "agent answers", from: "luis@mesa.example", text: "Ya quedó.", by: ByTag,
			want: [trusts]string{hold, quarantine, hold + ", letter transcripcion", hold, hold, hold + ", letter transcripcion", "append, answer"}},
		{name: "agent, site asks for less", from: "luis@mesa.example", text: "#tomar\nYa quedó.", by: ByTag, policy: Policy{AgentsBound: true},
			want: [trusts]string{hold, quarantine, hold + ", letter transcripcion", hold, hold, "append, assign, answer, letter transcripcion", "append, assign, answer, letter transcripcion"}},
	} {
		for trust := range trusts {
			t.Run(c.name+"/"+trust.String(), func(t *testing.T) {
				k := testCase(c.from, c.text)
				k.Policy = c.policy
				column(&k, trust, c.by)
				if c.resolved {
					k = resolved(k)
				}
				d := s.Decide(k)
				if d.Trust != trust {
					t.Fatalf("trust %s", d.Trust)
				}
				got := outcome(d)
				if got != c.want[trust] {
					t.Errorf("got  %s\nwant %s", got, c.want[trust])
				}
			})
		}
	}
}

// TestOpen: a mail that points to no ticket opens one, by every column that can
// be without a token.
func TestOpen(t *testing.T) {
	s := testSet(t)
	for trust, want := range map[Trust]string{TrustNothing: "ticket, open unverified ack=fixed", TrustFails: "quarantine", TrustAuth: "ticket, open ack=full"} {
		c := testCase(otto, "hola")
		column(&c, trust, ByTag)
		c.Thread = nil
		if got := outcome(s.Decide(c)); got != want {
			t.Errorf("%s: got %s, want %s", trust, got, want)
		}
	}
}

// TestClasses: what kind of mail may do what.
func TestClasses(t *testing.T) {
	s := testSet(t, "[[rule]]\nname = \"alarmas\"\nclass = [\"machine\"]\nfrom_domain = [\"alarmas.example\"]\nqueue = \"redes\"\n")
	thread := []Thread{{By: BySigned, Ticket: 1, Bound: true}}
	for _, c := range []struct {
		class  mail.Class
		thread []Thread
		from   string
		want   string
	}{
		{mail.ClassOwn, nil, ana, "filed, letter aviso-admin"},
		{mail.ClassOwn, thread, ana, "filed, letter aviso-admin"},
		{mail.ClassBounce, nil, "", "ledger"},
		{mail.ClassBounce, thread, "", "ledger, delivery"},
		{mail.ClassReceipt, thread, ana, "ledger"},
		{mail.ClassComplaint, thread, ana, "ledger"},
		{mail.ClassAutoReply, nil, ana, "filed"},
		{mail.ClassAutoReply, thread, ana, "append, auto-reply"},
		{mail.ClassCalendar, thread, ana, "append, auto-reply"},
		{mail.ClassMachine, nil, otto, "filed"},
		{mail.ClassMachine, nil, "a@alarmas.example", "ticket, open ack="},
		{mail.ClassMachine, thread, ana, "append, reply"},
		{mail.ClassList, nil, ana, "ticket, open ack="},
		{mail.ClassList, thread, ana, "append, reply"},
		{mail.ClassHuman, nil, ana, "ticket, open ack=full"},
	} {
		k := testCase(c.from, "aprobar")
		k.Auth, k.Thread, k.Message.Class = true, c.thread, c.class
		k.Message.List = c.class == mail.ClassList
		if got := outcome(s.Decide(k)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.class, got, c.want)
		}
	}
	k := resolved(testCase(ana, "aprobar"))
	k.Auth, k.Thread, k.Message.Class = true, thread, mail.ClassMachine
	if d := s.Decide(k); d.Commands[0].Value != desk.KeepState {
		t.Error("a machine's mail reopens")
	}
}

// TestDecisionAddress: the address of a decision decides, whoever writes; late
// or void ones do not.
func TestDecisionAddress(t *testing.T) {
	s := testSet(t)
	for _, c := range []struct {
		name  string
		token desk.Token
		edit  func(*Case)
		want  string
	}{
		{"approve", desk.Token{Purpose: desk.ForApprove, Ticket: 1, Revision: 1, Expires: now.Add(hour)}, nil, "command, approve"},
		{"reject", desk.Token{Purpose: desk.ForReject, Ticket: 1, Revision: 1}, nil, "command, reject"},
		{"expired", desk.Token{Purpose: desk.ForApprove, Ticket: 1, Revision: 1, Expires: now.Add(-hour)}, nil, "command, letter confirmar"},
		{"old resolution", desk.Token{Purpose: desk.ForApprove, Ticket: 1, Revision: 0}, nil, "command, letter confirmar"},
		{"by a machine", desk.Token{Purpose: desk.ForApprove, Ticket: 1, Revision: 1}, func(c *Case) { c.Message.Class = mail.ClassAutoReply }, "filed"},
		{"forged domain", desk.Token{Purpose: desk.ForApprove, Ticket: 1, Revision: 1}, func(c *Case) { c.Auth, c.Fails = false, true }, "quarantine"},
		{"a reply token decides nothing", desk.Token{Purpose: desk.ForReply, Ticket: 1, Revision: 1}, nil, "append, reply"},
	} {
		k := resolved(testCase(ana, "Muchas gracias a todos"))
		k.Auth = true
		k.Addressed[0].Token, k.Addressed[0].Bound = &c.token, true
		k.Thread = []Thread{{By: ByToken, Ticket: 1, Bound: true}}
		if c.edit != nil {
			c.edit(&k)
		}
		if got := outcome(s.Decide(k)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestCaps: the ticket is always made, the acknowledgement only below the caps.
func TestCaps(t *testing.T) {
	s := testSet(t)
	for _, c := range []struct {
		name   string
		auth   bool
		counts Counts
		want   string
		listed bool
	}{
		{"unverified, first", false, Counts{}, "ticket, open unverified ack=fixed", false},
		{"unverified, second in the hour", false, Counts{AddressHour: 1, AddressDay: 1}, "ticket, open unverified ack=", false},
		{"unverified, sixth in the day", false, Counts{AddressDay: 5}, "ticket, open unverified ack=", false},
		{"unverified, domain", false, Counts{DomainHour: 50}, "ticket, open unverified ack=", false},
		{"verified, twentieth", true, Counts{AddressHour: 19, AddressDay: 19, DomainHour: 99}, "ticket, open ack=full", false},
		{"verified, after that", true, Counts{AddressHour: 20}, "ticket, open ack=", true},
		{"all", true, Counts{AllHour: 500}, "ticket, open ack=, letter aviso-admin", false},
		{"all, told", true, Counts{AllHour: 500, CapTold: true}, "ticket, open ack=", false},
	} {
		k := testCase(otto, "hola")
		k.Thread, k.Auth, k.Counts = nil, c.auth, c.counts
		d := s.Decide(k)
		if got := outcome(d); got != c.want || d.Listed != c.listed {
			t.Errorf("%s: got %s, listed %v; want %s", c.name, got, d.Listed, c.want)
		}
		k.Caps = Caps{}
		if got := outcome(s.Decide(k)); !strings.Contains(got, "ack=f") {
			t.Errorf("%s without caps: got %s", c.name, got)
		}
	}
	k := testCase("x@mesa.example", "hola")
	k.Thread, k.Counts = nil, Counts{DomainHour: 99}
	if got := outcome(s.Decide(k)); got != "ticket, open unverified ack=fixed" {
		t.Errorf("own domain: %s", got)
	}
}

// TestCases holds single behaviours that each went wrong in some desk.
func TestCases(t *testing.T) {
	s := testSet(t, "[[rule]]\nname = \"pedidos\"\nsubject = [\"solicitud\"]\ntype = \"requerimiento\"\nqueue = \"redes\"\npriority = 2\nowner = \"eva\"\n",
		"[[rule]]\nname = \"basura\"\nfrom = [\"basura@x.example\"]\nignore = true\n\n[[rule]]\nname = \"aparte\"\nfrom = [\"aparte@x.example\"]\nquarantine = true\n")
	bound := []Thread{{By: ByToken, Ticket: 1, Bound: true}}
	for _, c := range []struct {
		name, from, text string
		edit             func(*Case)
		want             string
	}{
		{"duplicate", ana, "x", func(c *Case) { c.Duplicate = true }, "duplicate"},
		{"two From", ana, "x", func(c *Case) { c.Message.From = append(c.Message.From, mail.Address{Address: otto}) }, "quarantine"},
		{"no From", ana, "x", func(c *Case) { c.Message.From = nil }, "quarantine"},
		{"ignored", "basura@x.example", "x", nil, "filed"},
		{"rule quarantines", "aparte@x.example", "x", nil, "quarantine"},
		{"null reverse-path", ana, "x", func(c *Case) { c.Envelope.From = mail.NullPath }, "ticket, open ack="},
		{"reverse-path not known", ana, "x", func(c *Case) { c.Envelope.From = "" }, "ticket, open ack=full"},
		{"we stand in Bcc", ana, "x", func(c *Case) { c.Addressed[0].Visible = false }, "ticket, open ack="},
		{"From is ours", "redes@mesa.example", "x", nil, "ticket, open ack="},
		{"From is a robot", "no-reply@x.example", "x", nil, "ticket, open ack="},
		{"thanks", ana, "Gracias", func(c *Case) { *c = resolved(*c); c.Thread = bound }, "append, reply"},
		{"closed lately", ana, "sigue igual", func(c *Case) { closed(c, 24*hour); c.Thread = bound }, "append, reply"},
		{"closed long ago", ana, "otra cosa", func(c *Case) { closed(c, 31*24*hour); c.Thread = bound }, "ticket, open linked ack=full"},
		{"address completed by the client", ana, "nuevo tema", func(c *Case) {
			c.Thread, c.Message.InReplyTo, c.Message.Subject = bound, nil, "Impresora dañada"
		}, "ticket, open linked ack=full"},
		{"agent with another Reply-To", "luis@mesa.example", "#cerrar", func(c *Case) {
			c.Thread, c.Message.ReplyTo = bound, []mail.Address{{Address: otto}}
		}, "append, reply"},
		{"agent opens", "luis@mesa.example", "mi equipo no enciende", nil, "ticket, open ack=full"},
		{"asked once who it is", otto, "x", func(c *Case) {
			k := c.Tickets[1]
			k.Held = 1
			c.Tickets[1], c.Thread = k, []Thread{{By: ByToken, Ticket: 1}}
		}, "pending, hold"},
		{"an old mail: nobody is asked", otto, "x", func(c *Case) { c.Envelope.Quiet, c.Thread = true, []Thread{{By: ByToken, Ticket: 1}} }, "pending, hold"},
		{"asked who it is", otto, "x", func(c *Case) { c.Thread = []Thread{{By: ByToken, Ticket: 1}} }, "pending, hold, letter identidad"},
		{"note", "luis@mesa.example", "#nota\nojo con esto", func(c *Case) { c.Thread = bound }, "append, note, letter transcripcion"},
		{"wrong line stops all", "luis@mesa.example", "#tomar\n#cerar\nYa quedó.", func(c *Case) { c.Thread = bound }, "command, letter transcripcion"},
		{"state last", "luis@mesa.example", "#resolver\n#tomar\nYa quedó.", func(c *Case) { c.Thread = bound }, "append, assign, answer, resolve, letter transcripcion"},
		{"a queue that does not ask", "luis@mesa.example", "#resolver\nYa.", func(c *Case) {
			k := c.Tickets[1]
			k.Queue = "redes"
			c.Tickets[1], c.Thread = k, bound
		}, "append, answer, close, letter transcripcion"},
		{"accept the only one", "luis@mesa.example", "#aceptar", func(c *Case) { c.Thread, c.Held[1] = bound, map[int]desk.PersonID{4: 9} }, "command, accept, letter transcripcion"},
		{"accept which", "luis@mesa.example", "#aceptar", func(c *Case) { c.Thread, c.Held[1] = bound, map[int]desk.PersonID{4: 9, 5: 9} }, "command, letter transcripcion"},
		{"agent's machine", "luis@mesa.example", "x", func(c *Case) { c.Thread, c.Message.Class = bound, mail.ClassMachine }, "filed"},
		{"commands of others are text", ana, "#cerrar", func(c *Case) { c.Thread = bound }, "append, reply"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := testCase(c.from, c.text)
			k.Auth = true
			if c.edit != nil {
				c.edit(&k)
			}
			if got := outcome(s.Decide(k)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	k := testCase(ana, "hola")
	k.Message.Subject, k.Auth = "RV: Sólicitud de acceso [#77]", true
	o := s.Decide(k).Commands[0].Opening
	if o.Type != "requerimiento" || o.Queue != "redes" || o.Priority != 2 || o.Assignee != "eva" || !slices.Equal(o.Told, []string{"soporte"}) {
		t.Errorf("opening %+v", o)
	}
}

func closed(c *Case, ago time.Duration) {
	k := c.Tickets[1]
	k.State, k.ClosedAt = desk.Closed, now.Add(-ago)
	c.Tickets[1] = k
}

const hour = time.Hour

// TestTableIsWhole: no cell is beyond the verdicts, every row has a name.
func TestTableIsWhole(t *testing.T) {
	for a := range actions {
		if actionNames[a] == "" {
			t.Errorf("row %d has no name", a)
		}
		for tr := range trusts {
			if v := table[a][tr]; v < Never || v >= verdicts {
				t.Errorf("%s, %s: %d", a, tr, v)
			}
			if v := table[a][tr]; tr == TrustFails && v != Never && v != Quarantine {
				t.Errorf("%s of a sender who fails: %s", a, v)
			}
		}
	}
	for tr := range trusts {
		if table[ActConfigure][tr] != Never {
			t.Error("configuration by mail")
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	s := testSet(b)
	k := testCase(ana, "hola")
	k.Thread = nil
	b.ReportAllocs()
	for b.Loop() {
		s.Decide(k)
	}
}
