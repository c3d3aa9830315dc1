package rules

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"ventanilla/mail"
)

// compiler turns the conditions of one rule into what matches.
type compiler struct {
	*loader
	*checker
	on     occasion
	class  bool            // a class is named somewhere
	groups map[string]bool // that patterns catch
	not    bool            // within a not
	where  []located       // the conditions at the top of the rule
}

// located is a condition and the key that it was made of.
type located struct {
	key string // as rule[0].subject
	condition
}

// conditions compiles one table of conditions. Its path is the checker's.
func (k *compiler) conditions(t conditionText) (cs allOf) {
	outer, top := k.path, len(k.where)
	add := func(key string, c condition) {
		cs = append(cs, c)
		k.where = append(k.where, located{joined(k.path, key), c})
	}
	if k.on.ofClock() {
		k.ofClock()
	}
	k.texts(t, add)
	k.values(t, add)
	k.files(t, add)
	k.times(t, add)
	k.patterns(t, add)
	k.nested(t, add)
	if k.has("when") {
		if c := k.expression(t.When); c != nil {
			add("when", c)
		}
	}
	k.path = outer
	if outer != k.top() {
		k.where = k.where[:top]
	}
	slices.SortStableFunc(cs, func(a, b condition) int { return a.cost() - b.cost() })
	return cs
}

// mailOnly are the conditions that ask for a mail.
var mailOnly = []string{"body", "body_pattern", "from", "from_domain", "to", "cc", "plus", "list", "class", "attachment", "header", "header_pattern", "text_language", "trust", "known"}

// ofClock reports conditions that ask a clock for a mail.
func (k *compiler) ofClock() {
	for _, key := range mailOnly {
		if k.has(key) {
			k.fault(key, "un plazo no trae ningún correo: con on = %q valen ticket, clock, subject (el del ticket), requester, during, outside, weekdays, hours y when", k.on)
		}
	}
}

// top is the path of the rule itself.
func (k *compiler) top() string {
	i := strings.IndexByte(k.path, ']')
	return k.path[:i+1]
}

// texts compiles words of subject and body.
func (k *compiler) texts(t conditionText, add func(string, condition)) {
	for which, in := range [...]struct {
		key   string
		words []string
	}{{"subject", t.Subject}, {"body", t.Body}} {
		if !k.wordList(in.key, in.words) || len(in.words) == 0 {
			continue
		}
		add(in.key, k.words(which, in.words, t.Exact))
	}
	if t.HasSubject != nil {
		add("has_subject", subjectIs{*t.HasSubject})
	}
	for _, name := range slices.Sorted(maps.Keys(t.Header)) {
		key := "header." + name
		if list := k.headerList(key, t.Header[name]); len(list) > 0 {
			c := &headerWords{name: name, folded: strings.ToLower(name), words: list, exact: t.Exact}
			for _, w := range list {
				c.wanted = append(c.wanted, splitBy(t.Exact, w))
			}
			add(key, c)
		}
	}
}

// words compiles words and phrases of a text, by the index of those without case.
func (k *compiler) words(which int, list []string, exact bool) *words {
	c := &words{text: which, words: list, exact: exact}
	folded := words{text: which, words: list}
	number, first := k.set.number(folded.sign())
	if c.id = number; !first {
		return c
	}
	for _, w := range list {
		k.set.wordings[which].add(wordsOf(w), number)
	}
	if kind(which).early() {
		k.set.askEarly(number)
	}
	return c
}

// headerList reads one word or a list of them.
func (k *compiler) headerList(key string, value any) (list []string) {
	switch value := value.(type) {
	case string:
		list = []string{value}
	case []any:
		for _, one := range value {
			s, ok := one.(string)
			if !ok {
				k.fault(key, "cada palabra de la lista va entre comillas")
				return nil
			}
			list = append(list, s)
		}
	default:
		k.fault(key, `aquí va un texto entre comillas o una lista, como ["uno", "dos"]`)
		return nil
	}
	if len(list) == 0 || slices.ContainsFunc(list, func(w string) bool { return len(wordsOf(w)) == 0 }) {
		k.fault(key, "aquí no hay ninguna palabra")
		return nil
	}
	return list
}

// member compiles a list of values of which the mail's must be one.
func (k *compiler) member(kind kind, values []string) *member {
	c := &member{kind: kind, values: values}
	number, first := k.set.number(c.sign())
	if c.id = number; !first {
		return c
	}
	if k.set.members[kind] == nil {
		k.set.members[kind] = map[string][]int{}
	}
	for _, v := range values {
		k.set.members[kind][v] = append(k.set.members[kind][v], number)
	}
	if kind.early() {
		k.set.askEarly(number)
	}
	return c
}

