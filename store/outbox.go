package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mailout"
)

// Sent is what became of a mail of ours.
type Sent struct {
	ID      string        `json:"id"`
	Ticket  desk.TicketID `json:"ticket,omitempty"`
	Event   int           `json:"event,omitempty"` // of the ticket, that called for it
	Kind    string        `json:"kind"`
	To      string        `json:"to"`
	At      time.Time     `json:"at"`
	Outcome string        `json:"outcome"`          // one of the Outcomes
	Answer  string        `json:"answer,omitempty"` // of the smarthost
	Late    bool          `json:"late,omitempty"`   // its author was told that it was delayed on the way to the smarthost

	SHA256 string `json:"sha256,omitempty"` // of its bytes

	// Report is what a bounce or another mail said of it later, and when.
	Report     string    `json:"report,omitempty"`
	ReportedAt time.Time `json:"reported_at,omitzero"`
}

func dueKey(o mailout.Outgoing) string {
	return "due/" + padded(uint64(max(0, o.Due.UnixMilli())), 14) + "/" + inOrder(o)
}

// lateKey says of a mail that was put off when its author is to be told, "" if he is
// not: a pure function of the row.
func lateKey(o mailout.Outgoing) string {
	if o.Attempts == 0 || o.Late || o.Failed || o.Ticket == 0 || mailout.Acknowledges(o.Kind) {
		return ""
	}
	return "late/" + padded(uint64(max(0, o.Created.Add(mailout.LateAfter).UnixMilli())), 14) + "/" + inOrder(o)
}

// Enqueue puts a mail into the outbox. One that is there already, or was sent,
// stays as it is: the same event makes the same mail.
func (tx Tx) Enqueue(o mailout.Outgoing) error {
	for _, key := range []string{"out/" + o.ID, sentKey(o)} {
		if there, err := tx.has(key); err != nil || there {
			return err
		}
	}
	if err := tx.tally(tallyOfMail(o), 1); err != nil {
		return err
	}
	return tx.putOutgoing(o)
}

// putOutgoing writes the row of a mail, and its words if they are at hand.
func (tx Tx) putOutgoing(o mailout.Outgoing) error {
	if !o.Failed {
		if err := tx.kv.Put(dueKey(o), []byte("1")); err != nil {
			return err
		}
	}
	for _, key := range []string{agedKey(o), lateKey(o)} {
		if key == "" {
			continue
		}
		if err := tx.kv.Put(key, []byte("1")); err != nil {
			return err
		}
	}
	row, words := parted(o)
	if len(words) > 0 {
		if err := give(tx.kv, wordsKey(o), words); err != nil {
			return err
		}
	}
	return tx.put("out/"+o.ID, row)
}

// parted parts a mail into its row and the words of its pieces: they are most of
// it, and only sending needs them. In the row a piece of words has their length.
func parted(o mailout.Outgoing) (row mailout.Outgoing, words []byte) {
	o.Pieces = slices.Clone(o.Pieces)
	size := 0
	for _, p := range o.Pieces {
		size += len(p.Text)
	}
	words = make([]byte, 0, size)
	for i := range o.Pieces {
		if p := &o.Pieces[i]; p.Text != "" {
			words = append(words, p.Text...)
			p.Text, p.Length = "", int64(len(p.Text))
		}
	}
	return o, words
}

