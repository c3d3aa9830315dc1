package rules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

// condition is something that a rule wants of a mail.
type condition interface {
	// fits says whether it holds. A pattern that holds adds to view.took.
	fits(v *view) bool
	// why says in Spanish why it holds, or why not.
	why(v *view, fits bool) string
	// sign is the same for conditions that hold for the same mails.
	sign() string
	// cost orders conditions: the dear ones are looked at last.
	cost() int
}

// kind is what an indexed condition looks at.
type kind int

// The kinds. Of subject and body whole words are looked for; the others compare
// whole values.
const (
	subjectWords kind = iota
	bodyWords
	byClass
	byTo
	byCc
	byPlus
	byFrom
	byDomain
	byList
	byTrust
	byLanguage
	byKnown
	byState
	byQueue
	byType
	byPriority
	byOwner
	byCategory
	byLevel
	byService
	byTag
	byClock
	byClient
	byDepartment
	byListed
	byAddress
	byProduct
	byContract
	kinds
)

// kindTable says where the values of each kind come from and how it is told of.
// One that is single has at most one value.
var kindTable = [kinds]struct {
	values func(v *view) []string
	yes    string // "…", followed by the value
	no     string // "…", followed by the values that it should have had
	single bool
}{
	byClass:    {func(v *view) []string { return []string{className(v.Class)} }, "la clase del correo es", "la clase del correo es", true},
	byTo:       {func(v *view) []string { return addressesOf(v.To) }, "va dirigido a", "no va dirigido a", false},
	byCc:       {func(v *view) []string { return addressesOf(v.Cc) }, "en copia está", "en copia no está", false},
	byPlus:     {plusParts, "la dirección lleva +", "ninguna dirección nuestra lleva +", false},
	byFrom:     {func(v *view) []string { return []string{strings.ToLower(v.From)} }, "el remitente es", "el remitente no es", true},
	byDomain:   {func(v *view) []string { return domainsOf(domain(v.From)) }, "el dominio del remitente es", "el dominio del remitente no es", false},
	byList:     {lists, "viene de la lista", "no viene de la lista", false},
	byTrust:    {func(v *view) []string { return []string{v.Trust.String()} }, "la confianza es", "la confianza es", true},
	byLanguage: {func(v *view) []string { return []string{v.language()} }, "el idioma del texto es", "el idioma del texto es", true},
	byKnown:    {func(v *view) []string { return []string{fmt.Sprint(v.Person.ID != 0)} }, "conocido el remitente:", "conocido el remitente:", true},
	byState:    {ofTicket(func(v *view) string { return string(v.Ticket.State) }), "el estado del ticket es", "el estado del ticket es", true},
	byQueue:    {ofTicket(func(v *view) string { return v.Ticket.Queue }), "la cola del ticket es", "la cola del ticket es", true},
	byType:     {ofTicket(func(v *view) string { return mail.Fold(v.Ticket.Type) }), "el tipo del ticket es", "el tipo del ticket es", true},
	byPriority: {ofTicket(func(v *view) string { return fmt.Sprint(v.Ticket.Priority) }), "la prioridad del ticket es", "la prioridad del ticket es", true},
	byOwner:    {ofTicket(func(v *view) string { return v.Ticket.Assignee }), "el agente del ticket es", "el agente del ticket es", true},
	byCategory: {ofTicket(func(v *view) string { return v.Ticket.Category }), "la categoría del ticket es", "la categoría del ticket es", true},
	byLevel:    {ofTicket(func(v *view) string { return or(v.Ticket.Level, "0") }), "el nivel del ticket es", "el nivel del ticket es", true},
	byService:  {ofTicket(func(v *view) string { return v.Ticket.Service }), "el servicio del ticket es", "el servicio del ticket es", true},
	byClock:    {func(v *view) []string { return []string{string(v.Clock)} }, "el plazo es", "el plazo es", true},
	byTag: {func(v *view) []string {
		if v.Ticket == nil {
			return nil
		}
		return foldedAll(v.Ticket.Tags)
	}, "el ticket lleva la etiqueta", "el ticket no lleva la etiqueta", false},
	byClient:     {func(v *view) []string { return []string{v.Contract.Name} }, "el cliente es", "el cliente es", true},
	byDepartment: {func(v *view) []string { return foldedAll([]string{v.Known.Department}) }, "la dependencia es", "la dependencia es", true},
	byListed:     {func(v *view) []string { return []string{fmt.Sprint(v.Known.Address != "")} }, "en desk/people.csv:", "en desk/people.csv:", true},
	byAddress:    {func(v *view) []string { return []string{v.Known.Address} }, "la dirección principal es", "la dirección principal es", true},
	byProduct:    {func(v *view) []string { return foldedAll(v.Contract.Products) }, "su cliente usa", "su cliente no usa", false},
	byContract:   {func(v *view) []string { return v.Contract.Services }, "su cliente tiene el servicio", "su cliente no tiene el servicio", false},
}

