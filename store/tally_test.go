package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ventanilla/desk"
	"ventanilla/mailout"
	"ventanilla/store"
	"ventanilla/store/mem"
	"ventanilla/store/storetest"
)

// TestTallies: whatever is done to tickets, mails and receipts, the tallies say
// what there is, and the oldest mail waiting is known without looking at all.
func TestTallies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := store.Store{Engine: storetest.Twice(mem.New())}
		m := talliesModel{t: t, mails: map[int]*mailout.Outgoing{}, tickets: map[desk.TicketID]desk.Ticket{}}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			do := m.step()
			if err := s.Update(context.Background(), do); err != nil {
				t.Fatal(err)
			}
		}
		m.check(s)
	})
}

type talliesModel struct {
	t       *rapid.T
	mails   map[int]*mailout.Outgoing
	tickets map[desk.TicketID]desk.Ticket
	apart   [5]bool
	made    int
}

func (m *talliesModel) step() func(store.Tx) error {
	n := rapid.IntRange(0, 4).Draw(m.t, "which")
	switch rapid.SampledFrom([]string{"enqueue", "later", "fail", "finish", "ticket", "receipt"}).Draw(m.t, "step") {
	case "enqueue":
		if m.mails[n] != nil {
			break
		}
		made := at.Add(time.Duration(rapid.IntRange(0, 9).Draw(m.t, "made")) * time.Minute)
		m.made++
		o := mailout.Outgoing{ID: fmt.Sprint("m", m.made), Created: made, Due: made}
		m.mails[n] = &o
		return func(tx store.Tx) error { return tx.Enqueue(o) }
	case "later", "fail":
		if m.mails[n] == nil {
			break
		}
		o := *m.mails[n]
		o.Due, o.Failed = o.Created.Add(time.Duration(rapid.IntRange(0, 9).Draw(m.t, "due"))*time.Hour), rapid.Bool().Draw(m.t, "failed")
		m.mails[n] = &o
		return func(tx store.Tx) error { return tx.Reschedule(o) }
	case "finish":
		if m.mails[n] == nil {
			break
		}
		o := *m.mails[n]
		delete(m.mails, n)
		return func(tx store.Tx) error { return tx.Finish(o, store.Sent{ID: o.ID}) }
	case "ticket":
		id := desk.TicketID(n + 1)
		k := m.tickets[id]
		k.ID, k.Revision, k.Number = id, k.Revision+1, fmt.Sprint(id)
		k.State = rapid.SampledFrom([]desk.State{desk.New, desk.Open, desk.Closed}).Draw(m.t, "state")
		k.Queue = rapid.SampledFrom([]string{"soporte", "redes"}).Draw(m.t, "queue")
		m.tickets[id] = k
		return func(tx store.Tx) error { return tx.PutTicket(k, []desk.Event{{Ticket: id, Seq: k.Revision}}) }
	case "receipt":
		r := store.Receipt{Position: fmt.Sprint(n), Disposition: rapid.SampledFrom([]string{"quarantine", "ticket"}).Draw(m.t, "disposition"),
			Dropped: rapid.Bool().Draw(m.t, "dropped")}
		m.apart[n] = r.Disposition == "quarantine" && !r.Dropped
		return func(tx store.Tx) error { return tx.PutReceipt(r) }
	}
	return func(store.Tx) error { return nil }
}

func (m *talliesModel) check(s store.Store) {
	var want store.Tallies
	var oldest time.Time
	for _, o := range m.mails {
		if o.Failed {
			want.GivenUp++
			continue
		}
		want.Waiting++
		if oldest.IsZero() || o.Created.Before(oldest) {
			oldest = o.Created
		}
	}
	for _, state := range []desk.State{desk.Closed, desk.New, desk.Open} {
		for _, queue := range []string{"redes", "soporte"} {
			n := 0
			for _, k := range m.tickets {
				if k.State == state && k.Queue == queue {
					n++
				}
			}
			if n > 0 {
				want.Tickets = append(want.Tickets, store.TicketTally{Queue: queue, State: state, Count: n})
			}
		}
	}
	for _, apart := range m.apart {
		if apart {
			want.Quarantine++
		}
	}
	if err := s.View(context.Background(), func(tx store.Tx) error {
		got, err := tx.Tallies()
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, got); diff != "" {
			m.t.Errorf("tallies: %s", diff)
		}
		if got, err := tx.OldestWaiting(); err != nil || !got.Equal(oldest) {
			m.t.Errorf("oldest %v, %v; want %v", got, err, oldest)
		}
		wrong, err := tx.WrongTallies()
		if len(wrong) > 0 {
			m.t.Errorf("doctor: %q", wrong)
		}
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
}

// TestCountAll: a store of the layout before gets its tallies, ages and months, and
// a wrong tally is found.
func TestCountAll(t *testing.T) {
	ctx, e := context.Background(), mem.New()
	s := store.Store{Engine: e}
	k := desk.Ticket{ID: 1, Number: "1", Revision: 1, State: desk.Open, Queue: "soporte", UpdatedAt: at}
	o := mailout.Outgoing{ID: "m1", Created: at, Due: at.Add(time.Hour)}
	update(t, e, func(tx store.Tx) error {
		if err := tx.PutTicket(k, []desk.Event{{Ticket: 1, Seq: 1}}); err != nil {
			return err
		}
		return tx.Enqueue(o)
	})
	old := func(kv store.KV) error { // as that layout had it
		for _, key := range []string{"tally/ticket/open/soporte", "tally/out/waiting", "month/2026-03/0000000001"} {
			if _, err := kv.Get(key); err != nil {
				t.Errorf("%s: %v", key, err)
			}
			if err := kv.Delete(key); err != nil {
				return err
			}
		}
		from, to := store.Prefix("aged/")
		if err := kv.Scan(from, to, 0, false, func(key string, _ []byte) error { return kv.Delete(key) }); err != nil {
			return err
		}
		return kv.Put("meta/version", []byte("2"))
	}
	if err := e.Update(ctx, old); err != nil {
		t.Fatal(err)
	}
	wrong := func() (w []string) {
		if err := s.View(ctx, func(tx store.Tx) (err error) { w, err = tx.WrongTallies(); return err }); err != nil {
			t.Fatal(err)
		}
		return w
	}
	if got := wrong(); len(got) != 2 {
		t.Errorf("missing tallies: %q", got)
	}
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	if got := wrong(); len(got) != 0 {
		t.Errorf("after the migration: %q", got)
	}
	if err := s.View(ctx, func(tx store.Tx) error {
		if missing := tx.MissingIndex(k); len(missing) > 0 {
			t.Errorf("missing %q", missing)
		}
		oldest, err := tx.OldestWaiting()
		if !oldest.Equal(at) {
			t.Errorf("oldest %v", oldest)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
