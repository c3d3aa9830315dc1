package books

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Queue is what the desk's files say of a queue.
type Queue struct {
	Address  string
	Agents   []string // addresses
	Approval bool
	Survey   bool
	Remind   []int // days
	Deputy   int   // hours
	Close    int   // days
}

// Rules are what the books go by.
type Rules struct {
	Queues            []Queue
	First, Resolution int               // open minutes
	Deputies          map[string]string // who decides for whom
	Hours             *Hours
}

// Ticket is one in the books.
type Ticket struct {
	Number, Requester, Assignee, Deputy string
	Queue                               *Queue
	State                               string // as the desk writes it: nuevo, en curso, en espera, resuelto, cerrado
	Opened, Resolved, waits             time.Time
	Reminders, Resolutions, Spent       int // Spent in minutes
	Asked                               bool
	Score, Comments                     int
	first, resolution                   clock
	answered, solved                    time.Time // for the first time; for the last time
	reopened, rejected                  bool
}

// clock counts open minutes towards a promise.
type clock struct {
	length, used     int
	since, warn, due time.Time
	runs, stopped    bool
	late             bool // when it was stopped last
	Warned, Breached bool
}

// Expect is a mail that must come out.
type Expect struct {
	Kind, To, Number string
	Deadline         string // that it names, "" if none
	Score            int    // that it names
	anyOf            *Queue // it goes to one of its agents
}

func (e Expect) String() string {
	if e.anyOf != nil {
		return fmt.Sprintf("%s about #%s to an agent of %s", e.Kind, e.Number, e.anyOf.Address)
	}
	return fmt.Sprintf("%s about #%s to %s %s", e.Kind, e.Number, e.To, e.Deadline)
}

// Books are the books.
type Books struct {
	Rules
	Tickets []*Ticket         // in the order of their numbers
	ours    map[string]string // tickets of the desk's mails, by Message-ID
	decides map[string]int    // the resolution that an address decides on
	queues  map[string]*Queue // by address of queue and of agent
	agents  map[string]bool
	at      time.Time

	Days         map[string]Day // those that are over, as 31/10/2026
	today        string
	openedBefore int // before today
}

// New opens the books.
func New(r Rules) *Books {
	b := &Books{Rules: r, ours: map[string]string{}, decides: map[string]int{}, queues: map[string]*Queue{}, agents: map[string]bool{}}
	for i := range r.Queues {
		q := &r.Queues[i]
		b.queues[q.Address] = q
		for _, a := range q.Agents {
			b.agents[a] = true
		}
	}
	return b
}

// Ticket returns a ticket by its number, nil if there is none.
func (b *Books) Ticket(number string) *Ticket {
	if n, err := strconv.Atoi(number); err == nil && n > 0 && n <= len(b.Tickets) {
		return b.Tickets[n-1]
	}
	return nil
}

// In enters a mail that goes in at a time, and returns what must come out of it.
func (b *Books) In(at time.Time, raw []byte) ([]Expect, error) {
	l, err := Read(raw)
	if err != nil {
		return nil, err
	}
	b.at = at
	b.newDay()
	number := b.ours[l.Answers]
	if number == "" {
		number = l.Number
	}
	t := b.Ticket(number)
	q := b.queues[l.To]
	switch {
	case t == nil && q != nil && strings.TrimSpace(l.Text) == "mis solicitudes":
		return []Expect{{Kind: "mis-solicitudes", To: l.From}}, nil
	case t == nil && q != nil && strings.HasPrefix(l.Text, "informe "):
		return []Expect{{Kind: "informe", To: l.From}}, nil
	case t == nil && q != nil:
		return b.open(l, q), nil
	case t == nil:
		return nil, fmt.Errorf("to %s: about no ticket", l.To)
	case b.agents[l.From] && l.From != t.Deputy:
		return b.agent(t, l)
	case l.Auto:
		return b.automatic(t, l), nil
	}
	return b.person(t, l), nil
}

