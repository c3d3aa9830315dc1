package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/rules"
	"ventanilla/search"
	"ventanilla/store"
)

const (
	followEvery = time.Second      // between looks at the feed
	followRests = 30 * time.Second // at most, while mails wait to be settled
	followRetry = time.Minute      // after an error
	feedMost    = 200              // changes in one write, or tickets of an index made anew
	renamedMost = 1000             // articles of a ticket that are indexed
	indexedMost = 64 << 10         // bytes of an article that are indexed, the first ones
)

// Follow keeps a search index in step with the store until ctx is done. The desk
// goes first: while mails wait to be settled the index may stay behind for half a
// minute. What fails is tried again; nothing depends on it.
func (g *Gateway) Follow(ctx context.Context, x *search.Index) {
	rested := time.Now()
	for wait := followEvery; ; wait = followEvery {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if busy, err := g.Backlog(ctx); err == nil && busy && time.Since(rested) < followRests {
			continue
		}
		rested = time.Now()
		if err := g.CatchUp(ctx, x); err != nil && ctx.Err() == nil {
			g.slog.Error("the search index stays behind", "error", err)
			wait = followRetry
		}
	}
}

// CatchUp brings an index to where the store is now. One that knows nothing, or is
// too far behind, is made anew.
func (g *Gateway) CatchUp(ctx context.Context, x *search.Index) error {
	g.indexing.Lock()
	defer g.indexing.Unlock()
	for ctx.Err() == nil {
		cursor, ok, err := x.Cursor()
		if err != nil {
			return err
		}
		if !ok {
			return g.reindex(ctx, x, func(int) {})
		}
		done, err := g.followOnce(ctx, x, cursor)
		if errors.Is(err, store.ErrFeedGone) {
			return g.reindex(ctx, x, func(int) {})
		}
		if err != nil || done {
			return err
		}
	}
	return ctx.Err()
}

// followOnce writes what changed next into an index, and reports whether there was
// nothing more.
func (g *Gateway) followOnce(ctx context.Context, x *search.Index, cursor uint64) (done bool, err error) {
	var texts []search.Text
	err = g.store.View(ctx, func(tx store.Tx) error {
		texts = nil
		changes, err := tx.Feed(cursor, feedMost)
		if err != nil || len(changes) == 0 {
			done = true
			return err
		}
		changed := map[desk.TicketID]change{}
		for _, c := range changes {
			if changed[c.Ticket], err = changed[c.Ticket].with(tx, c); err != nil {
				return err
			}
			cursor = c.Number
		}
		for _, id := range slices.Sorted(maps.Keys(changed)) {
			more, err := g.texts(tx, id, changed[id])
			if err != nil {
				return err
			}
			texts = append(texts, more...)
		}
		return nil
	})
	if err != nil || done {
		return done, err
	}
	return false, x.Write(texts, cursor)
}

// change is what of a ticket has to be indexed: what it is called, and articles.
type change struct {
	articles []int
	renamed  bool // all of them: their texts begin with the subject
}

// with adds what events changed.
func (c change) with(tx store.Tx, in store.Change) (change, error) {
	evs, err := tx.EventsBetween(in.Ticket, in.First, in.Last)
	for _, e := range evs {
		if e.Article != 0 {
			c.articles = append(c.articles, e.Article)
		}
		c.renamed = c.renamed || e.Kind == desk.FieldChanged && e.Field == desk.FieldSubject || e.Kind == desk.Undone
	}
	return c, err
}

// texts are the texts of a ticket that an index has to have anew.
func (g *Gateway) texts(tx store.Tx, id desk.TicketID, c change) (texts []search.Text, err error) {
	t, err := tx.Ticket(id)
	if err != nil {
		return nil, err
	}
	texts = []search.Text{called(t)}
	if c.renamed {
		articles, err := tx.Articles(id, 0, renamedMost)
		for _, a := range articles {
			texts = append(texts, g.said(t, a))
		}
		return texts, err
	}
	slices.Sort(c.articles)
	for _, n := range slices.Compact(c.articles) {
		a, err := tx.Article(id, n)
		if err != nil {
			return nil, err
		}
		texts = append(texts, g.said(t, a))
	}
	return texts, nil
}

// Reindex makes an index anew out of the whole store, a few tickets at a time, while
// the old one serves. told hears how many tickets are in it.
func (g *Gateway) Reindex(ctx context.Context, x *search.Index, told func(tickets int)) error {
	g.indexing.Lock()
	defer g.indexing.Unlock()
	return g.reindex(ctx, x, told)
}

