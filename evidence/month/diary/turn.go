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

// tell says who is told of a fact.
func (n *turn) tell(i int) (out []Expect) {
	f := n.facts[i]
	t := n.d.Ticket(f.number)
	person := func(kind, whom string) {
		own := n.agent == "" && whom == n.who
		if own && (kind == "respuesta" || kind == "estado") || kind == "estado" && whom == t.Requester && t.Muted {
			return
		}
		out = append(out, Expect{Kind: kind, To: whom, Number: t.Number})
	}
	all := func(kind string) {
		person(kind, t.Requester)
		for _, o := range t.Observers {
			person(kind, o)
		}
	}
	agent := func(kind, name string) {
		if name != "" && (name != n.agent || f.kind == "parent") {
			out = append(out, Expect{Kind: kind, To: n.d.address(name), Number: t.Number})
		}
	}
	workers := func(kind string) {
		if t.Owner != "" {
			agent(kind, t.Owner)
			return
		}
		q, _ := n.d.queue(t.Queue)
		for _, name := range q.Agents {
			agent(kind, name)
		}
	}
	change := func() {
		if n.changeTells(i) {
			all("estado")
		}
	}
	switch f.kind {
	case "opened":
		if f.new == "acuse" {
			person("acuse", t.Requester)
		}
		workers("ticket-nuevo")
	case "answered":
		all("respuesta")
	case "replied":
		if f.new != "" && f.old != waiting {
			workers("reabierto")
		} else {
			workers("respuesta-solicitante")
		}
		if n.who != t.Requester {
			person("respuesta", t.Requester)
		}
	case "noted":
		agent("nota", t.Owner)
	case "assigned":
		agent("asignado", t.Owner)
		change()
	case "queue":
		workers("ticket-nuevo")
		change()
	case "reopened":
		workers("reabierto")
		change()
	case "waiting":
		change()
	case "undone":
		if f.old != f.new {
			change()
		}
	case "merged":
		all("estado")
	case "resolved":
		all("resuelto")
	case "closed":
		all("cerrado")
	case "approved":
		person("gracias", t.Requester)
		workers("aprobado")
	case "rejected":
		person("gracias-rechazo", t.Requester)
		workers("reabierto")
	case "wait-over":
		workers("espera-cumplida")
	case "parent":
		workers("padre-cerrado")
	case "failed":
		if f.new != "" {
			agent("entrega-fallida", f.new)
		} else {
			workers("entrega-fallida")
		}
	}
	return out
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
