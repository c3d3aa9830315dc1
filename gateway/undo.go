package gateway

import (
	"context"
	"errors"
	"slices"
	"time"

	"ventanilla/desk"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/web"
)

// issuedTo returns the agent to one of whose addresses a token was issued, "" if it was
// to nobody such.
func (g *Gateway) issuedTo(setup *Setup, t desk.Token) string {
	for _, a := range setup.World.Agents {
		for _, address := range append([]string{a.Address}, a.Further...) {
			if g.keys.IssuedTo(t, address) {
				return a.Name
			}
		}
	}
	return ""
}

// undoable returns the ticket, and its revision, whose last deed an agent can take back
// after his commands were carried out; 0 if there is nothing to take back.
func (s *settling) undoable(l rules.Letter, by desk.Actor) (desk.Ticket, int) {
	t := s.tickets[l.Ticket]
	if t.State == desk.Merged {
		t = s.tickets[t.MergedInto]
	}
	does := func(e desk.Event) bool {
		return e.Ticket == t.ID && e.Actor == by && e.Kind != desk.Undone && e.Kind != desk.Opened && e.Kind != desk.Exported && e.Kind != desk.CancelledEvent && desk.CanUndo(e.Kind)
	}
	if t.ID == 0 || !slices.ContainsFunc(s.events, does) {
		return t, 0
	}
	return t, t.Revision
}

// Undo returns what the page shows that takes back what an agent did.
func (p Pages) Undo(ctx context.Context, token string) (u web.Undo, err error) {
	t, by, err := p.undoToken(token)
	if err != nil {
		return u, err
	}
	err = p.store.View(ctx, func(tx store.Tx) (err error) {
		u, _, err = p.undo(tx, t, by, p.now())
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = web.ErrNotFound
	}
	return u, err
}

func (p Pages) undoToken(token string) (desk.Token, desk.Actor, error) {
	t, ok := p.keys.Check(token)
	agent := ""
	if ok {
		agent = p.issuedTo(p.Setup(), t)
	}
	if !ok || t.Purpose != desk.ForUndo || agent == "" {
		return t, "", web.ErrNotFound
	}
	return t, desk.ByAgent(agent), nil
}

// undo returns how it stands with what is to be taken back, and the commands that do it.
func (p Pages) undo(tx store.Tx, token desk.Token, by desk.Actor, now time.Time) (u web.Undo, cmds []desk.Command, err error) {
	t, err := tx.Ticket(token.Ticket)
	if err != nil {
		return u, nil, err
	}
	w := p.Setup().World
	u = web.Undo{Desk: w.Name, Language: w.Language, Number: t.Number, Subject: t.Subject, State: t.State}
	if a, ok := w.Agent(by.Agent()); ok && a.Language != "" {
		u.Language = a.Language
	}
	events := map[desk.TicketID][]desk.Event{}
	if events[t.ID], err = tx.Events(t.ID); err != nil {
		return u, nil, err
	}
	for _, e := range events[t.ID] {
		if e.Other != 0 && now.Sub(e.At) <= desk.UndoWithin {
			if events[e.Other], err = tx.Events(e.Other); err != nil {
				return u, nil, err
			}
		}
		if e.Kind == desk.Undone && e.Actor == by && e.Seq > token.Revision && e.Before.Revision < token.Revision {
			u.Done = true
		}
	}
	cmds, reason := rules.Undo(events, t.ID, by, now, token.Revision)
	if reason != "" && !u.Done {
		u.Reason = "reason-" + reason
	}
	return u, cmds, nil
}

// TakeBack takes back what an agent did. A second or late call changes nothing.
func (p Pages) TakeBack(ctx context.Context, token string) (web.Undo, error) {
	t, by, err := p.undoToken(token)
	if err != nil {
		return web.Undo{}, err
	}
	err = p.act(ctx, func(tx store.Tx, _ *Setup, now time.Time) (desk.Tickets, []desk.Command, error) {
		u, cmds, err := p.undo(tx, t, by, now)
		if err != nil || u.Done || u.Reason != "" {
			return nil, nil, err
		}
		ts := desk.Tickets{}
		for _, c := range cmds {
			if ts[c.Ticket], err = tx.Ticket(c.Ticket); err != nil {
				return nil, nil, err
			}
		}
		return ts, cmds, nil
	})
	if err != nil && !errors.Is(err, desk.ErrRefused) {
		if errors.Is(err, store.ErrNotFound) {
			err = web.ErrNotFound
		}
		return web.Undo{}, err
	}
	return p.Undo(ctx, token)
}
