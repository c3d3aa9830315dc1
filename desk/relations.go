package desk

import (
	"slices"
	"strconv"
	"time"
)

// Link says how another ticket belongs to one.
type Link struct {
	Ticket TicketID `json:"ticket"`
	Number string   `json:"number"`
	How    string   `json:"how"` // Related, Parent or Child: what the other is to this one
}

// How tickets can belong together.
const (
	Related = "related"
	Parent  = "parent"
	Child   = "child"
)

const (
	MaxLinks   = 50      // of a ticket
	MaxMinutes = 24 * 60 // of work that one command can note
)

// UndoWithin is for how long an agent can take back what he did.
const UndoWithin = 30 * time.Minute

// Converse is the other side's view of a link.
func Converse(how string) string {
	switch how {
	case Parent:
		return Child
	case Child:
		return Parent
	}
	return how
}

// despiteLock says whether an agent may do that to a ticket that another has
// locked: a lock keeps two from doing the same work, no more.
func despiteLock(k CommandKind) bool {
	switch k {
	case CmdNote, CmdUnlock, CmdTime, CmdHold, CmdLink, CmdAbsorb, CmdJoin, CmdGiveApproval, CmdRefuseApproval, CmdTaskDone, CmdTaskAgree, CmdTaskReturn:
		return true
	}
	return false
}

// decidePeople handles who takes part in a ticket.
func decidePeople(t Ticket, c Command) ([]Event, string) {
	switch c.Kind {
	case CmdLeave:
		if !slices.Contains(t.Others, c.Person) {
			return nil, ""
		}
		return []Event{{Kind: Left, Person: c.Person}}, ""
	case CmdMute:
		if t.Muted {
			return nil, ""
		}
		return []Event{{Kind: MutedEvent}}, ""
	}
	// CmdRequester
	switch c.Person {
	case 0:
		return nil, "unknown-person"
	case t.Requester:
		return nil, ""
	}
	return []Event{{Kind: RequesterSet, Person: c.Person, Old: strconv.FormatUint(uint64(t.Requester), 10), Text: c.Text}}, ""
}

// decideOther handles what ties two tickets together.
func decideOther(t Ticket, c Command) ([]Event, string) {
	has := slices.IndexFunc(t.Links, func(l Link) bool { return l.Ticket == c.Other })
	switch {
	case c.Kind != CmdGiveAway && c.Other == 0:
		return nil, "unknown-ticket"
	case c.Other == t.ID:
		return nil, "same-ticket"
	}
	switch c.Kind {
	case CmdMerge:
		return []Event{{Kind: MergedEvent, Old: string(t.State), New: c.Value, Other: c.Other, Text: c.Text}}, ""
	case CmdAbsorb:
		return []Event{{Kind: Absorbed, New: c.Value, Other: c.Other}}, ""
	case CmdLink:
		if has >= 0 && t.Links[has].How == c.Text {
			return nil, ""
		}
		if has < 0 && len(t.Links) >= MaxLinks {
			return nil, "too-many-links"
		}
		return []Event{{Kind: LinkedEvent, New: c.Value, Other: c.Other, Text: c.Text}}, ""
	case CmdUnlink:
		if has < 0 {
			return nil, ""
		}
		return []Event{{Kind: Unlinked, Old: t.Links[has].Number, Other: c.Other}}, ""
	}
	// CmdGiveAway, CmdTakeOver
	if c.Number < 1 || c.Kind == CmdGiveAway && c.Number > t.Articles {
		return nil, "unknown-article"
	}
	if c.Kind == CmdGiveAway {
		return []Event{{Kind: GivenAway, Article: c.Number, Other: c.Other, New: c.Value}}, ""
	}
	return []Event{{Kind: TakenOver, Old: strconv.Itoa(c.Number), Other: c.Other}}, ""
}

