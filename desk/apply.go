package desk

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Apply applies commands in order, at the time now, to the tickets that they
// name, and returns all tickets as they then are and the events that led there.
// A command that asks for what is already so makes no event. It is all or
// nothing: on an error, a [*Refusal], nothing has happened. ts is not changed.
func Apply(ts Tickets, now time.Time, cmds ...Command) (Tickets, []Event, error) {
	after := maps.Clone(ts)
	if after == nil {
		after = Tickets{}
	}
	var all []Event
	first := map[TicketID]int{}
	for _, c := range cmds {
		t := after[c.Ticket]
		evs, reason := decide(t, c)
		if reason != "" {
			return nil, nil, &Refusal{Command: c, Reason: reason}
		}
		for _, e := range evs {
			e.Ticket, e.Seq, e.At, e.Actor = c.Ticket, t.Revision+1, now, c.Actor
			e.Quiet = e.Quiet || c.Quiet
			e.Text = cut(e.Text, MaxReason)
			if e.Deed = first[c.Ticket]; e.Deed == 0 {
				first[c.Ticket] = e.Seq
			}
			if c.Article && carriesArticle(e.Kind) {
				e.Article = t.Articles + 1
			}
			t = Evolve(t, e)
			all = append(all, e)
		}
		after[c.Ticket] = t
	}
	return after, all, nil
}

// decide says what a command makes happen to t, or why it may not.
func decide(t Ticket, c Command) (evs []Event, reason string) {
	if c.Kind == CmdOpen {
		if t.Revision != 0 || c.Opening == nil {
			return nil, "exists"
		}
		return []Event{{Kind: Opened, Opened: c.Opening, Ack: c.Ack, Words: c.Words, Text: c.Text}}, ""
	}
	if reason := barred(t, c); reason != "" {
		return nil, reason
	}
	switch c.Kind {
	case CmdLeave, CmdRequester, CmdMute:
		return decidePeople(t, c)
	case CmdMerge, CmdAbsorb, CmdLink, CmdUnlink, CmdGiveAway, CmdTakeOver:
		return decideOther(t, c)
	case CmdLock, CmdUnlock:
		return decideLock(t, c), ""
	case CmdDeputy:
		return decideDeputy(t, c)
	case CmdSurvey:
		return decideSurvey(t, c)
	case CmdTask, CmdTaskDone, CmdTaskAgree, CmdTaskReturn, CmdTaskRemind:
		return decideTask(t, c)
	case CmdConsult, CmdInform, CmdAskApproval, CmdGiveApproval, CmdRefuseApproval, CmdRemindApproval, CmdApprovalDeputy:
		return decideConsult(t, c)
	case CmdDue:
		return decideDue(t, c)
	case CmdSet:
		return decideSet(t, c)
	case CmdTag, CmdUntag:
		return decideTag(t, c)
	case CmdWait:
		return decideWait(t, c)
	case CmdResolve, CmdClose, CmdReopen, CmdApprove, CmdReject:
		return decideState(t, c)
	case CmdWarn, CmdBreach:
		return decideTerm(t, c), ""
	case CmdAssign, CmdQueue, CmdPriority, CmdType, CmdJoin:
		return decideField(t, c)
	case CmdWake, CmdRemind, CmdTime, CmdTellParent, CmdExport, CmdLearn, CmdUndo, CmdAsk, CmdCancel:
		return decideOnce(t, c)
	}
	return decideArticle(t, c)
}

// barred says why nothing of that kind may happen to t at all, "" if it may.
func barred(t Ticket, c Command) (reason string) {
	agent := c.Actor.Agent()
	switch {
	case t.Revision == 0:
		return "unknown"
	case t.State == Merged && c.Kind != CmdUndo:
		return "merged"
	case t.State == Cancelled && c.Kind != CmdNote && c.Kind != CmdDelivery:
		return "cancelled"
	case t.LockedBy != "" && agent != "" && agent != t.LockedBy && !despiteLock(c.Kind):
		return "locked"
	}
	return ""
}

