package search_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ventanilla/search"
)

// vocabulary is what the texts of TestSize are made of: its first words are common,
// its last ones rare, as in a language.
func vocabulary() (words []string) {
	for _, begins := range []string{"impres", "comput", "conect", "instal", "actualiz", "configur", "licenci", "contrat", "factur", "docent", "matricul", "servid", "archiv", "pantall", "teclad", "correr", "asign", "solicit", "autoriz", "presupuest"} {
		for _, goesOn := range []string{"a", "o", "ar", "ación", "aciones", "ada", "ados", "ante", "able", "ero", "eros", "ería", "amiento", "ista", "ito", "azo", "oso", "iva", "ivos", "ura"} {
			for _, ends := range []string{"", "mente", "x", "q"} {
				words = append(words, begins+goesOn+ends)
			}
		}
	}
	return words
}

type author struct {
	*rand.Rand
	words []string
}

// writes returns so many words, the common ones more often (Zipf).
func (a author) writes(n int) string {
	z := rand.NewZipf(a.Rand, 1.1, 4, uint64(len(a.words)-1))
	var b strings.Builder
	for range n {
		b.WriteString(a.words[z.Uint64()] + " ")
	}
	return b.String()
}

// TestSize: among many tickets a search takes at most ten milliseconds in the middle,
// also while the index is made anew.
func TestSize(t *testing.T) {
	tickets := 2000
	if os.Getenv("VENTANILLA_EVIDENCE") != "" {
		tickets = 100_000
	}
	a := author{rand.New(rand.NewPCG(1, 2)), vocabulary()}
	x := open(t, t.TempDir())
	defer x.Close()
	fill := func(add func([]search.Text) error) (uint64, error) {
		a := author{rand.New(rand.NewPCG(3, 4)), a.words}
		var texts []search.Text
		for id := range uint64(tickets) {
			title := a.writes(5)
			texts = append(texts, search.Text{Ticket: id + 1, Words: title}, search.Text{Ticket: id + 1, Part: 1, Words: title + a.writes(60)}, search.Text{Ticket: id + 1, Part: 2, Words: title + a.writes(25)})
			if len(texts) < 1000 && int(id) < tickets-1 {
				continue
			}
			if err := add(texts); err != nil {
				return 0, err
			}
			texts = texts[:0]
		}
		return 1, nil
	}
	began := time.Now()
	if err := x.Rebuild(fill); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d tickets, %d texts indexed in %s", tickets, 3*tickets, time.Since(began).Round(time.Millisecond))
	ask := func(n int) (p50, p99 time.Duration) {
		var took []time.Duration
		for range n {
			words := a.writes(1 + a.IntN(3))
			began := time.Now()
			if _, err := x.Find(context.Background(), words, 50); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		return took[n/2], took[n*99/100]
	}
	report := func(when string, p50, p99 time.Duration) {
		fmt.Printf("search among %d tickets, %s: p50 %s, p99 %s\n", tickets, when, p50.Round(10*time.Microsecond), p99.Round(10*time.Microsecond))
		if os.Getenv("VENTANILLA_EVIDENCE") != "" && p50 > 10*time.Millisecond {
			t.Errorf("%s: p50 is %s", when, p50)
		}
	}
	p50, p99 := ask(500)
	report("at rest", p50, p99)
	made := make(chan error)
	go func() { made <- x.Rebuild(fill) }()
	p50, p99 = ask(500)
	report("while it is made anew", p50, p99)
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	if n, err := x.Size(); err != nil || n != uint64(3*tickets) {
		t.Errorf("%d texts: %v", n, err)
	}
}
