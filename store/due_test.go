package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"ventanilla/desk"
	"ventanilla/store"
	"ventanilla/store/mem"
	"ventanilla/store/storetest"
)

// TestDueTickets: tickets are found by the moment that comes next, in its order and page
// by page; not before it, and no more once it has been told or the clock stands.
func TestDueTickets(t *testing.T) {
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
				ids, next, err := tx.DueTickets(at.Add(time.Duration(after)*time.Millisecond), more, 2)
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

// TestOneSchedule: what layout 1 kept under two prefixes is found under one, whatever
// the tickets have become.
func TestOneSchedule(t *testing.T) {
	ctx, e := context.Background(), mem.New()
	update(t, e, func(tx store.Tx) error {
		for id := desk.TicketID(1); id <= 3; id++ {
			k := desk.Ticket{ID: id, Number: "00000" + string(rune('0'+id)), Revision: 1, State: desk.Pending, Queue: "soporte", WakeAt: at.Add(time.Duration(id) * time.Hour)}
			k.Clocks.First = desk.Clock{Warn: at.Add(2 * time.Hour), Due: at.Add(9 * time.Hour)}
			if id == 3 {
				k.WakeAt, k.Clocks = time.Time{}, desk.Clocks{}
			}
			if err := tx.PutTicket(k, []desk.Event{{Ticket: id, Seq: 1, Kind: desk.Opened}}); err != nil {
				return err
			}
		}
		return nil
	})
	var keys, want []string
	scan := func(into *[]string) {
		t.Helper()
		err := e.View(ctx, func(kv store.KV) error {
			for _, prefix := range []string{"term/", "wake/"} {
				from, to := store.Prefix(prefix)
				if err := kv.Scan(from, to, 0, false, func(k string, _ []byte) error { *into = append(*into, k); return nil }); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	scan(&want)
	err := e.Update(ctx, func(kv store.KV) error { // as layout 1 had them
		for _, k := range want {
			if err := kv.Delete(k); err != nil {
				return err
			}
		}
		for _, k := range []string{"term/01772550000000/0000000001", "term/01772550000000/0000000002", "wake/01772550000001/0000000001", "wake/01772550000002/0000000002"} {
			if err := kv.Put(k, []byte("1")); err != nil {
				return err
			}
		}
		return kv.Put("meta/version", []byte("1"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := (store.Store{Engine: storetest.Twice(e)}).Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	scan(&keys)
	if !slices.Equal(keys, want) || len(want) != 2 {
		t.Errorf("keys %q, want %q", keys, want)
	}
}