// whole puts the words back into a row.
func (tx Tx) whole(o *mailout.Outgoing) error {
	var words string
	if v, err := tx.kv.Get(wordsKey(*o)); err == nil {
		words = string(v)
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	for i := range o.Pieces {
		p := &o.Pieces[i]
		if p.Mail != "" {
			continue
		}
		if p.Length > int64(len(words)) {
			return fmt.Errorf("read %s: it is too short", wordsKey(*o))
		}
		p.Text, words = words[:p.Length], words[p.Length:]
		p.Length = 0
	}
	return nil
}

// Outgoing returns a mail of the outbox, or ErrNotFound.
func (tx Tx) Outgoing(id string) (o mailout.Outgoing, err error) {
	if o, err = tx.OutgoingRow(id); err != nil {
		return o, err
	}
	return o, tx.whole(&o)
}

// OutgoingRow returns a mail of the outbox without its words, or ErrNotFound.
// That is all that it takes to reschedule or to finish it.
func (tx Tx) OutgoingRow(id string) (o mailout.Outgoing, err error) {
	err = tx.get("out/"+id, &o)
	return o, err
}

// Outbox returns the mails to be sent and those given up, in order of id, from
// the one behind after, at most limit (0: all).
func (tx Tx) Outbox(after string, limit int) (os []mailout.Outgoing, err error) {
	err = each(tx, "out/", after, limit, false, func(_ string, o mailout.Outgoing) error {
		err := tx.whole(&o)
		os = append(os, o)
		return err
	})
	return os, err
}

// Due returns mails due by now, in order of their time, at most limit, those
// not wanted left out; and when the next one is due, zero if none is.
func (tx Tx) Due(now time.Time, limit int, want func(id string) bool) (os []mailout.Outgoing, next time.Time, err error) {
	from, to := Prefix("due/")
	err = tx.kv.Scan(from, to, 0, false, func(key string, _ []byte) error {
		ms, _, _ := strings.Cut(key[len(from):], "/")
		id := key[strings.LastIndexByte(key, '/')+1:]
		if !want(id) {
			return nil
		}
		if at := time.UnixMilli(int64(parseID(ms))).UTC(); at.After(now) {
			next = at
			return errEnough
		}
		if len(os) == limit {
			next = now
			return errEnough
		}
		o, err := tx.Outgoing(id)
		os = append(os, o)
		return err
	})
	if err == errEnough {
		err = nil
	}
	return os, next, err
}

// Late returns the ids of mails whose authors are to be told by now that they are
// delayed, in order of that time, at most limit.
func (tx Tx) Late(now time.Time, limit int) (ids []string, err error) {
	from, _ := Prefix("late/")
	to := "late/" + padded(uint64(max(0, now.UnixMilli()+1)), 14)
	err = tx.kv.Scan(from, to, limit, false, func(key string, _ []byte) error {
		ids = append(ids, key[strings.LastIndexByte(key, '/')+1:])
		return nil
	})
	return ids, err
}

// forget deletes a key, unless it is "".
func (tx Tx) forget(key string) error {
	if key == "" {
		return nil
	}
	return tx.kv.Delete(key)
}

// Reschedule stores o, tried once more, with its new time.
func (tx Tx) Reschedule(o mailout.Outgoing) error {
	old, err := tx.OutgoingRow(o.ID)
	if err != nil {
		return err
	}
	for _, key := range []string{dueKey(old), lateKey(old)} {
		if err := tx.forget(key); err != nil {
			return err
		}
	}
	if key := agedKey(old); key != "" && key != agedKey(o) {
		if err := tx.kv.Delete(key); err != nil {
			return err
		}
	}
	if was, is := tallyOfMail(old), tallyOfMail(o); was != is {
		if err := errors.Join(tx.tally(was, -1), tx.tally(is, 1)); err != nil {
			return err
		}
	}
	return tx.putOutgoing(o)
}

// Finish takes a mail out of the outbox and keeps what became of it. What another mail
// has said of it already stays.
func (tx Tx) Finish(o mailout.Outgoing, s Sent) error {
	there, err := tx.has("out/" + o.ID)
	if err != nil {
		return err
	}
	if there {
		if err := tx.tally(tallyOfMail(o), -1); err != nil {
			return err
		}
	}
	for _, key := range []string{"out/" + o.ID, wordsKey(o), dueKey(o), agedKey(o), lateKey(o)} {
		if err := tx.forget(key); err != nil {
			return err
		}
	}
	s.Ticket, s.Event, s.Late, s.SHA256 = o.Ticket, o.Event, o.Late, o.SHA256
	var before Sent
	if _, err := tx.find(sentKey(o), &before); err != nil {
		return err
	}
	if !before.ReportedAt.IsZero() {
		s.Outcome, s.Report, s.ReportedAt = before.Outcome, before.Report, before.ReportedAt
	}
	return tx.put(sentKey(o), s)
}

// NotSent keeps note of a mail that is not put into the outbox at all.
func (tx Tx) NotSent(o mailout.Outgoing, s Sent) error {
	s.Ticket, s.Event = o.Ticket, o.Event
	return tx.put(sentKey(o), s)
}

func sentKey(o mailout.Outgoing) string { return "sent/" + inOrder(o) }

func (s Sent) key() string {
	return sentKey(mailout.Outgoing{ID: s.ID, Ticket: s.Ticket, Event: s.Event})
}

// wordsKey lets words lie in the order in which mails are made, and nearly that
// in which they go: the engine writes neighbours anew together, and words are
// large.
func wordsKey(o mailout.Outgoing) string { return "words/" + inOrder(o) }

func inOrder(o mailout.Outgoing) string {
	return id10(o.Ticket) + "/" + padded(uint64(o.Event), 6) + "/" + o.ID
}

// Sent returns what became of a ticket's mails, in the order of its events.
func (tx Tx) Sent(id desk.TicketID) (ss []Sent, err error) {
	err = each(tx, "sent/"+id10(id)+"/", "", 0, false, func(_ string, s Sent) error {
		ss = append(ss, s)
		return nil
	})
	return ss, err
}

func lower(s string) string { return strings.ToLower(s) }