func (b *Books) open(l Letter, q *Queue) []Expect {
	t := &Ticket{Number: fmt.Sprintf("%06d", len(b.Tickets)+1), Requester: l.From, Queue: q, State: "nuevo", Opened: b.at}
	t.first, t.resolution = clock{length: b.First}, clock{length: b.Resolution}
	b.start(&t.first)
	b.start(&t.resolution)
	b.Tickets = append(b.Tickets, t)
	return []Expect{t.to("acuse", t.Requester), {Kind: "ticket-nuevo", Number: t.Number, anyOf: q}}
}

func (t *Ticket) to(kind, whom string) Expect { return Expect{Kind: kind, To: whom, Number: t.Number} }

// agent enters what an agent writes: commands at the top, then words to the requester.
func (b *Books) agent(t *Ticket, l Letter) (out []Expect, err error) {
	lines := strings.Split(strings.TrimSpace(l.Text), "\n")
	end, wait := "", ""
	n := 0
	for ; n < len(lines) && strings.HasPrefix(lines[n], "#"); n++ {
		verb, value, _ := strings.Cut(lines[n], " ")
		switch verb {
		case "#tomar":
		case "#tiempo":
			minutes, err := strconv.Atoi(strings.TrimSuffix(value, "m"))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", lines[n], err)
			}
			t.Spent += minutes
		case "#resolver":
			end = "resuelto"
		case "#espera":
			wait = strings.TrimSuffix(strings.TrimPrefix(value, "proveedor "), "h")
		default:
			return nil, fmt.Errorf("the books know no %s", verb)
		}
	}
	says := strings.TrimSpace(strings.Join(lines[n:], "\n")) != ""
	if says {
		b.stop(&t.first)
		if t.answered.IsZero() {
			t.answered = b.at
		}
		if t.State == "nuevo" || t.State == "en espera" {
			b.goOn(t)
		}
	}
	switch {
	case end != "" && t.Queue.Approval:
		out = append(out, b.resolve(t))
	case end != "":
		out = append(out, b.close(t, "cerrado"))
	case says:
		out = append(out, t.to("respuesta", t.Requester))
	}
	if wait != "" {
		hours, err := strconv.Atoi(wait)
		if err != nil {
			return nil, fmt.Errorf("wait: %w", err)
		}
		t.State, t.waits = "en espera", b.at.Add(time.Duration(hours)*time.Hour)
		b.halt(&t.first)
		b.halt(&t.resolution)
	}
	if n > 0 {
		out = append(out, t.to("transcripcion", l.From))
	}
	return out, nil
}

func (b *Books) resolve(t *Ticket) Expect {
	t.solved = b.at
	t.State, t.Resolved, t.Reminders, t.Deputy, t.waits = "resuelto", b.at, 0, "", time.Time{}
	t.Resolutions++
	b.stop(&t.first)
	b.stop(&t.resolution)
	return t.to("resuelto", t.Requester)
}

// close ends a ticket. The survey tells of it, where one is asked; else a mail of
// another kind.
func (b *Books) close(t *Ticket, kind string) Expect {
	if t.State != "resuelto" {
		t.solved = b.at
	}
	t.State, t.waits = "cerrado", time.Time{}
	b.stop(&t.first)
	b.stop(&t.resolution)
	if t.Queue.Survey && !t.Asked {
		t.Asked, kind = true, "encuesta"
	}
	return t.to(kind, t.Requester)
}

// goOn takes a ticket up: its clocks run.
func (b *Books) goOn(t *Ticket) {
	t.State, t.waits = "en curso", time.Time{}
	if !t.first.stopped && !t.first.runs {
		b.start(&t.first)
	}
	if !t.resolution.runs {
		b.start(&t.resolution)
	}
}

// automatic enters an automatic answer. One that says away has the deputy asked.
func (b *Books) automatic(t *Ticket, l Letter) []Expect {
	deputy := b.Deputies[l.From]
	if t.State != "resuelto" || l.From != t.Requester || t.Deputy != "" || deputy == "" || !strings.Contains(l.Text, "de vacaciones") {
		return nil
	}
	t.Deputy = deputy
	return []Expect{t.to("suplente", deputy)}
}

// flat is a text on one line.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

