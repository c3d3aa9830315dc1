package desk

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NextDue returns when the desk has to look at a ticket by itself: the earliest of
// what comes of its clocks, of what it waits for, of its tasks and approvals. It may lie in the
// past. It is false while nothing comes of itself.
func (t Ticket) NextDue() (at time.Time, ok bool) {
	if next, any := t.Clocks.NextMoment(); any {
		at = next.At
	}
	if wake := t.NextWake(); !wake.IsZero() && (at.IsZero() || wake.Before(at)) {
		at = wake
	}
	for _, a := range t.waitingApprovals() {
		if at.IsZero() || a.Next.Before(at) {
			at = a.Next
		}
	}
	return at, !at.IsZero()
}

// Due returns what the desk does by itself with a ticket at a time, but for what comes
// of its clocks ([Clocks.Due]), to which rules may add. Nothing of both is due before
// [Ticket.NextDue]; after it there is always something, and that moves it into the
// future. people are the requester, and whose approvals the ticket waits for. What the
// desk's files say counts as they are now.
//
// However often it is asked and whatever the clock does meanwhile, nothing is done
// twice, since what was done stands on the ticket.
func (w *World) Due(t Ticket, people map[PersonID]Person, now time.Time) (cmds []Command) {
	for _, k := range t.DueTasks(now) {
		cmds = append(cmds, Command{Ticket: t.ID, Kind: CmdTaskRemind, Actor: System, Number: k.Number})
	}
	for _, a := range t.waitingApprovals() {
		if !now.Before(a.Next) {
			cmds = append(cmds, w.unanswered(t, a, w.approver(a, people), now)...)
		}
	}
	switch {
	case t.WakeAt.IsZero() || now.Before(t.WakeAt):
	case t.State == Resolved:
		cmds = append(cmds, w.undecided(t, people[t.Requester].Address, now)...)
	default:
		cmds = append(cmds, Command{Ticket: t.ID, Kind: CmdWake, Actor: System})
	}
	return cmds
}

// waitingApprovals are those to which the desk comes back by itself.
func (t Ticket) waitingApprovals() (all []Approval) {
	for _, a := range t.Approvals {
		if a.Decision == "" && !a.Next.IsZero() && !t.State.Ended() {
			all = append(all, a)
		}
	}
	return all
}

// approver is the address of who is asked for a consent.
func (w *World) approver(a Approval, people map[PersonID]Person) string {
	if agent, ok := w.Agent(a.Agent); ok {
		return agent.Address
	}
	return people[a.Person].Address
}

// step is something that comes of a decision that nobody makes.
type step struct {
	at   time.Time
	kind CommandKind // CmdRemind, CmdDeputy or CmdClose
	nth  int         // of CmdRemind: which one, 1 and up
}

// reminders are the steps of a decision asked of somebody at a time, in the order of
// time, but for those that have been done.
func (w *World) reminders(queue, approver string, since time.Time, sent int, deputy bool) (all []step) {
	q, _ := w.Queue(queue)
	for i, days := range q.RemindDays {
		if i >= sent {
			all = append(all, step{since.Add(time.Duration(days) * day), CmdRemind, i + 1})
		}
	}
	if q.DeputyHours > 0 && !deputy {
		if _, ok := w.StandIn(approver, since); ok {
			all = append(all, step{since.Add(time.Duration(q.DeputyHours) * time.Hour), CmdDeputy, 0})
		}
	}
	slices.SortStableFunc(all, func(a, b step) int { return a.at.Compare(b.at) })
	return all
}

// steps returns what comes of a resolution and has not been done yet.
func (w *World) steps(t Ticket, requester string) []step {
	all := w.reminders(t.Queue, requester, t.ResolvedAt, t.Reminders, t.Deputy != 0)
	if q, _ := w.Queue(t.Queue); q.CloseDays > 0 {
		all = append(all, step{t.ResolvedAt.Add(time.Duration(q.CloseDays) * day), CmdClose, 0})
	}
	slices.SortStableFunc(all, func(a, b step) int { return a.at.Compare(b.at) })
	return all
}

const day = 24 * time.Hour

// NextStep returns when the desk comes back to a resolution on which nobody decides,
// the zero time if never. requester is the address of the ticket's requester.
func (w *World) NextStep(t Ticket, requester string) time.Time {
	return first(w.steps(t, requester))
}

// NextApprovalStep returns in the same way when it comes back to a consent that
// was asked for. approver is the address of who is asked.
func (w *World) NextApprovalStep(t Ticket, a Approval, approver string) time.Time {
	return first(w.reminders(t.Queue, approver, a.At, a.Reminders, a.Deputy != ""))
}

func first(steps []step) time.Time {
	if len(steps) == 0 {
		return time.Time{}
	}
	return steps[0].at
}

// undecided returns what becomes of a resolved ticket on which nobody has decided. Of
// several reminders that were missed one is sent.
func (w *World) undecided(t Ticket, requester string, now time.Time) []Command {
	steps := w.steps(t, requester)
	for _, s := range steps {
		if s.kind == CmdClose && !now.Before(s.at) {
			return []Command{{Ticket: t.ID, Kind: CmdClose, Actor: System}}
		}
	}
	remind := Command{Ticket: t.ID, Kind: CmdRemind, Actor: System, Number: t.Reminders, Quiet: true}
	return w.overdue(steps, remind, requester, now)
}

// unanswered returns the same of a consent that nobody has given or refused.
func (w *World) unanswered(t Ticket, a Approval, approver string, now time.Time) []Command {
	remind := Command{Ticket: t.ID, Kind: CmdRemind, Actor: System, Number: a.Reminders, Quiet: true}
	cmds := w.overdue(w.reminders(t.Queue, approver, a.At, a.Reminders, a.Deputy != ""), remind, approver, now)
	for i, c := range cmds {
		if c.Kind == CmdRemind {
			cmds[i].Kind, cmds[i].Value = CmdRemindApproval, strconv.Itoa(c.Number)
		} else {
			cmds[i].Kind = CmdApprovalDeputy
		}
		cmds[i].Number = a.Number
	}
	return cmds
}

// overdue carries out the steps whose time has come: at most one reminder, and the
// deputy. remind stands for none, and is there where nothing else is: the desk then only
// comes back at another time.
func (w *World) overdue(steps []step, remind Command, approver string, now time.Time) (cmds []Command) {
	var next time.Time
	for _, s := range steps {
		switch {
		case now.Before(s.at):
			if next.IsZero() {
				next = s.at
			}
		case s.kind == CmdRemind:
			remind.Number, remind.Quiet = s.nth, false
		case s.kind == CmdDeputy:
			to, _ := w.StandIn(approver, now)
			cmds = append(cmds, Command{Ticket: remind.Ticket, Kind: CmdDeputy, Actor: System, Address: to.Address})
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