// decideOnce handles what makes one event, or none where there is no cause for it.
func decideOnce(t Ticket, c Command) ([]Event, string) {
	switch c.Kind {
	case CmdWake:
		if t.State == Pending && !t.WakeAt.IsZero() {
			return []Event{{Kind: WaitOver, Old: string(t.Waiting), New: string(Open)}}, ""
		}
	case CmdRemind:
		if t.State == Resolved && !t.WakeAt.IsZero() {
			return []Event{{Kind: Reminded, New: strconv.Itoa(c.Number), Until: c.Until}}, ""
		}
	case CmdAsk:
		if len(t.Missing) > 0 {
			return []Event{{Kind: Asked, New: strings.Join(t.Missing, " ")}}, ""
		}
	case CmdTime:
		if c.Number < 1 || c.Number > MaxMinutes {
			return nil, "minutes-range"
		}
		return []Event{{Kind: TimeSpent, New: strconv.Itoa(c.Number), Text: c.Text}}, ""
	case CmdUndo:
		if c.Before == nil || c.Before.Revision >= t.Revision {
			return nil, "nothing-to-undo"
		}
		return []Event{{Kind: Undone, Before: c.Before, Old: string(t.State), New: string(c.Before.State)}}, ""
	case CmdTellParent:
		return []Event{{Kind: ParentClosed, Other: c.Other, New: c.Value}}, ""
	case CmdExport:
		return []Event{{Kind: Exported}}, ""
	case CmdLearn:
		return []Event{{Kind: Learned, New: c.Value, Text: c.Text}}, ""
	case CmdCancel:
		return []Event{{Kind: CancelledEvent, Old: string(t.State), New: string(Cancelled), Text: c.Text}}, ""
	}
	return nil, ""
}

// decideArticle handles what adds to a ticket's thread.
func decideArticle(t Ticket, c Command) ([]Event, string) {
	moved := Event{Old: string(t.State), New: string(Open)}
	switch c.Kind {
	case CmdReply:
		if t.State == New || t.State == Open || c.Value == KeepState {
			moved = Event{}
		}
		moved.Kind, moved.Text = Replied, c.Text
		return []Event{moved}, ""
	case CmdAnswer:
		answer := Event{Kind: Answered, Text: c.Text}
		if t.State == New || t.State == Pending {
			answer.Old, answer.New = string(t.State), string(Open)
		}
		evs := []Event{answer}
		if name := c.Actor.Agent(); name != "" && t.Assignee == "" && !t.State.Ended() {
			// who answers first has taken it, so that the reply finds somebody
			evs = []Event{{Kind: Assigned, New: name, Quiet: true}, answer}
		}
		if t.HeldAck != nil { // who answers has let it in, and the answer tells it
			evs = slices.Insert(evs, 0, Event{Kind: Accepted, Article: 1, Quiet: true})
		}
		return evs, ""
	case CmdNote:
		return []Event{{Kind: Noted, Text: c.Text}}, ""
	case CmdAutoReply:
		return []Event{{Kind: AutoReplied}}, ""
	case CmdDelivery:
		return []Event{{Kind: Delivery, Old: c.Author, New: c.Value, Text: c.Text}}, ""
	case CmdHold:
		return []Event{{Kind: Held, Text: c.Text, HeldAck: c.HeldAck, New: c.Value}}, ""
	case CmdAccept, CmdSetAside:
		if t.Held == 0 {
			return nil, "nothing-held"
		}
		e := Event{Kind: Accepted, Article: c.Number}
		if c.Kind == CmdSetAside {
			e.Kind = SetAside
		} else if h := t.HeldAck; h != nil && c.Number == 1 {
			e.HeldAck, e.Ack, e.Words, e.Text = h, h.Ack, h.Words, h.Text
		}
		return []Event{e}, ""
	}
	return nil, "unknown-command"
}

// decideState handles what moves a ticket from state to state.
func decideState(t Ticket, c Command) ([]Event, string) {
	change := Event{Old: string(t.State), Text: c.Text}
	switch c.Kind {
	case CmdResolve:
		if t.State == Closed {
			return nil, "already-closed"
		}
		change.Kind, change.New, change.Until = ResolvedEvent, string(Resolved), c.Until
	case CmdClose:
		if t.State == Closed {
			return nil, ""
		}
		change.Other = c.Other
		change.Kind, change.New = ClosedEvent, string(Closed)
		return withSurvey(t, c, change), ""
	case CmdReopen:
		if t.State != Closed && t.State != Resolved && t.State != Pending {
			return nil, "not-closed"
		}
		change.Kind, change.New = Reopened, string(Open)
	case CmdApprove, CmdReject:
		switch {
		case c.Revision != 0 && c.Revision != t.Resolution:
			return nil, "old-resolution"
		case t.Decision != "":
			return nil, "already-decided"
		case t.State != Resolved:
			return nil, "not-resolved"
		}
		change.Kind, change.New = ApprovedEvent, string(Closed)
		if c.Kind == CmdReject {
			change.Kind, change.New = RejectedEvent, string(Open)
			return []Event{change}, ""
		}
		return withSurvey(t, c, change), ""
	}
	return []Event{change}, ""
}

