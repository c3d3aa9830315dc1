package desk

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestChoose: what says most about a ticket wins, of equals the first.
func TestChoose(t *testing.T) {
	ts := Terms{
		{Name: "general"},
		{Name: "cola", For: Selector{Queue: "soporte"}},
		{Name: "cliente", For: Selector{Client: "acme"}},
		{Name: "dos", For: Selector{Category: "red", Type: "Incidente"}},
		{Name: "tres", For: Selector{Category: "red", Queue: "soporte", Priority: 1}},
	}
	for want, s := range map[string]Selector{
		"general": {Queue: "redes", Client: "otro"},
		"cola":    {Queue: "Soporte", Client: "acme", Category: "red", Type: "requerimiento", Priority: 2},
		"cliente": {Queue: "redes", Client: "acme"},
		"dos":     {Queue: "soporte", Category: "red", Type: "incidente"},
		"tres":    {Queue: "soporte", Category: "red", Type: "incidente", Priority: 1},
	} {
		if got, ok := ts.Choose(s); !ok || got.Name != want {
			t.Errorf("%+v has %q, want %q", s, got.Name, want)
		}
	}
	if got, ok := ts[1:2].Choose(Selector{Queue: "redes"}); ok {
		t.Errorf("a term that does not fit: %q", got.Name)
	}
}

// TestKeepRebuilds: whatever happens to a ticket, its events alone make it again with
// its clocks; nothing runs on one that is over, and what has been told is never told again
// by the same command.
func TestKeepRebuilds(t *testing.T) {
	c := office(t, "America/Bogota", nil)
	every := []Waiting{ForRequester, ForProvider}
	ts := Terms{
		{Name: "general", Calendar: c, Warn: 75, Pause: every, First: Length{Work: 4 * time.Hour}, Next: Length{Work: 8 * time.Hour}, Resolution: Length{Days: 2}},
		{Name: "urgente", For: Selector{Priority: 1}, Calendar: always(t, "America/Santiago"), Warn: 50, Pause: every, Resolution: Length{Work: time.Hour}},
	}
	cmds := []Command{
		{Kind: CmdAnswer}, {Kind: CmdReply, Actor: ByPerson(1)}, {Kind: CmdReply, Value: KeepState, Actor: ByPerson(1)}, {Kind: CmdNote}, {Kind: CmdResolve}, {Kind: CmdClose},
		{Kind: CmdReopen}, {Kind: CmdApprove, Actor: ByPerson(1)}, {Kind: CmdReject, Actor: ByPerson(1)}, {Kind: CmdQueue, Value: "b"}, {Kind: CmdPriority, Number: 1},
		{Kind: CmdPriority, Number: 3}, {Kind: CmdWait, Value: string(ForRequester)}, {Kind: CmdWait, Value: string(ForProvider)},
		{Kind: CmdDue, Until: time.Date(2026, 4, 2, 15, 0, 0, 0, time.UTC), Text: "x"}, {Kind: CmdDue},
		{Kind: CmdWarn, Value: "first", Actor: System}, {Kind: CmdBreach, Value: "resolution", Actor: System},
	}
	rapid.Check(t, func(r *rapid.T) {
		now := time.Date(2026, 4, 1, 13, 0, 0, 0, time.UTC)
		before, evs := Tickets{}, []Event(nil)
		step := func(c Command) {
			c.Ticket = 1
			after, more, err := Apply(before, now, c)
			if err != nil {
				return
			}
			before, more = ts.Keep(before, after, more)
			evs = append(evs, more...)
		}
		step(Command{Kind: CmdOpen, Opening: &Opening{Number: "1", Queue: "a", Priority: 3, Requester: 1}})
		for range rapid.IntRange(0, 12).Draw(r, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(r, "minutes")) * time.Minute)
			c := rapid.SampledFrom(cmds).Draw(r, "command")
			if c.Actor == "" {
				c.Actor = ByAgent("a")
			}
			step(c)
			k := before[1]
			if _, ok := k.Clocks.NextMoment(); ok && (k.State == Resolved || k.State.Ended()) {
				r.Fatalf("a clock runs on a ticket that is %s", k.State)
			}
			if waits := k.State == Pending; waits && (k.Clocks.First.Running() || k.Clocks.Next.Running() || k.Clocks.Resolution.Running() && k.Clocks.Resolution.Fixed.IsZero()) {
				r.Fatal("a clock runs while the ticket waits")
			}
			if open := k.State == New || k.State == Open; open && !k.Clocks.Resolution.Running() {
				r.Fatalf("the resolution of a ticket that is %s does not run: %+v", k.State, k.Clocks)
			}
			for _, u := range k.Clocks.Due(now) {
				if n, ok := k.Clocks.NextMoment(); !ok || n.At.After(now) {
					r.Fatalf("%+v is due and is not found: %+v", u, n)
				}
				if told := k.Clocks.Told(u.Clock, u.Breach); len(told.Due(now)) >= len(k.Clocks.Due(now)) {
					r.Fatalf("%+v is due again once it has been told", u)
				}
			}
		}
		var again Ticket
		for _, e := range evs {
			again = Evolve(again, e)
		}
		if !reflect.DeepEqual(again, before[1]) {
			r.Fatalf("from its events\n%+v, want\n%+v", again, before[1])
		}
	})
}

