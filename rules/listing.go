package rules

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"ventanilla/desk"
	"ventanilla/mail"
)

// unknownMost is how many lines that are no commands end an answer to a list.
const unknownMost = 5

// stopWords end the lines of an answer to a list.
var stopWords = []string{"fin", "salir", "gracias", "muchas gracias", "--", "end", "exit", "quit", "thanks", "fim", "sair", "obrigado", "obrigada"}

// listed lines are what an answer to a list, or a mail to the desk's control address,
// asks for.
type bulk struct {
	cmds     []desk.Command
	done     []Done
	problems []Problem // any of them: nothing is done
	refused  []Problem // of single tickets, which stay as they are
}

// byListing decides on an agent's answer to a list: each line names tickets of the
// list and says what to do with them. All lines are understood, or nothing happens. A
// ticket that has changed since, or does not allow what is asked, is left alone, and
// its agent told how it is now.
func (d *decider) byListing(a desk.Agent) bool {
	class := d.Message.Class
	if d.Listing == nil && !d.ListingGone && !d.control() || len(d.Thread) > 0 && !d.ThisOne || class == mail.ClassMachine {
		return false
	}
	verdict := d.agentVerdict(false)
	if verdict == Never {
		return false
	}
	b := bulk{problems: []Problem{{Line: firstLine(d.Message.Reply), Reason: "listing-gone"}}}
	switch {
	case a.Reader:
		b.problems[0].Reason = "not-allowed"
	case !d.ListingGone:
		b = d.readBulk(a)
	}
	if len(b.problems) > 0 {
		d.settle(ToCommand, "una orden está mal: no se hizo nada")
		d.Activities = nil
		d.wrong(a, desk.Ticket{}, b.problems)
		return true
	}
	if verdict == Confirm && len(b.cmds) > 0 {
		on := slices.IndexFunc(b.cmds, func(c desk.Command) bool { return c.Ticket != 0 })
		if on < 0 { // work on no ticket: nothing could hold it
			d.settle(ToCommand, "no se comprueba que sea el agente "+a.Name)
			d.wrong(a, desk.Ticket{}, []Problem{{Line: firstLine(d.Message.Reply), Reason: "agent-not-proved"}})
			return true
		}
		d.askAgent(a, d.Tickets[b.cmds[on].Ticket], "agent-not-proved")
		return true
	}
	d.Commands, d.Body = d.activities(b.cmds, a), ""
	d.settle(ToCommand, "órdenes del agente "+a.Name+" a una lista")
	d.transcript(a, desk.Ticket{}, nil, b.done)
	d.Letters[len(d.Letters)-1].Refused = b.refused
	return true
}

