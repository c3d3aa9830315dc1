package diary

import (
	"slices"
	"strings"
	"time"
)

// The states of a ticket, as the desk writes them.
const (
	untouched = "nuevo"
	open      = "en curso"
	waiting   = "en espera"
	resolved  = "resuelto"
	closed    = "cerrado"
	merged    = "fusionado"
)

// fact is something that a mail made happen.
type fact struct {
	kind, number string
	old, new     string
	quiet        bool
}

// turn is what one mail makes happen. Tickets are changed as copies, until it is done.
type turn struct {
	d      *Diary
	agent  string // the agent who acts, "" if none
	who    string // whoever acts
	copies map[string]*Ticket
	facts  []fact
	linked map[string][]string
	merged map[string]string
}

func (d *Diary) turn(agent, who string) *turn {
	return &turn{d: d, agent: agent, who: who, copies: map[string]*Ticket{}, linked: map[string][]string{}, merged: map[string]string{}}
}

// on returns a ticket to be changed.
func (n *turn) on(number string) *Ticket {
	if n.copies[number] == nil {
		n.copies[number] = n.d.Ticket(number).clone()
	}
	return n.copies[number]
}

func (n *turn) happens(f fact) { n.facts = append(n.facts, f) }

func move(t *Ticket, state string) { t.State, t.Waiting, t.Until = state, "", time.Time{} }

// words are what cannot be taken back: they went out or were written down.
var words = []string{"answered", "noted", "gave", "took", "opened", "undone"}

// done makes it so, and returns the mails that must come of it.
func (n *turn) done() (out []Expect) {
	n.family()
	for number, t := range n.copies {
		var kinds []string
		for _, f := range n.facts {
			if f.number == number {
				kinds = append(kinds, f.kind)
			}
		}
		if len(kinds) == 0 {
			continue
		}
		was := n.d.Ticket(number)
		did := deed{by: n.who, at: n.d.at, before: was.clone(), linked: n.linked[number], merged: n.merged[number]}
		if n.agent != "" {
			did.by = n.agent
		}
		did.bystander = kinds[0] == "auto" || kinds[0] == "failed" || kinds[0] == "parent"
		did.undoable = slices.ContainsFunc(kinds, func(k string) bool { return !slices.Contains(words, k) }) && kinds[0] != "opened"
		t.deeds = append(slices.Clone(was.deeds), did)
		t.revision = was.revision + 1
		if kinds[0] != "failed" {
			t.touched = t.revision
		}
		if slices.Contains(kinds, "answered") && t.answeredBy != "" {
			t.answeredAt = t.revision
		}
		*was = *t
	}
	for i := range n.facts {
		if !n.facts[i].quiet {
			out = append(out, n.tell(i)...)
		}
	}
	return out
}

// family tells those who work on the children of a ticket that closes.
func (n *turn) family() {
	for _, f := range slices.Clone(n.facts) {
		if f.kind != "closed" && f.kind != "approved" {
			continue
		}
		for number, how := range n.on(f.number).Links {
			if child := n.on(number); how == "child" && child.State != closed && child.State != merged {
				n.happens(fact{kind: "parent", number: number})
			}
		}
	}
}

// telling gathers who is told of a fact.
type telling struct {
	*turn
	i   int // of the fact
	f   fact
	t   *Ticket
	out []Expect
}

// person tells somebody outside, who is not told of what he himself did.
func (s *telling) person(kind, whom string) {
	own := s.agent == "" && whom == s.who
	if own && (kind == "respuesta" || kind == "estado") || kind == "estado" && whom == s.t.Requester && s.t.Muted {
		return
	}
	s.out = append(s.out, Expect{Kind: kind, To: whom, Number: s.t.Number})
}

// all tells the requester and the observers.
func (s *telling) all(kind string) {
	s.person(kind, s.t.Requester)
	for _, o := range s.t.Observers {
		s.person(kind, o)
	}
}

func (s *telling) colleague(kind, name string) {
	if name != "" && (name != s.agent || s.f.kind == "parent") {
		s.out = append(s.out, Expect{Kind: kind, To: s.d.address(name), Number: s.t.Number})
	}
}

// workers tells the owner, or the agents of the queue where there is none.
func (s *telling) workers(kind string) {
	if s.t.Owner != "" {
		s.colleague(kind, s.t.Owner)
		return
	}
	q, _ := s.d.queue(s.t.Queue)
	for _, name := range q.Agents {
		s.colleague(kind, name)
	}
}

func (s *telling) change() {
	if s.changeTells(s.i) {
		s.all("estado")
	}
}

// tell says who is told of a fact.
func (n *turn) tell(i int) []Expect {
	f := n.facts[i]
	s := &telling{turn: n, i: i, f: f, t: n.d.Ticket(f.number)}
	switch f.kind {
	case "opened":
		if f.new == "acuse" {
			s.person("acuse", s.t.Requester)
		}
		s.workers("ticket-nuevo")
	case "answered":
		s.all("respuesta")
	case "replied":
		if f.new != "" && f.old != waiting {
			s.workers("reabierto")
		} else {
			s.workers("respuesta-solicitante")
		}
		if n.who != s.t.Requester {
			s.person("respuesta", s.t.Requester)
		}
	case "noted":
		s.colleague("nota", s.t.Owner)
	case "assigned":
		s.colleague("asignado", s.t.Owner)
		s.change()
	case "queue":
		s.workers("ticket-nuevo")
		s.change()
	case "reopened":
		s.workers("reabierto")
		s.change()
	case "waiting":
		s.change()
	case "undone":
		if f.old != f.new {
			s.change()
		}
	case "merged":
		s.all("estado")
	case "resolved":
		s.all("resuelto")
	case "closed":
		s.all("cerrado")
	case "approved":
		s.person("gracias", s.t.Requester)
		s.workers("aprobado")
	case "rejected":
		s.person("gracias-rechazo", s.t.Requester)
		s.workers("reabierto")
	case "wait-over":
		s.workers("espera-cumplida")
	case "parent":
		s.workers("padre-cerrado")
	case "failed":
		if f.new != "" {
			s.colleague("entrega-fallida", f.new)
		} else {
			s.workers("entrega-fallida")
		}
	}
	return s.out
}

// changeTells says whether those who take part are told of a change by itself: not where
// a weightier mail says it, nor where a later change of the same mail does, nor of being
// let go.
func (n *turn) changeTells(i int) bool {
	f := n.facts[i]
	for j, o := range n.facts {
		if o.number != f.number {
			continue
		}
		if strings.Contains(" opened answered resolved closed ", " "+o.kind+" ") {
			return false
		}
		if j > i && !o.quiet && strings.Contains(" assigned queue reopened waiting undone ", " "+o.kind+" ") {
			return false
		}
	}
	return f.kind != "assigned" || f.new != ""
}
