package rules

import (
	"regexp"
	"slices"
)

// Route is what the rules that matched make of a mail. What no rule says is
// empty or 0: then the queue's own settings hold.
type Route struct {
	Queue, Type, Owner, Language string
	Category, Service            string
	Level, Responsible           string
	Urgency, Impact              int // 1 (most) to 5; 0 if no rule says
	Tags, Observers              []string
	Reply                        string            // the ready answer that goes into the acknowledgement
	Template                     string            // the admin's own that answers in place of the acknowledgement
	Fields                       map[string]string // of desk/fields.toml
	Priority                     int               // 1 (most urgent) to 5; 0 if no rule says
	Ignore                       bool              // keep the mail, open no ticket
	Quarantine                   bool              // keep it aside for the admin
	Hold                         bool              // keep the mail on its ticket until an agent accepts it
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

// rule is one [[rule]], ready to match.
type rule struct {
	name, file    string
	line          int
	on            occasion
	when          allOf     // cheap conditions first
	numbers       []int     // of each of these; -1 for one that is asked each time
	all           []bits    // the numbers, as bits
	unconditional bool      // the admin wrote no condition at all
	route         Route     // what it sets
	continues     bool      // later rules are looked at too
	document      *Document // that it stands in, and where
	path          string
}

// wordIndex finds the conditions that want words of a text, by their first word.
type wordIndex struct {
	entries map[string]*wordEntry
	table   [gramBits / 64]uint64 // which words may be there: most of a mail's are not
}

// wordSlot is a word's place in the table of an index.
func wordSlot(w string) uint32 {
	h := uint32(len(w))
	for i := 0; i < len(w) && i < 8; i++ {
		h = h*31 + uint32(w[i])
	}
	return slotOf(h)
}

// wordEntry holds the conditions that begin with one word.
type wordEntry struct {
	number int                  // of the entry, to look at it once a text
	alone  []int                // conditions that want no more
	next   map[string][]wording // those that want more, by the second word
}

// wording is what a condition wants after the first two words.
type wording struct {
	condition int
	rest      []string
}

// add notes that a condition wants some words in a row.
func (x *wordIndex) add(words []string, condition int) {
	e, ok := x.entries[words[0]]
	if !ok {
		if x.entries == nil {
			x.entries = map[string]*wordEntry{}
		}
		e = &wordEntry{number: len(x.entries), next: map[string][]wording{}}
		x.entries[words[0]] = e
		slot := wordSlot(words[0])
		x.table[slot/64] |= 1 << (slot % 64)
	}
	if len(words) == 1 {
		e.alone = append(e.alone, condition)
		return
	}
	e.next[words[1]] = append(e.next[words[1]], wording{condition, words[2:]})
}

// each calls hit for every condition whose words stand in the text.
func (x *wordIndex) each(words []string, hit func(condition int)) {
	seen := make([]bool, len(x.entries))
	for i, w := range words {
		if slot := wordSlot(w); x.table[slot/64]&(1<<(slot%64)) == 0 {
			continue
		}
		e, ok := x.entries[w]
		if !ok {
			continue
		}
		if !seen[e.number] {
			seen[e.number] = true
			for _, condition := range e.alone {
				hit(condition)
			}
		}
		if len(e.next) == 0 || i+1 == len(words) {
			continue
		}
		for _, p := range e.next[words[i+1]] {
			rest := words[i+2:]
			if len(rest) >= len(p.rest) && slices.Equal(rest[:len(p.rest)], p.rest) {
				hit(p.condition)
			}
		}
	}
}

// route returns what the rules make of a mail. The first rule that matches
// decides; where it says "continue", later ones may add what is still open.
func (s *Set) route(in Routing) Route { return s.walk(in, nil) }

// routeSteps does the same and tells of every rule that it looked at.
func (s *Set) routeSteps(in Routing) (Route, []Step) {
	var steps []Step
	route := s.walk(in, func(r *rule, v *view, matched bool) {
		why := r.when.why(v, matched)
		if matched && r.unconditional {
			why = "la regla no pone condiciones"
		}
		steps = append(steps, Step{r.name, r.file, r.line, matched, why})
	})
	return route, steps
}

// walk matches one rule after the other and calls look, which may be nil, for
// each.
func (s *Set) walk(in Routing, look func(r *rule, v *view, matched bool)) Route {
	var route Route
	v := s.view(in)
	on := in.occasion()
	for i := range s.rules {
		r := &s.rules[i]
		if r.on != on || look == nil && v.excludes(r.all) {
			continue
		}
		clear(v.took)
		matched := false
		if look == nil {
			matched = v.fits(r)
		} else {
			matched = r.when.fits(v)
			look(r, v, matched)
		}
		if !matched {
			continue
		}
		route.add(r, v.took)
		if !r.continues {
			break
		}
	}
	return route
}

// add lets a rule set what no earlier rule has set.
func (t *Route) add(r *rule, took captures) {
	set := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
	}
	set(&t.Queue, r.route.Queue)
	set(&t.Type, r.route.Type)
	set(&t.Owner, r.route.Owner)
	set(&t.Language, r.route.Language)
	set(&t.Category, r.route.Category)
	set(&t.Service, r.route.Service)
	set(&t.Level, r.route.Level)
	set(&t.Responsible, r.route.Responsible)
	for to, n := range map[*int]int{&t.Priority: r.route.Priority, &t.Urgency: r.route.Urgency, &t.Impact: r.route.Impact} {
		if *to == 0 {
			*to = n
		}
	}
	for _, address := range r.route.Observers {
		if !slices.Contains(t.Observers, address) {
			t.Observers = append(t.Observers, address)
		}
	}
	t.Reply, t.Template = or(t.Reply, r.route.Reply), or(t.Template, r.route.Template)
	for _, tag := range r.route.Tags {
		if !slices.Contains(t.Tags, tag) {
			t.Tags = append(t.Tags, tag)
		}
	}
	for name, text := range r.route.Fields {
		if value := expand(text, took); value != "" && t.Fields[name] == "" {
			if t.Fields == nil {
				t.Fields = map[string]string{}
			}
			t.Fields[name] = value
		}
	}
	t.Ignore, t.Quarantine, t.Hold = r.route.Ignore, r.route.Quarantine, t.Hold || r.route.Hold
	t.Matched = append(t.Matched, r.name)
}

// expand puts in for $name what the group of that name caught. A text whose
// groups caught nothing is empty as a whole.
func expand(text string, took captures) string {
	asked, got := false, false
	out := references.ReplaceAllStringFunc(text, func(ref string) string {
		if ref == "$$" {
			return "$"
		}
		asked = true
		got = got || took[ref[1:]] != ""
		return took[ref[1:]]
	})
	if asked && !got {
		return ""
	}
	return out
}

// references are what a field's text may refer to.
var references = regexp.MustCompile(`\$(\$|[A-Za-z_][A-Za-z0-9_]*)`)
