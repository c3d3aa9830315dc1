// Package diary says what a working day of a help desk must come to: from the mails that
// technicians and requesters write it keeps each ticket as the manuals say it must stand,
// and the mails that must come of each. It knows nothing of the program: of ours it
// imports only what reads the mails of the books.
package diary

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ventanilla/evidence/month/books"
)

// Queue is what the desk's files say of a queue.
type Queue struct {
	Name     string
	Agents   []string // names; each has an address at the desk's domain
	Approval bool
}

// Ticket is how one must stand.
type Ticket struct {
	Number, Requester, Subject, Queue, Owner, Type string
	State                                          string // as the desk writes it, "fusionado" where it was merged
	Priority, Minutes                              int
	Tags, Observers                                []string
	Fields                                         map[string]string
	Links                                          map[string]string // what the other ticket, by its number, is to this one
	LockedBy, Into, Waiting, Decision              string
	Until                                          time.Time // of the wait; zero: without end
	Articles, Held, Resolutions                    int
	Muted                                          bool

	revision, touched int
	answeredBy        string
	answeredAt        int // the revision from which on others could know
	deeds             []deed
}

// deed is what one mail did to a ticket.
type deed struct {
	by        string // an agent's name, else whoever it was
	at        time.Time
	before    *Ticket
	undoable  bool
	bystander bool     // comes by itself and stands in nobody's way
	linked    []string // tickets whose links it changed
	merged    string   // the ticket that it took in
}

// Expect is a mail that must come out.
type Expect struct {
	Kind, To, Number string
	Says             string // that its text has
}

func (e Expect) String() string {
	return fmt.Sprintf("%s about #%s to %s %s", e.Kind, e.Number, e.To, e.Says)
}

// ours is a mail of the desk that somebody has.
type ours struct {
	number   string
	author   string // the agent of whose doing it speaks, "" if none
	revision int
	listed   map[string]int // the tickets of a list, and how often each had been touched
}

// Diary is the diary of a day.
type Diary struct {
	Domain  string
	Queues  []Queue
	Tickets []*Ticket
	Counts  map[string]int // how often each verb and phrase was used, as "#tomar", "aprobar"
	sent    map[string]ours
	at      time.Time
	writes  string // the agent whose mail went in last, "" if it was nobody's
}

// New opens a diary.
func New(domain string, queues []Queue) *Diary {
	return &Diary{Domain: domain, Queues: queues, Counts: map[string]int{}, sent: map[string]ours{}}
}

// Ticket returns a ticket by its number, nil if there is none.
func (d *Diary) Ticket(number string) *Ticket {
	i := slices.IndexFunc(d.Tickets, func(t *Ticket) bool { return t.Number == number })
	if i < 0 {
		return nil
	}
	return d.Tickets[i]
}

// Live returns the ticket in which one lives on: itself, unless it was merged.
func (d *Diary) Live(t *Ticket) *Ticket {
	for t != nil && t.Into != "" {
		t = d.Ticket(t.Into)
	}
	return t
}

func (d *Diary) queue(name string) (Queue, bool) {
	i := slices.IndexFunc(d.Queues, func(q Queue) bool { return q.Name == name })
	if i < 0 {
		return Queue{}, false
	}
	return d.Queues[i], true
}

func (d *Diary) address(agent string) string { return agent + "@" + d.Domain }

// agent returns the agent whose address that is, "" if it is nobody's.
func (d *Diary) agent(address string) string {
	name, domain, _ := strings.Cut(address, "@")
	if domain == d.Domain && slices.ContainsFunc(d.Queues, func(q Queue) bool { return slices.Contains(q.Agents, name) }) {
		return name
	}
	return ""
}

// Tick says what must come out by the clock alone: waits that are over.
func (d *Diary) Tick(at time.Time) (out []Expect) {
	d.at, d.writes = at, ""
	for _, t := range d.Tickets {
		if t.State == waiting && !t.Until.IsZero() && !t.Until.After(at) {
			n := d.turn("", "the clock")
			k := n.on(t.Number)
			move(k, open)
			n.happens(fact{kind: "wait-over", number: k.Number})
			out = append(out, n.done()...)
		}
	}
	return out
}

