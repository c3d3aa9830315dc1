package rules

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"ventanilla/desk"
	"ventanilla/mail"
)

// List is a list of tickets that an agent asks for: those which are not ended and
// fit all that is said.
type List struct {
	Agent, Queue string   // whose; both "" for all
	Nobodys      bool     // only what nobody has taken
	Words        []string // in the subject, folded
	Client, Tag  string
	Waiting      desk.Waiting
	Priority     int
	Overdue      bool
	Before       string // number of the ticket before which it goes on
	Asked        string // as it was asked for, without Before
}

// Fits says whether a ticket is in the list, as far as it is by what the ticket says
// itself; light is how its terms stand.
func (l List) Fits(t desk.Ticket, light desk.Light) bool {
	switch {
	case l.Nobodys && t.Assignee != "",
		l.Client != "" && t.Client != l.Client,
		l.Tag != "" && !slices.Contains(t.Tags, l.Tag),
		l.Waiting != "" && t.Waiting != l.Waiting,
		l.Priority != 0 && t.Priority != l.Priority,
		l.Overdue && light != desk.Red:
		return false
	}
	subject := mail.Fold(t.Subject)
	return !slices.ContainsFunc(l.Words, func(w string) bool { return !strings.Contains(subject, w) })
}

// beginnings of a text that asks for a list.
var (
	mineLists   = []string{"mis tickets", "mis casos", "my tickets", "meus chamados"}
	queueLists  = []string{"cola ", "queue ", "fila "}
	searchLists = []string{"buscar ", "search ", "procurar "}
)

// readList reads a line as a list that is asked for: «mis tickets», «cola redes
// vencidos», «buscar impresora cliente:acme esperando:proveedor». It is false for
// what merely begins like one.
func readList(text string, w *desk.World, a desk.Agent) (l List, ok bool) {
	folded := mail.Fold(strings.TrimSpace(strings.ReplaceAll(text, "\u00a0", " ")))
	rest, search := "", false
	switch {
	case begins(folded, mineLists, &rest):
		l.Agent = a.Name
	case begins(folded, queueLists, &rest):
		words := strings.Fields(rest)
		for n := len(words); n > 0 && l.Queue == ""; n-- {
			if q, is := findQueue(w, strings.Join(words[:n], " ")); is {
				l.Queue, rest = q.Name, strings.Join(words[n:], " ")
			}
		}
		if l.Queue == "" {
			return l, false
		}
	case begins(folded, searchLists, &rest):
		search = true
	default:
		return l, false
	}
	for _, word := range strings.Fields(rest) {
		key, value, named := strings.Cut(word, ":")
		if named && l.filter(w, key, value) {
			continue
		}
		switch {
		case slices.Contains([]string{"vencido", "vencidos", "vencida", "vencidas", "overdue"}, word):
			l.Overdue = true
		case search && len(l.Words) < 10:
			l.Words = append(l.Words, word)
		default:
			return l, false
		}
	}
	l.Asked = strings.TrimSpace(text)
	if i := strings.Index(strings.ToLower(l.Asked), " antes:"); i > 0 {
		l.Asked = l.Asked[:i]
	}
	return l, !search || rest != ""
}

func begins(text string, with []string, rest *string) bool {
	for _, w := range with {
		if after, ok := strings.CutPrefix(text+" ", strings.TrimSpace(w)+" "); ok {
			*rest = strings.TrimSpace(after)
			return true
		}
	}
	return false
}

// filter reads one «name:value», and reports whether there is such a filter.
func (l *List) filter(w *desk.World, key, value string) bool {
	switch key {
	case "cliente", "client":
		name, p := pick(value, "x", listOf(w.Clients, func(c desk.Client) listed { return listed{c.Name, c.Title} }))
		l.Client = name
		return p.Reason == ""
	case "esperando", "espera", "waiting", "aguardando":
		name, p := pick(value, "x", waiters)
		l.Waiting = desk.Waiting(name)
		return p.Reason == ""
	case "prioridad", "priority", "prioridade":
		l.Priority = Priority(value)
		return l.Priority > 0
	case "etiqueta", "tag":
		l.Tag = value
		return value != ""
	case "cola", "queue", "fila":
		q, ok := findQueue(w, value)
		l.Queue = q.Name
		return ok
	case "antes", "before":
		l.Before = strings.TrimPrefix(value, "#")
		return value != ""
	}
	return false
}

// lists hears an agent ask for a list: in the first line, when it is the only one, or
// in the subject of a mail without text.
func (d *decider) lists(a desk.Agent) bool {
	m := d.Message
	if m.Class != mail.ClassHuman || len(m.Parts) > 0 {
		return false
	}
	text := strings.TrimSpace(m.Reply)
	if text == "" && len(d.Thread) == 0 {
		text = mail.StripPrefixes(mail.StripTags(m.Subject))
	}
	l, ok := readList(text, d.World, a)
	if !ok || strings.Contains(text, "\n") || d.Policy.Verdict(ActAgentList, d.Decision.Trust) != Yes {
		return false
	}
	d.Letters = append(d.Letters, Letter{Template: "lista", To: a.Address, Name: a.Title, List: &l})
	d.settle(ToCommand, "lista para el agente "+a.Name)
	return true
}

