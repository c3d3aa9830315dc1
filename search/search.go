// Package search finds tickets by their words, and what the desk knows by what
// somebody asks. Words are reduced to Spanish stems: «impresoras» finds
// «impresora», «configuracion» finds «configuración».
//
// An [Index] lies in a folder and follows the store: it keeps how far it came
// beside what it knows, in the same write, so that after a crash it goes on where
// it was. What is broken, or of another layout, is thrown away and made anew. The
// index is a copy: nothing is lost with it.
package search

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"
)

// Text is one text that belongs to a ticket. Part 0 is what the ticket is called;
// its articles have their numbers. Words that are looked for together are best found
// within one text, so an article's text should begin with what its ticket is called.
type Text struct {
	Ticket uint64
	Part   int
	Words  string
	Gone   bool // it is to be forgotten
}

func (t Text) key() string { return strconv.FormatUint(t.Ticket, 10) + "/" + strconv.Itoa(t.Part) }

// Index is an index of tickets on the disk. Its methods may be used by several
// goroutines; there must be one writer.
type Index struct {
	folder string
	mu     sync.RWMutex
	live   bleve.Index
	name   string // of live, within folder
}

// places are the two of an index within its folder: one serves while the other is
// made. Their number is the layout of what is written; another one is made anew.
var places = [2]string{"1-a", "1-b"}

const cursorName = "cursor"

// Open opens the index in a folder, which is made if it is missing. An index that
// cannot be read is thrown away.
func Open(folder string) (*Index, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("open the search index: %w", err)
	}
	x := &Index{folder: folder, name: places[0]}
	if name, err := os.ReadFile(filepath.Join(folder, "current")); err == nil && strings.TrimSpace(string(name)) == places[1] {
		x.name = places[1]
	}
	path := filepath.Join(folder, x.name)
	live, err := bleve.OpenUsing(path, settings())
	if err == nil {
		x.live = live
		return x, x.sweep()
	}
	if err := os.RemoveAll(path); err != nil {
		return nil, fmt.Errorf("throw a broken search index away: %w", err)
	}
	if x.live, err = create(path); err != nil {
		return nil, err
	}
	return x, errors.Join(x.point(), x.sweep())
}

// settings of the segments: the folder is this user's alone, as all of the state.
func settings() map[string]any { return map[string]any{"bolt_timeout": "1s"} }

func create(path string) (bleve.Index, error) {
	x, err := bleve.NewUsing(path, fields(), "scorch", "scorch", settings())
	if err != nil {
		return nil, fmt.Errorf("make a search index: %w", err)
	}
	return x, nil
}

// fields says how texts are indexed: nothing is stored but the words.
func fields() mapping.IndexMapping {
	words := bleve.NewTextFieldMapping()
	words.Analyzer, words.Store, words.IncludeInAll, words.IncludeTermVectors, words.DocValues = es.AnalyzerName, false, false, false, false
	d := bleve.NewDocumentStaticMapping()
	d.AddFieldMappingsAt("words", words)
	m := bleve.NewIndexMapping()
	m.DefaultMapping, m.DefaultAnalyzer = d, es.AnalyzerName
	return m
}

// point notes which of the two places serves, for the next start.
func (x *Index) point() error {
	tmp := filepath.Join(x.folder, "current.new")
	if err := os.WriteFile(tmp, []byte(x.name+"\n"), 0o600); err != nil {
		return fmt.Errorf("note the search index: %w", err)
	}
	return os.Rename(tmp, filepath.Join(x.folder, "current"))
}

// sweep removes what is not in use.
func (x *Index) sweep() error {
	entries, err := os.ReadDir(x.folder)
	for _, e := range entries {
		if e.IsDir() && e.Name() != x.name {
			err = errors.Join(err, os.RemoveAll(filepath.Join(x.folder, e.Name())))
		}
	}
	return err
}

// Close closes the index.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.live.Close()
}

// Cursor returns how far the index has followed, as its last Write said; false
// where it knows nothing yet.
func (x *Index) Cursor() (cursor uint64, ok bool, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	b, err := x.live.GetInternal([]byte(cursorName))
	if err != nil || len(b) != 8 {
		return 0, false, err
	}
	return binary.BigEndian.Uint64(b), true, nil
}

