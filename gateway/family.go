package gateway

import (
	"errors"
	"maps"

	"ventanilla/desk"
	"ventanilla/store"
)

// familyDeep is how many generations of tickets follow one that closes.
const familyDeep = 5

// family carries on to a ticket's children that it has closed, as its queue says, or that
// its closing was taken back. before are the tickets as they were.
func (s *settling) family(before, after desk.Tickets, events []desk.Event) (desk.Tickets, desk.Tickets, []desk.Event, error) {
	before, after = maps.Clone(before), maps.Clone(after)
	if before == nil {
		before = desk.Tickets{}
	}
	seen := map[desk.TicketID]bool{}
	for fresh, depth := events, 0; len(fresh) > 0 && depth < familyDeep; depth++ {
		var cmds []desk.Command
		for _, e := range fresh {
			if (e.Kind == desk.Undone || after[e.Ticket].State == desk.Closed) && !seen[e.Ticket] {
				more, err := s.children(before, after, e)
				if err != nil {
					return nil, nil, nil, err
				}
				seen[e.Ticket] = len(more) > 0
				cmds = append(cmds, more...)
			}
		}
		if len(cmds) == 0 {
			break
		}
		cmds, err := s.number(after, cmds)
		if err != nil {
			return nil, nil, nil, err
		}
		next, more, err := desk.Apply(after, s.now, cmds...)
		var refused *desk.Refusal
		if errors.As(err, &refused) { // what a child does not allow holds nothing up
			return before, after, events, nil
		}
		if err != nil {
			return nil, nil, nil, err
		}
		after, events, fresh = next, append(events, more...), more
	}
	return before, after, events, nil
}

// children reads the children of a ticket on which a family event has come, and returns
// what is to be done with them.
func (s *settling) children(before, after desk.Tickets, e desk.Event) (cmds []desk.Command, err error) {
	parent := after[e.Ticket]
	q, _ := s.setup.World.Queue(parent.Queue)
	for _, l := range parent.Links {
		if l.How != desk.Child {
			continue
		}
		child, known := after[l.Ticket]
		if !known {
			if child, err = s.tx.Ticket(l.Ticket); errors.Is(err, store.ErrNotFound) {
				continue
			} else if err != nil {
				return nil, err
			}
		}
		var last desk.Event
		if e.Kind == desk.Undone && child.State == desk.Closed {
			if last, err = s.tx.Event(child.ID, child.Revision); err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
		}
		c, ok := desk.Follows(q, e, parent, child, last)
		if !ok {
			continue
		}
		if !known {
			before[child.ID], after[child.ID] = child, child
		}
		if c.Kind == desk.CmdClose {
			c.Text = s.setup.Words.Word(child.Language, "closed-with-parent") + " #" + parent.Number
		}
		cmds = append(cmds, c)
	}
	return cmds, nil
}