// values compiles what compares whole values.
func (k *compiler) values(t conditionText, add func(string, condition)) {
	k.class = k.class || len(t.Class) > 0
	for _, in := range [...]struct {
		key    string
		kind   kind
		values []string
	}{
		{"class", byClass, k.listed("class", t.Class)},
		{"to", byTo, k.addresses("to", t.To)},
		{"cc", byCc, k.addresses("cc", t.Cc)},
		{"plus", byPlus, lowered(k.listed("plus", t.Plus))},
		{"from", byFrom, k.addresses("from", t.From)},
		{"from_domain", byDomain, k.domains("from_domain", t.FromDomain)},
		{"list", byList, lowered(k.listed("list", t.List))},
		{"text_language", byLanguage, k.listed("text_language", t.TextLanguage)},
		{"trust", byTrust, k.listed("trust", t.Trust)},
	} {
		if len(in.values) > 0 {
			add(in.key, k.member(in.kind, in.values))
		}
	}
	if t.Known != nil {
		add("known", k.member(byKnown, []string{fmt.Sprint(*t.Known)}))
	}
	if t.Requester != nil {
		k.requester(*t.Requester, add)
	}
	if t.Ticket != nil {
		k.ticket(*t.Ticket, add)
	}
	if clocks := k.listed("clock", t.Clock); len(clocks) > 0 {
		if !k.on.ofClock() {
			k.fault("clock", `un correo no es un plazo: añada on = "warning" u on = "breach" a la regla, o quite clock`)
		}
		add("clock", k.member(byClock, clocks))
	}
}

// requester compiles what is wanted of who writes.
func (k *compiler) requester(t requesterText, add func(string, condition)) {
	known := k.names()
	for _, in := range [...]struct {
		key    string
		kind   kind
		values []string
	}{
		{"client", byClient, k.references("requester.client", t.Client, known.clients)},
		{"service", byContract, k.references("requester.service", t.Service, known.services)},
		{"product", byProduct, foldedAll(k.products(t.Product))},
		{"department", byDepartment, foldedAll(k.listed("requester.department", t.Department))},
		{"address", byAddress, k.addresses("requester.address", t.Address)},
	} {
		if len(in.values) > 0 {
			add("requester."+in.key, k.member(in.kind, in.values))
		}
	}
	if t.Listed != nil {
		add("requester.listed", k.member(byListed, []string{fmt.Sprint(*t.Listed)}))
	}
	if k.wordList("requester.name", t.Name) && len(t.Name) > 0 {
		add("requester.name", &called{t.Name})
	}
	if numbers := k.listed("requester.phone", t.Phone); len(numbers) > 0 {
		c := &phone{}
		for i, n := range numbers {
			c.globs = append(c.globs, digitsOf(n))
			if c.globs[i] == "" {
				k.fault(fmt.Sprintf("requester.phone[%d]", i), "aquí no hay ningún número")
			}
		}
		add("requester.phone", c)
	}
}

// references returns the names in a catalogue that a list means.
func (k *compiler) references(key string, list []string, in catalogue) (names []string) {
	k.notEmpty(key, len(list))
	for i, name := range list {
		names = append(names, k.reference(fmt.Sprintf("%s[%d]", key, i), name, in))
	}
	return names
}

// products checks that some client has each product.
func (k *compiler) products(list []string) []string {
	var all []string
	for _, c := range k.world.Clients {
		all = append(all, c.Products...)
	}
	for i, p := range k.listed("requester.product", list) {
		if !slices.Contains(foldedAll(all), strings.Join(wordsOf(p), " ")) {
			k.fault(fmt.Sprintf("requester.product[%d]", i), "ningún cliente de desk/clients.toml tiene el producto %q%s", p, meant(p, sorted(all), "productos"))
		}
	}
	return list
}

