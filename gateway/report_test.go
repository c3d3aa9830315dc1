package gateway_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/reports"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/store/mem"
)

var reportDesk = fstest.MapFS{
	"desk/queues.toml": {Data: []byte(`[[queue]]
name = "soporte"
title = "Soporte técnico"
address = "soporte@mesa.example"
agents = ["luis", "eva"]
approval = true
survey = true
[[queue]]
name = "redes"
title = "Redes"
address = "redes@mesa.example"
agents = ["eva"]
survey = true
`)},
	"desk/agents.toml": {Data: []byte(`[[agent]]
name = "luis"
title = "Luis Pérez"
address = "luis@mesa.example"
[[agent]]
name = "eva"
title = "Eva Ríos"
address = "eva@mesa.example"
[[agent]]
name = "jefa"
title = "Jefa Gómez"
address = "jefa@mesa.example"
role = "reader"
`)},
	"desk/categories.toml": {Data: []byte("[[category]]\nname = \"impresoras\"\ntitle = \"Impresoras y escáneres\"\n[[category]]\nname = \"cuentas\"\n")},
	"desk/clients.toml":    {Data: []byte("[[client]]\nname = \"acme\"\ntitle = \"Acme S. A.\"\ndomains = [\"acme.example\"]\n")},
	"desk/calendars.toml":  {Data: []byte("[[calendar]]\nname = \"normal\"\nhours = [\"lunes a viernes 08:00-17:00\"]\n")},
	"desk/terms.toml":      {Data: []byte("[[term]]\nname = \"todos\"\nfirst = \"30h\"\nnext = \"20h\"\nresolution = \"80h\"\n")},
	"rules/10.toml":        {Data: []byte("[[rule]]\nname = \"falla\"\nsubject = [\"falla\"]\ntype = \"incidente\"\n")},
	"reports/semanal.toml": {Data: []byte("title = \"Informe semanal\"\n[[table]]\ntitle = \"Por día y cola\"\nby = [\"day\", \"queue\"]\ncolumns = [\"opened\", \"backlog_end\", \"other_minutes\"]\n")},
}

// reportedMonth is a desk on which a piece of a year was played.
type reportedMonth struct {
	*played
	zone   *time.Location
	random *rand.Rand
	ids    []desk.TicketID
	n      int
}

func newReportedMonth(t testing.TB, e store.Engine, files fstest.MapFS) *reportedMonth {
	zone, err := time.LoadLocation("America/Santiago") // an hour is missing on the 6th of September
	if err != nil {
		t.Fatal(err)
	}
	m := &reportedMonth{played: newPlayedDesk(t, e, files, desk.World{Name: "Mesa de ayuda", NumberStyle: desk.NumberSequence, NumberDigits: 6, Zone: zone}),
		zone: zone, random: rand.New(rand.NewPCG(7, 7))}
	if m.options.Setup.Reports, err = rules.LoadReports(files, m.options.Setup.World); err != nil {
		t.Fatal(err)
	}
	m.now = time.Date(2026, 8, 24, 9, 0, 0, 0, zone)
	return m
}

// write has somebody answer a mail of ours on a ticket.
func (m *reportedMonth) write(from string, id desk.TicketID, body string) {
	m.t.Helper()
	var k desk.Ticket
	if err := m.options.Store.View(context.Background(), func(tx store.Tx) (err error) { k, err = tx.Ticket(id); return err }); err != nil {
		m.t.Fatal(err)
	}
	m.n++
	token := m.options.Keys.Make(desk.Token{Purpose: desk.ForReply, Ticket: id, Revision: k.Revision, Addressee: m.options.Keys.Fingerprint(from)})
	env := mail.Envelope{Source: "smtp", From: from, Rcpts: []string{"soporte+" + token + "@mesa.example"}, Auth: mail.Auth{Relay: true}}
	m.receive(env, fmt.Sprintf("From: %s\nTo: soporte+%s@mesa.example\nSubject: Re: %s\nIn-Reply-To: <x@y.example>\nMessage-ID: <%d@mesa.example>\n\n%s\n", from, token, k.Subject, m.n, body))
}