func ofTicket(value func(v *view) string) func(v *view) []string {
	return func(v *view) []string {
		if v.Ticket == nil {
			return nil
		}
		return []string{value(v)}
	}
}

func addressesOf(addresses []string) (all []string) {
	for _, a := range addresses {
		a = strings.ToLower(a)
		all = append(all, a)
		if base := withoutPlus(a); base != a {
			all = append(all, base)
		}
	}
	return all
}

func plusParts(v *view) (all []string) {
	for _, a := range v.To {
		if plus := plusOf(strings.ToLower(a)); plus != "" {
			all = append(all, plus)
		}
	}
	return all
}

func lists(v *view) []string {
	value, ok := get(v.Header, "List-Id")
	if !ok {
		return nil
	}
	return domainsOf(listID(value))
}

func className(c mail.Class) string {
	if c == "" {
		return string(mail.ClassHuman)
	}
	return string(c)
}

// member wants one of some values.
type member struct {
	kind   kind
	id     int // its bit
	values []string
	nobody bool // the admin names no class: mails of people are meant
}

func (c *member) cost() int         { return 0 }
func (c *member) sign() string      { return fmt.Sprintf("member %d %q", c.kind, sorted(c.values)) }
func (c *member) fits(v *view) bool { return v.hit(c.kind, c.id) }

func (c *member) why(v *view, fits bool) string {
	k := kindTable[c.kind]
	have := k.values(v)
	switch {
	case c.nobody && fits:
		return ""
	case c.nobody:
		return k.no + " " + className(v.Class) + " y la regla no la nombra"
	case fits:
		i := slices.IndexFunc(c.values, func(w string) bool { return slices.Contains(have, w) })
		return k.yes + " " + c.values[i]
	case k.single && k.yes == k.no:
		return k.no + " " + or(strings.Join(have, ""), "ninguno") + ", no " + oneOf(c.values)
	}
	return k.no + " " + noneOf(c.values)
}

// words wants one of some words and phrases in a text.
type words struct {
	text  int // subjectText or bodyText
	id    int // its bit
	words []string
	exact bool
}

func (c *words) cost() int { return c.text }
func (c *words) sign() string {
	if c.exact {
		return fmt.Sprintf("exact words %d %q", c.text, sorted(c.words))
	}
	return fmt.Sprintf("words %d %q", c.text, sorted(foldedAll(c.words)))
}

func (c *words) fits(v *view) bool {
	return v.hit(kind(c.text), c.id) && (!c.exact || c.found(v) != "")
}

func (c *words) why(v *view, fits bool) string {
	if fits {
		return textNames[c.text] + " contiene «" + c.found(v) + "»"
	}
	return textNames[c.text] + " no contiene " + noneOf(c.words)
}

// found returns the first of the words that stands in the text, "" if none does.
func (c *words) found(v *view) string {
	have := v.folded(c.text)
	if c.exact {
		have = split(v.raw(c.text))
	}
	for _, w := range c.words {
		want := wordsOf(w)
		if c.exact {
			want = split(w)
		}
		if containsRun(have, want) {
			return w
		}
	}
	return ""
}

