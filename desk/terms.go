package desk

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Selector is what a term is chosen by. As part of a [Term], "" and 0 fit all.
type Selector struct {
	Queue, Category, Client, Type string
	Priority                      int
}

// fits says whether a ticket is one of those that s selects, and how many things s
// says about it.
func (s Selector) fits(ticket Selector) (said int, ok bool) {
	for _, f := range [...]struct{ want, have string }{
		{s.Queue, ticket.Queue}, {s.Category, ticket.Category}, {s.Client, ticket.Client}, {s.Type, ticket.Type},
	} {
		if f.want == "" {
			continue
		}
		if !strings.EqualFold(f.want, f.have) {
			return 0, false
		}
		said++
	}
	if s.Priority != 0 {
		if s.Priority != ticket.Priority {
			return 0, false
		}
		said++
	}
	return said, true
}

// Same says that two selectors select the same tickets: case does not count.
func (s Selector) Same(o Selector) bool {
	return s.Priority == o.Priority && strings.EqualFold(s.Queue, o.Queue) && strings.EqualFold(s.Category, o.Category) &&
		strings.EqualFold(s.Client, o.Client) && strings.EqualFold(s.Type, o.Type)
}

// Length is how long a term is: working time, or else whole working days as
// [Calendar.AddDays] counts them. The zero Length promises nothing.
type Length struct {
	Work time.Duration
	Days int
}

// Term is what is promised for tickets: by when somebody answers first, answers
// again, and resolves.
type Term struct {
	Name                    string
	For                     Selector
	Calendar                *Calendar
	First, Next, Resolution Length
	Warn                    int       // percent of the time after which it is about to expire, 1 to 99
	Pause                   []Waiting // the clocks stand while the ticket waits for one of these
}

// Terms are all terms of a desk, in the order of the file. Nil has none.
type Terms []Term

// Choose returns the term for a ticket: of those that fit the one that says most
// about it, of equals the first. It is false if none fits.
func (ts Terms) Choose(ticket Selector) (best Term, ok bool) {
	most := -1
	for _, t := range ts {
		if said, fits := t.For.fits(ticket); fits && said > most {
			best, most = t, said
		}
	}
	return best, most >= 0
}

func (ts Terms) named(name string) (Term, bool) {
	if i := slices.IndexFunc(ts, func(t Term) bool { return t.Name == name }); i >= 0 {
		return ts[i], true
	}
	return Term{}, false
}

// end returns when a length that began at a time is over.
func (t Term) end(began time.Time, l Length) time.Time {
	if l.Days > 0 {
		return t.Calendar.AddDays(began, l.Days)
	}
	return t.Calendar.Add(began, l.Work)
}

// Light is how a clock or a ticket stands: green within the term, amber when it is
// about to expire, red when it has expired, and NoLight if nothing is promised.
type Light string

// The lights.
const (
	NoLight Light = ""
	Green   Light = "green"
	Amber   Light = "amber"
	Red     Light = "red"
)

