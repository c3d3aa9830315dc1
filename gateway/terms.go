package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ventanilla/desk"
	"ventanilla/rules"
	"ventanilla/store"
)

const termsAtOnce = 100 // tickets looked up in one go

// tellTerms tells of every term that is about to expire or has expired, and does what
// the rules for that say.
func (g *Gateway) tellTerms(ctx context.Context) error {
	return g.eachDue(ctx, store.Tx.DueTerms, g.expired)
}

func (g *Gateway) expired(tx store.Tx, setup *Setup, t desk.Ticket, now time.Time) (cmds []desk.Command, err error) {
	e := rules.Expiry{Now: now, World: setup.World, Ticket: t}
	if setup.Rules.ForClocks() {
		if e.Requester, err = tx.Person(t.Requester); err != nil {
			return nil, err
		}
		if e.Turns, e.Load, err = owners(tx, setup.World); err != nil {
			return nil, err
		}
	}
	cmds, turn := setup.Rules.Expired(e)
	s := g.settling(setup, now, nil)
	s.tx = tx
	for i := range cmds {
		if cmds[i].Address != "" {
			p, err := s.personAt(cmds[i])
			if err != nil {
				return nil, err
			}
			cmds[i].Person = p.ID
		}
	}
	if turn != "" {
		err = tx.TakeTurn(turn)
	}
	return cmds, err
}

// wake does what tickets wait for until a day that was named: it takes up those whose
// wait is over, reminds of decisions and of tasks, and closes what was resolved and
// stayed silent.
func (g *Gateway) wake(ctx context.Context) error {
	return g.eachDue(ctx, store.Tx.DueWakes, func(_ store.Tx, setup *Setup, t desk.Ticket, now time.Time) (cmds []desk.Command, err error) {
		for _, k := range t.DueTasks(now) {
			cmds = append(cmds, desk.Command{Ticket: t.ID, Kind: desk.CmdTaskRemind, Actor: desk.System, Number: k.Number})
		}
		if t.WakeAt.IsZero() || now.Before(t.WakeAt) {
			return cmds, nil
		}
		c := desk.Command{Ticket: t.ID, Kind: desk.CmdWake, Actor: desk.System}
		if t.State == desk.Resolved {
			q, _ := setup.World.Queue(t.Queue)
			c = silent(q, t, now)
			if c.Kind == desk.CmdClose {
				c.Text = setup.Words.Word(t.Language, "closed-by-silence")
			}
		}
		return append(cmds, c), nil
	})
}

const day = 24 * time.Hour

// silent says what becomes of a resolved ticket on which nobody decides. What the
// queue says counts as it is now.
func silent(q desk.Queue, t desk.Ticket, now time.Time) desk.Command {
	c := desk.Command{Ticket: t.ID, Kind: desk.CmdRemind, Actor: desk.System}
	if q.CloseDays > 0 {
		c.Until = t.ResolvedAt.Add(time.Duration(q.CloseDays) * day)
	}
	switch {
	case q.CloseDays > 0 && !now.Before(c.Until):
		c.Kind, c.Until = desk.CmdClose, time.Time{}
	case q.RemindDays == 0 || t.Reminders > 0:
		c.Quiet = true
	}
	return c
}

// lookAgain is when a ticket that is resolved now has to be looked at again.
func (s *settling) lookAgain(queue string) time.Time {
	q, _ := s.setup.World.Queue(queue)
	days := q.RemindDays
	if days == 0 {
		days = q.CloseDays
	}
	if days == 0 {
		return time.Time{}
	}
	return s.now.Add(time.Duration(days) * day)
}

// eachDue carries out what has come due on each ticket. Each is an Update of its own:
// what goes wrong with one holds up no other, and is tried again the next time. What
// was done is on the ticket, so nothing is done twice.
func (g *Gateway) eachDue(ctx context.Context, due func(store.Tx, time.Time, string, int) ([]desk.TicketID, string, error),
	do func(store.Tx, *Setup, desk.Ticket, time.Time) ([]desk.Command, error)) error {
	now := g.now().UTC().Truncate(time.Millisecond)
	var faults []error
	for after := ""; ; {
		var ids []desk.TicketID
		err := g.store.View(ctx, func(tx store.Tx) (err error) {
			ids, after, err = due(tx, now, after, termsAtOnce)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			err := g.act(ctx, func(tx store.Tx, setup *Setup, now time.Time) (desk.Tickets, []desk.Command, error) {
				t, err := tx.Ticket(id)
				if err != nil {
					return nil, nil, err
				}
				cmds, err := do(tx, setup, t, now)
				return desk.Tickets{id: t}, cmds, err
			})
			if err != nil {
				faults = append(faults, fmt.Errorf("ticket %d: %w", id, err))
			}
		}
		if after == "" || ctx.Err() != nil {
			return errors.Join(faults...)
		}
	}
}
