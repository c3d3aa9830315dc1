package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"ventanilla/desk"
	"ventanilla/store"
	"ventanilla/store/mem"
)

// counted counts the keys and values that are read.
type counted struct {
	store.KV
	read *int
}

func (c counted) Get(key string) ([]byte, error) { *c.read++; return c.KV.Get(key) }

func (c counted) Scan(from, to string, limit int, reverse bool, fn func(string, []byte) error) error {
	*c.read++
	return c.KV.Scan(from, to, limit, reverse, func(k string, v []byte) error { *c.read++; return fn(k, v) })
}

type countedEngine struct {
	store.Engine
	read *int
}

func (e countedEngine) View(ctx context.Context, fn func(store.KV) error) error {
	return e.Engine.View(ctx, func(kv store.KV) error { return fn(counted{kv, e.read}) })
}

// manyTickets fills a store with tickets of which tells what each is.
func manyTickets(t testing.TB, e store.Engine, n int, of func(i int) desk.Ticket) (ts []desk.Ticket) {
	t.Helper()
	for i := 1; i <= n; i++ {
		k := of(i)
		k.ID, k.Number, k.Revision = desk.TicketID(i), fmt.Sprintf("%06d", i), 1
		ts = append(ts, k)
	}
	for batch := range slices.Chunk(ts, 2000) {
		err := store.Store{Engine: e}.Update(context.Background(), func(tx store.Tx) error {
			for _, k := range batch {
				if err := tx.PutTicket(k, []desk.Event{{Ticket: k.ID, Seq: 1, Kind: desk.Opened}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return ts
}

// TestFindModel: what is found is what a look at every ticket finds, in the same order,
// page by page.
func TestFindModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	states := []desk.State{desk.New, desk.Open, desk.Pending, desk.Resolved, desk.Closed, desk.Merged, desk.Cancelled}
	subjects := []string{"La impresora no imprime", "Impresoras de red", "Redes caídas", "Clave olvidada", "no"}
	e := mem.New()
	all := manyTickets(t, e, 700, func(int) desk.Ticket {
		k := desk.Ticket{State: states[r.IntN(7)], Queue: fmt.Sprint("q", r.IntN(3)), Subject: subjects[r.IntN(5)], Requester: desk.PersonID(r.IntN(4) + 1), Priority: r.IntN(5) + 1}
		k.Assignee = []string{"", "luis", "eva"}[r.IntN(3)]
		k.Client, k.External = []string{"", "Acme"}[r.IntN(2)], []string{"", "INC/47 11"}[r.IntN(2)]
		return k
	})
	live := func(k desk.Ticket) bool { return !k.State.Ended() }
	cases := map[string]struct {
		groups [][]string
		fits   func(desk.Ticket) bool
	}{
		"state":  {[][]string{{store.InState(desk.Open), store.InState(desk.New)}}, func(k desk.Ticket) bool { return k.State == desk.Open || k.State == desk.New }},
		"words":  {[][]string{{store.With(store.ByWord, "impresora", false)}}, func(k desk.Ticket) bool { return live(k) && (k.Subject == subjects[0] || k.Subject == subjects[1]) }},
		"plural": {[][]string{{store.With(store.ByWord, store.Words("RED")[0], true)}}, func(k desk.Ticket) bool { return !live(k) && (k.Subject == subjects[1] || k.Subject == subjects[2]) }},
		"nobody": {[][]string{{store.OfAssignee(store.Nobody, desk.New)}, {store.InQueue("q1", desk.New)}}, func(k desk.Ticket) bool { return k.State == desk.New && k.Assignee == "" && k.Queue == "q1" }},
		"three": {[][]string{{store.With(store.ByClient, "acme", false), store.With(store.ByClient, "acme", true)}, {store.With(store.ByExternal, "inc/47 11", false)}, {store.OfRequester(2)}},
			func(k desk.Ticket) bool { return live(k) && k.Client != "" && k.External != "" && k.Requester == 2 }},
		"responsible": {[][]string{{store.With(store.ByResponsible, "eva", false)}}, func(k desk.Ticket) bool { return live(k) && k.Assignee == "eva" }},
		"nothing":     {[][]string{{store.With(store.ByClient, "nadie", false)}, {store.InState(desk.Open)}}, func(desk.Ticket) bool { return false }},
	}
	for name, c := range cases {
		for _, look := range []int{20, 1 << 20} { // little: it goes on where it stopped
			var want, got []desk.TicketID
			for _, k := range all {
				if c.fits(k) {
					want = append([]desk.TicketID{k.ID}, want...)
				}
			}
			for before, pages := desk.TicketID(0), 0; pages == 0 || before != 0; pages++ {
				if pages > 2000 {
					t.Fatalf("%s: no end", name)
				}
				err := store.Store{Engine: e}.View(context.Background(), func(tx store.Tx) (err error) {
					n := 0
					before, err = tx.Find(c.groups, before, look, func(k desk.Ticket) (bool, error) {
						got, n = append(got, k.ID), n+1
						return n < 7, nil
					})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: found %v, want %v", name, got, want)
			}
		}
	}
}

// TestFindReadsLittle: what is read for a list grows with the list, not with the store.
func TestFindReadsLittle(t *testing.T) {
	read := map[int]map[string]int{}
	for _, size := range []int{200, 4000} {
		e := mem.New()
		// however many there are, twenty are open and four of them are Acme's
		manyTickets(t, e, size, func(i int) desk.Ticket {
			k := desk.Ticket{State: desk.Closed, Queue: "q", Assignee: "luis", Details: desk.Details{Client: "acme"}, Subject: "impresora", Requester: 1, Priority: 3}
			if i%(size/20) == 0 {
				k.State = desk.Open
				if i%(size/4) != 0 {
					k.Client = "otro"
				}
			}
			return k
		})
		read[size] = map[string]int{}
		for name, groups := range map[string][][]string{
			"an agent's":       {{store.OfAssignee("luis", desk.New), store.OfAssignee("luis", desk.Open)}},
			"a client's":       {{store.With(store.ByClient, "acme", false)}},
			"by word":          {{store.With(store.ByWord, "impresora", false)}, {store.With(store.ByPriority, "3", false)}},
			"of one requester": {{store.OfRequester(1)}, {store.InState(desk.Open)}, {store.With(store.ByClient, "acme", false)}},
		} {
			n, found := 0, 0
			err := store.Store{Engine: countedEngine{e, &n}}.View(context.Background(), func(tx store.Tx) error {
				_, err := tx.Find(groups, 0, 4000, func(desk.Ticket) (bool, error) { found++; return true, nil })
				return err
			})
			if want := map[string]int{"an agent's": 20, "a client's": 4, "by word": 20, "of one requester": 4}[name]; err != nil || found != want {
				t.Errorf("%d tickets, %s: found %d, want %d (%v)", size, name, found, want, err)
			}
			if most := 8*found + 20; n > most {
				t.Errorf("%d tickets, %s: %d reads for %d tickets, at most %d are allowed", size, name, n, found, most)
			}
			read[size][name] = n
		}
	}
	t.Logf("reads by size of the store: %v", read)
}

// TestLayout2: a store of the first layout is found by all that this program looks by.
func TestLayout2(t *testing.T) {
	e := mem.New()
	ctx := context.Background()
	k := desk.Ticket{ID: 1, Number: "000001", Revision: 1, State: desk.Open, Queue: "q", Requester: 1, Priority: 3, Subject: "Sin tóner"}
	err := e.Update(ctx, func(kv store.KV) error {
		for key, value := range map[string]string{"meta/version": "1", "ticket/0000000001": `{"id":1,"number":"000001","revision":1,"state":"open","queue":"q","priority":3,"requester":1,"subject":"Sin tóner"}`,
			"number/000001": "1", "listing/0000000003": `{"1":1}`} {
			if err := kv.Put(key, []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s := store.Store{Engine: e}
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	err = s.View(ctx, func(tx store.Tx) error {
		if missing := tx.MissingIndex(k); len(missing) > 0 {
			t.Errorf("missing %v", missing)
		}
		l, err := tx.Listing(3)
		if l.Tickets[1] != 1 {
			t.Errorf("listing %+v", l)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
