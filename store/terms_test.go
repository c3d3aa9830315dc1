package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"ventanilla/desk"
	"ventanilla/store"
	"ventanilla/store/mem"
)

// TestDueTerms: tickets are found by the moment that comes next, in its order and page
// by page; not before it, and no more once it has been told or the clock stands.
func TestDueTerms(t *testing.T) {
	e := mem.New()
	put := func(id desk.TicketID, revision int, c desk.Clock) {
		update(t, e, func(tx store.Tx) error {
			return tx.PutTicket(desk.Ticket{ID: id, Number: "00000" + string(rune('0'+id)), Revision: revision, State: desk.Open, Queue: "soporte", Clocks: desk.Clocks{First: c}},
				[]desk.Event{{Ticket: id, Seq: revision, Kind: desk.Opened}})
		})
	}
	runs := func(warn, due int) desk.Clock {
		return desk.Clock{Warn: at.Add(time.Duration(warn) * time.Microsecond), Due: at.Add(time.Duration(due) * time.Microsecond)}
	}
	put(1, 1, runs(3000, 9000))
	put(2, 1, runs(1000, 9000))
	put(3, 1, runs(2500, 9000)) // within a millisecond: due at its end
	put(4, 1, desk.Clock{})
	put(5, 1, runs(2000, 9000))
	told := runs(2000, 9000)
	told.Warned = true
	put(5, 2, told)
	for after, want := range map[int][]desk.TicketID{0: nil, 1: {2}, 2: {2}, 3: {2, 1, 3}, 9: {2, 1, 3, 5}} {
		var got []desk.TicketID
		err := (store.Store{Engine: e}).View(context.Background(), func(tx store.Tx) error {
			for more := ""; ; {
				ids, next, err := tx.DueTerms(at.Add(time.Duration(after)*time.Millisecond), more, 2)
				if got = append(got, ids...); err != nil || next == "" {
					return err
				}
				more = next
			}
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("after %d ms %v, %v, want %v", after, got, err, want)
		}
	}
}
