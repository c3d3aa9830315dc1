package rules

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"ventanilla/desk"
	"ventanilla/mail"
)

// line is one "#verb argument" of a mail.
type line struct {
	raw, word, argument string
}

// commandBlock splits an agent's text into its command lines and the rest. The
// lines stand in one run at the very top, below at most a greeting, or else at the very
// end. Mail programs put empty lines between paragraphs: they do not end the run.
func commandBlock(text string) (block []line, rest string) {
	lines := strings.Split(strings.TrimRight(text, " \t\r\n"), "\n")
	start := 0
	for start < len(lines) && (blank(lines[start]) || start < 3 && mail.Greeting(lines[start])) {
		start++
	}
	end := start
	for i := start; i < len(lines); i++ {
		if blank(lines[i]) {
			continue
		}
		l, ok := commandLine(lines[i])
		if !ok || i > end && !likely(l) {
			break
		}
		block, end = append(block, l), i+1
	}
	if len(block) > 0 {
		return block, strings.TrimSpace(strings.Join(append(slices.Clone(lines[:start]), lines[end:]...), "\n"))
	}
	for i := len(lines) - 1; i >= 0; i-- {
		l, ok := commandLine(lines[i])
		if _, known := findVerb(l.word); ok && (len(block) == 0 || known) {
			block, lines = slices.Insert(block, 0, l), lines[:i]
		} else if !blank(lines[i]) {
			break
		}
	}
	if len(block) > 0 {
		return block, strings.TrimSpace(strings.Join(lines, "\n"))
	}
	return nil, text
}

func blank(s string) bool { return strings.TrimSpace(unseen.Replace(s)) == "" }

// likely says that a line names a verb, or nearly.
func likely(l line) bool {
	_, ok := findVerb(l.word)
	return ok || nearest(l.word, Verbs()) != ""
}

// unseen are spaces that people do not type and marks that nobody sees.
var unseen = strings.NewReplacer("\u00a0", " ", "\t", " ", "\u2010", "-", "\u2011", "-", "\u00ad", "", "\u202f", " ", "\u200b", "", "\u2060", "", "\ufeff", "", "＃", "#")

// listNumber is what stands before the lines of a numbered list.
var listNumber = regexp.MustCompile(`^[0-9]{1,2}[.)] *`)

// bullets are what mail programs put before the lines of a list.
const bullets = "•·▪◦‣§*–—- \t"

// commandLine reads one line as a command: "#" or "!" and a word at once after it, or
// behind a space where the word is a verb. A bullet or a number that a mail program put
// in front does not count.
func commandLine(s string) (line, bool) {
	s = strings.TrimSpace(unseen.Replace(s))
	bare := strings.TrimLeft(s, bullets)
	if numbered := listNumber.ReplaceAllString(bare, ""); strings.HasPrefix(numbered, "#") {
		bare = numbered
	}
	body, ok := strings.CutPrefix(bare, "#")
	if !ok {
		body, ok = strings.CutPrefix(s, "!")
	}
	if !ok || strings.TrimSpace(body) == "" {
		return line{}, false
	}
	trimmed := strings.TrimLeft(body, " ")
	word, argument, _ := strings.Cut(trimmed, " ")
	l := line{raw: strings.TrimLeft(s, bullets), word: strings.TrimRight(mail.Fold(word), ":,."), argument: strings.TrimSpace(argument)}
	if !unicode.IsLetter([]rune(trimmed)[0]) {
		return line{}, false
	}
	if _, verb := findVerb(l.word); trimmed != body && !verb {
		return line{}, false // a heading, or a number: «# 1»
	}
	return l, true
}

// Problem is a command line that cannot be carried out, and why.
type Problem struct {
	Line   string        // as the agent wrote it
	Reason string        // key of the words in templates
	Near   string        // the nearest valid word, "" if none is near
	Ticket desk.TicketID // the one ticket that it is about, of several; or 0
}

// planned is what command lines ask for.
type planned struct {
	cmds []desk.Command // in the order in which they have to be carried out
	done []Done         // the same, line by line as they were written
	note bool           // the mail's own text is for agents alone
}