// TestNoTerms: a desk without terms has nothing of clocks on its events.
func TestNoTerms(t *testing.T) {
	before, evs, err := Apply(nil, time.Unix(0, 0), Command{Ticket: 1, Kind: CmdOpen, Opening: &Opening{Queue: "a"}},
		Command{Ticket: 1, Kind: CmdAnswer}, Command{Ticket: 1, Kind: CmdResolve})
	if err != nil {
		t.Fatal(err)
	}
	after, evs := Terms(nil).Keep(nil, before, evs)
	for _, e := range evs {
		if e.Clocks != nil {
			t.Errorf("%s has clocks: %+v", e.Kind, *e.Clocks)
		}
	}
	if after[1].Clocks != (Clocks{}) {
		t.Errorf("the ticket has clocks: %+v", after[1].Clocks)
	}
}

// TestTermGone: a term that is no more in the files hands over what it had counted
// before it last began to run, and no more.
func TestTermGone(t *testing.T) {
	c := always(t, "UTC")
	old := Terms{{Name: "viejo", Calendar: c, Warn: 75, Pause: []Waiting{ForProvider}, Resolution: Length{Work: 8 * time.Hour}}}
	young := Terms{{Name: "nuevo", Calendar: c, Warn: 75, Resolution: Length{Work: 8 * time.Hour}}}
	t0 := time.Date(2026, 10, 14, 8, 0, 0, 0, time.UTC)
	k := Clocks{}.Follow(old, Moment{At: t0, What: HasOpened})
	k = k.Follow(old, Moment{At: t0.Add(time.Hour), What: HasChanged, Waiting: ForProvider})
	k = k.Follow(old, Moment{At: t0.Add(2 * time.Hour), What: HasChanged})
	k = k.Follow(young, Moment{At: t0.Add(5 * time.Hour), What: HasReplied})
	if want := t0.Add(12 * time.Hour); k.Term != "nuevo" || !k.Resolution.Due.Equal(want) {
		t.Errorf("under %q due %v, want %v", k.Term, k.Resolution.Due, want)
	}
}

// TestToldOnce: a warning and a breach make one event each, whoever asks again, and none
// on a clock that does not run.
func TestToldOnce(t *testing.T) {
	t0 := time.Date(2026, 10, 14, 8, 0, 0, 0, time.UTC)
	ts := Tickets{1: {ID: 1, Revision: 1, State: Open, Clocks: Clocks{First: Clock{Warn: t0, Due: t0.Add(time.Hour)}}}}
	ask := func(kind CommandKind, clock ClockName) Command {
		return Command{Ticket: 1, Kind: kind, Actor: System, Value: string(clock)}
	}
	_, evs, err := Apply(ts, t0, ask(CmdWarn, FirstClock), ask(CmdWarn, FirstClock), ask(CmdBreach, FirstClock), ask(CmdBreach, FirstClock),
		ask(CmdWarn, FirstClock), ask(CmdBreach, ResolutionClock), ask(CmdWarn, NextClock))
	if err != nil || len(evs) != 2 || evs[0].Kind != TermWarned || evs[1].Kind != TermBreached {
		t.Errorf("%+v, %v", evs, err)
	}
}