var deadline = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}`)

var score = regexp.MustCompile(`^([1-5])(\n|$)`)

// person enters what a requester or a deputy writes.
func (b *Books) person(t *Ticket, l Letter) []Expect {
	said := strings.TrimSpace(l.Text)
	first, _, _ := strings.Cut(said, " ")
	which := ""
	if _, extra, ok := strings.Cut(l.To, "+"); ok {
		which = extra[:1]
	}
	if which == "a" || which == "r" {
		if t.State != "resuelto" || b.decides[l.To] != t.Resolutions {
			return []Expect{t.to("confirmar", l.From)} // it is decided already
		}
	}
	if t.State == "resuelto" && (said == "aprobar" || which == "a") {
		return b.approve(t, l.From)
	}
	if t.State == "resuelto" && (first == "rechazar" || which == "r") {
		t.rejected = true
		b.goOn(t)
		return []Expect{t.to("gracias-rechazo", l.From), t.to("reabierto", t.Assignee)}
	}
	if m := score.FindStringSubmatch(said); m != nil && t.State == "cerrado" && t.Asked && l.From == t.Requester {
		return b.scored(t, m[1], strings.TrimSpace(strings.TrimPrefix(said, m[1])))
	}
	out := []Expect{t.to("respuesta-solicitante", t.Assignee)}
	if l.From != t.Requester {
		out = append(out, t.to("respuesta", t.Requester))
	}
	switch {
	case said == "aprobar": // again
	case t.State == "resuelto", t.State == "cerrado":
		t.reopened = true
		b.goOn(t)
		out[0].Kind = "reabierto"
	case t.State == "en espera":
		b.goOn(t)
	}
	return out
}

func (b *Books) approve(t *Ticket, who string) []Expect {
	out := []Expect{t.to("aprobado", t.Assignee)}
	kind := "gracias"
	if who != t.Requester {
		out, kind = append(out, t.to("gracias", who)), "decidio-suplente"
	}
	return append(out, b.close(t, kind))
}

// scored enters a score. Only the first counts.
func (b *Books) scored(t *Ticket, score, comment string) []Expect {
	if t.Score > 0 {
		return []Expect{t.to("respuesta-solicitante", t.Assignee)}
	}
	t.Score, _ = strconv.Atoi(score)
	if comment != "" {
		t.Comments++
	}
	if t.Score > 2 && comment == "" {
		return nil
	}
	e := t.to("calificacion", t.Assignee)
	e.Score = t.Score
	return []Expect{e}
}

// Match holds what came out against what had to, takes note of it, and returns an error
// that names every mail too many, missing or wrong.
func (b *Books) Match(want []Expect, got []Letter) error {
	var faults []string
	left := slices.Clone(want)
	for _, l := range got {
		i := slices.IndexFunc(left, func(e Expect) bool {
			return e.Kind == l.Kind && e.Number == l.Number && (e.To == l.To || e.anyOf != nil && slices.Contains(e.anyOf.Agents, l.To)) && (e.Deadline == "" || strings.Contains(flat(l.Text), e.Deadline))
		})
		if i < 0 {
			faults = append(faults, fmt.Sprintf("too many: %s about #%s to %s: %s %s", l.Kind, l.Number, l.To, l.Subject, deadline.FindString(flat(l.Text))))
			continue
		}
		e := left[i]
		left = slices.Delete(left, i, i+1)
		if e.anyOf != nil {
			b.Ticket(e.Number).Assignee = l.To
		}
		if e.Score > 0 && !strings.Contains(l.Subject, fmt.Sprintf("Calificación %d de 5", e.Score)) {
			faults = append(faults, fmt.Sprintf("#%s: score %d is told as %q", e.Number, e.Score, l.Subject))
		}
		b.ours[l.ID] = l.Number
		for _, which := range []string{"a", "r"} {
			if to := l.Decision(which); to != "" {
				b.decides[to] = b.Ticket(l.Number).Resolutions
			}
		}
	}
	for _, e := range left {
		faults = append(faults, "missing: "+e.String())
	}
	if len(faults) > 0 {
		return fmt.Errorf("at %s: %s", b.Hours.Written(b.at), strings.Join(faults, "; "))
	}
	return nil
}
