package store

import (
	"errors"
	"fmt"

	"ventanilla/desk"
)

// listingsKept is how many lists are remembered, the last ones.
const listingsKept = 5000

// Listing is a list that an agent was sent: what his answer to it can speak of.
type Listing struct {
	Tickets map[desk.TicketID]int `json:"tickets"`        // each at the revision that was listed
	More    string                `json:"more,omitempty"` // what asks for the next page
}

func listingKey(n int) string { return "listing/" + padded(uint64(n), 10) }

// AddListing remembers a list and returns its number, 1 and up.
func (tx Tx) AddListing(l Listing) (int, error) {
	next, err := tx.next("listing")
	if err != nil {
		return 0, err
	}
	n := int(next)
	if old := n - listingsKept; old > 0 {
		if err := tx.kv.Delete(listingKey(old)); err != nil {
			return 0, fmt.Errorf("forget a list: %w", err)
		}
	}
	return n, tx.put(listingKey(n), l)
}

// Listing returns a list that was sent, or ErrNotFound.
func (tx Tx) Listing(n int) (l Listing, err error) {
	err = tx.get(listingKey(n), &l)
	return l, err
}

// DigestDay returns the day of the last digest of an agent or a queue, "" before the
// first.
func (tx Tx) DigestDay(whose string) (day string, err error) {
	_, err = tx.find("digest/"+whose, &day)
	return day, err
}

// SetDigestDay notes it, as 2026-11-24.
func (tx Tx) SetDigestDay(whose, day string) error { return tx.put("digest/"+whose, day) }

// foundByMore brings a store of layout 1 to layout 2: tickets are found by all that
// [indexKeys] tells and know when they were touched, and a list is a [Listing].
func foundByMore(tx Tx) error {
	err := tx.EachTicket(func(t desk.Ticket) error {
		evs, err := tx.Events(t.ID)
		for _, e := range evs {
			if !e.Kind.Told() {
				t.Touched = e.Seq
			}
		}
		return errors.Join(err, tx.putIndex(desk.Ticket{}, t), tx.put("ticket/"+id10(t.ID), t))
	})
	if err != nil {
		return err
	}
	return each(tx, "listing/", "", 0, false, func(rest string, tickets map[desk.TicketID]int) error {
		return tx.put("listing/"+rest, Listing{Tickets: tickets})
	})
}