// ticket compiles what is wanted of the ticket that a mail answers to.
func (k *compiler) ticket(t ticketText, add func(string, condition)) {
	if k.on == onOpen {
		k.fault("ticket", `un correo que abre un ticket no responde a ninguno: añada on = "reply" a la regla, o quite ticket`)
		return
	}
	for _, in := range [...]struct {
		key   string
		list  []string
		known catalogue
	}{{"queue", t.Queue, k.names().queues}, {"owner", t.Owner, k.names().agents}, {"category", t.Category, k.names().categories}, {"service", t.Service, k.names().services}} {
		for i, name := range in.list {
			in.list[i] = k.reference(fmt.Sprintf("ticket.%s[%d]", in.key, i), name, in.known)
		}
	}
	t.Tag = foldedAll(t.Tag)
	for i, word := range t.Priority {
		n := Priority(word)
		if n == 0 {
			k.fault(fmt.Sprintf("ticket.priority[%d]", i), "no es una prioridad: de 1 a 5, o %s", strings.Join(priorityWords[:], ", "))
		}
		t.Priority[i] = fmt.Sprint(n)
	}
	for i, name := range t.Type {
		t.Type[i] = mail.Fold(strings.TrimSpace(name))
	}
	for _, in := range [...]struct {
		key    string
		kind   kind
		values []string
	}{{"state", byState, t.State}, {"queue", byQueue, t.Queue}, {"type", byType, t.Type}, {"priority", byPriority, t.Priority}, {"owner", byOwner, t.Owner},
		{"category", byCategory, t.Category}, {"level", byLevel, t.Level}, {"service", byService, t.Service}, {"tag", byTag, t.Tag}} {
		k.notEmpty("ticket."+in.key, len(in.values))
		if len(in.values) > 0 {
			add("ticket."+in.key, k.member(in.kind, in.values))
		}
	}
}

// listed reports a list that is there and empty, or has an empty text in it.
func (k *compiler) listed(key string, list []string) []string {
	k.notEmpty(key, len(list))
	for i, s := range list {
		if strings.TrimSpace(s) == "" {
			k.fault(fmt.Sprintf("%s[%d]", key, i), "aquí no hay nada escrito")
		}
	}
	return list
}

func lowered(list []string) (all []string) {
	for _, s := range list {
		all = append(all, strings.ToLower(strings.TrimSpace(s)))
	}
	return all
}

// files compiles what is wanted of attachments.
func (k *compiler) files(t conditionText, add func(string, condition)) {
	if t.Attachment == nil {
		return
	}
	a := t.Attachment
	c := &attachment{contents: a.Content, larger: int64(a.LargerThan), smaller: int64(a.SmallerThan)}
	k.notEmpty("attachment.content", len(a.Content))
	if a.Disguised != nil {
		c.disguised = fmt.Sprint(*a.Disguised)
	}
	for _, in := range [...]struct {
		key  string
		from []string
		to   *[]string
	}{{"attachment.name", a.Name, &c.names}, {"attachment.type", a.Type, &c.types}} {
		k.notEmpty(in.key, len(in.from))
		for i, glob := range in.from {
			glob = mail.Fold(strings.TrimSpace(glob))
			if _, err := path.Match(glob, ""); err != nil || glob == "" {
				k.fault(fmt.Sprintf("%s[%d]", in.key, i), "no es un nombre con comodines, como *.pdf")
			}
			*in.to = append(*in.to, glob)
		}
	}
	if c.smaller > 0 && c.larger+1 >= c.smaller {
		k.fault("attachment.smaller_than", "ningún adjunto puede ser mayor que larger_than y menor que smaller_than a la vez")
	}
	add("attachment", c)
}

// nestedMost is how deep any, all and not may lie within each other.
const nestedMost = 8

// nested compiles the tables in any, all and not.
func (k *compiler) nested(t conditionText, add func(string, condition)) {
	outer := k.path
	if strings.Count(outer, ".") > nestedMost {
		k.fault("", "hay demasiadas tablas una dentro de otra: %d como mucho", nestedMost)
		return
	}
	each := func(key string, tables []conditionText) (all []condition) {
		k.notEmpty(key, len(tables))
		for i, table := range tables {
			all = append(all, k.table(joined(outer, fmt.Sprintf("%s[%d]", key, i)), table))
		}
		return all
	}
	if cs := each("any", t.Any); len(cs) > 0 {
		add("any", anyOf(cs))
	}
	if cs := each("all", t.All); len(cs) > 0 {
		add("all", allOf(cs))
	}
	if t.Not != nil {
		within := k.not
		k.not = true
		c := k.table(joined(outer, "not"), *t.Not)
		k.not = within
		add("not", notIt{c})
	}
}

// table compiles one table at a path.
func (k *compiler) table(at string, t conditionText) condition {
	outer := k.path
	k.path = at
	cs := k.conditions(t)
	k.path = outer
	switch {
	case len(cs) == 0 && len(k.faults) == 0:
		k.faults = append(k.faults, k.document.Fault(at, "esta tabla no pone ninguna condición"))
	case len(cs) == 1:
		return cs[0]
	}
	return cs
}

// expression compiles "when". Its mistakes are shown where they stand in the
// file.
func (k *compiler) expression(source string) condition {
	program, offset, wrong := compileExpression(source)
	if wrong != "" {
		k.faults = append(k.faults, k.document.faultWithin(joined(k.path, "when"), source, offset, wrong))
		return nil
	}
	return &expression{source, program}
}
