package gateway

import (
	"context"
	"time"

	"ventanilla/desk"
	"ventanilla/store"
)

// Watch is told of what happens, once it is durable. Its methods are called by
// several goroutines and must not wait. No name that they are given comes from a
// mail: ways, dispositions, kinds and terms are few and fixed.
type Watch interface {
	// Received: a mail is on disk. It took so long from its first byte.
	Received(way string, took time.Duration)
	// Settled: a mail has its disposition. Reading all that the decision depends
	// on, deciding, applying and composing took so long.
	Settled(way, disposition string, took time.Duration)
	// Committed: so many mails were stored in one transaction.
	Committed(mails int, took time.Duration)
	// Happened: an event of a ticket; term is the clock of a term's event, or "".
	Happened(kind, term string)
	// Capped: an acknowledgement was kept back by that cap.
	Capped(by string)
	// Probed: a mail of ours to ourselves was sent, is back, or is missed.
	Probed(what string)
}

// nobody watches.
type nobody struct{}

func (nobody) Received(string, time.Duration)        {}
func (nobody) Settled(string, string, time.Duration) {}
func (nobody) Committed(int, time.Duration)          {}
func (nobody) Happened(string, string)               {}
func (nobody) Capped(string)                         {}
func (nobody) Probed(string)                         {}

// happened tells of events that are durable.
func (g *Gateway) happened(events []desk.Event) {
	for _, e := range events {
		term := ""
		if e.Kind == desk.TermBreached || e.Kind == desk.TermWarned {
			term = e.New
		}
		g.watch.Happened(string(e.Kind), term)
	}
}

// Figures are how much there is of what may need somebody. To read them costs the
// same however much that is.
type Figures struct {
	store.Tallies
	OldestWaiting time.Time // when the oldest mail to be sent was made; zero if none waits
	Held          bool      // what is to be sent is held, since a restore
	Unsettled     time.Time // when the first mail that is not settled came; zero if all are
}

// Figures returns them.
func (g *Gateway) Figures(ctx context.Context) (f Figures, err error) {
	err = g.store.View(ctx, func(tx store.Tx) (err error) {
		if f.Tallies, err = tx.Tallies(); err != nil {
			return err
		}
		if f.OldestWaiting, err = tx.OldestWaiting(); err != nil {
			return err
		}
		f.Held, err = tx.Held()
		return err
	})
	if err != nil {
		return f, err
	}
	mark, err := g.watermark(ctx)
	if err != nil {
		return f, err
	}
	records, err := g.log.After(mark, 1, 1)
	if len(records) > 0 {
		f.Unsettled = records[0].Envelope.ReceivedAt
	}
	return f, err
}

// Writable writes a mark into the store and says whether that could be done.
func (g *Gateway) Writable(ctx context.Context) error {
	now := g.now().UTC().Truncate(time.Second)
	return g.store.Update(ctx, func(tx store.Tx) error { return tx.SetAlive(now) })
}
