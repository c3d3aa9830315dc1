package rules

import (
	"slices"
	"strings"
	"unicode"

	"ventanilla/desk"
	"ventanilla/mail"
)

// List is a list of tickets that an agent asks for: those that fit all that is said.
type List struct {
	Search          bool   // it was asked for by «buscar»
	Agent, Queue    string // whose; both "" for all
	Nobodys         bool   // only what nobody has taken
	Number          string // a number alone: of the ticket, or else of the provider or in the subject
	Words           []string
	Client, Service string
	Responsible     string // the agent who answers for it
	External        string // the provider's number
	Requester       string // an address
	Tag             string
	Waiting         desk.Waiting
	Priority        int
	Overdue         bool
	Fields          [][2]string  // of the desk's own: name and value
	States          []desk.State // nil: see [List.In]
	Before          string       // number of the ticket before which it goes on
	Asked           string       // as it was asked for, without Before
}

// The states of the tickets that are worked on, those that are not ended, and those
// that are.
var (
	worked   = []desk.State{desk.New, desk.Open, desk.Pending}
	unended  = []desk.State{desk.New, desk.Open, desk.Pending, desk.Resolved}
	allEnded = []desk.State{desk.Closed, desk.Merged, desk.Cancelled}
)

// In returns the states of the tickets on the list. Where nothing is said a search
// looks at all that is not ended, and other lists at what is worked on.
func (l List) In() []desk.State {
	switch {
	case l.States != nil:
		return l.States
	case l.Search:
		return unended
	}
	return worked
}

// Fits says whether a ticket whose terms stand as light says is on the list, as far
// as no index tells.
func (l List) Fits(light desk.Light) bool { return !l.Overdue || light == desk.Red }

// beginnings of a text that asks for a list.
var (
	mineLists   = []string{"mis tickets", "mis casos", "my tickets", "meus chamados"}
	queueLists  = []string{"cola", "queue", "fila"}
	searchLists = []string{"buscar", "search", "procurar"}
	moreLists   = []string{"mas", "more", "mais", "ver mas", "siguiente"}
)

// readList reads a line as a list that is asked for: «mis tickets», «cola redes
// vencidos», «buscar impresora cliente:acme esperando:proveedor». It is false for
// what merely begins like one; what is wrong with a list is the problem.
func readList(text string, w *desk.World, a desk.Agent) (l List, p Problem, ok bool) {
	text = strings.TrimSpace(unseen.Replace(text))
	rest := ""
	switch folded := mail.Fold(text); {
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
			return l, p, false
		}
	case begins(folded, searchLists, &rest):
		l.Search = true
	default:
		return l, p, false
	}
	for _, word := range listWords(rest) {
		known, problem := l.word(w, word)
		if problem.Reason != "" {
			problem.Line = text
			return l, problem, true
		}
		if !known && !l.Search {
			return l, p, false
		}
		if !known && len(l.Words) < 10 {
			l.Words = append(l.Words, word)
		}
	}
	if len(l.Words) == 1 && ticketNumber(l.Words[0]) != "" {
		l.Number = ticketNumber(l.Words[0])
	}
	l.Asked = text
	if i := strings.Index(strings.ToLower(l.Asked), " antes:"); i > 0 {
		l.Asked = l.Asked[:i]
	}
	return l, p, !l.Search || rest != ""
}

func begins(text string, with []string, rest *string) bool {
	for _, w := range with {
		if after, ok := strings.CutPrefix(text+" ", w+" "); ok {
			*rest = strings.TrimSpace(after)
			return true
		}
	}
	return false
}

// listWords splits what is said of a list at its spaces, but not within quotation
// marks nor behind the colon of a filter: «servicio:"correo y agenda"», «cliente: acme».
func listWords(text string) (words []string) {
	quoted := false
	word := ""
	end := func() {
		if word != "" && !strings.HasSuffix(word, ":") {
			words, word = append(words, word), ""
		}
	}
	for _, r := range text {
		switch {
		case strings.ContainsRune("\"“”„«»", r):
			quoted = !quoted
		case unicode.IsSpace(r) && !quoted:
			end()
		default:
			word += string(r)
		}
	}
	if word = strings.TrimSuffix(word, ":"); word != "" {
		words = append(words, word)
	}
	return words
}

// overdueWords ask for what has a term that expired.
var overdueWords = []string{"vencido", "vencidos", "vencida", "vencidas", "overdue", "expired", "atrasado", "atrasados"}

