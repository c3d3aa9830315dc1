package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
	"ventanilla/store"
	"ventanilla/store/mem"
	"ventanilla/store/storetest"
)

var at = time.Date(2026, 3, 2, 14, 59, 0, 0, time.UTC)

// update runs fn in an Update that is run twice.
func update(t *testing.T, e store.Engine, fn func(store.Tx) error) {
	t.Helper()
	if err := (store.Store{Engine: storetest.Twice(e)}).Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// TestMigrate: the steps run in order, once, each in its own Update; a store of
// a newer program is refused.
func TestMigrate(t *testing.T) {
	ctx, e := context.Background(), mem.New()
	s := store.Store{Engine: storetest.Twice(e)}
	var ran []string
	step := func(name string) func(store.Tx) error {
		return func(store.Tx) error { ran = append(ran, name); return nil }
	}
	if err := s.MigrateWith(ctx, step("a"), step("b")); err != nil {
		t.Fatal(err)
	}
	if err := s.MigrateWith(ctx, step("a"), step("b"), step("c")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "a", "b", "b", "c", "c"}; !slices.Equal(ran, want) { // twice each
		t.Errorf("ran %v", ran)
	}
	if err := s.MigrateWith(ctx, step("a")); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("older program: %v", err)
	}
	failed := errors.New("failed")
	if err := s.MigrateWith(ctx, nil, nil, nil, func(store.Tx) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("failing step: %v", err)
	}
	if err := s.MigrateWith(ctx, nil, nil, nil, step("d")); err != nil || ran[len(ran)-1] != "d" {
		t.Errorf("the failed step is not tried again: %v", err)
	}
}

func TestTickets(t *testing.T) {
	e := mem.New()
	tickets, events, err := desk.Apply(nil, at, desk.Command{Ticket: 1, Kind: desk.CmdOpen, Actor: desk.ByPerson(1),
		Opening: &desk.Opening{Number: "000001", Queue: "soporte", Requester: 1}})
	if err != nil {
		t.Fatal(err)
	}
	update(t, e, func(tx store.Tx) error { return tx.PutTicket(tickets[1], events) })
	found := func(where string) (n int) {
		update(t, e, func(tx store.Tx) error {
			ts, err := tx.Tickets(where, 0, 10)
			n = len(ts)
			return err
		})
		return n
	}
	for where, want := range map[string]int{"": 1, "state/new": 1, "queue/soporte/new": 1, "queue/redes/new": 0, "state/closed": 0, "queue/soport": 0} {
		if got := found(where); got != want {
			t.Errorf("%s: %d tickets", where, got)
		}
	}
	next, more, err := desk.Apply(tickets, at, desk.Command{Ticket: 1, Kind: desk.CmdAssign, Value: "luis"}, desk.Command{Ticket: 1, Kind: desk.CmdQueue, Value: "redes"})
	if err != nil {
		t.Fatal(err)
	}
	update(t, e, func(tx store.Tx) error { return tx.PutTicket(next[1], more) })
	for where, want := range map[string]int{"state/new": 0, "queue/soporte/new": 0, "queue/redes/open": 1, "assignee/luis/open": 0} {
		if got := found(where); got != want {
			t.Errorf("after the move, %s: %d tickets", where, got)
		}
	}
	update(t, e, func(tx store.Tx) error {
		if missing := tx.MissingIndex(next[1]); len(missing) != 0 {
			t.Errorf("missing %v", missing)
		}
		got, err := tx.TicketByNumber("000001")
		if diff := cmp.Diff(next[1], got); diff != "" {
			t.Error(diff)
		}
		history, err2 := tx.Events(1)
		if len(history) != 3 {
			t.Errorf("%d events", len(history))
		}
		if err := tx.PutTicket(next[1], more); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a ticket not made from the stored one: %v", err)
		}
		return errors.Join(err, err2)
	})
}

// TestReadable: records are JSON that a person can read.
func TestReadable(t *testing.T) {
	e := mem.New()
	update(t, e, func(tx store.Tx) error {
		_, err := tx.AddPerson("Ana <Gómez>", "Ana@uni.example", at)
		return err
	})
	addresses := 0
	if err := e.View(context.Background(), func(kv store.KV) error {
		return kv.Scan("", "", 0, false, func(key string, value []byte) error {
			if !json.Valid(value) {
				t.Errorf("%s: %q is no JSON", key, value)
			}
			if strings.Contains(key+string(value), "uni.example") {
				addresses++
			}
			if strings.Contains(string(value), "\\u003c") {
				t.Errorf("%s: %s is hard to read", key, value)
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	if addresses != 1 {
		t.Errorf("the address stands in %d records, want one", addresses)
	}
	update(t, e, func(tx store.Tx) error {
		p, ok, err := tx.PersonAt("ANA@uni.EXAMPLE")
		if !ok || p.ID != 1 {
			t.Errorf("person %+v, %v", p, ok)
		}
		return err
	})
}

func TestCounts(t *testing.T) {
	e := mem.New()
	update(t, e, func(tx store.Tx) error {
		return errors.Join(tx.AddCount(at, store.CountAddress, "A@x"), tx.AddCount(at, store.CountAddress, "a@X"), tx.AddCount(at.Add(time.Hour), store.CountAddress, "a@x"))
	})
	for _, c := range []struct {
		at    time.Time
		hours int
		want  int
	}{{at, 1, 2}, {at.Add(time.Hour), 1, 1}, {at.Add(time.Hour), 24, 3}, {at.Add(24 * time.Hour), 24, 1}, {at.Add(48 * time.Hour), 24, 0}} {
		update(t, e, func(tx store.Tx) error {
			n, err := tx.Count(c.at, store.CountAddress, "a@x", c.hours)
			if n != c.want {
				t.Errorf("%s, %d hours: %d, want %d", c.at, c.hours, n, c.want)
			}
			return err
		})
	}
	update(t, e, func(tx store.Tx) error { return tx.ForgetCounts(at.Add(25*time.Hour), 10) })
	update(t, e, func(tx store.Tx) error {
		n, err := tx.Count(at.Add(24*time.Hour), store.CountAddress, "a@x", 48)
		if n != 1 {
			t.Errorf("after forgetting: %d", n)
		}
		return err
	})
}

// TestTry: what fails leaves nothing, what follows in the same Update stays.
func TestTry(t *testing.T) {
	e, no := mem.New(), errors.New("no")
	update(t, e, func(tx store.Tx) error {
		if err := tx.Try(func(tx store.Tx) error {
			_, err := tx.AddPerson("x", "x@x.example", at)
			return errors.Join(err, no)
		}); !errors.Is(err, no) {
			t.Errorf("Try: %v", err)
		}
		return tx.Try(func(tx store.Tx) error { return tx.SetWatermark("here") })
	})
	update(t, e, func(tx store.Tx) error {
		_, ok, err := tx.PersonAt("x@x.example")
		mark, err2 := tx.Watermark()
		if ok || mark != "here" {
			t.Errorf("person %v, watermark %q", ok, mark)
		}
		return errors.Join(err, err2)
	})
}