// Write adds texts, replaces those that it has, forgets those that are gone, and
// notes the cursor: all of it or nothing.
func (x *Index) Write(texts []Text, cursor uint64) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return write(x.live, texts, &cursor)
}

func write(to bleve.Index, texts []Text, cursor *uint64) error {
	b := to.NewBatch()
	for _, t := range texts {
		if t.Gone {
			b.Delete(t.key())
			continue
		}
		if err := b.Index(t.key(), map[string]any{"words": t.Words}); err != nil {
			return fmt.Errorf("index ticket %d: %w", t.Ticket, err)
		}
	}
	if cursor != nil {
		b.SetInternal([]byte(cursorName), binary.BigEndian.AppendUint64(nil, *cursor))
	}
	if err := to.Batch(b); err != nil {
		return fmt.Errorf("write the search index: %w", err)
	}
	return nil
}

// Rebuild makes the index anew while the old one serves: fill is given what adds
// texts, and returns the cursor from which it is to follow on. On an error the old
// index stays.
func (x *Index) Rebuild(fill func(add func([]Text) error) (cursor uint64, err error)) error {
	name := places[0]
	if x.name == name {
		name = places[1]
	}
	path := filepath.Join(x.folder, name)
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	next, err := create(path)
	if err != nil {
		return err
	}
	cursor, err := fill(func(texts []Text) error { return write(next, texts, nil) })
	if err == nil {
		err = write(next, nil, &cursor)
	}
	if err != nil {
		return errors.Join(err, next.Close(), os.RemoveAll(path))
	}
	x.mu.Lock()
	old := x.live
	x.live, x.name = next, name
	x.mu.Unlock()
	return errors.Join(x.point(), old.Close(), x.sweep())
}

// wordsMost is how many words of a question count, the first ones.
const wordsMost = 16

// acrossMost is how many texts with one word are looked at, the best, where no text has
// all: with words that are commoner some tickets are missed.
const acrossMost = 10_000

// Find returns the tickets that have all the words in one of their texts, the best
// first, at most limit. Where there are none, those that have them in several, the
// newest first.
func (x *Index) Find(ctx context.Context, words string, limit int) (tickets []uint64, err error) {
	asked := strings.Fields(words)
	var all []query.Query
	for _, w := range asked[:min(len(asked), wordsMost)] {
		for _, stem := range stems(w) { // none of «de» and «la»: every text has them
			q := bleve.NewTermQuery(stem)
			q.SetField("words")
			all = append(all, q)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	seen := map[uint64]bool{}
	x.mu.RLock()
	defer x.mu.RUnlock()
	for from := 0; len(tickets) < limit && from < 10*limit; from += 2 * limit {
		r, err := x.live.SearchInContext(ctx, bleve.NewSearchRequestOptions(bleve.NewConjunctionQuery(all...), 2*limit, from, false))
		if err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		for _, h := range r.Hits {
			if id := ticketOf(h.ID); !seen[id] && len(tickets) < limit {
				seen[id], tickets = true, append(tickets, id)
			}
		}
		if len(r.Hits) < 2*limit {
			break
		}
	}
	if len(tickets) == 0 && len(all) > 1 {
		return x.across(ctx, all, limit)
	}
	return tickets, nil
}

// across returns the tickets that have words in several texts, the newest first.
func (x *Index) across(ctx context.Context, words []query.Query, limit int) ([]uint64, error) {
	var having map[uint64]bool
	for i, w := range words {
		r, err := x.live.SearchInContext(ctx, bleve.NewSearchRequestOptions(w, acrossMost, 0, false))
		if err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		too := map[uint64]bool{}
		for _, h := range r.Hits {
			if id := ticketOf(h.ID); i == 0 || having[id] {
				too[id] = true
			}
		}
		having = too
	}
	tickets := slices.Sorted(maps.Keys(having))
	slices.Reverse(tickets)
	return tickets[:min(len(tickets), limit)], nil
}

// ticketOf returns the ticket of a text's key.
func ticketOf(key string) uint64 {
	id, _ := strconv.ParseUint(key[:strings.IndexByte(key, '/')], 10, 64)
	return id
}

// Size returns how many texts the index has.
func (x *Index) Size() (uint64, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.live.DocCount()
}
