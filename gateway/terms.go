package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ventanilla/desk"
	"ventanilla/store"
)

const termsAtOnce = 100 // tickets looked up in one go

// tellTerms tells of every term that is about to expire or has expired. Each ticket
// is an Update of its own: what goes wrong with one holds up no other, and is tried
// again the next time. What was told is on the ticket, so nothing is told twice.
func (g *Gateway) tellTerms(ctx context.Context) error {
	now := g.now().UTC().Truncate(time.Millisecond)
	var faults []error
	for after := ""; ; {
		var due []desk.TicketID
		err := g.store.View(ctx, func(tx store.Tx) (err error) {
			due, after, err = tx.DueTerms(now, after, termsAtOnce)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range due {
			if err := g.tellTerm(ctx, now, id); err != nil {
				faults = append(faults, fmt.Errorf("terms of ticket %d: %w", id, err))
			}
		}
		if after == "" || ctx.Err() != nil {
			return errors.Join(faults...)
		}
	}
}

// tellTerm tells what has come due on one ticket.
func (g *Gateway) tellTerm(ctx context.Context, now time.Time, id desk.TicketID) error {
	setup, sent := g.Setup(), 0
	err := g.store.Update(ctx, func(tx store.Tx) error {
		sent = 0
		t, err := tx.Ticket(id)
		if err != nil {
			return err
		}
		var cmds []desk.Command
		for _, u := range t.Clocks.Due(now) {
			kind := desk.CmdWarn
			if u.Breach {
				kind = desk.CmdBreach
			}
			cmds = append(cmds, desk.Command{Ticket: id, Kind: kind, Actor: desk.System, Value: string(u.Clock)})
		}
		s := g.settling(setup, now, nil)
		s.tx = tx
		refused, err := s.carryOut(desk.Tickets{id: t}, cmds)
		if err != nil {
			return err
		}
		if refused != nil {
			return refused
		}
		sent = s.sent
		return nil
	})
	if err == nil && sent > 0 {
		g.wakeSender()
	}
	return err
}