// open has somebody ask for something.
func (m *reportedMonth) open() {
	m.t.Helper()
	m.n++
	queue := []string{"soporte", "redes"}[m.random.IntN(2)]
	from := fmt.Sprintf("ana%d@%s", m.random.IntN(9), []string{"uni.example", "acme.example"}[m.random.IntN(2)])
	subject := []string{"Una falla", "Una pregunta"}[m.random.IntN(2)]
	env := mail.Envelope{Source: "smtp", From: from, Rcpts: []string{queue + "@mesa.example"}, Auth: mail.Auth{Relay: true}}
	m.receive(env, fmt.Sprintf("From: %s\nTo: %s@mesa.example\nSubject: %s\nMessage-ID: <%d@uni.example>\n\nHola %d.\n", from, queue, subject, m.n, m.n))
	m.ids = append(m.ids, desk.TicketID(len(m.ids)+1))
}

// act has somebody do something on some ticket.
func (m *reportedMonth) act() {
	id := m.ids[m.random.IntN(len(m.ids))]
	var k desk.Ticket
	var p desk.Person
	if err := m.options.Store.View(context.Background(), func(tx store.Tx) (err error) {
		if k, err = tx.Ticket(id); err == nil {
			p, err = tx.Person(k.Requester)
		}
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
	agent := []string{"luis@mesa.example", "eva@mesa.example"}[m.random.IntN(2)]
	switch m.random.IntN(13) {
	case 0, 1, 2:
		m.write(agent, id, "Lo estamos mirando.")
	case 3:
		m.write(agent, id, "#tomar\n#tiempo 25m")
	case 4, 5:
		m.write(agent, id, "#resolver\n\nQuedó arreglado.")
	case 6:
		m.write(p.Address, id, "aprobado")
	case 7:
		m.write(p.Address, id, "rechazo: no sirve")
	case 8:
		m.write(p.Address, id, "Sigo esperando una respuesta, gracias por mirar esto pronto.")
	case 9:
		m.write(agent, id, "#categoria "+[]string{"impresoras", "cuentas"}[m.random.IntN(2)])
	case 10:
		if m.random.IntN(3) == 0 {
			m.n++
			m.do(fmt.Sprint("cancel", m.n), desk.Command{Ticket: id, Kind: desk.CmdCancel, Actor: desk.ByAgent("luis"), Text: "Se abrió por error."})
			return
		}
		m.write(agent, id, []string{"#cola redes", "#esperar cliente", "#nota Llamar antes.", "#tiempo 1h10m"}[m.random.IntN(4)])
	case 11:
		m.do(fmt.Sprint("survey", id, m.n), desk.Command{Ticket: id, Kind: desk.CmdSurvey, Number: 1 + m.random.IntN(5), Actor: desk.ByPerson(k.Requester)})
	case 12:
		m.n++
		m.receive(mail.Envelope{Source: "smtp", From: agent, Rcpts: []string{"soporte@mesa.example"}, Auth: mail.Auth{Relay: true}},
			fmt.Sprintf("From: %s\nTo: soporte@mesa.example\nSubject: Trabajo\nMessage-ID: <%d@mesa.example>\n\n#actividad 40m Inventario %d\n", agent, m.n, m.n))
	}
}

// do carries out what comes by no mail here, unless the ticket does not allow it.
func (m *reportedMonth) do(key string, c desk.Command) {
	m.t.Helper()
	again(m.t, func() error {
		if err := m.Do(context.Background(), key, c); !errors.Is(err, desk.ErrRefused) {
			return err
		}
		return nil
	})
}

func (m *reportedMonth) play(tickets int) {
	m.t.Helper()
	until := time.Date(2026, 10, 3, 12, 0, 0, 0, m.zone)
	pause := until.Sub(m.now) / time.Duration(tickets*8)
	for i := range tickets * 8 {
		if i%8 == 0 {
			m.open()
		} else {
			m.act()
		}
		again(m.t, func() error { return m.TellDue(context.Background()) })
		m.now = m.now.Add(time.Duration(float64(pause) * (0.5 + m.random.Float64())))
	}
}

// TestMonthReport: every cell of the reports of a played month is what code of its own
// makes of the events; so are a report of some days, and one of days without anything.
func TestMonthReport(t *testing.T) {
	m := newReportedMonth(t, mem.New(), reportDesk)
	m.play(60)
	m.healthy()
	histories, activities := m.events()
	for _, c := range []struct {
		name   string
		period reports.Period
	}{
		{"mensual", reports.Month(2026, 9, m.zone)},
		{"semanal", reports.Days(time.Date(2026, 9, 4, 0, 0, 0, 0, m.zone), time.Date(2026, 9, 10, 0, 0, 0, 0, m.zone))},
		{"mensual", reports.Days(time.Date(2026, 10, 1, 0, 0, 0, 0, m.zone), time.Date(2026, 10, 1, 0, 0, 0, 0, m.zone))},
		{"mensual", reports.Month(2026, 7, m.zone)},
	} {
		r, err := m.Report(context.Background(), c.name, c.period)
		if err != nil {
			t.Fatal(err)
		}
		cells, filled := 0, map[string]int{}
		for _, table := range r.Tables {
			for _, line := range table.Lines {
				for i, got := range line.Cells {
					want := recount(m.options.Setup.World, histories, activities, c.period, table, line, table.Names[i])
					if got != want {
						t.Errorf("%s %s, %s %v %v, %s: %+v, want %+v", c.name, c.period, table.Title, line.Keys, line.Total, table.Names[i], got, want)
					}
					cells++
					if got.Sum != 0 {
						filled[table.Names[i]]++
					}
				}
			}
		}
		if c.name == "mensual" && c.period.From.Month() == 9 {
			for _, column := range []string{"backlog_start", "opened", "closed", "dropped", "backlog_end", "resolved", "first_on_time", "first_hours", "resolution_hours", "breached", "reopened", "rejected", "surveys", "score", "minutes", "other_minutes"} {
				if filled[column] == 0 {
					t.Errorf("nothing in column %s: the month proves nothing about it", column)
				}
			}
			if cells < 200 || len(r.Tables[2].Lines) != 31 {
				t.Errorf("%d cells, %d days", cells, len(r.Tables[2].Lines)-1)
			}
			balance(t, r)
		}
	}
}

// balance holds what the first table promises.
func balance(t *testing.T, r reports.Report) {
	t.Helper()
	c := r.Tables[0].Lines[0].Cells
	if c[0].Sum+c[1].Sum+c[2].Sum != c[3].Sum+c[4].Sum+c[5].Sum {
		t.Errorf("what came and what went differ: %v", c)
	}
	days := r.Tables[2].Lines
	if last := days[len(days)-2].Cells[2]; last != c[5] {
		t.Errorf("the last day ends with %v, the month with %v", last, c[5])
	}
}

// events reads all that has happened.
func (m *reportedMonth) events() (all [][]desk.Event, activities []desk.Activity) {
	if err := m.options.Store.View(context.Background(), func(tx store.Tx) error {
		if err := tx.EachTicket(func(k desk.Ticket) error {
			evs, err := tx.Events(k.ID)
			all = append(all, evs)
			return err
		}); err != nil {
			return err
		}
		return tx.Activities(m.now.AddDate(-1, 0, 0), m.now, func(a desk.Activity) error { activities = append(activities, a); return nil })
	}); err != nil {
		m.t.Fatal(err)
	}
	return all, activities
}

// model is a ticket as the recount reads it, from its events alone and without any
// code of the desk.
type model struct {
	state, queue, category, kind, agent, client string
}

func (k model) alive() bool {
	return k.state == "new" || k.state == "open" || k.state == "pending" || k.state == "resolved"
}

func (k model) after(e desk.Event) model {
	switch string(e.Kind) {
	case "opened":
		return model{"new", e.Opened.Queue, e.Opened.Category, e.Opened.Type, e.Opened.Assignee, e.Opened.Client}
	case "assigned":
		k.agent = e.New
		if k.state == "new" && e.New != "" {
			k.state = "open"
		}
	case "queue-changed":
		k.queue, k.agent = e.New, ""
	case "type-changed":
		k.kind = e.New
	case "field-changed":
		if e.Field == "category" {
			k.category = e.New
		}
		if e.Field == "client" {
			k.client = e.New
		}
	case "waiting":
		k.state = "pending"
	case "cancelled":
		k.state = "cancelled"
	case "replied", "answered", "resolved", "approved", "rejected", "closed", "reopened", "wait-over":
		if e.New != "" {
			k.state = e.New
		}
	}
	return k
}

func done(state string) bool   { return state == "resolved" || state == "closed" }
func worked(state string) bool { return state == "new" || state == "open" || state == "pending" }

// recount works one cell out of all events.
func recount(w *desk.World, histories [][]desk.Event, activities []desk.Activity, p reports.Period, table reports.Result, line reports.Line, column string) (c reports.Cell) {
	sub := p
	if len(table.By) > 0 && table.By[0] == "day" && len(line.Keys) > 0 {
		day, err := time.ParseInLocation("2006-01-02 15", line.Keys[0]+" 12", p.From.Location())
		if err != nil {
			panic(err)
		}
		sub = reports.Days(day, day)
	}
	if column == "other_minutes" {
		for _, a := range activities {
			if a.Ticket != 0 || a.At.Before(sub.From) || !a.At.Before(sub.To) {
				continue
			}
			fits := true
			for i, by := range table.By {
				if i < len(line.Keys) {
					fits = fits && (by == "day" || by == "agent" && line.Keys[i] == a.Agent || by != "agent" && line.Keys[i] == "")
				}
			}
			if fits {
				c.Sum, c.Count = c.Sum+int64(a.Minutes), c.Count+1
			}
		}
		return c
	}
	for _, h := range histories {
		c = recountOne(h, sub, table, line, column, c)
	}
	return c
}

// lived is what one ticket did in a period.
type lived struct {
	start, end                model
	alive, reopened, rejected bool
	opened, first, resolved   time.Time
	firstKept, resolutionKept int // 1 in time, 0 late, -1 nothing was promised or nothing came
	minutes                   map[string]int64
	counts                    map[string]int64
	score                     int64
	now                       model
	clocks                    desk.Clocks
}

func lifeOf(h []desk.Event, p reports.Period) *lived {
	l := &lived{firstKept: -1, resolutionKept: -1, minutes: map[string]int64{}, counts: map[string]int64{}}
	for _, e := range h {
		l.event(e, p)
	}
	l.alive = l.alive || l.start.alive()
	return l
}

func (l *lived) event(e desk.Event, p reports.Period) {
	before, was := l.now, l.clocks
	l.now = l.now.after(e)
	if e.At.Before(p.From) {
		l.start = l.now
	}
	if e.At.Before(p.To) {
		l.end = l.now
	}
	if e.Kind == "opened" {
		l.opened = e.At
	}
	resolves := worked(before.state) && done(l.now.state)
	if l.first.IsZero() && strings.HasPrefix(string(e.Actor), "agent/") && (e.Kind == "answered" || resolves) {
		l.first = e.At
	}
	if e.Clocks != nil {
		l.clocks = *e.Clocks
	}
	if e.At.Before(p.From) || !e.At.Before(p.To) {
		return
	}
	l.alive = l.alive || l.now.alive()
	l.rejected = l.rejected || e.Kind == "rejected"
	l.reopened = l.reopened || done(before.state) && worked(l.now.state) && e.Kind != "rejected"
	if resolves {
		l.resolved = e.At
	}
	if l.now.state != "cancelled" {
		stopped(was.First, l.clocks.First, &l.firstKept)
		stopped(was.Resolution, l.clocks.Resolution, &l.resolutionKept)
	}
	l.counts[string(e.Kind)]++
	n, _ := strconv.ParseInt(e.New, 10, 64)
	switch e.Kind {
	case "time-spent":
		l.minutes[strings.TrimPrefix(string(e.Actor), "agent/")] += n
	case "survey-answered":
		l.score = n
	}
}

func stopped(was, is desk.Clock, kept *int) {
	if is.Stopped.IsZero() || is.Stopped.Equal(was.Stopped) {
		return
	}
	*kept = 1
	if is.Stood == "red" {
		*kept = 0
	}
}

// recountOne adds what one ticket comes to.
func recountOne(h []desk.Event, p reports.Period, table reports.Result, line reports.Line, column string, c reports.Cell) reports.Cell {
	l := lifeOf(h, p)
	fits := func(agent string) bool {
		for i, by := range table.By {
			value := map[string]string{"queue": l.end.queue, "category": l.end.category, "type": l.end.kind, "agent": agent, "client": l.end.client}[by]
			if i < len(line.Keys) && by != "day" && line.Keys[i] != value {
				return false
			}
		}
		return true
	}
	if column == "minutes" {
		for agent, n := range l.minutes {
			whose := l.end.agent
			if len(table.By) > 0 && table.By[0] == "agent" {
				whose = agent
			}
			if fits(whose) {
				c.Sum, c.Count = c.Sum+n, c.Count+1
			}
		}
		return c
	}
	if !fits(l.end.agent) {
		return c
	}
	sum, count := l.figure(column, p)
	return reports.Cell{Sum: c.Sum + sum, Count: c.Count + count}
}

// figure is what a ticket adds to a column.
func (l *lived) figure(column string, p reports.Period) (sum, count int64) {
	one := func(when bool) (int64, int64) {
		if when {
			return 1, 1
		}
		return 0, 0
	}
	kept := func(k int, when bool) (int64, int64) {
		if when && k >= 0 {
			return int64(k), 1
		}
		return 0, 0
	}
	isResolved := !l.resolved.IsZero() && done(l.end.state)
	switch column {
	case "backlog_start":
		return one(l.start.alive())
	case "opened":
		return one(l.start.state == "" && l.end.state != "")
	case "revived":
		return one(l.start.state != "" && !l.start.alive() && l.alive)
	case "closed":
		return one(l.alive && l.end.state == "closed")
	case "dropped":
		return one(l.alive && l.end.state == "cancelled")
	case "backlog_end":
		return one(l.end.alive())
	case "resolved":
		return one(isResolved)
	case "reopened":
		return one(l.reopened)
	case "rejected":
		return one(l.rejected)
	case "breached":
		return l.counts["term-breached"], l.counts["term-breached"]
	case "surveys":
		return one(l.counts["survey-answered"] > 0)
	case "score":
		return l.score, min(l.counts["survey-answered"], 1)
	case "first_hours":
		if !l.first.IsZero() && !l.first.Before(p.From) && l.first.Before(p.To) {
			return int64(l.first.Sub(l.opened).Seconds()), 1
		}
		return 0, 0
	case "first_on_time":
		return kept(l.firstKept, true)
	case "resolution_hours":
		if isResolved {
			return int64(l.resolved.Sub(l.opened).Seconds()), 1
		}
		return 0, 0
	case "resolution_on_time":
		return kept(l.resolutionKept, isResolved)
	}
	panic("no recount of " + column)
}

// TestReportByMail: a reader and an agent ask for reports and get them, as text, HTML
// and CSV; others get none, and what is no report is none.
func TestReportByMail(t *testing.T) {
	for name, e := range engines(t) {
		t.Run(name, func(t *testing.T) {
			m := newReportedMonth(t, e, reportDesk)
			m.open()
			m.now = time.Date(2026, 9, 15, 9, 0, 0, 0, m.zone)
			again(t, func() error { return m.DoDue(context.Background()) })
			m.tellMails()
			ask := func(from, text string, relay bool) string {
				t.Helper()
				m.n++
				m.receive(mail.Envelope{Source: "smtp", From: from, Rcpts: []string{"soporte@mesa.example"}, Auth: mail.Auth{Relay: relay}},
					fmt.Sprintf("From: %s\nTo: soporte@mesa.example\nSubject: Hola\nMessage-ID: <%d@mesa.example>\n\n%s\n", from, m.n, text))
				again(t, func() error { return m.DoDue(context.Background()) })
				m.out.Reset()
				m.tellMails()
				return strings.TrimSpace(m.out.String())
			}
			for _, c := range []struct {
				from, text string
				relay      bool
				want       string
			}{
				{"jefa@mesa.example", "informe agosto", true, "informe → jefa@mesa.example: Informe mensual: agosto de 2026"},
				{"jefa@mesa.example", "Buenos días:\n\nInforme.", true, "informe → jefa@mesa.example: Informe mensual: agosto de 2026"},
				{"luis@mesa.example", "informe semanal 2026-08-24 2026-08-30", true, "informe → luis@mesa.example: Informe semanal: 24/08/2026 a 30/08/2026"},
				{"jefa@mesa.example", "informe mensual de setiembre", true, "informe → jefa@mesa.example: Informe mensual: septiembre de 2026"},
				{"jefa@mesa.example", "informe agosot", true, "transcripcion → jefa@mesa.example"},
			} {
				got := ask(c.from, c.text, c.relay)
				if !strings.HasPrefix(got, c.want) || strings.Contains(got, "\n") {
					t.Errorf("%s from %s: %q, want %q", c.text, c.from, got, c.want)
				}
			}
			for _, c := range [][2]string{{"jefa@mesa.example", "informe agosto"}, {"ana1@uni.example", "informe agosto"}, {"luis@mesa.example", "informe de la reunión de ayer con la gente de sistemas"}} {
				if got := ask(c[0], c[1], c[0] != "jefa@mesa.example"); strings.Contains(got, "informe →") {
					t.Errorf("%s to %s, who has not proved to be one or asked for none: %q", c[1], c[0], got)
				}
			}
			m.healthy()
		})
	}
}

// TestReportMail: the mail of a report as a mail program reads it.
func TestReportMail(t *testing.T) {
	m := newReportedMonth(t, mem.New(), reportDesk)
	m.play(10)
	m.now = time.Date(2026, 10, 5, 9, 0, 0, 0, m.zone)
	m.receive(mail.Envelope{Source: "smtp", From: "jefa@mesa.example", Rcpts: []string{"soporte@mesa.example"}, Auth: mail.Auth{Relay: true}},
		"From: jefa@mesa.example\nTo: soporte@mesa.example\nSubject: informe septiembre\nMessage-ID: <z@mesa.example>\n\n")
	again(t, func() error { return m.DoDue(context.Background()) })
	m.tellMails()
	raw := m.raw(m.last["jefa@mesa.example"])
	got := mail.Parse(raw)
	if got.Subject != "Informe mensual: septiembre de 2026" || !strings.Contains(got.Text, "POR COLA Y CATEGORÍA") || !strings.Contains(got.HTML, "Soporte técnico</td>") || !strings.Contains(got.HTML, `bgcolor="#1f5fa8"`) {
		t.Errorf("%s\n%s\n%s", got.Subject, got.Text, got.HTML)
	}
	if len(got.Parts) != 1 || got.Parts[0].Name != "informe-mensual-2026-09-01.csv" {
		t.Fatalf("parts %+v", got.Parts)
	}
	var file bytes.Buffer
	if _, err := file.ReadFrom(got.Parts[0].Open(raw)); err != nil {
		t.Fatal(err)
	}
	in := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.String(), "\uFEFF")))
	in.Comma, in.FieldsPerRecord = ';', -1
	rows, err := in.ReadAll()
	if err != nil || len(rows) < 60 || !strings.HasPrefix(file.String(), "\uFEFF") {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// TestReportMonthly: the report of the month that is over goes out once, at its hour,
// to those named, also when nothing ran at that hour; none for what was before.
func TestReportMonthly(t *testing.T) {
	files := fstest.MapFS{}
	for name, f := range reportDesk {
		files[name] = f
	}
	files["reports/semanal.toml"] = &fstest.MapFile{Data: []byte("title = \"Al jefe\"\nto = [\"jefa\"]\nat = \"07:30\"\n[[table]]\ntitle = \"Todo\"\ncolumns = [\"opened\"]\n")}
	m := newReportedMonth(t, mem.New(), files)
	at := func(month time.Month, day, hour, minute, want int) {
		t.Helper()
		m.now = time.Date(2026, month, day, hour, minute, 0, 0, m.zone)
		m.Gateway.Use(m.options.Setup)
		for range 3 {
			again(t, func() error { return m.DoDue(context.Background()) })
		}
		m.out.Reset()
		m.tellMails()
		if got := strings.Count(m.out.String(), "informe → jefa@mesa.example: Al jefe: "); got != want {
			t.Errorf("%s: %d reports, want %d\n%s", m.now, got, want, m.out.String())
		}
	}
	at(8, 24, 9, 0, 0)  // installed: nothing of July
	at(9, 1, 7, 29, 0)  // not yet
	at(9, 1, 7, 30, 1)  // August
	at(9, 30, 9, 0, 0)  // once
	at(10, 4, 11, 0, 1) // September, late: nothing ran on the 1st
	at(11, 1, 0, 5, 0)
}
