package store

import (
	"fmt"

	"ventanilla/desk"
)

// listingsKept is how many lists are remembered, the last ones.
const listingsKept = 5000

func listingKey(n int) string { return "listing/" + padded(uint64(n), 10) }

// AddListing remembers a list of tickets that an agent was sent, each at its
// revision, and returns its number, 1 and up.
func (tx Tx) AddListing(tickets map[desk.TicketID]int) (int, error) {
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
	return n, tx.put(listingKey(n), tickets)
}

// Listing returns a list that was sent, or ErrNotFound.
func (tx Tx) Listing(n int) (tickets map[desk.TicketID]int, err error) {
	err = tx.get(listingKey(n), &tickets)
	return tickets, err
}

// DigestDay returns the day of an agent's last digest, "" before the first.
func (tx Tx) DigestDay(agent string) (day string, err error) {
	_, err = tx.find("digest/"+agent, &day)
	return day, err
}

// SetDigestDay notes it, as 2026-11-24.
func (tx Tx) SetDigestDay(agent, day string) error { return tx.put("digest/"+agent, day) }