func decideLock(t Ticket, c Command) []Event {
	agent := c.Actor.Agent()
	switch {
	case c.Kind == CmdLock && t.LockedBy != agent:
		return []Event{{Kind: LockedEvent, New: agent}}
	case c.Kind == CmdUnlock && t.LockedBy != "":
		return []Event{{Kind: Unlocked, Old: t.LockedBy}}
	}
	return nil
}

// evolveRelations returns t after an event that changed who or what belongs to it.
func evolveRelations(t Ticket, e Event) Ticket {
	unlinked := func() []Link {
		return slices.DeleteFunc(slices.Clone(t.Links), func(l Link) bool { return l.Ticket == e.Other })
	}
	switch e.Kind {
	case Left:
		t.Others = slices.DeleteFunc(slices.Clone(t.Others), func(id PersonID) bool { return id == e.Person })
	case RequesterSet:
		t.Requester, t.Unverified = e.Person, false
		t.Others = slices.DeleteFunc(slices.Clone(t.Others), func(id PersonID) bool { return id == e.Person })
	case MergedEvent:
		t = t.moved(Merged, e.At)
		t.MergedInto = e.Other
	case LinkedEvent:
		t.Links = append(unlinked(), Link{e.Other, e.New, e.Text})
	case Unlinked:
		t.Links = unlinked()
	case LockedEvent:
		t.LockedBy = e.New
	case Unlocked:
		t.LockedBy = ""
	case TimeSpent:
		n, _ := strconv.Atoi(e.New)
		t.Spent += n
	case MutedEvent:
		t.Muted = true
	}
	return t
}

// restored returns t with all that an agent can change as it was before. What was
// said stays said, and a decision asked for then is not asked for again under its
// old number.
func (t Ticket) restored(before Ticket) Ticket {
	before.Revision, before.UpdatedAt, before.Touched = t.Revision, t.UpdatedAt, t.Touched
	before.Articles, before.Held, before.Resolution, before.Asked = t.Articles, t.Held, t.Resolution, t.Asked
	before.HeldAck = t.HeldAck
	before.AnsweredBy, before.AnsweredIn, before.LastTask, before.Survey = t.AnsweredBy, t.AnsweredIn, t.LastTask, t.Survey
	return before
}

// LastDeed returns a ticket as it was before what an agent did to it last, or the
// reason why that cannot be taken back: it is too long ago, or somebody did
// something since. evs are all events of the ticket.
func LastDeed(evs []Event, by Actor, now time.Time) (before Ticket, did []Event, reason string) {
	last := len(evs) - 1
	for last >= 0 && bystanding(evs[last].Kind) {
		last--
	}
	if last < 0 || evs[last].Actor != by || evs[last].Kind == Undone || now.Sub(evs[last].At) > UndoWithin {
		for _, e := range evs {
			if e.Actor == by && e.Kind != Undone && now.Sub(e.At) <= UndoWithin && last >= 0 && evs[last].Kind != Undone {
				return Ticket{}, nil, "changed-since"
			}
		}
		return Ticket{}, nil, "nothing-to-undo"
	}
	first := last
	if d := evs[last].Deed; d > 0 {
		first = d - 1
	}
	if first == 0 || !slices.ContainsFunc(evs[first:last+1], func(e Event) bool { return !said(e.Kind) }) {
		return Ticket{}, nil, "nothing-to-undo"
	}
	for _, e := range evs[:first] {
		before = Evolve(before, e)
	}
	return before, evs[first : last+1], ""
}

// bystanding events come by themselves and stand in the way of nothing.
func bystanding(k EventKind) bool {
	return k == Delivery || k == AutoReplied || k == TermWarned || k == TermBreached || k == TaskDue || k == ParentClosed
}

// CanUndo says whether what an event of that kind did can be taken back: words that
// went out, or were written down, cannot, and what comes by itself is nobody's.
func CanUndo(k EventKind) bool { return !said(k) && !bystanding(k) }

// said events are words that went out or were written down: no undoing them.
func said(k EventKind) bool {
	return k == Answered || k == Consulted || k == Noted || k == GivenAway || k == TakenOver
}
