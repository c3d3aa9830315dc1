package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"

	"ventanilla/desk"
	"ventanilla/mail"
)

// Set is a compiled set of rules. It is immutable; the zero Set has no rules.
type Set struct {
	rules    []rule
	wordings [2]wordIndex            // of subject and body
	members  [kinds]map[string][]int // conditions by the values that they want
	literals [2][2]literalIndex      // that patterns look for, of subject and body: folded, and as they are
	numbers  map[string]int          // of conditions, by their signs
	early    []uint64                // the numbers of those that the header alone decides on, as bits
	trials   []trial
	warnings []*FileError
	hash     string
}

// Hash names the files that the set was made of: SHA-256 over their names and
// contents, 64 hexadecimal digits.
func (s *Set) Hash() string { return s.hash }

// Len returns how many rules there are.
func (s *Set) Len() int { return len(s.rules) }

// Load reads the folder rules of an installation: its files *.toml in the order
// of their names, against the queues and agents of world. All mistakes are
// returned at once, each a *[FileError].
func Load(installation fs.FS, world *desk.World) (*Set, error) {
	names, err := ruleFiles(installation)
	if err != nil {
		return nil, err
	}
	l := loader{world: world, files: installation, set: &Set{numbers: map[string]int{}}, firsts: map[string]string{}}
	if l.calendars, err = loadCalendars(installation, l.zone()); err != nil {
		return nil, err
	}
	sum := sha256.New()
	for _, name := range names {
		data, err := fs.ReadFile(installation, name)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		_, _ = fmt.Fprintf(sum, "%q %d\n%s", name, len(data), data)
		l.file(name, data)
	}
	l.set.hash = hex.EncodeToString(sum.Sum(nil))
	l.expectations()
	if err := errors.Join(append(l.others, Join(l.found...))...); err != nil {
		return nil, err
	}
	for i := range l.set.literals {
		for j := range l.set.literals[i] {
			l.set.literals[i][j].choose()
		}
	}
	l.shadows()
	l.set.warnings = sortFaults(l.set.warnings)
	return l.set, nil
}

// Warnings returns what is odd in the files but lets the desk run, in the order
// of its place.
func (s *Set) Warnings() []*FileError { return s.warnings }

// ruleFiles lists the rule files in the order in which they count. Hidden files,
// such as editors leave behind, do not.
func ruleFiles(installation fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(installation, "rules")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FileError{File: "rules", Message: "falta esta carpeta: créela, aunque quede vacía"}
	}
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && path.Ext(e.Name()) == ".toml" && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, path.Join("rules", e.Name()))
		}
	}
	return names, nil
}

// loader makes a set and gathers the mistakes in its files.
type loader struct {
	world     *desk.World
	files     fs.FS
	calendars []*desk.Calendar
	set       *Set
	firsts    map[string]string // where a rule's name was first used
	found     []*FileError
	others    []error // of whole files
}

func (l *loader) file(name string, data []byte) {
	var f ruleFile
	d, err := Read(name, data, &f)
	if err != nil {
		l.others = append(l.others, err)
		return
	}
	for i, text := range f.Rules {
		c := checker{document: d, path: fmt.Sprintf("rule[%d]", i)}
		r := l.compile(&c, text)
		if len(c.faults) > 0 {
			l.found = append(l.found, c.faults...)
			continue
		}
		l.set.rules = append(l.set.rules, r)
	}
}

// compile turns a rule's text into a rule.
func (l *loader) compile(c *checker, t ruleText) rule {
	r := rule{name: t.Name, file: c.document.name, line: c.document.line(c.path), continues: t.Continue, on: occasion(or(t.On, string(onOpen))),
		document: c.document, path: c.path}
	l.name(c, t.Name)
	k := compiler{loader: l, checker: c, on: r.on, groups: map[string]bool{}}
	r.when = k.conditions(t.conditionText)
	r.unconditional = len(r.when) == 0
	if !k.class {
		people := k.member(byClass, anybody[:])
		people.nobody = true
		r.when = slices.Insert(r.when, min(1, len(r.when)), condition(people))
		k.where = append(k.where, located{k.path, people})
	}
	r.number(l.set)
	k.contradictions()
	r.route = k.effects(t)
	l.trial(c, t)
	return r
}