// containsRun says whether some words stand in a row among others.
func containsRun(words, run []string) bool {
	for i := range words {
		if len(words)-i >= len(run) && slices.Equal(words[i:i+len(run)], run) {
			return true
		}
	}
	return false
}

// pattern wants that one of some regular expressions fits a text or a header
// field.
type pattern struct {
	text   int
	header string // a field's name; "" for a text
	res    []*regexp.Regexp
	source []string
	exact  bool

	literals []int // what each of them cannot do without, as the set numbers it: looked for first; none for header fields
}

func (c *pattern) cost() int { return 4 + c.text }
func (c *pattern) sign() string {
	return fmt.Sprintf("pattern %s %q %t", c.where(), sorted(c.source), c.exact)
}

func (c *pattern) where() string {
	if c.header != "" {
		return "el campo " + c.header
	}
	return textNames[c.text]
}

func (c *pattern) fits(v *view) bool {
	if c.header == "" {
		return c.fitsText(v, v.raw(c.text))
	}
	for _, f := range v.Header {
		if strings.EqualFold(f.Name, c.header) && c.fitsText(v, f.Value) {
			return true
		}
	}
	return false
}

func (c *pattern) fitsText(v *view, text string) bool {
	for i, re := range c.res {
		if c.literals != nil && !v.contains(c.text, c.exact, c.literals[i]) {
			continue
		}
		if re.NumSubexp() == 0 {
			if re.MatchString(text) {
				return true
			}
			continue
		}
		found := re.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		for i, name := range re.SubexpNames() {
			if name != "" && found[i] != "" {
				v.capture(name, found[i])
			}
		}
		return true
	}
	return false
}

// capture keeps what a named group caught; the first to catch it counts.
func (v *view) capture(name, value string) {
	if v.took == nil {
		v.took = captures{}
	}
	if _, ok := v.took[name]; !ok {
		v.took[name] = strings.Join(strings.Fields(head(value, captureMost)), " ")
	}
}

// captureMost is how many bytes of what a group caught are kept.
const captureMost = 200

func (c *pattern) why(_ *view, fits bool) string {
	if fits {
		return c.where() + " encaja con " + oneOf(quoted(c.source))
	}
	return c.where() + " no encaja con " + noneOf(c.source)
}

// headerWords wants a header field, with one of some words in it.
type headerWords struct {
	name   string
	words  []string
	folded string     // name in lower case
	wanted [][]string // each of them split
	exact  bool
}

func (c *headerWords) cost() int { return 2 }
func (c *headerWords) sign() string {
	return fmt.Sprintf("header %s %q %t", c.folded, sorted(c.words), c.exact)
}

func (c *headerWords) fits(v *view) bool {
	for _, have := range v.headerWords(c.folded, c.exact) {
		if slices.ContainsFunc(c.wanted, func(w []string) bool { return containsRun(have, w) }) {
			return true
		}
	}
	return false
}

func (c *headerWords) why(v *view, fits bool) string {
	value, ok := get(v.Header, c.name)
	switch {
	case fits:
		return fmt.Sprintf("el campo %s dice «%s»", c.name, head(value, captureMost))
	case !ok:
		return "no hay campo " + c.name
	}
	return "el campo " + c.name + " no dice " + noneOf(c.words)
}

// attachment wants a file. All that it asks for must hold of the same file.
type attachment struct {
	names, types    []string // globs, folded
	contents        []string // what its first bytes show it to be
	disguised       string   // "true" or "false": whether its content is not what its name says; "" does not ask
	larger, smaller int64    // bytes; 0 for no limit
}

func (c *attachment) cost() int    { return 2 }
func (c *attachment) sign() string { return fmt.Sprintf("attachment %#v", *c) }

func (c *attachment) fits(v *view) bool { return c.which(v) != "" }

