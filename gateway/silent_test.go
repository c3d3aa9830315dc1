package gateway

import (
	"testing"
	"time"

	"ventanilla/desk"
)

// TestSilent: what becomes of a resolved ticket on which nobody decides is as the
// queue says now, whatever it said when the ticket was resolved.
func TestSilent(t *testing.T) {
	resolved := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	after := func(days int) time.Time { return resolved.Add(time.Duration(days) * day) }
	for name, c := range map[string]struct {
		remind, close, reminders, days int
		kind                           desk.CommandKind
		quiet                          bool
		until                          time.Time
	}{
		"reminder":                     {2, 5, 0, 2, desk.CmdRemind, false, after(5)},
		"reminder, and never closed":   {2, 0, 0, 2, desk.CmdRemind, false, time.Time{}},
		"only closed":                  {0, 5, 0, 5, desk.CmdClose, false, time.Time{}},
		"closed":                       {2, 5, 1, 5, desk.CmdClose, false, time.Time{}},
		"later than it was":            {2, 9, 1, 5, desk.CmdRemind, true, after(9)},
		"no longer reminded":           {0, 5, 0, 2, desk.CmdRemind, true, after(5)},
		"no longer closed":             {2, 0, 1, 5, desk.CmdRemind, true, time.Time{}},
		"sooner than it was, overdue":  {1, 2, 0, 3, desk.CmdClose, false, time.Time{}},
		"not at all, and not reminded": {0, 0, 0, 2, desk.CmdRemind, true, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := silent(desk.Queue{RemindDays: c.remind, CloseDays: c.close}, desk.Ticket{ID: 1, ResolvedAt: resolved, Reminders: c.reminders}, after(c.days))
			if got.Kind != c.kind || got.Quiet != c.quiet || !got.Until.Equal(c.until) {
				t.Errorf("%s quiet=%v until %v", got.Kind, got.Quiet, got.Until)
			}
		})
	}
}
