package desk

// What becomes of the children of a ticket that closes.
const (
	ChildrenTell  = "tell"  // those who work on them are told
	ChildrenClose = "close" // they close with it, and their requesters are told
	ChildrenLeave = "leave" // nothing
)

const (
	ParentClosed  EventKind   = "parent-closed" // Other, whose number is New
	CmdTellParent CommandKind = "tell-parent"   // that Other, whose number is Value, has closed
)

// Follows says what an event of a parent asks of one of its children: to close with it or
// to be told of it, as the parent's queue says, and to open again with it where it closed
// with it and that was taken back. last is the child's last event.
func Follows(q Queue, e Event, parent, child Ticket, last Event) (c Command, ok bool) {
	c = Command{Ticket: child.ID, Actor: System, Other: parent.ID, Value: parent.Number}
	closed := e.New == string(Closed) && (e.Kind == ClosedEvent || e.Kind == ApprovedEvent)
	switch {
	case e.Kind == Undone && e.Old == string(Closed) && parent.State != Closed:
		c.Kind = CmdReopen
		return c, last.Kind == ClosedEvent && last.Other == parent.ID
	case !closed || child.State.Ended() || q.Children == ChildrenLeave:
		return c, false
	case q.Children == ChildrenClose:
		c.Kind = CmdClose
		return c, true
	}
	c.Kind = CmdTellParent
	return c, true
}
