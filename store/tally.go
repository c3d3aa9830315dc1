package store

import (
	"fmt"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mailout"
)

// How many there are of something is kept under tally/, by the transaction that
// changes it: to count costs the same however much there is.
const (
	tallyWaiting    = "out/waiting"
	tallyGivenUp    = "out/failed"
	tallyQuarantine = "quarantine"
)

func tallyOfTicket(t desk.Ticket) string { return "ticket/" + string(t.State) + "/" + t.Queue }

// tally adds n to how many there are. None leaves no record.
func (tx Tx) tally(name string, n int) error {
	key, have := "tally/"+name, 0
	if _, err := tx.find(key, &have); err != nil {
		return err
	}
	if have+n == 0 {
		return tx.kv.Delete(key)
	}
	return tx.put(key, have+n)
}

// tallyTicket counts a ticket that was old and is t.
func (tx Tx) tallyTicket(old, t desk.Ticket) error {
	if old.Revision > 0 && tallyOfTicket(old) == tallyOfTicket(t) {
		return nil
	}
	if old.Revision > 0 {
		if err := tx.tally(tallyOfTicket(old), -1); err != nil {
			return err
		}
	}
	return tx.tally(tallyOfTicket(t), 1)
}

func tallyOfMail(o mailout.Outgoing) string {
	if o.Failed {
		return tallyGivenUp
	}
	return tallyWaiting
}

// Tallies are how many there are of what may need somebody.
type Tallies struct {
	Tickets    []TicketTally // in the order of states and queues; merged and ended ones too
	Waiting    int           // mails to be sent
	GivenUp    int           // mails of ours given up
	Quarantine int           // mails in quarantine
}

// TicketTally is how many tickets of a queue are in a state.
type TicketTally struct {
	Queue string
	State desk.State
	Count int
}

// Tallies returns them. It reads a record for each queue and state.
func (tx Tx) Tallies() (t Tallies, err error) {
	err = each(tx, "tally/", "", 0, false, func(name string, n int) error {
		switch name {
		case tallyWaiting:
			t.Waiting = n
		case tallyGivenUp:
			t.GivenUp = n
		case tallyQuarantine:
			t.Quarantine = n
		default:
			rest, _ := strings.CutPrefix(name, "ticket/")
			state, queue, _ := strings.Cut(rest, "/")
			t.Tickets = append(t.Tickets, TicketTally{Queue: queue, State: desk.State(state), Count: n})
		}
		return nil
	})
	return t, err
}

// agedKey is where a mail that is not due since it was made is found by its age.
// Of the others the key of their due time tells it, so most mails need none.
func agedKey(o mailout.Outgoing) string {
	if o.Failed || o.Due.Equal(o.Created) {
		return ""
	}
	return "aged/" + momentKey(o.Created) + "/" + o.ID
}

// OldestWaiting returns when the oldest mail to be sent was made, to the
// millisecond; the zero time if there is none.
func (tx Tx) OldestWaiting() (oldest time.Time, err error) {
	for _, prefix := range []string{"due/", "aged/"} {
		from, to := Prefix(prefix)
		err := tx.kv.Scan(from, to, 1, false, func(key string, _ []byte) error {
			ms, _, _ := strings.Cut(key[len(from):], "/")
			if at := time.UnixMilli(int64(parseID(ms))).UTC(); oldest.IsZero() || at.Before(oldest) {
				oldest = at
			}
			return nil
		})
		if err != nil {
			return oldest, err
		}
	}
	return oldest, nil
}

// WrongTallies counts anew what the tallies tell, and says in Spanish where they
// differ. It reads the store.
func (tx Tx) WrongTallies() (wrong []string, err error) {
	have := map[string]int{}
	if err := each(tx, "tally/", "", 0, false, func(name string, n int) error { have[name] = n; return nil }); err != nil {
		return nil, err
	}
	want, err := tx.recount()
	if err != nil {
		return nil, err
	}
	for name, n := range want {
		if have[name] != n {
			wrong = append(wrong, fmt.Sprintf("la cuenta de %s dice %d y hay %d", name, have[name], n))
		}
		delete(have, name)
	}
	for name, n := range have {
		wrong = append(wrong, fmt.Sprintf("la cuenta de %s dice %d y no hay", name, n))
	}
	return wrong, nil
}

// recount counts all that is tallied.
func (tx Tx) recount() (map[string]int, error) {
	n := map[string]int{}
	err := tx.EachTicket(func(t desk.Ticket) error { n[tallyOfTicket(t)]++; return nil })
	if err != nil {
		return nil, err
	}
	err = each(tx, "out/", "", 0, false, func(_ string, o mailout.Outgoing) error { n[tallyOfMail(o)]++; return nil })
	if err != nil {
		return nil, err
	}
	from, to := Prefix("quarantine/")
	return n, tx.kv.Scan(from, to, 0, false, func(string, []byte) error { n[tallyQuarantine]++; return nil })
}

// countAll brings tallies, the ages of mails and the months of tickets into a
// store that was made before there were any.
func countAll(tx Tx) error {
	n, err := tx.recount()
	if err != nil {
		return err
	}
	for name, count := range n {
		if err := tx.put("tally/"+name, count); err != nil {
			return err
		}
	}
	if err := tx.EachTicket(func(t desk.Ticket) error { return tx.putIndex(desk.Ticket{}, t) }); err != nil {
		return err
	}
	return each(tx, "out/", "", 0, false, func(_ string, o mailout.Outgoing) error {
		if key := agedKey(o); key != "" {
			return tx.kv.Put(key, []byte("1"))
		}
		return nil
	})
}

// SetAlive notes that the store could be written.
func (tx Tx) SetAlive(now time.Time) error { return tx.put("meta/alive", now) }
