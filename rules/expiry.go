package rules

import (
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
)

// Expiry is a ticket on which a clock is about to expire or has expired, and what
// else a decision on it may depend on.
type Expiry struct {
	Now       time.Time
	World     *desk.World
	Ticket    desk.Ticket
	Requester desk.Person    // whose ticket it is
	Turns     map[string]int // as in [Case]
	Load      map[string]int // as in [Case]
}

// Expired tells of every clock that is about to expire or has expired, and does
// what the rules for them say. turn is the queue whose next agent had his turn, ""
// for none. What the ticket does not allow is left out: told it is all the same.
func (s *Set) Expired(e Expiry) (cmds []desk.Command, turn string) {
	d := &decider{Case: Case{Now: e.Now, World: e.World, Turns: e.Turns, Load: e.Load}, set: s}
	tickets := desk.Tickets{e.Ticket.ID: e.Ticket}
	for _, due := range e.Ticket.Clocks.Due(e.Now) {
		tell := desk.Command{Ticket: e.Ticket.ID, Kind: desk.CmdWarn, Actor: desk.System, Value: string(due.Clock)}
		on := onWarning
		if due.Breach {
			tell.Kind, on = desk.CmdBreach, onBreach
		}
		t := tickets[e.Ticket.ID]
		route := s.route(e.routing(&t, due.Clock, on))
		tell.Text = strings.Join(route.Matched, ", ")
		more := append([]desk.Command{tell}, leave(t, route)...)
		more = append(more, d.changes(t, route)...)
		after, _, err := desk.Apply(tickets, e.Now, more...)
		if err != nil {
			more = more[:1]
			after, _, _ = desk.Apply(tickets, e.Now, more...) // nothing refuses to be told
		}
		cmds, tickets = append(cmds, more...), after
	}
	return cmds, d.Turn
}

// leave takes a ticket from its agent before it goes to another queue, so that its
// history tells whose it was.
func leave(t desk.Ticket, r Route) []desk.Command {
	if r.Queue == "" || r.Queue == t.Queue || t.Assignee == "" {
		return nil
	}
	return []desk.Command{{Ticket: t.ID, Kind: desk.CmdAssign, Actor: desk.System, Quiet: true}}
}

// routing is what rules look at in a clock.
func (e Expiry) routing(t *desk.Ticket, clock desk.ClockName, on occasion) Routing {
	r := Routing{On: on, Clock: clock, Ticket: t, Subject: t.Subject, From: e.Requester.Address, Person: e.Requester, At: e.Now}
	if e.World.Zone != nil {
		r.At = e.Now.In(e.World.Zone)
	}
	address := strings.ToLower(e.Requester.Address)
	r.Known = e.World.Known[address]
	r.Contract, _ = e.World.Client(t.Client)
	if r.Contract.Name == "" {
		r.Contract, _ = e.World.ClientOf(address)
	}
	return r
}

// ForClocks says whether any rule is for clocks, so that an [Expiry] has to know
// more than the ticket.
func (s *Set) ForClocks() bool {
	return slices.ContainsFunc(s.rules, func(r rule) bool { return r.on.ofClock() })
}
