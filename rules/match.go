package rules

import (
	"slices"
	"strings"
	"unicode"

	"ventanilla/mail"
)

// Routing is what rules look at in a mail that opens a ticket.
type Routing struct {
	Subject string     // as sent
	To      []string   // addresses of ours that it went to, with or without a plus part
	From    string     // address
	Class   mail.Class // "" counts as human
}

// Route is what the rules that matched make of a new ticket. What no rule says
// is empty or 0: then the queue's own settings hold.
type Route struct {
	Queue, Type, Owner, Language string
	Priority                     int  // 1 (most urgent) to 5; 0 if no rule says
	Ignore                       bool // keep the mail, open no ticket
	Quarantine                   bool // keep it aside for the admin
	Matched                      []string
}

// Step is what one rule made of a mail, for whoever asks why.
type Step struct {
	Rule    string
	File    string
	Line    int
	Matched bool
	Why     string // in Spanish
}

// rule is one [[rule]], ready to match. A condition that is empty holds always;
// of a condition's words one must fit, and of the conditions all.
type rule struct {
	name, file    string
	line          int
	subject       []string // words and phrases as written
	to            []string // lower case
	from          []string // lower case
	domains       []string // lower case
	classes       []mail.Class
	route         Route // what it sets
	continues     bool  // later rules are looked at too
	unconditional bool  // it has no condition at all
}

// wording is a run of words that a rule's subject condition wants. They are
// found by their first word.
type wording struct {
	rule int
	rest []string
}

// anybody are the classes that a rule without a class condition fits: mails
// that people wrote.
var anybody = [...]mail.Class{"", mail.ClassHuman, mail.ClassList}

// route returns what the rules make of a mail. The first rule that matches
// decides; where it says "continue", later ones may add what is still open.
func (s *Set) route(in Routing) Route { return s.walk(in, nil) }

// routeSteps does the same and tells of every rule that it looked at.
func (s *Set) routeSteps(in Routing) (Route, []Step) {
	var steps []Step
	route := s.walk(in, func(r *rule, inSubject, matched bool) {
		steps = append(steps, Step{r.name, r.file, r.line, matched, r.why(in, inSubject, matched)})
	})
	return route, steps
}

// walk matches one rule after the other and calls look, which may be nil, for
// each.
func (s *Set) walk(in Routing, look func(r *rule, inSubject, matched bool)) Route {
	var route Route
	var small [4]uint64
	hits := s.inSubject(in.Subject, small[:])
	from := strings.ToLower(in.From)
	for i := range s.rules {
		r := &s.rules[i]
		inSubject := len(r.subject) == 0 || hits[i/64]&(1<<(i%64)) != 0
		matched := inSubject && r.fits(in, from)
		if look != nil {
			look(r, inSubject, matched)
		}
		if !matched {
			continue
		}
		route.add(r)
		if !r.continues {
			break
		}
	}
	return route
}

// inSubject returns the set of rules, as bits, whose words stand in the subject.
func (s *Set) inSubject(subject string, hits []uint64) []uint64 {
	if n := (len(s.rules) + 63) / 64; n > len(hits) {
		hits = make([]uint64, n)
	}
	if len(s.wordings) == 0 {
		return hits
	}
	words := wordsOf(mail.StripPrefixes(subject))
	for i, w := range words {
		for _, p := range s.wordings[w] {
			rest := words[i+1:]
			if len(rest) >= len(p.rest) && slices.Equal(rest[:len(p.rest)], p.rest) {
				hits[p.rule/64] |= 1 << (p.rule % 64)
			}
		}
	}
	return hits
}

