package diary

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ventanilla/evidence/month/books"
)

// asks enters an agent's mail that is about no ticket: a list, or a ticket that he opens
// for somebody.
func (d *Diary) asks(name string, l books.Letter) ([]Expect, error) {
	commands, text := parted(l.Text)
	switch {
	case strings.HasPrefix(text, "mis tickets"), strings.HasPrefix(text, "cola "):
		d.Counts[strings.Fields(text)[0]+" list"]++
		return []Expect{{Kind: "lista", To: l.From}}, nil
	case len(commands) == 0 || !strings.HasPrefix(commands[0], "#de"):
		return nil, fmt.Errorf("%s asks for what the diary does not know: %s", name, l.Text)
	}
	_, whom, written := strings.Cut(commands[0], " ")
	if d.Counts["#de"]++; !written {
		d.Counts["forwarded"]++
		whom = regexp.MustCompile(`<([^<>\s]+@[^<>\s]+)>`).FindStringSubmatch(text)[1]
	}
	n := d.turn(name, name)
	t := d.fresh(n, Ticket{Requester: whom, Subject: strings.TrimPrefix(l.Subject, "RV: "), Queue: strings.Split(l.To, "@")[0], Articles: 1})
	n.happens(fact{kind: "opened", number: t.Number, new: "acuse"})
	for _, c := range commands[1:] {
		verb, argument, _ := strings.Cut(c, " ")
		d.Counts[verb]++
		if verb == "#canal" {
			continue
		}
		if wrong := n.order(t.Number, verb, argument); wrong != "" {
			return nil, fmt.Errorf("%s cannot open a ticket with %s", name, c)
		}
	}
	return append(n.done(), Expect{Kind: "transcripcion", To: l.From, Number: t.Number, Says: didIt}), nil
}

var row = regexp.MustCompile(`(?m)^#([0-9]{6}) · `)

// Mine are the numbers of the tickets that an agent has and works on: what is resolved
// waits for its requester.
func (d *Diary) Mine(name string) []string {
	return d.those(func(t *Ticket) bool { return t.Owner == name })
}

func (d *Diary) those(fits func(*Ticket) bool) (numbers []string) {
	for _, t := range d.Tickets {
		if fits(t) && t.State != closed && t.State != merged && t.State != resolved {
			numbers = append(numbers, t.Number)
		}
	}
	return numbers
}

// listed reads a list, and says what is wrong with it.
func (d *Diary) listed(l books.Letter) (pins map[string]int, fault string) {
	pins = map[string]int{}
	var got []string
	for _, m := range row.FindAllStringSubmatch(l.Text, -1) {
		if t := d.Ticket(m[1]); t != nil {
			pins[m[1]] = t.touched
		}
		got = append(got, m[1])
	}
	want := d.Mine(d.agent(l.To))
	if name, ok := strings.CutPrefix(strings.ToLower(l.Subject), "cola "); ok {
		want = d.those(func(t *Ticket) bool { return t.Queue == strings.Fields(name)[0] })
	}
	slices.Sort(got)
	if len(want) <= 50 && !slices.Equal(got, want) {
		fault = fmt.Sprintf("%q for %s lists %v, not %v", l.Subject, l.To, got, want)
		for _, number := range slices.Concat(got, want) {
			if slices.Contains(got, number) != slices.Contains(want, number) {
				fault = "#" + number + ": " + fault
			}
		}
	}
	return pins, fault
}

// bulk enters an agent's answer to a list: a line for an order, on one ticket or several.
// What changed since the list was made stays as it is.
func (d *Diary) bulk(name string, l books.Letter, pins map[string]int) ([]Expect, error) {
	n := d.turn(name, name)
	stale := 0
	for _, line := range strings.Split(strings.TrimSpace(l.Text), "\n") {
		numbers, verb, argument := bulkLine(line)
		d.Counts["bulk "+verb]++
		for _, number := range numbers {
			pin, known := pins[number]
			if !known {
				return []Expect{{Kind: "transcripcion", To: l.From, Says: "Ese número no está en la lista"}}, nil
			}
			if d.Ticket(number).touched > pin {
				stale++
				d.Counts["stale"]++
				continue
			}
			before := len(n.facts)
			if wrong := n.order(number, "#"+verb, argument); wrong != "" {
				n.facts = n.facts[:before]
				stale++
				continue
			}
		}
	}
	out := n.done()
	out = append(out, Expect{Kind: "transcripcion", To: l.From, Says: didIt})
	if stale > 0 {
		out = append(out[:len(out)-1], Expect{Kind: "transcripcion", To: l.From, Says: "Esto no se hizo:"})
	}
	return out, nil
}

// bulkLine reads «cerrar 12 15» and «20: asignar luis».
func bulkLine(line string) (numbers []string, verb, argument string) {
	six := func(w string) string { return strings.Repeat("0", max(0, 6-len(w))) + w }
	if number, rest, ok := strings.Cut(line, ": "); ok {
		verb, argument, _ = strings.Cut(rest, " ")
		return []string{six(number)}, verb, argument
	}
	words := strings.Fields(line)
	for _, w := range words[1:] {
		numbers = append(numbers, six(w))
	}
	return numbers, words[0], ""
}

// says enters what a requester or an observer writes about a ticket.
func (d *Diary) says(t *Ticket, l books.Letter) []Expect {
	said := strings.TrimSpace(l.Text)
	n := d.turn("", l.From)
	k := n.on(t.Number)
	is := func(phrase string) bool {
		yes := said == phrase
		if yes {
			d.Counts[phrase]++
		}
		return yes
	}
	mine := l.From == t.Requester
	replied := func(state string) {
		k.Articles++
		k.answeredBy = ""
		f := fact{kind: "replied", number: k.Number}
		if state != "" && k.State != untouched && k.State != open {
			f.old, f.new = k.State, state
			move(k, state)
		}
		n.happens(f)
	}
	reject := strings.HasPrefix(said, "rechazar ") || said == "sigue fallando"
	switch {
	case is("estado"):
		word := map[string]string{untouched: "nuevo", open: "en curso", waiting: "Estado: ", resolved: "resuelto", closed: "cerrado"}[t.State]
		return []Expect{{Kind: "estado", To: l.From, Number: t.Number, Says: word}}
	case is("no me avisen"):
		if mine {
			return muted(n, k)
		}
		k.Observers = slices.DeleteFunc(k.Observers, func(o string) bool { return o == l.From })
		n.happens(fact{kind: "left", number: k.Number})
	case mine && is("cerrar") && t.State != closed:
		replied("")
		shut(n, k, "")
	case said == "cerrar" && t.State == closed, is("gracias"):
		replied("")
	case mine && t.State == resolved && is("aprobar"):
		k.Articles++
		move(k, closed)
		k.Decision = "approved"
		n.happens(fact{kind: "approved", number: k.Number})
	case mine && t.State == resolved && reject:
		d.Counts[strings.Fields(said)[0]]++
		k.Articles++
		move(k, open)
		k.Decision, k.answeredBy = "rejected", ""
		n.happens(fact{kind: "rejected", number: k.Number})
	case said == "aprobar" && (t.State == closed || t.State == resolved): // again, or by one who does not decide
		replied("")
	default:
		d.Counts["reply"]++
		replied(open)
	}
	return n.done()
}

// muted notes that a requester wants to hear of answers and the end only.
func muted(n *turn, t *Ticket) []Expect {
	set(n, t, &t.Muted, true)
	return n.done()
}
