package diary

import (
	"slices"
	"strings"
	"time"

	"ventanilla/evidence/month/books"
)

const (
	didIt   = "Se hizo lo que pidió"
	didNot  = "No se hizo ningún cambio"
	undoFor = 30 * time.Minute
)

// works enters what an agent writes about a ticket: commands at the top, and below them
// words to the requester.
func (d *Diary) works(name string, t *Ticket, l books.Letter, answers ours) ([]Expect, error) {
	answer := func(says string) []Expect {
		return []Expect{{Kind: "transcripcion", To: l.From, Number: t.Number, Says: says}}
	}
	commands, text := parted(l.Text)
	n := d.turn(name, name)
	end, note, wrong := "", false, ""
	var early, late [][2]string // before and after the answer
	for _, c := range commands {
		verb, argument, _ := strings.Cut(c, " ")
		d.Counts[verb]++
		switch verb {
		case "#nota":
			note = true
		case "#plantilla":
			text = argument + text
		case "#resolver", "#cerrar":
			end = verb
			late = append(late, [2]string{verb, argument})
		case "#espera", "#reabrir", "#unir", "#deshacer":
			late = append(late, [2]string{verb, argument})
		default:
			early = append(early, [2]string{verb, argument})
		}
	}
	saw := answers.revision
	if answers.number != t.Number {
		saw = 0
	}
	speaks := text != "" && !note
	for _, c := range early { // what cannot be read at all
		if near, typo := typos[c[0]]; typo {
			return answer(near), nil
		}
	}
	if speaks && t.answeredBy != "" && t.answeredBy != name && saw < t.answeredAt {
		return append(d.held(t, l.From), answer("Otro agente le respondió al solicitante")...), nil
	}
	for _, c := range early {
		if wrong = n.order(t.Number, c[0], c[1]); wrong != "" {
			return answer(wrong), nil
		}
	}
	if text != "" {
		if wrong = n.words(t.Number, note, end != ""); wrong != "" {
			return answer(wrong), nil
		}
	}
	for _, c := range late {
		if wrong = n.order(t.Number, c[0], c[1]); wrong != "" {
			return answer(wrong), nil
		}
	}
	out := n.done()
	if len(commands) > 0 {
		out = append(out, answer(didIt)...)
	}
	return out, nil
}

// held keeps back an answer whose agent has not seen a colleague's.
func (d *Diary) held(t *Ticket, from string) []Expect {
	d.Counts["meanwhile"]++
	n := d.turn("", from)
	k := n.on(t.Number)
	k.Held, k.Articles = k.Held+1, k.Articles+1
	n.happens(fact{kind: "held", number: t.Number, quiet: true})
	return n.done()
}

// parted returns the lines at the top that are commands, and the text below them.
func parted(text string) (commands []string, rest string) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for len(lines) > 0 && strings.HasPrefix(lines[0], "#") {
		commands, lines = append(commands, lines[0]), lines[1:]
	}
	return commands, strings.TrimSpace(strings.Join(lines, "\n"))
}

// typos are verbs that nobody knows, and what is meant by each.
var typos = map[string]string{"#tomra": "tomar", "#cerar": "cerrar", "#asginar": "asignar", "#prioirdad": "prioridad"}

// words enters an agent's text: a note, or an answer to those who take part.
func (n *turn) words(number string, note, ends bool) (wrong string) {
	t := n.on(number)
	if note {
		t.Articles++
		n.happens(fact{kind: "noted", number: number})
		return ""
	}
	if n.locked(t) {
		return didNot
	}
	t.Articles++
	if t.Owner == "" && t.State != closed {
		t.Owner = n.agent
		n.happens(fact{kind: "assigned", number: number, new: n.agent, quiet: true})
	}
	if t.State == untouched || t.State == waiting {
		move(t, open)
	}
	t.answeredBy = n.agent
	n.happens(fact{kind: "answered", number: number, quiet: ends})
	return ""
}

func (n *turn) locked(t *Ticket) bool { return t.LockedBy != "" && t.LockedBy != n.agent }

// despite are the orders that a lock of another agent's does not stop.
var despite = []string{"#ver", "#nota", "#desbloquear", "#tiempo", "#vincular"}

// order carries out one order on a ticket, or says what its transcript says instead.
func (n *turn) order(number, verb, argument string) (wrong string) {
	t := n.on(number)
	if n.locked(t) && !slices.Contains(despite, verb) && (verb != "#observador" || strings.HasPrefix(argument, "-")) {
		return didNot
	}
	if f, ok := orders[verb]; ok {
		return f(n, t, argument)
	}
	return "the diary knows no " + verb
}

var orders map[string]func(n *turn, t *Ticket, argument string) string

func init() {
	orders = map[string]func(n *turn, t *Ticket, argument string) string{
		"#tomar":   func(n *turn, t *Ticket, _ string) string { return n.assign(t, n.agent) },
		"#asignar": assign,
		"#soltar":  func(n *turn, t *Ticket, _ string) string { return n.assign(t, "") },
		"#cola":    queue, "#prioridad": priority, "#tipo": kind, "#asunto": subject, "#campo": field, "#etiqueta": tags,
		"#tiempo": minutes, "#bloquear": lock, "#desbloquear": unlock, "#observador": observer, "#vincular": link,
		"#separar": split, "#espera": wait, "#resolver": resolve, "#cerrar": shut, "#reabrir": reopen, "#unir": merge, "#deshacer": undo,
		"#ver": func(*turn, *Ticket, string) string { return "" },
	}
}