// which returns the name of the first file that fits.
func (c *attachment) which(v *view) string {
	for i, p := range v.Parts {
		if c.takes(c.names, v.partName(i)) && c.takes(c.types, p.Type) &&
			(len(c.contents) == 0 || slices.Contains(c.contents, p.Kind)) && (c.disguised == "" || c.disguised == fmt.Sprint(desk.Disguised(p.Name, p.Kind))) &&
			(c.larger == 0 || p.Size > c.larger) && (c.smaller == 0 || p.Size < c.smaller) {
			return or(p.Name, p.Type)
		}
	}
	return ""
}

func (c *attachment) takes(globs []string, s string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(g string) bool { ok, _ := path.Match(g, s); return ok })
}

func (c *attachment) why(v *view, fits bool) string {
	switch {
	case fits:
		return "trae el adjunto «" + c.which(v) + "»"
	case len(v.Parts) == 0:
		return "no trae adjuntos"
	}
	return "ningún adjunto es como se pide"
}

// called wants a name of the requester with some words in it.
type called struct{ words []string }

func (c *called) cost() int    { return 1 }
func (c *called) sign() string { return fmt.Sprintf("called %q", sorted(foldedAll(c.words))) }
func (c *called) fits(v *view) bool {
	have := wordsOf(v.Known.Name)
	return slices.ContainsFunc(c.words, func(w string) bool { return containsRun(have, wordsOf(w)) })
}
func (c *called) why(v *view, fits bool) string {
	if fits {
		return "quien pide se llama " + v.Known.Name
	}
	return "quien pide se llama " + or(v.Known.Name, "no se sabe cómo") + ", no " + oneOf(quoted(c.words))
}

// phone wants a telephone number of the requester.
type phone struct{ globs []string } // without what only makes a number easier to read

func (c *phone) cost() int    { return 1 }
func (c *phone) sign() string { return fmt.Sprintf("phone %q", sorted(c.globs)) }
func (c *phone) fits(v *view) bool {
	have := digitsOf(v.Known.Phone)
	return have != "" && slices.ContainsFunc(c.globs, func(g string) bool { ok, _ := path.Match(g, have); return ok })
}
func (c *phone) why(v *view, fits bool) string {
	if fits {
		return "su teléfono es " + v.Known.Phone
	}
	return "su teléfono es " + or(v.Known.Phone, "desconocido") + ", no " + oneOf(c.globs)
}

// digitsOf returns a telephone number, or a glob of some, without blanks and marks.
func digitsOf(number string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || strings.ContainsRune("+*?", r) {
			return r
		}
		return -1
	}, number)
}

// subjectIs wants a subject, or none.
type subjectIs struct{ there bool }

func (c subjectIs) cost() int    { return 0 }
func (c subjectIs) sign() string { return fmt.Sprint("subject ", c.there) }
func (c subjectIs) fits(v *view) bool {
	return (strings.TrimSpace(v.raw(subjectText)) != "") == c.there
}
func (c subjectIs) why(v *view, fits bool) string {
	if fits == c.there {
		return "hay asunto"
	}
	return "no hay asunto"
}

// open wants a calendar to be open, or closed.
type open struct {
	name    string
	hours   *desk.Calendar
	outside bool
}

func (c *open) cost() int         { return 1 }
func (c *open) sign() string      { return fmt.Sprintf("open %q %t", c.name, c.outside) }
func (c *open) fits(v *view) bool { return c.hours.Open(v.At) != c.outside }
func (c *open) why(v *view, fits bool) string {
	if fits != c.outside {
		return fmt.Sprintf("llegó en horario de %s (%s)", c.name, moment(v.At))
	}
	return fmt.Sprintf("llegó fuera del horario de %s (%s)", c.name, moment(v.At))
}

// weekdays wants one of some days of the week.
type weekdays struct{ days [7]bool }