// decideTerm handles what a clock comes to. Nothing is told twice, nor of a clock
// that does not run.
func decideTerm(t Ticket, c Command) []Event {
	k := t.Clocks.Clock(ClockName(c.Value))
	switch {
	case !k.Running() || k.Breached || k.Warned && c.Kind == CmdWarn:
		return nil
	case c.Kind == CmdWarn:
		return []Event{{Kind: TermWarned, New: c.Value, Text: c.Text}}
	}
	return []Event{{Kind: TermBreached, New: c.Value, Text: c.Text}}
}

// decideDeputy lets somebody else decide on the resolution too. One deputy is asked.
func decideDeputy(t Ticket, c Command) ([]Event, string) {
	switch {
	case c.Person == 0:
		return nil, "unknown-person"
	case t.State != Resolved || t.Deputy != 0 || c.Person == t.Requester:
		return nil, ""
	}
	return []Event{{Kind: DeputyAsked, Person: c.Person, Until: c.Until}}, ""
}

// decideField handles what changes one field.
func decideField(t Ticket, c Command) ([]Event, string) {
	set := func(kind EventKind, old, new string) ([]Event, string) {
		if old == new {
			return nil, ""
		}
		return []Event{{Kind: kind, Old: old, New: new, Text: c.Text}}, ""
	}
	switch c.Kind {
	case CmdAssign:
		return set(Assigned, t.Assignee, c.Value)
	case CmdQueue:
		return set(QueueChanged, t.Queue, c.Value)
	case CmdType:
		return set(TypeChanged, t.Type, c.Value)
	case CmdPriority:
		if c.Number < 1 || c.Number > 5 {
			return nil, "priority-range"
		}
		return set(PriorityChanged, strconv.Itoa(t.Priority), strconv.Itoa(c.Number))
	}
	// CmdJoin
	if c.Person == t.Requester || slices.Contains(t.Others, c.Person) {
		return nil, ""
	}
	if len(t.Others) >= MaxOthers {
		return nil, "too-many-others"
	}
	return []Event{{Kind: Joined, Person: c.Person}}, ""
}

// Evolve returns t after e. A ticket can be rebuilt from its events with it.
func Evolve(t Ticket, e Event) Ticket {
	t.ID, t.Revision, t.UpdatedAt = e.Ticket, e.Seq, e.At
	if !e.Kind.Told() {
		t.Touched = e.Seq
	}
	if carriesArticle(e.Kind) && e.Article > 0 {
		t.Articles = e.Article
	}
	switch e.Kind {
	case Opened:
		t = evolveOpened(t, e)
	case FieldChanged, Tagged, Untagged, WaitingSet, CancelledEvent, Asked:
		t = evolveDetails(t, e)
	case Left, RequesterSet, MergedEvent, Absorbed, LinkedEvent, Unlinked, LockedEvent, Unlocked, TimeSpent, MutedEvent:
		t = evolveRelations(t, e)
	case TaskSet, TaskReported, TaskEnded, TaskReturned, TaskDue:
		t = evolveTask(t, e)
	case Consulted, Informed, ApprovalAsked, ApprovalGiven, ApprovalRefused, ApprovalReminded, ApprovalDeputy:
		t = evolveConsult(t, e)
	case Assigned, QueueChanged, TypeChanged, PriorityChanged, Joined:
		t = evolveField(t, e)
	case Held, SetAside, Accepted:
		t = evolveHeld(t, e)
	case DueSet:
		t.Clocks.Resolution.Fixed, t.Clocks.Resolution.Why = e.Until, cut(e.Text, MaxTaskText)
	case TermWarned, TermBreached:
		t.Clocks = t.Clocks.Told(ClockName(e.New), e.Kind == TermBreached)
	case Undone:
		t = t.restored(*e.Before)
	case Reminded:
		t.WakeAt = e.Until
		if t.Reminders++; e.New != "" {
			t.Reminders, _ = strconv.Atoi(e.New)
		}
	case DeputyAsked:
		t.Deputy, t.WakeAt = e.Person, e.Until
	case SurveyAsked, SurveyAnswered:
		t.Survey = t.Survey.evolve(e)
	case Replied, Answered, ResolvedEvent, ApprovedEvent, RejectedEvent, ClosedEvent, Reopened, WaitOver:
		t = evolveState(t, e)
	}
	if e.Clocks != nil {
		t.Clocks = *e.Clocks
	}
	return t
}

