package rules

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// warn notes what is odd and lets the desk run.
func (k *compiler) warn(key, format string, values ...any) {
	k.set.warnings = append(k.set.warnings, k.document.Fault(joined(k.path, key), format, values...))
}

// contradictions warns of a rule that can never hold.
func (k *compiler) contradictions() {
	for i, a := range k.where {
		for _, b := range k.where[:i] {
			if signs := (signer{}); signs.excludes(a.condition, b.condition) || signs.excludes(b.condition, a.condition) {
				k.set.warnings = append(k.set.warnings, k.document.Fault(a.key, "esta regla no se cumple nunca: esto y lo de %s se contradicen", lastKey(b.key)))
				return
			}
		}
	}
}

func lastKey(path string) string { return path[strings.LastIndexAny(path, ".]")+1:] }

// excludes says that where one condition holds the other cannot. It is sound
// and does not find all such cases.
func (s signer) excludes(a, b condition) bool {
	switch a := a.(type) {
	case notIt:
		return s.implies(b, a.of)
	case allOf:
		return slices.ContainsFunc(a, func(one condition) bool { return s.excludes(one, b) || s.excludes(b, one) })
	case *open:
		other, ok := b.(*open)
		return ok && a.name == other.name && a.outside != other.outside
	case *member:
		other, ok := b.(*member)
		if ok && a.kind == byFrom && other.kind == byDomain {
			return !slices.ContainsFunc(a.values, func(from string) bool { return meet(domainsOf(domain(from)), other.values) })
		}
		return ok && a.kind == other.kind && kindTable[a.kind].single && !meet(a.values, other.values)
	case subjectIs:
		switch b := b.(type) {
		case subjectIs:
			return a.there != b.there
		case *words:
			return !a.there && b.text == subjectText
		}
	}
	return false
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// signer remembers the signs of conditions, which every two rules are compared by.
type signer map[any]string

// listAt names a list of conditions by where it lies.
type listAt struct {
	first *condition
	all   bool
}

func (s signer) sign(c condition) string {
	var key any
	switch c := c.(type) {
	case notIt:
		return "not(" + s.sign(c.of) + ")"
	case allOf:
		if len(c) == 0 {
			return c.sign()
		}
		key = listAt{&c[0], true}
	case anyOf:
		key = listAt{&c[0], false}
	default:
		key = c
	}
	sign, ok := s[key]
	if !ok {
		sign = c.sign()
		s[key] = sign
	}
	return sign
}

// implies says that where a holds b holds too. It is sound and does not find all
// such cases.
func (s signer) implies(a, b condition) bool {
	if m, ok := a.(*member); ok {
		if other, ok := b.(*member); ok {
			return m.kind == other.kind && every(m.values, func(v string) bool { return covered(m.kind, v, other.values) })
		}
	}
	if reflect.TypeOf(a) == reflect.TypeOf(b) && s.sign(a) == s.sign(b) {
		return true
	}
	switch b := b.(type) {
	case anyOf:
		return slices.ContainsFunc(b, func(one condition) bool { return s.implies(a, one) })
	case allOf:
		return !slices.ContainsFunc(b, func(one condition) bool { return !s.implies(a, one) })
	}
	switch a := a.(type) {
	case allOf:
		return slices.ContainsFunc(a, func(one condition) bool { return s.implies(one, b) })
	case anyOf:
		return !slices.ContainsFunc(a, func(one condition) bool { return !s.implies(one, b) })
	case *words:
		other, ok := b.(*words)
		return ok && a.text == other.text && !other.exact && every(a.words, func(w string) bool {
			return slices.ContainsFunc(other.words, func(o string) bool { return containsRun(wordsOf(w), wordsOf(o)) })
		})
	case weekdays:
		other, ok := b.(weekdays)
		for day := range a.days {
			ok = ok && (!a.days[day] || other.days[day])
		}
		return ok
	}
	return false
}

func every(list []string, holds func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !holds(s) })
}

// covered says whether a value is one of a list, or of those that one of the
// list stands for.
func covered(k kind, value string, list []string) bool {
	if slices.Contains(list, value) {
		return true
	}
	switch k {
	case byTo, byCc:
		return slices.Contains(list, withoutPlus(value))
	case byDomain, byList:
		return meet(domainsOf(strings.TrimPrefix(value, "*."))[1:], list)
	}
	return false
}

// shadows warns of rules that no mail reaches: whatever fits them fits an
// earlier one that decides.
func (l *loader) shadows() {
	signs := signer{}
	for i, r := range l.set.rules {
		for _, before := range l.set.rules[:i] {
			if before.continues || before.on != r.on || len(before.when) > len(r.when) || !signs.implies(r.when, before.when) {
				continue
			}
			why := "todo lo que la cumple cumple antes"
			if before.unconditional {
				why = "antes está, sin condiciones,"
			}
			place := fmt.Sprintf("%s:%d", before.file, before.line)
			l.set.warnings = append(l.set.warnings, r.document.Fault(r.path+".name",
				"a la regla %q no llega ningún correo: %s %q (%s); cámbielas de orden o ponga continue = true en aquella", r.name, why, before.name, place))
			break
		}
	}
}