// unknownMost is how many lines that are no commands end an answer to a list.
const unknownMost = 5

// byListing decides on an agent's answer to a list: each line names tickets of the
// list and says what to do with them. All lines are good, or nothing happens.
func (d *decider) byListing(a desk.Agent) bool {
	if d.Listing == nil || a.Reader || len(d.Thread) > 0 || d.agentVerdict(false) != Yes {
		return false
	}
	var cmds []desk.Command
	var problems []Problem
	var done []line
	unknown := 0
	for _, raw := range strings.Split(d.Message.Reply, "\n") {
		raw = strings.TrimSpace(strings.ReplaceAll(raw, "\u00a0", " "))
		if raw == "" || len(done) == 0 && unknown == 0 && mail.Greeting(raw) {
			continue
		}
		if slices.Contains([]string{"fin", "salir", "gracias", "--"}, strings.Trim(mail.Fold(raw), ".! ")) || unknown == unknownMost {
			break
		}
		made, p := d.listedLine(raw, a)
		if p.Reason == "unknown-verb" {
			unknown++
		}
		if p.Reason != "" {
			p.Line = raw
			problems = append(problems, p)
			continue
		}
		cmds, done = append(cmds, made...), append(done, line{raw: raw})
	}
	if len(problems) > 0 || len(done) == 0 {
		d.settle(ToCommand, "una orden está mal: no se hizo nada")
		if len(problems) == 0 {
			problems = []Problem{{Line: "", Reason: "unknown-verb"}}
		}
		d.transcript(a, desk.Ticket{}, nil, problems)
		return true
	}
	d.Commands, d.Body = cmds, ""
	d.settle(ToCommand, "órdenes del agente "+a.Name+" a una lista")
	d.transcript(a, desk.Ticket{}, done, nil)
	return true
}

// listedLine reads one line of an answer to a list: «cerrar 12 15» or «20: asignar
// luis».
func (d *decider) listedLine(raw string, a desk.Agent) (cmds []desk.Command, p Problem) {
	words := strings.FieldsFunc(strings.TrimLeft(raw, "#!•*- "), func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' })
	var numbers []string
	for len(words) > 0 && listedNumber(words[0]) != "" {
		numbers, words = append(numbers, listedNumber(words[0])), words[1:]
	}
	if len(words) == 0 {
		return nil, Problem{Reason: "unknown-verb"}
	}
	verb := strings.TrimRight(mail.Fold(strings.TrimLeft(words[0], "#!:")), ":.")
	argument := strings.Join(words[1:], " ")
	if len(numbers) == 0 {
		for _, w := range words[1:] {
			if n := listedNumber(w); n != "" {
				numbers = append(numbers, n)
			}
		}
		if len(numbers) != len(words)-1 {
			return nil, Problem{Reason: "not-listed"}
		}
		argument = ""
	}
	if v, ok := findVerb(verb); !ok {
		return nil, Problem{Reason: "unknown-verb", Near: nearest(verb, Verbs())}
	} else if v.order == 1 || v.order == 3 || slices.Contains([]string{"anular", "separar", "unir", "deshacer", "plantilla", "vincular"}, v.name) {
		return nil, Problem{Reason: "one-by-one"}
	}
	if len(numbers) == 0 {
		return nil, Problem{Reason: "not-listed"}
	}
	for _, n := range numbers {
		made, p := d.onListed(n, line{raw: raw, word: verb, argument: argument}, a)
		if p.Reason != "" {
			return nil, p
		}
		cmds = append(cmds, made...)
	}
	return cmds, Problem{}
}

// onListed plans one line for one ticket of the list.
func (d *decider) onListed(number string, l line, a desk.Agent) ([]desk.Command, Problem) {
	for _, id := range slices.Sorted(maps.Keys(d.Listing)) {
		t := d.Tickets[id]
		if t.Number != number && strings.TrimLeft(t.Number, "0") != strings.TrimLeft(number, "0") {
			continue
		}
		if t.Revision != d.Listing[id] {
			return nil, Problem{Reason: "stale-listed", Near: ""}
		}
		cmds, _, problems := plan([]line{l}, d.Case, t, a)
		if len(problems) > 0 {
			return nil, problems[0]
		}
		for i := range cmds {
			if cmds[i].Kind == desk.CmdResolve && !d.approval(t) {
				cmds[i].Kind = desk.CmdClose
			}
		}
		return cmds, Problem{}
	}
	return nil, Problem{Reason: "not-listed"}
}

// listedNumber reads a word as the number of a ticket, "" if it is none.
func listedNumber(word string) string {
	n := strings.Trim(word, "#[]():.")
	if _, err := strconv.ParseUint(n, 10, 64); err != nil {
		return ""
	}
	return n
}