// anybody are the classes that a rule without a class condition fits: mails
// that people wrote.
var anybody = [...]string{string(mail.ClassHuman), string(mail.ClassList)}

// name checks that a rule has a name and that it is the only one of that name.
func (l *loader) name(c *checker, name string) {
	if strings.TrimSpace(name) == "" {
		c.fault("name", `la regla no tiene nombre: escriba name = "…"`)
		return
	}
	if first, ok := l.firsts[name]; ok {
		c.fault("name", "ya hay una regla %q en %s", name, first)
		return
	}
	l.firsts[name] = fmt.Sprintf("%s:%d", c.document.name, c.document.line(c.path+".name"))
}

// checker checks the values of one section of a document.
type checker struct {
	document *Document
	path     string
	faults   []*FileError
}

func (c *checker) fault(key, format string, values ...any) {
	c.faults = append(c.faults, c.document.Fault(joined(c.path, key), format, values...))
}

func (c *checker) has(key string) bool { return c.document.Has(joined(c.path, key)) }

// notEmpty reports a list that is there and has nothing in it: it could be
// meant to fit everything or nothing.
func (c *checker) notEmpty(key string, n int) {
	if n == 0 && c.has(key) {
		c.fault(key, "la lista está vacía: quite la clave o escriba algo en ella")
	}
}

// wordList checks words and phrases, and reports whether all are good.
func (k *compiler) wordList(key string, list []string) bool {
	before := len(k.faults)
	k.notEmpty(key, len(list))
	seen := map[string]string{}
	for i, w := range list {
		at := fmt.Sprintf("%s[%d]", key, i)
		folded := strings.Join(wordsOf(w), " ")
		if strings.ContainsAny(w, "*?") {
			k.fault(at, "no hay comodines: escriba cada palabra entera")
		} else if folded == "" {
			k.fault(at, "aquí no hay ninguna palabra")
		} else if first, ok := seen[folded]; ok {
			k.warn(at, "«%s» es lo mismo que «%s», que ya está: quite una", w, first)
		}
		seen[folded] = w
	}
	return len(k.faults) == before
}

// addresses checks addresses and returns them in lower case.
func (c *checker) addresses(key string, addresses []string) []string {
	c.notEmpty(key, len(addresses))
	var all []string
	for i, a := range addresses {
		if wrong := WrongAddress(a); wrong != "" {
			c.fault(fmt.Sprintf("%s[%d]", key, i), "%s", wrong)
		}
		all = append(all, strings.ToLower(a))
	}
	return all
}

// domains checks domains and returns them in lower case.
func (c *checker) domains(key string, domains []string) []string {
	c.notEmpty(key, len(domains))
	var all []string
	for i, d := range domains {
		if wrong := WrongDomain(strings.TrimPrefix(d, "*.")); wrong != "" {
			c.fault(fmt.Sprintf("%s[%d]", key, i), "%s", wrong)
		}
		all = append(all, strings.ToLower(d))
	}
	return all
}

// WrongAddress says in Spanish what is wrong with the address of a mailbox, ""
// if nothing is (RFC 5321 §4.1.2, without quoted local parts).
func WrongAddress(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	switch {
	case !ok:
		return fmt.Sprintf("%q no es una dirección: falta la @", address)
	case local == "" || len(local) > 64:
		return fmt.Sprintf("%q no es una dirección: antes de la @ van de 1 a 64 letras", address)
	case strings.ContainsFunc(local, notInLocal), strings.HasPrefix(local, "."), strings.HasSuffix(local, "."), strings.Contains(local, ".."):
		return fmt.Sprintf("%q no es una dirección: lo que va antes de la @ no puede escribirse así", address)
	}
	return WrongDomain(domain)
}

func notInLocal(r rune) bool {
	return !(unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r))
}

// WrongDomain says in Spanish what is wrong with a domain name, "" if nothing is.
func WrongDomain(domain string) string {
	labels := strings.Split(domain, ".")
	bad := slices.ContainsFunc(labels, func(label string) bool {
		return label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' })
	})
	if bad || len(domain) > 253 {
		return fmt.Sprintf("%q no es un dominio", domain)
	}
	return ""
}
