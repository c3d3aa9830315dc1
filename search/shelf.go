package search

import (
	"cmp"
	"math"
	"slices"
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
}

// shelved is a page's stems: where each stands best.
type shelved struct{ weight map[string]float64 }

const (
	inTitle, inTags, inText = 3.0, 3.0, 1.0
	textMost                = 16 << 10 // bytes of a page's text that are looked at
)

// NewShelf returns a shelf of pages; Find names them by their place.
func NewShelf(pages []Page) *Shelf {
	s := &Shelf{rare: map[string]float64{}}
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
		for stem := range at.weight {
			s.rare[stem]++
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
	for _, stem := range stems(subject + "\n" + text[:min(len(text), 4<<10)]) {
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
