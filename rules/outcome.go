package rules

import (
	"regexp"
	"slices"
)

// Every condition is asked once a mail, however many rules want it: conditions with
// one sign have one number, and what was found is kept as a bit of that number.

// bits are numbers of conditions, as bits of one word.
type bits struct {
	at   int // which word
	bits uint64
}

// number returns the number of the conditions with a sign, and whether it is a new one.
func (s *Set) number(sign string) (number int, first bool) {
	number, ok := s.numbers[sign]
	if !ok {
		number = len(s.numbers)
		s.numbers[sign] = number
	}
	return number, !ok
}

// early says that the header alone decides on a kind: it is asked before any rule.
// The others read the whole text, and wait for a rule that comes so far.
func (k kind) early() bool { return k != bodyWords && k != byLanguage }

// askEarly notes that a condition is asked before any rule.
func (s *Set) askEarly(number int) {
	for len(s.early) <= number/64 {
		s.early = append(s.early, 0)
	}
	s.early[number/64] |= 1 << (number % 64)
}

// number numbers the conditions at the top of a rule. Those that catch something are
// asked by each rule, and have none.
func (r *rule) number(s *Set) {
	for _, c := range r.when {
		number := -1
		if !catches(c) {
			number, _ = s.number(c.sign())
			r.mark(number)
		}
		r.numbers = append(r.numbers, number)
	}
}

func (r *rule) mark(number int) {
	i := slices.IndexFunc(r.all, func(b bits) bool { return b.at == number/64 })
	if i < 0 {
		i, r.all = len(r.all), append(r.all, bits{at: number / 64})
	}
	r.all[i].bits |= 1 << (number % 64)
}

// catches says that a condition, when it holds, adds to view.took.
func catches(c condition) bool {
	switch c := c.(type) {
	case *pattern:
		return slices.ContainsFunc(c.res, func(re *regexp.Regexp) bool {
			return slices.ContainsFunc(re.SubexpNames(), func(name string) bool { return name != "" })
		})
	case allOf:
		return slices.ContainsFunc(c, catches)
	case anyOf:
		return slices.ContainsFunc(c, catches)
	}
	return false
}

// view returns a mail as rules see it, with all that its header decides on.
func (s *Set) view(in Routing) *view {
	words := (len(s.numbers) + 63) / 64
	both := make([]uint64, 2*words)
	v := &view{Routing: in, set: s, holds: both[:words], known: both[words:]}
	copy(v.known, s.early)
	for k := range kinds {
		if k.early() {
			v.asked[k] = true
			v.ask(k)
		}
	}
	return v
}

// excludes says that one of some conditions is known not to hold.
func (v *view) excludes(all []bits) bool {
	for _, b := range all {
		if b.bits&v.known[b.at]&^v.holds[b.at] != 0 {
			return true
		}
	}
	return false
}

// fits says whether a mail that a rule does not exclude fits it, and keeps what it
// found.
func (v *view) fits(r *rule) bool {
	for i, c := range r.when {
		n := r.numbers[i]
		if n < 0 {
			if !c.fits(v) {
				return false
			}
			continue
		}
		at, bit := n/64, uint64(1)<<(n%64)
		if v.known[at]&bit == 0 {
			v.known[at] |= bit
			if !c.fits(v) {
				return false
			}
			v.holds[at] |= bit
		}
	}
	return true
}

// hit says whether an indexed condition holds.
func (v *view) hit(k kind, number int) bool {
	if !v.asked[k] {
		v.asked[k] = true
		v.ask(k)
	}
	return v.holds[number/64]&(1<<(number%64)) != 0
}

// ask sets the bits of all conditions of a kind that hold.
func (v *view) ask(k kind) {
	set := func(number int) { v.holds[number/64] |= 1 << (number % 64) }
	if k <= bodyWords {
		if len(v.set.wordings[k].entries) > 0 {
			v.set.wordings[k].each(v.folded(int(k)), set)
		}
		return
	}
	values := v.set.members[k]
	if len(values) == 0 {
		return
	}
	for _, value := range kindTable[k].values(v) {
		for _, number := range values[value] {
			set(number)
		}
	}
}