// plan turns command lines into commands on one ticket. Either all lines are good or
// there are problems.
func plan(block []line, c Case, t desk.Ticket, by desk.Agent) (p planned, problems []Problem) {
	type step struct {
		order int
		cmds  []desk.Command
	}
	var steps []step
	for _, l := range block {
		v, ok := findVerb(l.word)
		if !ok {
			problems = append(problems, Problem{Line: l.raw, Reason: "unknown-verb", Near: nearest(l.word, Verbs())})
			continue
		}
		if reason := forbidden(c.World, by, t, v.name); reason != "" {
			problems = append(problems, Problem{Line: l.raw, Reason: reason})
			continue
		}
		made, wrong := v.read(&reading{Case: c, argument: l.argument, world: c.World, ticket: t, by: by, now: c.Now})
		if wrong.Reason != "" {
			wrong.Line = l.raw
			problems = append(problems, wrong)
			continue
		}
		if reason := forbiddenOf(c, by, t, made); reason != "" {
			problems = append(problems, Problem{Line: l.raw, Reason: reason})
			continue
		}
		for i := range made {
			if k := made[i].Kind; made[i].Ticket == 0 && k != desk.CmdOpen && k != desk.CmdTakeOver && k != CmdActivity {
				made[i].Ticket = t.ID
			}
			made[i].Actor = desk.ByAgent(by.Name)
			p.note = p.note || made[i].Kind == desk.CmdNote
		}
		steps = append(steps, step{v.order, made})
		p.done = append(p.done, Done{l.raw, slices.Clone(made)})
	}
	if len(problems) > 0 {
		return planned{}, problems
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.order - b.order })
	for _, s := range steps {
		p.cmds = append(p.cmds, s.cmds...)
	}
	if has(block, "sin-aviso") {
		for i := range p.cmds {
			p.cmds[i].Quiet = true
		}
	}
	return p, nil
}

func findVerb(word string) (verb, bool) {
	for _, v := range verbs {
		if v.name == word || slices.Contains(v.synonyms, word) {
			return v, true
		}
	}
	return verb{}, false
}

// priorityWords are the priorities 1 to 5 by word.
var priorityWords = [...]string{"muy urgente", "alta", "mediana", "baja", "muy baja"}

var priorityOthers = map[string]int{"urgente": 1, "urgent": 1, "critica": 1, "muito urgente": 1, "high": 2, "media": 3, "normal": 3,
	"medium": 3, "low": 4, "baixa": 4, "lowest": 5, "muito baixa": 5}

// Priority reads a priority by number or word: 1 (most urgent) to 5, or 0 for
// none.
func Priority(s string) int {
	s = mail.Fold(strings.TrimSpace(s))
	if len(s) == 1 && '1' <= s[0] && s[0] <= '5' {
		return int(s[0] - '0')
	}
	if i := slices.Index(priorityWords[:], s); i >= 0 {
		return i + 1
	}
	return priorityOthers[s]
}

// PriorityWord returns the Spanish word for a priority.
func PriorityWord(n int) string {
	if n < 1 || n > len(priorityWords) {
		return ""
	}
	return priorityWords[n-1]
}

func findAgent(w *desk.World, s string) (desk.Agent, bool) {
	s = strings.TrimPrefix(s, "@")
	if a, ok := w.AgentAt(s); ok {
		return a, true
	}
	for _, a := range w.Agents {
		if f := mail.Fold(s); f != "" && (f == mail.Fold(a.Name) || f == mail.Fold(a.Title)) {
			return a, true
		}
	}
	return desk.Agent{}, false
}

func findQueue(w *desk.World, s string) (desk.Queue, bool) {
	for _, q := range w.Queues {
		if f := mail.Fold(s); f != "" && (f == mail.Fold(q.Name) || f == mail.Fold(q.Title)) {
			return q, true
		}
	}
	return desk.Queue{}, false
}

func agentNames(w *desk.World) (names []string) {
	for _, a := range w.Agents {
		names = append(names, a.Name)
	}
	return names
}

func queueNames(w *desk.World) (names []string) {
	for _, q := range w.Queues {
		names = append(names, q.Name)
	}
	return names
}

// phrase is what a requester can say in so many words.
type phrase int

