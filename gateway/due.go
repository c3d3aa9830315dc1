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

const dueAtOnce = 100 // tickets looked up in one go

// tellDue carries out what has come due on tickets: warnings and breaches of terms,
// waits that are over, reminders, deputies, closing after silence. Each ticket is an
// Update of its own: what goes wrong with one holds up no other, and is tried again
// the next time.
func (g *Gateway) tellDue(ctx context.Context) error {
	now := g.now().UTC().Truncate(time.Millisecond)
	var faults []error
	for after := ""; ; {
		var ids []desk.TicketID
		err := g.store.View(ctx, func(tx store.Tx) (err error) {
			ids, after, err = tx.DueTickets(now, after, dueAtOnce)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			err := g.act(ctx, func(tx store.Tx, setup *Setup, now time.Time) (desk.Tickets, []desk.Command, error) {
				return g.dueOn(tx, setup, id, now)
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

// dueOn returns what is to be done with a ticket by now.
func (g *Gateway) dueOn(tx store.Tx, setup *Setup, id desk.TicketID, now time.Time) (desk.Tickets, []desk.Command, error) {
	t, err := tx.Ticket(id)
	if err != nil {
		return nil, nil, err
	}
	people, err := asked(tx, t)
	if err != nil {
		return nil, nil, err
	}
	cmds, err := g.expired(tx, setup, t, people[t.Requester], now)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range setup.World.Due(t, people, now) {
		if c.Kind == desk.CmdClose {
			c.Text = setup.Words.Word(t.Language, "closed-by-silence")
		}
		cmds = append(cmds, c)
	}
	return desk.Tickets{id: t}, cmds, nil
}

// expired tells of terms that are about to expire or have expired, and does what the
// rules for that say.
func (g *Gateway) expired(tx store.Tx, setup *Setup, t desk.Ticket, requester desk.Person, now time.Time) (cmds []desk.Command, err error) {
	e := rules.Expiry{Now: now, World: setup.World, Ticket: t, Requester: requester}
	if setup.Rules.ForClocks() {
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

// asked are the requester of a ticket and those whose consent it waits for.
func asked(tx store.Tx, t desk.Ticket) (map[desk.PersonID]desk.Person, error) {
	ids, people := []desk.PersonID{t.Requester}, map[desk.PersonID]desk.Person{}
	for _, a := range t.Approvals {
		if a.Decision == "" {
			ids = append(ids, a.Person)
		}
	}
	for _, id := range ids {
		if id == 0 {
			continue
		}
		p, err := tx.Person(id)
		if err != nil {
			return nil, err
		}
		people[id] = p
	}
	return people, nil
}

// foresee completes a command with what the desk's files make of it: when the desk
// comes back to a resolution, who the deputy is, and whether the end is followed by a
// survey.
func (s *settling) foresee(t desk.Ticket, c *desk.Command) error {
	switch c.Kind {
	case desk.CmdAskApproval, desk.CmdApprovalDeputy:
		return s.foreseeApproval(t, c)
	case desk.CmdDeputy:
		if err := s.deputy(c); err != nil {
			return err
		}
		t.Deputy = c.Person
	case desk.CmdResolve:
		t.ResolvedAt, t.Reminders, t.Deputy = s.now, 0, 0
	case desk.CmdClose, desk.CmdApprove:
		q, _ := s.setup.World.Queue(t.Queue)
		c.Survey = q.Survey
		return nil
	default:
		return nil
	}
	people, err := asked(s.tx, t)
	c.Until = s.setup.World.NextStep(t, people[t.Requester].Address)
	return err
}

// foreseeApproval does the same for a consent that is asked for, and for the deputy of
// who is asked.
func (s *settling) foreseeApproval(t desk.Ticket, c *desk.Command) error {
	a := desk.Approval{Person: c.Person, Agent: c.Value, At: s.now}
	if c.Kind == desk.CmdApprovalDeputy {
		a, _ = t.Approval(c.Number)
		a.Deputy = desk.System // somebody
		if agent, ok := s.setup.World.AgentAt(c.Address); ok {
			c.Value = agent.Name
		} else if err := s.deputy(c); err != nil {
			return err
		}
	}
	approver := ""
	if agent, ok := s.setup.World.Agent(a.Agent); ok {
		approver = agent.Address
	} else if a.Person != 0 {
		p, err := s.tx.Person(a.Person)
		if err != nil {
			return err
		}
		approver = p.Address
	}
	c.Until = s.setup.World.NextApprovalStep(t, a, approver)
	return nil
}

// deputy finds, or makes, the person who is to decide too.
func (s *settling) deputy(c *desk.Command) error {
	if c.Person != 0 {
		return nil
	}
	p, ok, err := s.tx.PersonAt(c.Address)
	if a, is := s.setup.World.AgentAt(c.Address); is && !ok && err == nil {
		p, err = s.tx.AddPerson(a.Title, c.Address, s.now)
	} else if err == nil {
		p, err = s.personAt(*c)
	}
	c.Person = p.ID
	return err
}