// wordsOf splits a text into its words, without case, accents and punctuation.
func wordsOf(text string) []string {
	return strings.FieldsFunc(mail.Fold(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

// fits says whether all conditions but the subject's hold. The from address is
// in lower case.
func (r *rule) fits(in Routing, from string) bool {
	return r.fitsClass(in.Class) && r.fitsTo(in.To) && r.fitsFrom(from) && r.fitsDomain(from)
}

func (r *rule) fitsClass(c mail.Class) bool {
	if len(r.classes) == 0 {
		return slices.Contains(anybody[:], c)
	}
	return slices.Contains(r.classes, c) || c == "" && slices.Contains(r.classes, mail.ClassHuman)
}

func (r *rule) fitsTo(to []string) bool {
	return len(r.to) == 0 || slices.ContainsFunc(to, func(address string) bool {
		address = strings.ToLower(address)
		return slices.Contains(r.to, address) || slices.Contains(r.to, withoutPlus(address))
	})
}

func (r *rule) fitsFrom(from string) bool {
	return len(r.from) == 0 || slices.Contains(r.from, from)
}

func (r *rule) fitsDomain(from string) bool {
	return len(r.domains) == 0 || slices.Contains(r.domains, from[strings.LastIndexByte(from, '@')+1:])
}

// withoutPlus returns soporte@x of soporte+k3@x.
func withoutPlus(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	base, _, ok := strings.Cut(local, "+")
	if !ok {
		return address
	}
	return base + "@" + domain
}

// add lets a rule set what no earlier rule has set.
func (t *Route) add(r *rule) {
	set := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
	}
	set(&t.Queue, r.route.Queue)
	set(&t.Type, r.route.Type)
	set(&t.Owner, r.route.Owner)
	set(&t.Language, r.route.Language)
	if t.Priority == 0 {
		t.Priority = r.route.Priority
	}
	t.Ignore, t.Quarantine = r.route.Ignore, r.route.Quarantine
	t.Matched = append(t.Matched, r.name)
}

// why says in Spanish what made a rule match, or the first thing that kept it
// from matching.
func (r *rule) why(in Routing, inSubject, matched bool) string {
	from := strings.ToLower(in.From)
	switch {
	case !inSubject:
		return "el asunto no contiene " + noneOf(r.subject)
	case !r.fitsClass(in.Class):
		if len(r.classes) == 0 {
			return "la clase del correo es " + string(in.Class) + " y la regla no la nombra"
		}
		return "la clase del correo es " + className(in.Class) + ", no " + oneOf(r.classes)
	case !r.fitsTo(in.To):
		return "no va dirigido a " + noneOf(r.to)
	case !r.fitsFrom(from):
		return "el remitente no es " + noneOf(r.from)
	case !r.fitsDomain(from):
		return "el dominio del remitente no es " + noneOf(r.domains)
	case matched && r.unconditional:
		return "la regla no pone condiciones"
	}
	var reasons []string
	if len(r.subject) > 0 {
		reasons = append(reasons, "el asunto contiene «"+r.found(in.Subject)+"»")
	}
	if len(r.classes) > 0 {
		reasons = append(reasons, "la clase del correo es "+className(in.Class))
	}
	if len(r.to) > 0 {
		reasons = append(reasons, "va dirigido a "+oneOf(r.to))
	}
	if len(r.from) > 0 {
		reasons = append(reasons, "el remitente es "+from)
	}
	if len(r.domains) > 0 {
		reasons = append(reasons, "el dominio del remitente es "+from[strings.LastIndexByte(from, '@')+1:])
	}
	return strings.Join(reasons, "; ")
}

// found returns the first of the rule's words that stands in the subject.
func (r *rule) found(subject string) string {
	words := wordsOf(mail.StripPrefixes(subject))
	for _, s := range r.subject {
		want := wordsOf(s)
		for i := range words {
			if len(words)-i >= len(want) && slices.Equal(words[i:i+len(want)], want) {
				return s
			}
		}
	}
	return ""
}

func className(c mail.Class) string {
	if c == "" {
		return string(mail.ClassHuman)
	}
	return string(c)
}

// noneOf lists words after a negation: «a», or ninguna de: «a», «b».
func noneOf(words []string) string {
	if len(words) == 1 {
		return "«" + words[0] + "»"
	}
	return "ninguna de: «" + strings.Join(words, "», «") + "»"
}

func oneOf[T ~string](words []T) string {
	var all []string
	for _, w := range words {
		all = append(all, string(w))
	}
	return strings.Join(all, " o ")
}