const (
	noPhrase phrase = iota
	approvePhrase
	rejectPhrase
	thanksPhrase
	statusPhrase
	minePhrase
	closePhrase
	mutePhrase
	helpPhrase
)

var (
	approveWords = []string{"aprobar", "aprobado", "apruebo", "conforme", "vobo", "visto bueno", "approve", "approved", "aprovar", "aprovado", "aprovo"}
	rejectWords  = []string{"rechazar", "rechazado", "rechazo", "reject", "rejected", "rejeitar", "rejeitado", "rejeito"}
	persistWords = []string{"persiste", "sigue fallando", "el problema persiste", "still failing", "continua falhando"}
	statusWords  = []string{"estado", "estado de mi solicitud", "status", "situacao"}
	mineWords    = []string{"mis solicitudes", "mis tickets", "mis casos", "my requests", "my tickets", "minhas solicitacoes"}
	closeWords   = []string{"cerrar", "cerrar solicitud", "cierren", "close", "fechar", "resuelto", "resuelta", "solved", "resolvido", "resolvida"}
	muteWords    = []string{"no me avisen", "no quiero avisos", "no avisar", "unsubscribe", "nao me avisem"}
	helpWords    = []string{"ayuda", "help", "ajuda"}
	thanksWords  = []string{"gracias", "muchas gracias", "mil gracias", "muchisimas gracias", "gracias ya quedo", "mil gracias ya quedo",
		"muchas gracias ya quedo", "thanks", "thank you", "thank you very much", "obrigado", "obrigada", "muito obrigado", "muito obrigada", "ok gracias", "listo gracias"}
)

// withoutThanks takes thanks away behind a phrase: «aprobado, muchas gracias».
func withoutThanks(said string) string {
	rest := said
	for _, t := range thanksWords {
		before, ok := strings.CutSuffix(said, t)
		if trimmed := strings.TrimRight(before, " .,;!-–—"); ok && trimmed != "" && len(trimmed) < len(before) && len(trimmed) < len(rest) {
			rest = trimmed
		}
	}
	return rest
}

// readPhrase reads a requester's own text: a phrase counts only as the whole
// first line, below at most a greeting; "rechazar" takes its reason with it.
func readPhrase(text string) (p phrase, reason string) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for len(lines) > 1 && (strings.TrimSpace(lines[0]) == "" || mail.Greeting(lines[0])) {
		lines = lines[1:]
	}
	first, rest := strings.TrimSpace(lines[0]), strings.TrimSpace(strings.Join(lines[1:], "\n"))
	whole := strings.Trim(mail.Fold(first), " .!¡*_")
	said := withoutThanks(whole)
	switch {
	case rest == "" && slices.Contains(thanksWords, strings.ReplaceAll(whole, ",", "")):
		return thanksPhrase, ""
	case slices.Contains(approveWords, said):
		return approvePhrase, rest
	case slices.Contains(rejectWords, said), slices.Contains(persistWords, said):
		return rejectPhrase, rest
	case slices.Contains(closeWords, said):
		return closePhrase, rest
	case rest == "" && slices.Contains(statusWords, said):
		return statusPhrase, ""
	case rest == "" && isMine(said):
		return minePhrase, said
	case rest == "" && slices.Contains(muteWords, said):
		return mutePhrase, ""
	case rest == "" && slices.Contains(helpWords, said):
		return helpPhrase, ""
	}
	for _, w := range rejectWords {
		if after, ok := strings.CutPrefix(said, w); ok && strings.IndexAny(after, " :,-") == 0 {
			word := strings.IndexAny(first, " :,-")
			return rejectPhrase, strings.TrimSpace(strings.TrimLeft(first[word:], " :,-–—") + "\n" + rest)
		}
	}
	return noPhrase, ""
}

// WithoutCommands takes the command block out of a text's Markdown form, where
// "#" may be escaped. Without block the text stays as it is.
func WithoutCommands(markdown string, block bool) string {
	if !block {
		return markdown
	}
	plain := strings.ReplaceAll(strings.ReplaceAll(markdown, "\\#", "#"), "\\!", "!")
	_, rest := commandBlock(plain)
	return rest
}