// word reads one word of a list, and reports whether it says anything but what the
// subject has to hold.
func (l *List) word(w *desk.World, word string) (known bool, p Problem) {
	if slices.Contains(overdueWords, word) {
		l.Overdue = true
		return true, p
	}
	key, value, named := strings.Cut(word, ":")
	if !named || strings.HasPrefix(value, "//") || strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '_' }) {
		return false, p
	}
	if f, ok := findFilter(key); ok {
		return true, f.read(l, w, value)
	}
	for _, f := range w.Fields {
		if key == mail.Fold(f.Name) || key == mail.Fold(f.Title) {
			l.Fields = append(l.Fields, [2]string{f.Name, value})
			return true, p
		}
	}
	if near := nearest(key, filterNames(w)); near != "" || !l.Search {
		return l.Search, Problem{Reason: "unknown-filter", Near: near}
	}
	return false, p
}

// filter is one «name:value» that a list can have.
type filter struct {
	names []string // folded; the first three are told in Spanish, English and Portuguese
	read  func(*List, *desk.World, string) Problem
}

var filters = []filter{
	{[]string{"numero", "number", "numero", "ticket"}, func(l *List, _ *desk.World, v string) Problem {
		l.Number = ticketNumber(v)
		return unlessSaid(l.Number)
	}},
	{[]string{"externo", "external", "fornecedor", "proveedor", "provider"}, func(l *List, _ *desk.World, v string) Problem {
		l.External = v
		return unlessSaid(v)
	}},
	{[]string{"cliente", "client", "cliente", "empresa"}, func(l *List, w *desk.World, v string) (p Problem) {
		l.Client, p = pick(v, "unknown-client", listOf(w.Clients, func(c desk.Client) listed { return listed{c.Name, c.Title} }))
		return p
	}},
	{[]string{"responsable", "accountable", "responsavel"}, func(l *List, w *desk.World, v string) (p Problem) {
		l.Responsible, p = pickAgent(w, v)
		return p
	}},
	{[]string{"asignado", "assigned", "atribuido", "agente"}, func(l *List, w *desk.World, v string) (p Problem) {
		if l.Nobodys = slices.Contains([]string{"nadie", "nobody", "ninguem", "sin"}, v); !l.Nobodys {
			l.Agent, p = pickAgent(w, v)
		}
		return p
	}},
	{[]string{"servicio", "service", "servico", "producto", "product", "produto"}, func(l *List, w *desk.World, v string) (p Problem) {
		l.Service, p = pick(v, "unknown-service", listOf(w.Services, func(s desk.Service) listed { return listed{s.Name, s.Title} }))
		return p
	}},
	{[]string{"estado", "state", "estado", "status"}, readListState},
	{[]string{"solicitante", "requester", "requerente"}, func(l *List, w *desk.World, v string) (p Problem) {
		l.Requester, p = pickPerson(w, v)
		return p
	}},
	{[]string{"cola", "queue", "fila"}, func(l *List, w *desk.World, v string) Problem {
		q, ok := findQueue(w, v)
		if !ok {
			return Problem{Reason: "unknown-queue", Near: nearest(v, queueNames(w))}
		}
		l.Queue = q.Name
		return Problem{}
	}},
	{[]string{"esperando", "waiting", "aguardando", "espera"}, func(l *List, _ *desk.World, v string) Problem {
		name, p := pick(v, "unknown-waiting", waiters)
		l.Waiting = desk.Waiting(name)
		return p
	}},
	{[]string{"prioridad", "priority", "prioridade"}, func(l *List, _ *desk.World, v string) Problem {
		if l.Priority = Priority(v); l.Priority == 0 {
			return Problem{Reason: "unknown-priority"}
		}
		return Problem{}
	}},
	{[]string{"etiqueta", "tag", "etiqueta"}, func(l *List, _ *desk.World, v string) Problem { l.Tag = v; return unlessSaid(v) }},
	{[]string{"antes", "before"}, func(l *List, _ *desk.World, v string) Problem {
		l.Before = strings.TrimPrefix(v, "#")
		return unlessSaid(v)
	}},
}

func unlessSaid(value string) Problem {
	if value == "" {
		return Problem{Reason: "argument-missing"}
	}
	return Problem{}
}

func findFilter(key string) (filter, bool) {
	for _, f := range filters {
		if slices.Contains(f.names, key) {
			return f, true
		}
	}
	return filter{}, false
}

