package rules

import (
	"testing"
	"time"

	"ventanilla/desk"
)

// TestUndoUpTo: the link of an older transcript does not take back what came after it.
func TestUndoUpTo(t *testing.T) {
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	luis := desk.ByAgent("luis")
	ts, events, err := desk.Apply(nil, now, desk.Command{Ticket: 1, Kind: desk.CmdOpen, Actor: desk.ByPerson(5), Opening: &desk.Opening{Number: "000001", Queue: "soporte", Priority: 3, Requester: 5}})
	for _, n := range []int{1, 2} {
		if err != nil {
			t.Fatal(err)
		}
		var more []desk.Event
		ts, more, err = desk.Apply(ts, now, desk.Command{Ticket: 1, Kind: desk.CmdPriority, Number: n, Actor: luis})
		events = append(events, more...)
	}
	all := map[desk.TicketID][]desk.Event{1: events}
	for _, c := range []struct {
		upto   int
		after  time.Duration
		reason string
	}{{0, 0, ""}, {3, 0, ""}, {3, 29 * time.Minute, ""}, {3, 31 * time.Minute, "nothing-to-undo"}, {2, 0, "changed-since"}} {
		cmds, reason := Undo(all, 1, luis, now.Add(c.after), c.upto)
		if reason != c.reason || reason == "" && (len(cmds) != 1 || cmds[0].Before.Priority != 1) {
			t.Errorf("up to %d after %s: %+v, %q", c.upto, c.after, cmds, reason)
		}
	}
	if _, reason := Undo(all, 1, desk.ByAgent("eva"), now, 3); reason == "" {
		t.Error("another agent takes it back")
	}
}