func (c weekdays) cost() int         { return 0 }
func (c weekdays) sign() string      { return fmt.Sprint("weekdays ", c.days) }
func (c weekdays) fits(v *view) bool { return c.days[v.At.Weekday()] }
func (c weekdays) why(v *view, fits bool) string {
	if fits {
		return "llegó un " + dayNames[v.At.Weekday()]
	}
	return "llegó un " + dayNames[v.At.Weekday()] + ", que la regla no nombra"
}

// spans wants a time of day, in minutes since midnight. A span whose end is not
// after its start goes past midnight.
type spans struct {
	text  []string
	spans [][2]int
}

func (c *spans) cost() int    { return 0 }
func (c *spans) sign() string { return fmt.Sprintf("hours %q", sorted(c.text)) }
func (c *spans) fits(v *view) bool {
	m := v.At.Hour()*60 + v.At.Minute()
	return slices.ContainsFunc(c.spans, func(s [2]int) bool {
		if s[0] < s[1] {
			return s[0] <= m && m < s[1]
		}
		return m >= s[0] || m < s[1]
	})
}
func (c *spans) why(v *view, fits bool) string {
	if fits {
		return "llegó a las " + v.At.Format("15:04")
	}
	return "llegó a las " + v.At.Format("15:04") + ", no entre " + oneOf(c.text)
}

var dayNames = [7]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"}

func moment(at time.Time) string { return dayNames[at.Weekday()] + " " + at.Format("15:04") }

// allOf wants everything in it, anyOf one thing, notIt the contrary.
type (
	allOf []condition
	anyOf []condition
	notIt struct{ of condition }
)

func (c allOf) cost() int { return costOf(c) }
func (c anyOf) cost() int { return costOf(c) }
func (c notIt) cost() int { return c.of.cost() }

func costOf(cs []condition) (most int) {
	for _, c := range cs {
		most = max(most, c.cost())
	}
	return most
}

func (c allOf) sign() string { return "all(" + strings.Join(signs(c), ";") + ")" }
func (c anyOf) sign() string { return "any(" + strings.Join(signs(c), ";") + ")" }
func (c notIt) sign() string { return "not(" + c.of.sign() + ")" }

func signs(cs []condition) (all []string) {
	for _, c := range cs {
		all = append(all, c.sign())
	}
	slices.Sort(all)
	return all
}

func (c allOf) fits(v *view) bool {
	for _, one := range c {
		if !one.fits(v) {
			return false
		}
	}
	return true
}

func (c anyOf) fits(v *view) bool {
	return slices.ContainsFunc(c, func(one condition) bool { return one.fits(v) })
}

// fits leaves no captures: what is not there catches nothing.
func (c notIt) fits(v *view) bool {
	took := v.took
	v.took = nil
	fits := c.of.fits(v)
	v.took = took
	return !fits
}

func (c allOf) why(v *view, fits bool) string {
	var reasons []string
	for _, one := range c {
		if !one.fits(v) {
			return one.why(v, false)
		}
		if reason := one.why(v, true); reason != "" {
			reasons = append(reasons, reason)
		}
	}
	return strings.Join(reasons, "; ")
}

func (c anyOf) why(v *view, fits bool) string {
	var reasons []string
	for _, one := range c {
		is := one.fits(v)
		if is {
			return one.why(v, true)
		}
		reasons = append(reasons, one.why(v, false))
	}
	return "ninguna alternativa se cumple (" + strings.Join(reasons, "; ") + ")"
}

func (c notIt) why(v *view, fits bool) string {
	if fits {
		return "no debe cumplirse y no se cumple: " + c.of.why(v, false)
	}
	return "no debe cumplirse y se cumple: " + c.of.why(v, true)
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

func quoted(words []string) (all []string) {
	for _, w := range words {
		all = append(all, "«"+w+"»")
	}
	return all
}

func sorted(words []string) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}

func foldedAll(texts []string) (all []string) {
	for _, t := range texts {
		all = append(all, strings.Join(wordsOf(t), " "))
	}
	return all
}
