package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
	"ventanilla/store"
	"ventanilla/store/mem"
)

// TestFeed: every change of a ticket stands in the feed, in the order of commits,
// and a cursor that the feed does not reach is told so.
func TestFeed(t *testing.T) {
	e := mem.New()
	s := store.Store{Engine: e}
	put := func(id desk.TicketID, first, last int) {
		t.Helper()
		update(t, e, func(tx store.Tx) error {
			var evs []desk.Event
			for seq := first; seq <= last; seq++ {
				evs = append(evs, desk.Event{Ticket: id, Seq: seq})
			}
			return tx.PutTicket(desk.Ticket{ID: id, Number: string(rune('0' + id)), Revision: last}, evs)
		})
	}
	feed := func(cursor uint64, limit int) (cs []store.Change, err error) {
		_ = s.View(context.Background(), func(tx store.Tx) error { cs, err = tx.Feed(cursor, limit); return nil })
		return cs, err
	}
	if cs, err := feed(0, 10); len(cs) != 0 || err != nil {
		t.Fatalf("an empty store: %v %v", cs, err)
	}
	put(1, 1, 2)
	put(2, 1, 1)
	put(1, 3, 3)
	one, two, three := store.Change{Number: 1, Ticket: 1, First: 1, Last: 2}, store.Change{Number: 2, Ticket: 2, First: 1, Last: 1}, store.Change{Number: 3, Ticket: 1, First: 3, Last: 3}
	for _, c := range []struct {
		cursor uint64
		limit  int
		want   []store.Change
	}{{0, 10, []store.Change{one, two, three}}, {0, 2, []store.Change{one, two}}, {2, 10, []store.Change{three}}, {3, 10, nil}} {
		cs, err := feed(c.cursor, c.limit)
		if diff := cmp.Diff(c.want, cs); diff != "" || err != nil {
			t.Errorf("behind %d: %v\n%s", c.cursor, err, diff)
		}
	}
	if _, err := feed(4, 10); !errors.Is(err, store.ErrFeedGone) {
		t.Errorf("a cursor beyond the end: %v", err)
	}
	update(t, e, func(tx store.Tx) error { return tx.SkipFeed(store.FeedKept) })
	put(3, 1, 1)
	if _, err := feed(3, 10); !errors.Is(err, store.ErrFeedGone) {
		t.Errorf("a cursor too far behind: %v", err)
	}
	if cs, err := feed(store.FeedKept+3, 10); err != nil || len(cs) != 1 || cs[0].Ticket != 3 {
		t.Errorf("the last one: %v %v", cs, err)
	}
}
