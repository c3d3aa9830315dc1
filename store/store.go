// Package store keeps what the desk knows: tickets and their events, people,
// what became of every mail, and the mails to be sent. Raw mail lies in the
// intake log (package intake); the records here point into it.
//
// The records are JSON values under readable keys, laid out here, once, over an
// [Engine]. Numbers in keys are padded so that the order of keys is theirs.
//
//	meta/<name>                        version, counters, watermark, marks
//	ticket/<id>                        desk.Ticket
//	number/<number>                    ticket id
//	event/<ticket>/<seq>               desk.Event
//	article/<ticket>/<number>          desk.Article
//	index/<field>/<value>/…/<ticket>   nothing; a pure function of the ticket (find.go)
//	wake/<time>/<ticket>               nothing; when the desk looks at it by itself; a pure function of the ticket
//	activity/<day>/<agent>/<id>        desk.Activity: work noted on that day of the desk's clock. <id> is t<ticket>.<seq> of a
//	                                   time-spent event, taken away when that is undone, or the position of a mail
//	month/<year-month>/<ticket>        nothing; the month of its last event in UTC; a pure function of the ticket
//	tally/<what>                       how many there are: tickets of a state and queue, mails to be sent, quarantined ones
//	listing/<n>                        Listing: a list that an agent was sent
//	ask/<n>                            ReportAsk: a report that is to be made and sent
//	reported/<report>                  the last month of which it went out by itself
//	digest/<whose>                     day of the last digest
//	alerts/<ticket>/<whom>             Alerts: what waits to be told in one mail
//	alert/<time>/<ticket>/<whom>       nothing; when it is told
//	person/<id>                        desk.Person: the one place of an address
//	address/<hash>                     person id
//	mid/<hash>                         Received: a Message-ID that came in
//	content/<mail id>                  Content: where a mail of that content was first settled
//	receipt/<position>                 Receipt: what became of the mail at that position of the log
//	quarantine/<position>              nothing; the receipt tells
//	out/<id>                           mailout.Outgoing: to be sent, or given up; without its words
//	words/<ticket>/<event>/<id>        those words as they are, 7-bit text, one piece after the other
//	due/<time>/<ticket>/<event>/<id>   nothing; when to try it next
//	aged/<time>/<id>                   nothing; when a mail was made that is due later than that
//	late/<time>/<ticket>/<event>/<id>  nothing; when to tell its author that it is delayed: a pure function of the row
//	sent/<ticket>/<event>/<id>         Sent: what became of a mail of ours
//	imap/point/<hash>                  how far a folder was taken: as package mailin/imap says it
//	imap/settled/<hash>/<validity>/<uid>  nothing; that mail of the folder may be marked or moved
//	imap/copy/<hash>/<time>/<id>        a mail that was sent, of which the account's folder is to have a copy
//	suppressed/<hash>                  Suppressed: an address that mails to it fail
//	count/<hour>/<what>/<hash>         automatic mails in that hour
//	listed/<hour>/<person>             Listed: tickets to be told in one mail
//	confirmed/<agent>                  until when his mails need no confirmation
//	done/<key>                         time; a repeated call is a no-op
//	lesson/<ticket>/<seq>              nothing; an event that says that the ticket is to become an article of what the desk knows
//	feed/<n>                           Change: events added to a ticket, in the order of commits, for what follows the store
package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Store is the desk's records over an engine.
type Store struct{ Engine Engine }

// Tx is the records as one transaction sees them.
type Tx struct{ kv KV }

// View runs fn on a snapshot.
func (s Store) View(ctx context.Context, fn func(Tx) error) error {
	return s.Engine.View(ctx, func(kv KV) error { return fn(Tx{kv}) })
}

// Update runs fn and commits if it returns nil. fn may run more than once.
func (s Store) Update(ctx context.Context, fn func(Tx) error) error {
	return s.Engine.Update(ctx, func(kv KV) error { return fn(Tx{kv}) })
}

// Try runs fn on an overlay of its own: what fn writes is kept if it returns
// nil and forgotten otherwise, while tx lives on.
func (tx Tx) Try(fn func(Tx) error) error {
	o := NewOverlay(tx.kv)
	if err := fn(Tx{o}); err != nil {
		return err
	}
	if err := o.Flush(); err != nil {
		return fmt.Errorf("%w: %w", ErrHalfWritten, err)
	}
	return nil
}

// ErrHalfWritten says that a transaction holds a part of what a [Tx.Try] wrote:
// it must be undone.
var ErrHalfWritten = errors.New("half written")

