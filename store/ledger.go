package store

import (
	"time"

	"ventanilla/desk"
)

// What became of a mail of ours, as [Sent] tells it.
const (
	OutcomeSent       = "sent"       // the smarthost has taken it
	OutcomeFailed     = "failed"     // it was given up
	OutcomeDropped    = "dropped"    // an admin has dropped it
	OutcomeSuppressed = "suppressed" // it was not sent: mails to that address fail
	OutcomeDelayed    = "delayed"    // a mail server still tries
	OutcomeBounced    = "bounced"    // it came back
	OutcomeDelivered  = "delivered"  // a mail server or the addressee's program says so
	OutcomeAway       = "away"       // an automatic answer came
	OutcomeComplaint  = "complaint"  // the addressee called it spam
)

// SentBy returns what became of the mails of one event of a ticket. One that is still
// in the outbox counts as sent: what is said of it may come before the sender has
// noted that the smarthost took it.
func (tx Tx) SentBy(id desk.TicketID, event int) (ss []Sent, err error) {
	of := id10(id) + "/" + padded(uint64(event), 6) + "/"
	seen := map[string]bool{}
	if err := each(tx, "sent/"+of, "", 0, false, func(_ string, s Sent) error {
		ss, seen[s.ID] = append(ss, s), true
		return nil
	}); err != nil {
		return nil, err
	}
	var waiting []string
	from, to := Prefix("words/" + of)
	if err := tx.kv.Scan(from, to, 0, false, func(key string, _ []byte) error {
		waiting = append(waiting, key[len(from):])
		return nil
	}); err != nil {
		return nil, err
	}
	for _, name := range waiting {
		o, err := tx.OutgoingRow(name)
		if err != nil {
			return nil, err
		}
		if !seen[o.ID] {
			ss = append(ss, Sent{ID: o.ID, Ticket: o.Ticket, Event: o.Event, Kind: o.Kind, To: o.To, At: o.Created, Outcome: OutcomeSent})
		}
	}
	return ss, nil
}

// Report notes on a mail of ours what a mail that came in says of it.
func (tx Tx) Report(s Sent, outcome, words string, at time.Time) error {
	s.Outcome, s.Report, s.ReportedAt = outcome, words, at
	return tx.put(s.key(), s)
}

// Suppressed is why no mail goes to an address.
type Suppressed struct {
	At  time.Time `json:"at"`
	Why string    `json:"why"`
}

// Suppress notes that no mail is to go to an address.
func (tx Tx) Suppress(address string, s Suppressed) error {
	return tx.put("suppressed/"+hash(lower(address)), s)
}

// Unsuppress lets mail go to an address again.
func (tx Tx) Unsuppress(address string) error {
	return tx.kv.Delete("suppressed/" + hash(lower(address)))
}

// SuppressedAt says why no mail goes to an address; ok is false where it does.
func (tx Tx) SuppressedAt(address string) (s Suppressed, ok bool, err error) {
	ok, err = tx.find("suppressed/"+hash(lower(address)), &s)
	return s, ok, err
}
