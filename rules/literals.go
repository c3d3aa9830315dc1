package rules

import "strings"

// gram is how many bytes of a literal are looked for first.
const gram = 4

// gramBits are the bits of a table that says which grams may stand in a literal.
const gramBits = 1 << 14

// literalIndex finds in one pass over a text which of many literals stand in it:
// the patterns of a thousand rules cost one reading of a mail. Literals shorter than
// a gram are looked for one by one.
type literalIndex struct {
	literals []string
	offset   []int              // where in each literal its gram begins
	short    []int              // literals shorter than a gram
	at       map[uint32][]int32 // literals by their gram
	table    [gramBits / 64]uint64
}

// add returns the number of a literal.
func (x *literalIndex) add(literal string) int {
	x.literals = append(x.literals, literal)
	return len(x.literals) - 1
}

// choose takes of each literal the gram that the fewest others have: what many
// begin with, as «equipo-1» to «equipo-999», would tell nothing.
func (x *literalIndex) choose() {
	count := map[uint32]int{}
	for _, l := range x.literals {
		for i := 0; i+gram <= len(l); i++ {
			count[gramAt(l, i)]++
		}
	}
	x.at, x.offset = map[uint32][]int32{}, make([]int, len(x.literals))
	for n, l := range x.literals {
		if len(l) < gram {
			x.short = append(x.short, n)
			continue
		}
		best := 0
		for i := 1; i+gram <= len(l); i++ {
			if count[gramAt(l, i)] < count[gramAt(l, best)] {
				best = i
			}
		}
		g := gramAt(l, best)
		x.offset[n], x.at[g] = best, append(x.at[g], int32(n))
		bit := slotOf(g)
		x.table[bit/64] |= 1 << (bit % 64)
	}
}

func gramAt(s string, i int) uint32 {
	return uint32(s[i]) | uint32(s[i+1])<<8 | uint32(s[i+2])<<16 | uint32(s[i+3])<<24
}

// slotOf spreads grams over the table.
func slotOf(g uint32) uint32 { return g * 2654435761 >> 18 }

// find returns, for each literal, whether it stands in a text.
func (x *literalIndex) find(text string) []bool {
	found := make([]bool, len(x.literals))
	for _, n := range x.short {
		found[n] = strings.Contains(text, x.literals[n])
	}
	if len(x.at) == 0 || len(text) < gram {
		return found
	}
	g := gramAt(text, 0) << 8 // of the place before the first
	for i := gram - 1; i < len(text); i++ {
		g = g>>8 | uint32(text[i])<<24
		bit := slotOf(g)
		if x.table[bit/64]&(1<<(bit%64)) == 0 {
			continue
		}
		for _, n := range x.at[g] {
			start := i - (gram - 1) - x.offset[n]
			if l := x.literals[n]; !found[n] && start >= 0 && strings.HasPrefix(text[start:], l) {
				found[n] = true
			}
		}
	}
	return found
}