func evolveOpened(t Ticket, e Event) Ticket {
	o := e.Opened
	t.State, t.OpenedAt = New, e.At
	t.Number, t.Subject, t.Type, t.Queue, t.Priority = o.Number, o.Subject, o.Type, o.Queue, o.Priority
	t.Language, t.Requester, t.Assignee = o.Language, o.Requester, o.Assignee
	t.Unverified, t.Linked = o.Unverified, o.Linked
	t.Details = o.Details
	if e.Ack == AckForm {
		t.Asked = 1
	}
	return t
}

func evolveField(t Ticket, e Event) Ticket {
	switch e.Kind {
	case Assigned:
		t.Assignee = e.New
		if t.State == New && e.New != "" {
			t.State = Open
		}
	case QueueChanged:
		t.Queue, t.Assignee = e.New, ""
	case TypeChanged:
		t.Type = e.New
	case PriorityChanged:
		t.Priority, _ = strconv.Atoi(e.New)
	case Joined:
		t.Others = append(t.Others[:len(t.Others):len(t.Others)], e.Person)
	}
	return t
}

// evolveHeld follows what waits for an agent. With the mail that opened it, a ticket
// stands and falls.
func evolveHeld(t Ticket, e Event) Ticket {
	switch e.Kind {
	case Held:
		t.Held++
		if e.HeldAck != nil {
			t.HeldAck = e.HeldAck
		}
	case SetAside:
		t.Held--
		if t.HeldAck != nil && e.Article == 1 {
			t = t.moved(Cancelled, e.At)
			t.HeldAck = nil
		}
	case Accepted:
		t.Held--
		if e.Article == 1 {
			t.HeldAck = nil
		}
		if e.Ack == AckForm {
			t.Asked = 1
		}
		if t.State == Resolved || t.State == Pending || t.State == Closed {
			t = t.moved(Open, e.At)
		}
	}
	return t
}

// evolveState follows what was said and decided.
func evolveState(t Ticket, e Event) Ticket {
	if e.New != "" {
		t = t.moved(State(e.New), e.At)
	}
	switch e.Kind {
	case Answered:
		t.AnsweredBy, t.AnsweredIn = e.Actor.Agent(), max(e.Deed, 1)
		if e.Deed == 0 {
			t.AnsweredIn = e.Seq
		}
	case Replied, Reopened:
		t.AnsweredBy = ""
	case ResolvedEvent:
		t.Resolution, t.Decision = t.Resolution+1, ""
		t.WakeAt, t.Reminders, t.Deputy = e.Until, 0, 0
	case ApprovedEvent:
		t.Decision = "approved"
	case RejectedEvent:
		t.Decision, t.AnsweredBy = "rejected", ""
	}
	return t
}

// moved returns t in state s, with the times that belong to it.
func (t Ticket) moved(s State, at time.Time) Ticket {
	t.State, t.Waiting, t.WaitUntil, t.WakeAt = s, "", time.Time{}, time.Time{}
	switch s {
	case Resolved:
		t.ResolvedAt, t.ClosedAt = at, time.Time{}
	case Closed:
		t.ClosedAt = at
	default:
		t.ResolvedAt, t.ClosedAt = time.Time{}, time.Time{}
	}
	return t
}

// carriesArticle says whether an event of that kind can bring an article of its
// own. Accepted and SetAside name one that is there already.
func carriesArticle(k EventKind) bool {
	switch k {
	case Opened, Answered, Replied, Noted, Held, AutoReplied, Delivery, ApprovedEvent, RejectedEvent, TakenOver, Consulted, Informed, ApprovalGiven, ApprovalRefused, SurveyAnswered:
		return true
	}
	return false
}

// cut returns at most n bytes of s, whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
