package store

import (
	"errors"
	"fmt"

	"ventanilla/desk"
)

// Change says that events were added to a ticket. Changes are numbered, 1 and up,
// in the order in which they were committed: what follows the store (a search
// index) reads them behind its own cursor.
type Change struct {
	Number uint64        `json:"-"`
	Ticket desk.TicketID `json:"ticket"`
	First  int           `json:"first"` // Seq of the first event
	Last   int           `json:"last"`
}

// feedKept is how many changes are kept, the last ones. Whoever is further behind
// has to read the store anew.
const feedKept = 100_000

// ErrFeedGone says that the changes behind a cursor are not there any more, or that
// the store is older than the cursor: whoever follows must begin anew.
var ErrFeedGone = errors.New("the changes behind that are not kept")

func feedKey(n uint64) string { return "feed/" + padded(n, 12) }

// addChange adds a change to the feed.
func (tx Tx) addChange(c Change) error {
	next, err := tx.next("feed")
	if err != nil {
		return err
	}
	n := uint64(next)
	if n > feedKept {
		if err := tx.kv.Delete(feedKey(n - feedKept)); err != nil {
			return fmt.Errorf("forget a change: %w", err)
		}
	}
	return tx.put(feedKey(n), c)
}

// FeedEnd returns the number of the last change, 0 if there was none.
func (tx Tx) FeedEnd() (uint64, error) {
	n, err := tx.counter("feed")
	return uint64(n), err
}

// Feed returns the changes behind a cursor, at most limit, or ErrFeedGone.
func (tx Tx) Feed(cursor uint64, limit int) (cs []Change, err error) {
	end, err := tx.FeedEnd()
	if err != nil || end == cursor {
		return nil, err
	}
	if cursor > end || end-cursor > feedKept {
		return nil, ErrFeedGone
	}
	err = each(tx, "feed/", padded(cursor, 12), limit, false, func(rest string, c Change) error {
		c.Number = parseID(rest)
		cs = append(cs, c)
		return nil
	})
	return cs, err
}