// worse returns the worse of two lights.
func worse(a, b Light) Light {
	order := []Light{NoLight, Green, Amber, Red}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// Clock is one promise on a ticket. It is in one of four states: never started (the
// zero Clock), running (Due is set), standing while the ticket waits (Paused), and
// stopped (Stopped is set).
type Clock struct {
	Used     time.Duration `json:"used,omitempty"`     // working time up to Since, or in all if it does not run
	Since    time.Time     `json:"since,omitzero"`     // runs since
	Due      time.Time     `json:"due,omitzero"`       // while it runs
	Warn     time.Time     `json:"warn,omitzero"`      // while it runs: when it is about to expire
	Paused   time.Time     `json:"paused,omitzero"`    // stands since
	Stopped  time.Time     `json:"stopped,omitzero"`   // kept, in time or late
	Stood    Light         `json:"stood,omitempty"`    // how it stood when it was paused or stopped
	Warned   bool          `json:"warned,omitempty"`   // it has been told that this will expire
	Breached bool          `json:"breached,omitempty"` // it has been told that this has expired
	Fixed    time.Time     `json:"fixed,omitzero"`     // due then by an agent's word, whatever the term says and for whomever it waits
	Why      string        `json:"why,omitempty"`      // his reason
}

// Light returns how the clock stands at a time.
func (c Clock) Light(now time.Time) Light {
	switch {
	case c.Due.IsZero():
		return c.Stood
	case !now.Before(c.Due):
		return Red
	case !now.Before(c.Warn):
		return Amber
	}
	return Green
}

// Running says that time is counted.
func (c Clock) Running() bool { return !c.Due.IsZero() }

// counts says that the clock runs or stands.
func (c Clock) counts() bool { return c.Running() || !c.Paused.IsZero() }

// start returns the clock running from a time, with what was used up before.
func (c Clock) start(t Term, l Length, at time.Time) Clock {
	if l == (Length{}) && c.Fixed.IsZero() {
		return Clock{Used: c.Used}
	}
	c.Since, c.Paused, c.Stopped, c.Stood = at, time.Time{}, time.Time{}, NoLight
	if !c.Fixed.IsZero() {
		c.Due, c.Warn = c.Fixed, at.Add(c.Fixed.Sub(at)/4*3)
		return c
	}
	began := t.Calendar.Add(at, -c.Used)
	c.Due = t.end(began, l)
	c.Warn = t.Calendar.Add(began, t.Calendar.Between(began, c.Due)/100*time.Duration(t.Warn))
	return c
}

// halt returns the clock not running.
func (c Clock) halt(t Term, at time.Time) Clock {
	if !c.Running() {
		return c
	}
	c.Stood = c.Light(at)
	if t.Calendar != nil { // a day that an agent named may run without any term
		c.Used += t.Calendar.Between(c.Since, at)
	}
	c.Since, c.Due, c.Warn = time.Time{}, time.Time{}, time.Time{}
	return c
}

// renew returns the clock ready to run to another end, of which nothing has been told.
func (c Clock) renew(t Term, at time.Time) Clock {
	c = c.halt(t, at)
	c.Paused, c.Stood, c.Warned, c.Breached = time.Time{}, NoLight, false, false
	return c
}

func (c Clock) pause(t Term, at time.Time) Clock {
	if c.Running() && c.Fixed.IsZero() {
		c = c.halt(t, at)
		c.Paused = at
	}
	return c
}

func (c Clock) resume(t Term, l Length, at time.Time) Clock {
	if !c.Paused.IsZero() {
		return c.start(t, l, at)
	}
	return c
}

func (c Clock) stop(t Term, at time.Time) Clock {
	if c.counts() {
		c = c.halt(t, at)
		c.Paused, c.Stopped = time.Time{}, at
	}
	return c
}

// Clocks are the promises on a ticket. They are a value: [Clocks.Follow] returns
// what they are after something has happened.
type Clocks struct {
	Term       string  `json:"term,omitempty"` // the term they run by, "" if there is none
	Waiting    Waiting `json:"waiting,omitempty"`
	Answered   bool    `json:"answered,omitempty"` // the first answer was given
	Over       bool    `json:"over,omitempty"`     // the ticket is resolved or ended
	First      Clock   `json:"first,omitzero"`
	Next       Clock   `json:"next,omitzero"`
	Resolution Clock   `json:"resolution,omitzero"`
}

// Happening is what has happened to a ticket, as far as its clocks go.
type Happening string

// The happenings.
const (
	HasOpened   Happening = "opened"
	HasAnswered Happening = "answered" // an agent wrote to the requester
	HasReplied  Happening = "replied"  // the requester wrote
	HasChanged  Happening = "changed"  // what the term is chosen by, or for whom it waits
	HasDue      Happening = "due"      // an agent named the day of the resolution, or took it back
	HasResolved Happening = "resolved"
	HasReopened Happening = "reopened"
	HasEnded    Happening = "ended" // closed, merged or annulled
)

// Moment is one happening, and how the ticket then is.
type Moment struct {
	At      time.Time
	What    Happening
	Ticket  Selector
	Waiting Waiting
}

// Follow returns the clocks after a moment. The first answer is counted from the
// opening to an agent's first answer; the next from a requester's message to the
// answer; the resolution from the opening until the ticket is resolved, and on when it
// is reopened. Resolving counts as an answer. When another term fits, it takes over
// with the working time used so far; what only the new one promises begins then.
//
// Where the old term is gone from the files, what ran under it since it last began
// to run is not counted. Without any terms there are no clocks.
func (c Clocks) Follow(ts Terms, m Moment) Clocks {
	if len(ts) == 0 && c.Resolution.Fixed.IsZero() {
		return Clocks{}
	}
	t, _ := ts.Choose(m.Ticket) // the zero Term promises nothing
	switch m.What {
	case HasAnswered:
		c.Answered = true
	case HasResolved, HasEnded:
		c.Answered, c.Over = true, true
	case HasReopened:
		c.Over = false
	}
	if c.Term != t.Name {
		c = c.under(ts, t, m.At)
	}
	if m.What == HasDue {
		c.Resolution = c.Resolution.renew(t, m.At)
	}
	switch {
	case m.What == HasAnswered:
		c.First, c.Next = c.First.stop(t, m.At), c.Next.stop(t, m.At)
	case c.Over:
		c = c.each(t, func(k Clock, _ Length) Clock { return k.stop(t, m.At) })
	case m.What == HasReplied && c.Answered && !c.Next.counts():
		c.Next = Clock{}.start(t, t.Next, m.At)
	}
	if !c.Over {
		c = c.begin(t, m.At)
	}
	return c.wait(t, m)
}

// begin starts what is promised and neither runs nor stands: the first answer until
// there was one, and the resolution.
func (c Clocks) begin(t Term, at time.Time) Clocks {
	if !c.Answered && !c.First.counts() {
		c.First = c.First.start(t, t.First, at)
	}
	if !c.Resolution.counts() {
		c.Resolution = c.Resolution.start(t, t.Resolution, at)
	}
	return c
}

// wait makes the clocks stand or run by for whom the ticket waits.
func (c Clocks) wait(t Term, m Moment) Clocks {
	c.Waiting = m.Waiting
	if slices.Contains(t.Pause, m.Waiting) {
		return c.each(t, func(k Clock, _ Length) Clock { return k.pause(t, m.At) })
	}
	return c.each(t, func(k Clock, l Length) Clock { return k.resume(t, l, m.At) })
}

// under puts the clocks under another term. What has been told stays told only if
// by the new term, too, its time has come.
func (c Clocks) under(ts Terms, t Term, at time.Time) Clocks {
	old, known := ts.named(c.Term)
	c = c.each(t, func(k Clock, l Length) Clock {
		if !k.counts() {
			return k
		}
		if known {
			k = k.halt(old, at)
		}
		k = k.start(t, l, at)
		k.Warned = k.Warned && !at.Before(k.Warn)
		k.Breached = k.Breached && !at.Before(k.Due)
		return k
	})
	c.Term = t.Name
	return c
}

// each changes every clock, with the length that a term gives it.
func (c Clocks) each(t Term, fn func(Clock, Length) Clock) Clocks {
	c.First, c.Next, c.Resolution = fn(c.First, t.First), fn(c.Next, t.Next), fn(c.Resolution, t.Resolution)
	return c
}

// Late says that a clock has expired, as far as that has been told or noted.
func (c Clocks) Late() bool {
	late := func(k Clock) bool { return k.Breached && k.Running() || k.Stood == Red }
	return late(c.First) || late(c.Next) || late(c.Resolution)
}

// ClockName names one of the clocks of a ticket.
type ClockName string

// The clocks.
const (
	FirstClock      ClockName = "first"
	NextClock       ClockName = "next"
	ResolutionClock ClockName = "resolution"
)

// Clock returns a clock by its name.
func (c Clocks) Clock(name ClockName) Clock {
	switch name {
	case FirstClock:
		return c.First
	case NextClock:
		return c.Next
	}
	return c.Resolution
}

// Light returns how the ticket stands: the worst of the clocks that run or stand;
// when none does, how the resolution was.
func (c Clocks) Light(now time.Time) Light {
	light, open := NoLight, false
	for _, k := range [...]Clock{c.First, c.Next, c.Resolution} {
		if k.counts() {
			light, open = worse(light, k.Light(now)), true
		}
	}
	if !open {
		return c.Resolution.Stood
	}
	return light
}

// Upcoming is when a clock comes to what is to be told.
type Upcoming struct {
	At     time.Time
	Clock  ClockName
	Breach bool // it expires; else it is about to
}

// NextMoment returns the earliest warning or breach that has not been told yet. It
// may lie in the past. A warning whose breach has been told is not told any more.
// It is false if nothing comes up while the ticket stays as it is.
func (c Clocks) NextMoment() (next Upcoming, ok bool) {
	for _, name := range [...]ClockName{FirstClock, NextClock, ResolutionClock} {
		k := c.Clock(name)
		if !k.Running() || k.Breached {
			continue
		}
		u := Upcoming{At: k.Due, Clock: name, Breach: true}
		if !k.Warned && k.Warn.Before(k.Due) {
			u = Upcoming{At: k.Warn, Clock: name}
		}
		if !ok || u.At.Before(next.At) {
			next, ok = u, true
		}
	}
	return next, ok
}

// Due returns everything that is to be told at a time, in the order of the clocks:
// of a clock that has expired only that.
func (c Clocks) Due(now time.Time) (all []Upcoming) {
	for _, name := range [...]ClockName{FirstClock, NextClock, ResolutionClock} {
		k := c.Clock(name)
		switch {
		case !k.Running() || k.Breached:
		case !now.Before(k.Due):
			all = append(all, Upcoming{At: k.Due, Clock: name, Breach: true})
		case !k.Warned && !now.Before(k.Warn):
			all = append(all, Upcoming{At: k.Warn, Clock: name})
		}
	}
	return all
}

// Told returns the clocks after a warning or breach has been told.
func (c Clocks) Told(name ClockName, breach bool) Clocks {
	set := func(k *Clock) { k.Warned, k.Breached = true, k.Breached || breach }
	switch name {
	case FirstClock:
		set(&c.First)
	case NextClock:
		set(&c.Next)
	case ResolutionClock:
		set(&c.Resolution)
	}
	return c
}

// Keep keeps the clocks of tickets: it returns what [Apply] has returned, with the
// clocks that the events change on the events and on the tickets. Before are the
// tickets that Apply was given.
func (ts Terms) Keep(before, after Tickets, evs []Event) (Tickets, []Event) {
	kept, stamped := maps.Clone(after), slices.Clone(evs)
	now := maps.Clone(before)
	if now == nil {
		now = Tickets{}
	}
	for i, e := range stamped {
		was := now[e.Ticket]
		is := Evolve(was, e)
		clocks := is.Clocks
		for _, what := range happenings(was, is, e) {
			clocks = clocks.Follow(ts, Moment{At: e.At.UTC(), What: what, Ticket: is.selector(), Waiting: is.Waiting})
		}
		if clocks != is.Clocks {
			stamped[i].Clocks, is.Clocks = &clocks, clocks
		}
		now[e.Ticket], kept[e.Ticket] = is, is
	}
	return kept, stamped
}

// happenings says what an event is to the clocks.
func happenings(was, is Ticket, e Event) []Happening {
	reopened := (was.State == Resolved || was.State.Ended()) && is.State != Resolved && !is.State.Ended()
	switch {
	case e.Kind == Opened:
		return []Happening{HasOpened}
	case e.Kind == Undone:
		return nil // the clocks are those of before
	case e.Kind == DueSet:
		return []Happening{HasDue}
	case is.State.Ended() && !was.State.Ended():
		return []Happening{HasEnded}
	case e.Kind == ResolvedEvent:
		return []Happening{HasResolved}
	case e.Kind == RejectedEvent, reopened && (e.Kind == Replied || e.Kind == Accepted):
		return []Happening{HasReopened, HasReplied}
	case reopened && e.Kind == Answered:
		return []Happening{HasReopened, HasAnswered}
	case reopened:
		return []Happening{HasReopened}
	case e.Kind == Answered:
		return []Happening{HasAnswered}
	case e.Kind == Replied && e.New == "" && was.State == Pending:
		return nil // thanks, or a machine: nothing is asked
	case e.Kind == Accepted && was.HeldAck != nil:
		return nil // what the clocks count from is the opening
	case e.Kind == Replied, e.Kind == Accepted:
		return []Happening{HasReplied}
	case is.selector() != was.selector(), is.Waiting != was.Waiting:
		return []Happening{HasChanged}
	}
	return nil
}

// decideDue handles the day of the resolution that an agent names.
func decideDue(t Ticket, c Command) ([]Event, string) {
	if t.Clocks.Resolution.Fixed.Equal(c.Until) {
		return nil, ""
	}
	old := ""
	if due := t.Clocks.Resolution.Due; !due.IsZero() {
		old = due.UTC().Format(time.RFC3339)
	}
	e := Event{Kind: DueSet, Old: old, Text: c.Text}
	if !c.Until.IsZero() {
		e.Until = c.Until.UTC()
		e.New = e.Until.Format(time.RFC3339)
	}
	return []Event{e}, ""
}

// CalendarOf returns the calendar in which a ticket's days are counted: that of its
// term, else the desk's. It may be nil.
func (w *World) CalendarOf(t Ticket) *Calendar {
	if term, ok := w.Terms.Choose(t.selector()); ok && term.Calendar != nil {
		return term.Calendar
	}
	return w.Calendar
}

// selector is what the term of a ticket is chosen by.
func (t Ticket) selector() Selector {
	return Selector{Queue: t.Queue, Category: t.Category, Client: t.Client, Type: t.Type, Priority: t.Priority}
}