// filterNames are the filters that a desk has.
func filterNames(w *desk.World) (names []string) {
	for _, f := range filters {
		names = append(names, f.names[0])
	}
	for _, f := range w.Fields {
		names = append(names, f.Name)
	}
	return names
}

func pickAgent(w *desk.World, said string) (string, Problem) {
	if a, ok := findAgent(w, said); ok {
		return a.Name, Problem{}
	}
	return "", Problem{Reason: "unknown-agent", Near: nearest(strings.TrimPrefix(said, "@"), agentNames(w))}
}

// pickPerson returns the address of a requester who is named by it, or by a name that
// the desk's files have.
func pickPerson(w *desk.World, said string) (string, Problem) {
	if a, ok := address(said); ok {
		return a, Problem{}
	}
	var found []string
	for _, k := range w.Known {
		if name := mail.Fold(k.Name); said != "" && (name == said || slices.Contains(strings.Fields(name), said)) && !slices.Contains(found, k.Address) {
			found = append(found, k.Address)
		}
	}
	if len(found) != 1 {
		return "", Problem{Reason: "unknown-requester"}
	}
	return found[0], Problem{}
}

// listStates are the states by which lists are asked for.
var listStates = []struct {
	words  []string
	states []desk.State
}{
	{[]string{"abierto", "abiertos", "abierta", "abiertas", "open", "aberto", "abertos", "aberta", "abertas"}, unended},
	{[]string{"cerrado", "cerrados", "cerrada", "cerradas", "closed", "fechado", "fechados", "fechada", "fechadas"}, []desk.State{desk.Closed, desk.Cancelled}},
	{[]string{"todos", "todas", "all", "any", "cualquiera"}, slices.Concat(unended, allEnded)},
	{[]string{"nuevo", "nuevos", "new", "novo"}, []desk.State{desk.New}},
	{[]string{"en curso", "en-curso", "curso", "em curso", "em andamento"}, []desk.State{desk.Open}},
	{[]string{"pendiente", "pendientes", "en espera", "espera", "pending", "pendente"}, []desk.State{desk.Pending}},
	{[]string{"resuelto", "resueltos", "resolved", "resolvido"}, []desk.State{desk.Resolved}},
	{[]string{"anulado", "anulados", "cancelled", "cancelado"}, []desk.State{desk.Cancelled}},
	{[]string{"fusionado", "fusionados", "merged"}, []desk.State{desk.Merged}},
}

func readListState(l *List, _ *desk.World, value string) Problem {
	var names []string
	for _, s := range listStates {
		if slices.Contains(s.words, value) {
			l.States = append(l.States, s.states...)
			return Problem{}
		}
		names = append(names, s.words[0])
	}
	return Problem{Reason: "unknown-list-state", Near: nearest(value, names)}
}

// lists hears an agent ask for a list: in the first line, when it is the only one, or
// in the subject of a mail without text. «más» in an answer to a list asks for its
// next page.
func (d *decider) lists(a desk.Agent) bool {
	m := d.Message
	if m.Class != mail.ClassHuman || len(m.Parts) > 0 {
		return false
	}
	text := withoutGreeting(m.Reply)
	if text == "" && len(d.Thread) == 0 {
		text = mail.StripPrefixes(mail.StripTags(m.Subject))
	}
	if d.Listing != nil && d.ListingMore != "" && slices.Contains(moreLists, strings.Trim(mail.Fold(text), " .!#")) {
		text = d.ListingMore
	}
	if d.asksReport(a, text) {
		return true
	}
	l, problem, ok := readList(text, d.World, a)
	if !ok || strings.Contains(text, "\n") || d.Policy.Verdict(ActAgentList, d.Decision.Trust) != Yes {
		return false
	}
	if problem.Reason != "" {
		d.settle(ToCommand, "la lista que se pide no se entiende")
		d.wrong(a, desk.Ticket{}, []Problem{problem})
		d.Letters[len(d.Letters)-1].Reason = "list-wrong"
		return true
	}
	d.Letters = append(d.Letters, Letter{Template: "lista", To: a.Address, Name: a.Title, List: &l})
	d.settle(ToCommand, "lista para el agente "+a.Name)
	return true
}

// withoutGreeting returns a text without a greeting before its first line.
func withoutGreeting(text string) string {
	text = strings.TrimSpace(text)
	if first, rest, more := strings.Cut(text, "\n"); more && mail.Greeting(first) {
		return strings.TrimSpace(rest)
	}
	return text
}
