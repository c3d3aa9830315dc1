package store

import (
	"errors"
	"strings"

	"ventanilla/desk"
)

// oneSchedule brings what layout 1 kept under term/ and wake/ together under wake/.
func oneSchedule(tx Tx) error {
	tickets := map[desk.TicketID]bool{}
	for _, prefix := range []string{"term/", "wake/"} {
		from, to := Prefix(prefix)
		err := tx.kv.Scan(from, to, 0, false, func(key string, _ []byte) error {
			tickets[desk.TicketID(parseID(key[strings.LastIndexByte(key, '/')+1:]))] = true
			return tx.kv.Delete(key)
		})
		if err != nil {
			return err
		}
	}
	for id := range tickets {
		t, err := tx.Ticket(id)
		if errors.Is(err, ErrNotFound) {
			continue // a key without its ticket: nothing to come back to
		}
		if err != nil {
			return err
		}
		if err := tx.putIndex(desk.Ticket{}, t); err != nil {
			return err
		}
	}
	return nil
}