// control says whether the mail went to the address that takes orders on any tickets.
func (d *decider) control() bool {
	return slices.ContainsFunc(d.Addressed, func(a Addressed) bool { return a.Control })
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// readBulk reads the lines of such a mail.
func (d *decider) readBulk(a desk.Agent) (b bulk) {
	unknown := 0
	for _, raw := range strings.Split(d.Message.Reply, "\n") {
		raw = strings.TrimSpace(unseen.Replace(raw))
		if raw == "" || len(b.done)+len(b.problems) == 0 && mail.Greeting(raw) {
			continue
		}
		if slices.Contains(stopWords, strings.Trim(mail.Fold(raw), ".! ")) || unknown == unknownMost {
			break
		}
		made, refused, p := d.listedLine(raw, a)
		if p.Reason == "unknown-verb" {
			unknown++
		}
		if p.Reason != "" {
			p.Line = raw
			b.problems = append(b.problems, p)
			continue
		}
		b.cmds, b.refused = append(b.cmds, made...), append(b.refused, refused...)
		if len(made) > 0 || len(refused) == 0 {
			b.done = append(b.done, Done{strings.TrimLeft(raw, "•*·–—- "), slices.Clone(made)})
		}
	}
	if len(b.problems)+len(b.done)+len(b.refused) == 0 {
		b.problems = []Problem{{Reason: "unknown-verb"}}
	}
	return b
}

// bulkLine is a line of such a mail, read: «cerrar 12 15» or «20: asignar luis».
type bulkLine struct {
	numbers        []string
	verb, argument string
}

func readBulkLine(raw string) (l bulkLine, p Problem) {
	apart := func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' }
	words := strings.FieldsFunc(strings.TrimLeft(raw, "#!•*·–—- "), apart)
	for len(words) > 0 && listedNumber(words[0]) != "" {
		l.numbers, words = append(l.numbers, listedNumber(words[0])), words[1:]
		for len(words) > 0 && strings.Trim(words[0], ":-–—") == "" { // «20 : asignar»
			words = words[1:]
		}
	}
	if len(words) == 0 {
		return l, Problem{Reason: "unknown-verb"}
	}
	l.verb = strings.TrimRight(mail.Fold(strings.TrimLeft(words[0], "#!:")), ":.")
	l.argument = strings.Join(words[1:], " ")
	if len(l.numbers) == 0 {
		for _, w := range words[1:] {
			if n := listedNumber(w); n != "" {
				l.numbers = append(l.numbers, n)
			}
		}
		if len(l.numbers) != len(words)-1 {
			p = Problem{Reason: "number-first"}
		}
		l.argument = ""
	}
	switch v, ok := findVerb(l.verb); {
	case !ok:
		p = Problem{Reason: "unknown-verb", Near: nearest(l.verb, Verbs())}
	case v.order == 1 || v.order == 3 || slices.Contains(singly, v.name):
		p = Problem{Reason: "one-by-one"}
	case p.Reason == "" && len(l.numbers) == 0:
		p = Problem{Reason: "number-first"}
	}
	return l, p
}

// singly are the verbs that are good only in a mail on the ticket itself.
var singly = []string{"anular", "separar", "unir", "deshacer", "plantilla", "exportar", "conocimiento", "vincular", "ayuda", "sin-aviso", "porque", "ver"}

// listedLine reads one line and plans what it asks of each ticket.
func (d *decider) listedLine(raw string, a desk.Agent) (cmds []desk.Command, refused []Problem, p Problem) {
	l, p := readBulkLine(raw)
	if v, _ := findVerb(l.verb); v.name == "actividad" && len(l.numbers) == 0 {
		_, l.argument, _ = strings.Cut(strings.TrimLeft(raw, "#!•*·–—- "), " ")
		planned, problems := plan([]line{{raw: raw, word: l.verb, argument: strings.TrimSpace(l.argument)}}, d.Case, desk.Ticket{}, a)
		if len(problems) > 0 {
			return nil, nil, problems[0]
		}
		return planned.cmds, nil, Problem{}
	}
	if p.Reason != "" {
		return nil, nil, p
	}
	for _, n := range l.numbers {
		made, p := d.onListed(n, line{raw: raw, word: l.verb, argument: l.argument}, a)
		switch {
		case p.Ticket != 0:
			p.Line = raw
			refused = append(refused, p)
		case p.Reason != "":
			return nil, nil, p
		}
		cmds = append(cmds, made...)
	}
	return cmds, refused, Problem{}
}

// onListed plans one line for one ticket. A problem that names the ticket is that
// ticket's alone.
func (d *decider) onListed(number string, l line, a desk.Agent) ([]desk.Command, Problem) {
	t, ok := d.listedTicket(number)
	switch {
	case !ok && d.Listing == nil:
		return nil, Problem{Reason: "unknown-ticket"}
	case !ok:
		return nil, Problem{Reason: "not-listed"}
	}
	if d.Listing != nil && t.Touched > d.pinned(t.ID) {
		return nil, Problem{Reason: "stale-listed", Ticket: t.ID}
	}
	planned, problems := plan([]line{l}, d.Case, t, a)
	cmds := planned.cmds
	problems = append(problems, d.checkHeld(cmds, planned.done)...)
	if len(problems) > 0 {
		return nil, problems[0]
	}
	for i := range cmds {
		if cmds[i].Kind == desk.CmdResolve && !d.approval(t) {
			cmds[i].Kind = desk.CmdClose
		}
	}
	var refusal *desk.Refusal
	if _, _, err := desk.Apply(d.Tickets, d.Now, cmds...); errors.As(err, &refusal) {
		return nil, Problem{Reason: refusal.Reason, Ticket: t.ID}
	}
	return cmds, Problem{}
}

// pinned returns the revision at which a ticket was listed. That these orders were
// held on it and confirmed since is no change.
func (d *decider) pinned(id desk.TicketID) int {
	if d.ThisOne && len(d.Thread) > 0 && d.Thread[0].Ticket == id {
		return d.Listing[id] + 2
	}
	return d.Listing[id]
}

// listedTicket returns the ticket of the list, or for the control address of the desk,
// with a number, with or without the zeros before it.
func (d *decider) listedTicket(number string) (desk.Ticket, bool) {
	if d.Listing == nil {
		t, ok := d.Tickets[d.Numbers[number]]
		return t, ok
	}
	for _, id := range slices.Sorted(maps.Keys(d.Listing)) {
		if t := d.Tickets[id]; t.Number == number || strings.TrimLeft(t.Number, "0") == strings.TrimLeft(number, "0") {
			return t, true
		}
	}
	return desk.Ticket{}, false
}

// listedNumber reads a word as the number of a ticket, "" if it is none.
func listedNumber(word string) string {
	n := strings.Trim(word, "#[]():.")
	if _, err := strconv.ParseUint(n, 10, 64); err != nil {
		return ""
	}
	return n
}

// BulkNumbers returns the numbers of tickets that the lines of an answer to the control
// address name, at most limit.
func BulkNumbers(text string, limit int) (numbers []string) {
	for _, raw := range strings.Split(text, "\n") {
		l, _ := readBulkLine(strings.TrimSpace(unseen.Replace(raw)))
		for _, n := range l.numbers {
			if !slices.Contains(numbers, n) && len(numbers) < limit {
				numbers = append(numbers, n)
			}
		}
	}
	return numbers
}