func (g *Gateway) reindex(ctx context.Context, x *search.Index, told func(tickets int)) error {
	return x.Rebuild(func(add func([]search.Text) error) (cursor uint64, err error) {
		var before desk.TicketID
		if err := g.store.View(ctx, func(tx store.Tx) (err error) { cursor, err = tx.FeedEnd(); return err }); err != nil {
			return 0, err
		}
		for n := 0; ; told(n) {
			var texts []search.Text
			var ts []desk.Ticket
			err := g.store.View(ctx, func(tx store.Tx) (err error) {
				texts = nil
				if ts, err = tx.Tickets("", before, feedMost); err != nil {
					return err
				}
				for _, t := range ts {
					more, err := g.texts(tx, t.ID, change{renamed: true})
					if err != nil {
						return err
					}
					texts = append(texts, more...)
				}
				return nil
			})
			if err != nil || len(ts) == 0 {
				return cursor, err
			}
			if err := add(texts); err != nil {
				return 0, err
			}
			before, n = ts[len(ts)-1].ID, n+len(ts)
		}
	})
}

// called is what a ticket is found by besides what was said.
func called(t desk.Ticket) search.Text {
	return search.Text{Ticket: uint64(t.ID), Words: strings.Join(append([]string{t.Subject, t.External, t.Asset}, t.Tags...), "\n")}
}

// said is what an article says. What is held or put aside is nobody's word yet, and
// what was moved is said elsewhere.
func (g *Gateway) said(t desk.Ticket, a desk.Article) search.Text {
	text := search.Text{Ticket: uint64(a.Ticket), Part: a.Number}
	switch a.Kind {
	case desk.KindHeld, desk.KindAside, desk.KindMoved, desk.KindAutomatic:
		text.Gone = true
		return text
	}
	words, err := g.articleText(a)
	if err != nil { // the log is damaged there: the index has the rest
		g.slog.Warn("an article cannot be indexed", "mail", a.Mail, "error", err)
		words = a.Excerpt
	}
	text.Words = t.Subject + "\n" + words[:min(len(words), indexedMost)]
	return text
}

// ErrNoIndex says that there is no search index at hand.
var ErrNoIndex = errors.New("there is no search index")

// UseIndex lets agents search in an index, which must be kept in step by [Gateway.Follow].
func (g *Gateway) UseIndex(x *search.Index) { g.index.Store(x) }

// Find returns the tickets that say something in all these words, the best first, at
// most limit; a merged one as the ticket in which it lives on.
func (g *Gateway) Find(ctx context.Context, words string, limit int) (ts []desk.Ticket, err error) {
	err = g.store.View(ctx, func(tx store.Tx) (err error) { ts, err = g.find(ctx, tx, words, limit); return err })
	return ts, err
}

func (g *Gateway) find(ctx context.Context, tx store.Tx, words string, limit int) (ts []desk.Ticket, err error) {
	x := g.index.Load()
	if x == nil {
		return nil, ErrNoIndex
	}
	ids, err := x.Find(ctx, words, limit)
	if err != nil {
		return nil, fmt.Errorf("find %d words: %w", len(strings.Fields(words)), err)
	}
	seen := map[desk.TicketID]bool{}
	for _, id := range ids {
		at, err := follow(tx, desk.TicketID(id))
		if err != nil {
			return nil, err
		}
		t, err := tx.Ticket(at)
		if errors.Is(err, store.ErrNotFound) || seen[at] {
			continue // the index is of another store, or says it twice
		} else if err != nil {
			return nil, err
		}
		seen[at], ts = true, append(ts, t)
	}
	return ts, nil
}

// alsoSaid adds to the last page of a search what the index finds in other words than
// those of subjects, the best first, as far as it fits the search's other filters.
func (g *Gateway) alsoSaid(tx store.Tx, now time.Time, l rules.List, found []desk.Ticket) ([]desk.Ticket, error) {
	if len(l.Words) == 0 || len(found) >= listMost || g.index.Load() == nil {
		return found, nil
	}
	hits, err := g.find(context.Background(), tx, strings.Join(l.Words, " "), listMost)
	if err != nil {
		return nil, err
	}
	l.Words = nil
	groups, err := searched(tx, l)
	for _, t := range hits {
		there := slices.ContainsFunc(found, func(f desk.Ticket) bool { return f.ID == t.ID })
		if groups != nil && !there && len(found) < listMost && store.Matches(groups, t) && l.Fits(t.Clocks.Light(now)) {
			found = append(found, t)
		}
	}
	return found, err
}
