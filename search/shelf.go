package search

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
)

// Page is something that the desk knows: an article to be found.
type Page struct {
	Title string
	Tags  []string
	Text  string
}

// Shelf finds pages by what somebody asks. It is made once and does not change.
type Shelf struct {
	pages []shelved
	rare  map[string]float64 // weight of a stem: the fewer pages have it, the more it says
	named map[beginning]bool // how the words of titles and tags begin
}

// shelved is a page's stems: where each stands best.
type shelved struct{ weight map[string]float64 }

const (
	inTitle, inTags, inText = 3.0, 3.0, 1.0
	textMost                = 16 << 10 // bytes of a page's text that are looked at
)

// NewShelf returns a shelf of pages; Find names them by their place.
func NewShelf(pages []Page) *Shelf {
	s := &Shelf{rare: map[string]float64{}, named: map[beginning]bool{}}
	for _, p := range pages {
		at := shelved{map[string]float64{}}
		put := func(text string, weight float64) {
			for _, stem := range stems(text) {
				at.weight[stem] = max(at.weight[stem], weight)
			}
		}
		put(p.Title, inTitle)
		for _, tag := range p.Tags {
			put(tag, inTags)
		}
		put(p.Text[:min(len(p.Text), textMost)], inText)
		for stem, weight := range at.weight {
			s.rare[stem]++
			if weight >= inTags {
				s.named[begin(stem)] = true
			}
		}
		s.pages = append(s.pages, at)
	}
	for stem, n := range s.rare {
		s.rare[stem] = math.Log(1 + float64(len(pages))/n)
	}
	return s
}

// Find returns the places of the pages that have words of a question, the best
// first, at most limit.
func (s *Shelf) Find(question string, limit int) []int { return s.find(question, limit, nil) }

// Suits returns the pages that are likely to answer a mail with this subject and
// text: those whose title or tags have two words of it, or one that is all of their title.
func (s *Shelf) Suits(subject, text string, limit int) []int {
	asked := map[string]bool{}
	for _, stem := range stems(s.likely(subject + "\n" + text[:min(len(text), 4<<10)])) {
		asked[stem] = true
	}
	return s.find(subject, limit, func(p shelved) bool {
		named, hit := 0, 0
		for stem, weight := range p.weight {
			if weight < inTags {
				continue
			}
			named++
			if asked[stem] {
				hit++
			}
		}
		return hit >= 2 || hit == 1 && named == 1
	})
}

// beginning is the first three letters of a word, fewer where it has no more, as they
// stand in its stem too: without case and accents, and with c for z («luces», «luz»).
type beginning [3]rune

func begin(word string) (b beginning) {
	n := 0
	for _, r := range word {
		if n == len(b) || !inWord(r) {
			break
		}
		b[n] = plain(r)
		n++
	}
	return b
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

func plain(r rune) rune {
	switch r = unicode.ToLower(r); r {
	case 'à', 'á', 'â', 'ä':
		return 'a'
	case 'è', 'é', 'ê', 'ë':
		return 'e'
	case 'ì', 'í', 'î', 'ï':
		return 'i'
	case 'ò', 'ó', 'ô', 'ö':
		return 'o'
	case 'ù', 'ú', 'û', 'ü':
		return 'u'
	case 'z':
		return 'c'
	}
	return r
}

// likely returns what lies between white space in a text and may have a word of a title
// or a tag in it: to stem the whole of a mail costs more than all else that is asked of
// its text.
func (s *Shelf) likely(text string) string {
	var b strings.Builder
	for piece := range strings.FieldsSeq(text) {
		if s.mayName(piece) {
			b.WriteString(piece)
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func (s *Shelf) mayName(piece string) bool {
	within := false
	for i, r := range piece {
		if r >= latinEnd {
			return true // where words of other scripts begin is left to who stems them
		}
		was := within
		if within = inWord(r); !within || was {
			continue
		}
		b := begin(piece[i:])
		for n := len(b); n > 0; n-- { // a title's word may be shorter: «pc»
			if b[n-1] != 0 && s.named[b] {
				return true
			}
			b[n-1] = 0
		}
	}
	return false
}

const latinEnd = 0x250 // of Latin letters

func (s *Shelf) find(question string, limit int, fits func(shelved) bool) (found []int) {
	asked := stems(question)
	slices.Sort(asked)
	asked = slices.Compact(asked)
	score := map[int]float64{}
	for i, p := range s.pages {
		if fits != nil && !fits(p) {
			continue
		}
		for _, stem := range asked {
			score[i] += p.weight[stem] * s.rare[stem]
		}
		if score[i] > 0 {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	return found[:min(len(found), limit)]
}