// Version is the layout that this package reads and writes.
const Version = 4

// migrations bring a store from the version of their index to the next. They
// run in order, each in an Update of its own.
var migrations = []func(Tx) error{
	0: func(Tx) error { return nil }, // an empty store is of version 0
	1: foundByMore,
	2: countAll,
	3: oneSchedule,
}

// Migrate brings the store to [Version]. It refuses one that a newer program
// has written.
func (s Store) Migrate(ctx context.Context) error {
	return s.migrate(ctx, migrations)
}

func (s Store) migrate(ctx context.Context, steps []func(Tx) error) error {
	for {
		done := false
		err := s.Update(ctx, func(tx Tx) error {
			v, err := tx.counter("version")
			if err != nil {
				return err
			}
			if v > len(steps) {
				return fmt.Errorf("the store has layout %d, this program knows %d: use a newer ventanilla", v, len(steps))
			}
			if done = v == len(steps); done {
				return nil
			}
			if err := steps[v](tx); err != nil {
				return fmt.Errorf("migrate from layout %d: %w", v, err)
			}
			return tx.put("meta/version", v+1)
		})
		if err != nil || done {
			return err
		}
	}
}

// counter returns a number kept under meta/, 0 if there is none.
func (tx Tx) counter(name string) (n int, err error) {
	if _, err = tx.find("meta/"+name, &n); err != nil {
		return 0, err
	}
	return n, nil
}

// next adds one to a number kept under meta/ and returns it.
func (tx Tx) next(name string) (int, error) {
	n, err := tx.counter(name)
	if err != nil {
		return 0, err
	}
	return n + 1, tx.put("meta/"+name, n+1)
}

// Done notes that the call named key was made, and reports whether it had been
// made before.
func (tx Tx) Done(key string, now time.Time) (before bool, err error) {
	k := "done/" + hash(key)
	if _, err := tx.kv.Get(k); err == nil {
		return true, nil
	} else if !errors.Is(err, ErrNotFound) {
		return false, err
	}
	return false, tx.put(k, now)
}

// hash stands for a foreign text in a key.
func hash(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:16])
}

func (tx Tx) put(key string, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return give(tx.kv, key, bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// get reads a record that must be there.
func (tx Tx) get(key string, v any) error {
	b, err := tx.kv.Get(key)
	if err != nil {
		return fmt.Errorf("get %s: %w", key, err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}

// find reads a record that may be absent.
func (tx Tx) find(key string, v any) (bool, error) {
	b, err := tx.kv.Get(key)
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("get %s: %w", key, err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	return true, nil
}

// has says whether there is something under a key.
func (tx Tx) has(key string) (bool, error) {
	_, err := tx.kv.Get(key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// each reads the records of a prefix in order of their keys, from the one behind
// after, at most limit (0: all). reverse starts at the end.
func each[T any](tx Tx, prefix, after string, limit int, reverse bool, fn func(rest string, v T) error) error {
	from, to := Prefix(prefix)
	if after != "" && !reverse {
		from = prefix + after + "\x00"
	}
	if after != "" && reverse {
		to = prefix + after
	}
	return tx.kv.Scan(from, to, limit, reverse, func(key string, value []byte) error {
		var v T
		if len(value) > 0 {
			if err := json.Unmarshal(value, &v); err != nil {
				return fmt.Errorf("read %s: %w", key, err)
			}
		}
		return fn(strings.TrimPrefix(key, prefix), v)
	})
}

// scan reads the records from one key up to another, in their order.
func scan[T any](tx Tx, from, to string, fn func(T) error) error {
	return tx.kv.Scan(from, to, 0, false, func(key string, value []byte) error {
		var v T
		if err := json.Unmarshal(value, &v); err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		return fn(v)
	})
}

func id10[T ~uint64](id T) string { return padded(uint64(id), 10) }

// padded writes a number with so many digits at least.
func padded(n uint64, digits int) string {
	b := strconv.AppendUint(make([]byte, 0, 20), n, 10)
	return strings.Repeat("0", max(0, digits-len(b))) + string(b)
}

func parseID(s string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimLeft(s, "0"), 10, 64)
	return n
}

// Glimpse runs fn on a snapshot on which it may write; what it writes is
// forgotten.
func (s Store) Glimpse(ctx context.Context, fn func(Tx) error) error {
	return s.Engine.View(ctx, func(kv KV) error { return fn(Tx{NewOverlay(kv)}) })
}
