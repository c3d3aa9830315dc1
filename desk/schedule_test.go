package desk

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// anas are people who are asked.
var anas = map[PersonID]Person{0: {Address: "ana@uni.example"}, 1: {Address: "ana@uni.example"}, 4: {Address: "ana@uni.example"}}

// TestUndecided: what becomes of a resolution on which nobody decides is as the desk's
// files say now, whatever they said when the ticket was resolved.
func TestUndecided(t *testing.T) {
	resolved := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return resolved.Add(time.Duration(hours) * time.Hour) }
	none := time.Time{}
	for name, c := range map[string]struct {
		remind        []int
		deputy, close int // hours, days
		reminders     int // sent before
		asked         PersonID
		hours         int // since it was resolved
		want          []Command
	}{
		"reminder":                     {[]int{2}, 0, 5, 0, 0, 48, []Command{{Kind: CmdRemind, Number: 1, Until: at(120)}}},
		"reminder, and never closed":   {[]int{2}, 0, 0, 0, 0, 48, []Command{{Kind: CmdRemind, Number: 1, Until: none}}},
		"first of two":                 {[]int{2, 4}, 0, 5, 0, 0, 49, []Command{{Kind: CmdRemind, Number: 1, Until: at(96)}}},
		"second of two":                {[]int{2, 4}, 0, 5, 1, 0, 96, []Command{{Kind: CmdRemind, Number: 2, Until: at(120)}}},
		"two missed, one sent":         {[]int{2, 4}, 0, 5, 0, 0, 100, []Command{{Kind: CmdRemind, Number: 2, Until: at(120)}}},
		"deputy":                       {[]int{2}, 24, 5, 0, 0, 24, []Command{{Kind: CmdDeputy, Address: "rosa@uni.example", Until: at(48)}}},
		"deputy asked before":          {[]int{2}, 24, 5, 0, 7, 48, []Command{{Kind: CmdRemind, Number: 1, Until: at(120)}}},
		"both missed":                  {[]int{2}, 24, 5, 0, 0, 60, []Command{{Kind: CmdRemind, Number: 1, Until: at(120)}, {Kind: CmdDeputy, Address: "rosa@uni.example", Until: at(120)}}},
		"only closed":                  {nil, 0, 5, 0, 0, 120, []Command{{Kind: CmdClose}}},
		"closed":                       {[]int{2}, 0, 5, 1, 0, 120, []Command{{Kind: CmdClose}}},
		"later than it was":            {[]int{2}, 0, 9, 1, 0, 120, []Command{{Kind: CmdRemind, Number: 1, Quiet: true, Until: at(9 * 24)}}},
		"no longer reminded":           {nil, 0, 5, 0, 0, 48, []Command{{Kind: CmdRemind, Quiet: true, Until: at(120)}}},
		"no longer closed":             {[]int{2}, 0, 0, 1, 0, 120, []Command{{Kind: CmdRemind, Number: 1, Quiet: true, Until: none}}},
		"all missed: only the end":     {[]int{1}, 3, 2, 0, 0, 72, []Command{{Kind: CmdClose}}},
		"not at all, and not reminded": {nil, 0, 0, 0, 0, 48, []Command{{Kind: CmdRemind, Quiet: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := World{Queues: []Queue{{Name: "soporte", RemindDays: c.remind, DeputyHours: c.deputy, CloseDays: c.close}},
				Known: map[string]Known{"ana@uni.example": {Address: "ana@uni.example", Deputy: "rosa@uni.example"}}}
			ticket := Ticket{ID: 1, Queue: "soporte", State: Resolved, ResolvedAt: resolved, Reminders: c.reminders, Deputy: c.asked, WakeAt: at(1)}
			got := w.Due(ticket, anas, at(c.hours))
			for i := range c.want {
				c.want[i].Ticket, c.want[i].Actor = 1, System
			}
			if !slices.EqualFunc(got, c.want, func(a, b Command) bool {
				return a.Kind == b.Kind && a.Number == b.Number && a.Address == b.Address && a.Quiet == b.Quiet && a.Until.Equal(b.Until)
			}) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// TestStandIn: who decides in somebody's place, and nobody in his own.
func TestStandIn(t *testing.T) {
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	away := []Absence{{From: now.Add(-time.Hour), Until: now.Add(time.Hour)}}
	w := World{
		Agents: []Agent{{Name: "luis", Title: "Luis", Address: "luis@mesa.example", Further: []string{"l@otra.example"}, Deputy: "eva"},
			{Name: "eva", Title: "Eva", Address: "eva@mesa.example", Away: away, Deputy: "rosa"}, {Name: "rosa", Title: "Rosa", Address: "rosa@mesa.example"}},
		Clients: []Client{{Name: "uni", Domains: []string{"uni.example"}, Deputy: "jefe@uni.example"}, {Name: "otra", Domains: []string{"otra.example"}}},
		Known: map[string]Known{"ana@uni.example": {Address: "ana@uni.example", Deputy: "Rosa@mesa.example"}, "jefe@uni.example": {Name: "Jefe", Address: "jefe@uni.example"},
			"j@uni.example": {Name: "Jefe", Address: "jefe@uni.example"}, "pepe@uni.example": {Address: "pepe@uni.example"}, "yo@otra.example": {Address: "yo@otra.example", Deputy: "yo@otra.example"}},
	}
	for requester, want := range map[string]string{
		"ana@uni.example":   "Rosa rosa@mesa.example", // his own before his client's
		"PEPE@uni.example":  "Jefe jefe@uni.example",
		"otro@uni.example":  "Jefe jefe@uni.example", // nobody knows him, but his domain
		"jefe@uni.example":  "",
		"j@uni.example":     "",                       // the same person by another address
		"luis@mesa.example": "Rosa rosa@mesa.example", // eva is away too
		"l@otra.example":    "Rosa rosa@mesa.example",
		"yo@otra.example":   "",
		"x@nadie.example":   "",
	} {
		k, ok := w.StandIn(requester, now)
		if got := k.Name + " " + k.Address; ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q %v, want %q", requester, got, ok, want)
		}
	}
}

// due is all that is due on a ticket, where no rule adds to it.
func (w *World) due(t Ticket, now time.Time) (cmds []Command) {
	for _, u := range t.Clocks.Due(now) {
		cmds = append(cmds, Command{Kind: map[bool]CommandKind{false: CmdWarn, true: CmdBreach}[u.Breach], Actor: System, Value: string(u.Clock)})
	}
	return append(cmds, w.Due(t, anas, now)...)
}

// TestSchedule: whatever has happened to tickets, nothing is due before NextDue, what
// is due then moves it into the future, and whoever comes late does the same as who
// comes in time, but for reminders and warnings that have been overtaken.
func TestSchedule(t *testing.T) {
	plan := Plan{Name: "siempre", Zone: time.UTC}
	for d := range plan.Week {
		plan.Week[d] = Hours{{From: 8 * time.Hour, To: 17 * time.Hour}}
	}
	calendar, err := NewCalendar(plan)
	if err != nil {
		t.Fatal(err)
	}
	w := World{Queues: []Queue{{Name: "a", RemindDays: []int{1, 3}, DeputyHours: 30, CloseDays: 5}, {Name: "b", CloseDays: 2}, {Name: "c"}},
		Known: map[string]Known{"ana@uni.example": {Address: "ana@uni.example", Deputy: "rosa@uni.example"}},
		Terms: Terms{{Name: "t", Calendar: calendar, Warn: 75, First: Length{Work: 4 * time.Hour}, Next: Length{Work: 2 * time.Hour}, Resolution: Length{Days: 3}, Pause: []Waiting{ForRequester}}}}
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		now := start
		ts := Tickets{}
		do := func(cmds ...Command) {
			for _, c := range cmds {
				c.Ticket, c.Person = 1, 9
				if c.Kind == CmdAskApproval {
					c.Person, c.Until = 4, w.NextApprovalStep(ts[1], Approval{At: now}, "ana@uni.example")
				}
				if c.Kind == CmdResolve {
					after := ts[1]
					after.ResolvedAt, after.Reminders, after.Deputy = now, 0, 0
					c.Until = w.NextStep(after, "ana@uni.example")
				}
				after, evs, err := Apply(ts, now, c)
				if err == nil {
					ts, _ = w.Terms.Keep(ts, after, evs)
				}
			}
		}
		do(Command{Kind: CmdOpen, Opening: &Opening{Number: "1", Queue: []string{"a", "b", "c"}[seed%3], Requester: 1}})
		for range 20 {
			at, ok := ts[1].NextDue()
			if ok && at.After(now) && len(w.due(ts[1], at.Add(-time.Millisecond))) > 0 {
				t.Fatalf("seed %d: due before %v: %+v", seed, at, ts[1])
			}
			now = now.Add(time.Duration(r.Int64N(int64(40 * time.Hour))))
			if r.IntN(8) == 0 {
				now = now.Add(-50 * time.Hour) // the clock is put back
			}
			due := w.due(ts[1], now)
			if late := ok && !now.Before(at); late != (len(due) > 0) {
				t.Fatalf("seed %d: at %v, next %v (%v): %+v", seed, now, at, ok, due)
			}
			do(due...)
			do(w.due(ts[1], now)...) // where a wait is over its clock runs again, and may have expired
			if again := w.due(ts[1], now); len(again) > 0 {
				t.Fatalf("seed %d: due again at %v: %+v\n%+v", seed, now, again, ts[1])
			}
			if at, ok := ts[1].NextDue(); ok && !at.After(now) {
				t.Fatalf("seed %d: still to be looked at: %+v", seed, ts[1])
			}
			by := ByAgent("luis")
			do([]Command{{Kind: CmdAnswer, Actor: by}, {Kind: CmdResolve, Actor: by}, {Kind: CmdWait, Actor: by, Value: "requester", Until: now.Add(20 * time.Hour)},
				{Kind: CmdReply, Actor: ByPerson(1)}, {Kind: CmdReopen, Actor: by}, {Kind: CmdNote, Actor: by},
				{Kind: CmdTask, Actor: by, Value: "eva", Text: "x", Until: now.Add(time.Duration(r.Int64N(int64(60 * time.Hour))))}, {Kind: CmdClose, Actor: by},
				{Kind: CmdAskApproval, Actor: by, Text: "x"}, {Kind: CmdGiveApproval, Actor: ByPerson(4), Number: 1}}[r.IntN(10)])
		}
	}
}