// In enters a mail that goes in at a time, and returns what must come of it.
func (d *Diary) In(at time.Time, raw []byte) ([]Expect, error) {
	l, err := books.Read(raw)
	if err != nil {
		return nil, err
	}
	d.at = at
	about := d.sent[l.Answers]
	t := d.Live(d.Ticket(about.number))
	name := d.agent(l.From)
	d.writes = name
	switch {
	case name != "" && about.listed != nil:
		return d.bulk(name, l, about.listed)
	case name != "" && t == nil:
		return d.asks(name, l)
	case name != "":
		return d.works(name, t, l, about)
	case t == nil && strings.TrimSpace(l.Text) == "mis solicitudes":
		d.Counts["mis solicitudes"]++
		return []Expect{{Kind: "mis-solicitudes", To: l.From}}, nil
	case t == nil:
		return d.opens(l), nil
	case l.Auto:
		d.Counts["out of office"]++
		n := d.turn("", l.From)
		n.on(t.Number).Articles++
		n.happens(fact{kind: "auto", number: t.Number})
		return n.done(), nil
	}
	return d.says(t, l), nil
}

// Bounce enters that a mail of the desk about a ticket has come back. The agent is told by
// whose doing it went out, or else those who work on the ticket.
func (d *Diary) Bounce(at time.Time, id string) []Expect {
	back := d.sent[id]
	number := d.Live(d.Ticket(back.number)).Number
	d.at, d.writes = at, ""
	d.Counts["bounce"]++
	n := d.turn("", "postmaster")
	n.on(number)
	n.happens(fact{kind: "failed", number: number, new: back.author})
	return n.done()
}

// fresh opens a ticket.
func (d *Diary) fresh(n *turn, t Ticket) *Ticket {
	t.Number, t.State = fmt.Sprintf("%06d", len(d.Tickets)+1), untouched
	if t.Priority == 0 {
		t.Priority = 3
	}
	t.Fields, t.Links = map[string]string{}, map[string]string{}
	d.Tickets = append(d.Tickets, &t)
	return n.on(t.Number)
}

// opens enters a mail with which a requester opens a ticket.
func (d *Diary) opens(l books.Letter) []Expect {
	d.Counts["new"]++
	n := d.turn("", l.From)
	t := d.fresh(n, Ticket{Requester: l.From, Subject: l.Subject, Queue: strings.Split(l.To, "@")[0], Articles: 1})
	n.happens(fact{kind: "opened", number: t.Number, new: "acuse"})
	return n.done()
}

// Match holds what came out against what had to, takes note of it, and returns an error
// that names every mail too many, missing or wrong.
func (d *Diary) Match(want []Expect, got []books.Letter) error {
	var faults []string
	left := slices.Clone(want)
	for _, l := range got {
		i := slices.IndexFunc(left, func(e Expect) bool {
			return e.Kind == l.Kind && e.Number == l.Number && e.To == l.To && strings.Contains(strings.Join(strings.Fields(l.Text), " "), e.Says)
		})
		if i < 0 {
			faults = append(faults, fmt.Sprintf("too many: %s about #%s to %s: %q", l.Kind, l.Number, l.To, l.Text))
			continue
		}
		left = slices.Delete(left, i, i+1)
		note := ours{number: l.Number, author: d.writes}
		if t := d.Ticket(l.Number); t != nil {
			note.revision = t.revision
		}
		if l.Kind == "lista" {
			fault := ""
			if note.listed, fault = d.listed(l); fault != "" {
				faults = append(faults, fault)
			}
		}
		d.sent[l.ID] = note
	}
	for _, e := range left {
		faults = append(faults, "missing: "+e.String())
	}
	if len(faults) > 0 {
		return fmt.Errorf("at %s: %s", d.at.Format("15:04"), strings.Join(faults, "; "))
	}
	return nil
}

// clone is a ticket of its own with the same in it.
func (t *Ticket) clone() *Ticket {
	c := *t
	c.Tags, c.Observers = slices.Clone(t.Tags), slices.Clone(t.Observers)
	c.Fields, c.Links = maps.Clone(t.Fields), maps.Clone(t.Links)
	return &c
}
