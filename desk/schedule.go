package desk

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// NextDue returns when the desk has to look at a ticket by itself: the earliest of
// what comes of its clocks, of what it waits for and of its tasks. It may lie in the
// past. It is false while nothing comes of itself.
func (t Ticket) NextDue() (at time.Time, ok bool) {
	if next, any := t.Clocks.NextMoment(); any {
		at = next.At
	}
	if wake := t.NextWake(); !wake.IsZero() && (at.IsZero() || wake.Before(at)) {
		at = wake
	}
	return at, !at.IsZero()
}

// Due returns what the desk does by itself with a ticket at a time, but for what comes
// of its clocks ([Clocks.Due]), to which rules may add. Nothing of both is due before
// [Ticket.NextDue]; after it there is always something, and that moves it into the
// future. requester is the address of the ticket's requester. What the desk's files say
// counts as they are now.
//
// However often it is asked and whatever the clock does meanwhile, nothing is done
// twice, since what was done stands on the ticket.
func (w *World) Due(t Ticket, requester string, now time.Time) (cmds []Command) {
	for _, k := range t.DueTasks(now) {
		cmds = append(cmds, Command{Ticket: t.ID, Kind: CmdTaskRemind, Actor: System, Number: k.Number})
	}
	switch {
	case t.WakeAt.IsZero() || now.Before(t.WakeAt):
	case t.State == Resolved:
		cmds = append(cmds, w.undecided(t, requester, now)...)
	default:
		cmds = append(cmds, Command{Ticket: t.ID, Kind: CmdWake, Actor: System})
	}
	return cmds
}

// step is something that comes of a resolution on which nobody decides.
type step struct {
	at   time.Time
	kind CommandKind // CmdRemind, CmdDeputy or CmdClose
	nth  int         // of CmdRemind: which one, 1 and up
}

// steps returns what has not been done yet, in the order of time.
func (w *World) steps(t Ticket, requester string) (all []step) {
	q, _ := w.Queue(t.Queue)
	after := func(d time.Duration) time.Time { return t.ResolvedAt.Add(d) }
	for i, days := range q.RemindDays {
		if i >= t.Reminders {
			all = append(all, step{after(time.Duration(days) * day), CmdRemind, i + 1})
		}
	}
	if q.DeputyHours > 0 && t.Deputy == 0 {
		if _, ok := w.StandIn(requester, after(0)); ok {
			all = append(all, step{after(time.Duration(q.DeputyHours) * time.Hour), CmdDeputy, 0})
		}
	}
	if q.CloseDays > 0 {
		all = append(all, step{after(time.Duration(q.CloseDays) * day), CmdClose, 0})
	}
	slices.SortStableFunc(all, func(a, b step) int { return a.at.Compare(b.at) })
	return all
}

const day = 24 * time.Hour

// NextStep returns when the desk comes back to a resolution on which nobody decides,
// the zero time if never. requester is the address of the ticket's requester.
func (w *World) NextStep(t Ticket, requester string) time.Time {
	if all := w.steps(t, requester); len(all) > 0 {
		return all[0].at
	}
	return time.Time{}
}

// undecided returns what becomes of a resolved ticket on which nobody has decided. Of
// several reminders that were missed one is sent.
func (w *World) undecided(t Ticket, requester string, now time.Time) (cmds []Command) {
	var next time.Time
	remind := Command{Ticket: t.ID, Kind: CmdRemind, Actor: System, Number: t.Reminders, Quiet: true}
	for _, s := range w.steps(t, requester) {
		switch {
		case now.Before(s.at):
			if next.IsZero() {
				next = s.at
			}
		case s.kind == CmdClose:
			return []Command{{Ticket: t.ID, Kind: CmdClose, Actor: System}}
		case s.kind == CmdRemind:
			remind.Number, remind.Quiet = s.nth, false
		case s.kind == CmdDeputy:
			to, _ := w.StandIn(requester, now)
			cmds = append(cmds, Command{Ticket: t.ID, Kind: CmdDeputy, Actor: System, Address: to.Address})
		}
	}
	if !remind.Quiet || len(cmds) == 0 {
		cmds = append([]Command{remind}, cmds...)
	}
	for i := range cmds {
		cmds[i].Until = next
	}
	return cmds
}

// StandIn returns who decides in the place of a requester who is away or does not
// answer: as people.csv says of him; of an agent, his deputy; else as his client says.
func (w *World) StandIn(requester string, at time.Time) (Known, bool) {
	requester = strings.ToLower(requester)
	address := w.Known[requester].Deputy
	if a, ok := w.AgentAt(requester); ok && address == "" {
		if other, ok := w.Agent(a.Deputy); ok {
			address = w.Deputy(other, at).Address
		}
	}
	if c, ok := w.ClientOf(requester); ok {
		address = cmp.Or(address, c.Deputy)
	}
	if address == "" || strings.EqualFold(address, requester) {
		return Known{}, false
	}
	if a, ok := w.AgentAt(address); ok {
		return Known{Name: a.Title, Address: a.Address}, true
	}
	if k, ok := w.Known[strings.ToLower(address)]; ok {
		return k, !strings.EqualFold(k.Address, w.addressOf(requester))
	}
	return Known{Address: address}, true
}

// addressOf is the address to which is written who writes from another.
func (w *World) addressOf(address string) string {
	if k, ok := w.Known[address]; ok {
		return k.Address
	}
	return address
}
