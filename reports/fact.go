package reports

import (
	"strconv"
	"time"

	"ventanilla/desk"
)

// look is what matters of a ticket at a moment.
type look struct {
	state                                                         desk.State // "" before it is opened
	queue, category, service, kind, agent, client, channel, level string
	priority, spent                                               int
	firstStopped, resolutionStopped                               time.Time
	firstStood, resolutionStood                                   desk.Light
}

func (l look) alive() bool { return l.state != "" && !l.state.Ended() }

// worked says that somebody is expected to work on it.
func (l look) worked() bool { return l.alive() && l.state != desk.Resolved }

// done says that it is resolved, or closed.
func (l look) done() bool { return l.state == desk.Resolved || l.state == desk.Closed }

func lookAt(t desk.Ticket) look {
	return look{state: t.State, queue: t.Queue, category: t.Category, service: t.Service, kind: t.Type, agent: t.Assignee, client: t.Client, channel: t.Channel,
		level: t.Level, priority: t.Priority, spent: t.Spent, firstStopped: t.Clocks.First.Stopped, firstStood: t.Clocks.First.Stood,
		resolutionStopped: t.Clocks.Resolution.Stopped, resolutionStood: t.Clocks.Resolution.Stood}
}

// moment is one event of a ticket, and what came of it.
type moment struct {
	at            time.Time
	kind          desk.EventKind
	agent         string // who did it, "" if no agent
	score         int    // of a survey that was answered
	before, after look
}

// history is a ticket's life.
type history struct {
	opened  time.Time
	first   time.Time // of the first answer; zero if there was none
	moments []moment
}

// read makes a history of a ticket's events.
func read(events []desk.Event) (h history) {
	var t desk.Ticket
	var now look
	for _, e := range events {
		t = desk.Evolve(t, e)
		m := moment{at: e.At, kind: e.Kind, agent: e.Actor.Agent(), before: now}
		now = lookAt(t)
		m.after = now
		if e.Kind == desk.SurveyAnswered {
			m.score, _ = strconv.Atoi(e.New)
		}
		if e.Kind == desk.Opened {
			h.opened = e.At
		}
		resolves := m.before.worked() && now.done()
		if h.first.IsZero() && m.agent != "" && (e.Kind == desk.Answered || resolves) {
			h.first = e.At
		}
		h.moments = append(h.moments, m)
	}
	return h
}

// amount is a figure that can be added up: a sum, and of how many.
type amount struct{ sum, count int64 }

func (a *amount) add(sum, count int64) { a.sum, a.count = a.sum+sum, a.count+count }

// fact is what a ticket adds to the figures of a period.
type fact struct {
	end     look // at the end of the period
	amounts map[string]amount
	minutes map[string]int64 // of each agent
}

// within works out what a ticket adds to a period; nil if it has no part in it.
func (h history) within(p Period) *fact {
	f := &fact{amounts: map[string]amount{}, minutes: map[string]int64{}}
	var start look
	involved := false
	var marks marks
	for _, m := range h.moments {
		switch {
		case m.at.Before(p.From):
			start, f.end = m.after, m.after
			continue
		case !m.at.Before(p.To):
			continue
		}
		f.end = m.after
		involved = involved || m.after.alive()
		marks.note(m, f)
	}
	f.one("backlog_start", start.alive())
	f.one("opened", start.state == "" && f.end.state != "")
	f.one("revived", start.state.Ended() && involved)
	if involved = involved || start.alive(); involved {
		f.one("closed", f.end.state == desk.Closed)
		f.one("dropped", f.end.state == desk.Merged || f.end.state == desk.Cancelled)
		f.one("backlog_end", f.end.alive())
	}
	marks.conclude(h, p, f)
	if len(f.amounts) == 0 && len(f.minutes) == 0 {
		return nil
	}
	return f
}

func (f *fact) one(name string, when bool) {
	if when {
		f.add(name, 1, 1)
	}
}

func (f *fact) add(name string, sum, count int64) {
	a := f.amounts[name]
	a.add(sum, count)
	f.amounts[name] = a
}

// marks are what happened to a ticket in a period.
type marks struct {
	reopened, rejected bool
	resolved           time.Time // last
	firstStopped       bool
	firstStood         desk.Light
	resolutionStopped  bool
	resolutionStood    desk.Light
}

// note takes one moment of the period.
func (k *marks) note(m moment, f *fact) {
	switch m.kind {
	case desk.TermBreached:
		f.add("breached", 1, 1)
	case desk.SurveyAsked:
		f.add("asked", 1, 1)
	case desk.SurveyAnswered:
		f.add("surveys", 1, 1)
		f.add("score", int64(m.score), 1)
	}
	if minutes := int64(m.after.spent - m.before.spent); minutes != 0 {
		f.minutes[m.agent] += minutes
	}
	k.rejected = k.rejected || m.kind == desk.RejectedEvent
	if m.before.done() && m.after.worked() && m.kind != desk.RejectedEvent && m.kind != desk.Undone {
		k.reopened = true
	}
	if m.before.worked() && m.after.done() {
		k.resolved = m.at
	}
	kept := m.after.state != desk.Merged && m.after.state != desk.Cancelled
	if stopped := m.after.firstStopped; kept && !stopped.IsZero() && !stopped.Equal(m.before.firstStopped) {
		k.firstStopped, k.firstStood = true, m.after.firstStood
	}
	if stopped := m.after.resolutionStopped; kept && !stopped.IsZero() && !stopped.Equal(m.before.resolutionStopped) {
		k.resolutionStopped, k.resolutionStood = true, m.after.resolutionStood
	}
}

// conclude adds what the moments of the period come to.
func (k *marks) conclude(h history, p Period, f *fact) {
	f.one("reopened", k.reopened)
	f.one("rejected", k.rejected)
	if !h.first.IsZero() && p.Has(h.first) {
		f.add("first_answers", 1, 1)
		f.add("first_hours", int64(h.first.Sub(h.opened)/time.Second), 1)
	}
	if k.firstStopped {
		f.add("first_on_time", inTime(k.firstStood), 1)
	}
	if k.resolved.IsZero() || !f.end.done() {
		return
	}
	f.add("resolved", 1, 1)
	f.add("resolution_hours", int64(k.resolved.Sub(h.opened)/time.Second), 1)
	if k.resolutionStopped {
		f.add("resolution_on_time", inTime(k.resolutionStood), 1)
	}
}

func inTime(stood desk.Light) int64 {
	if stood == desk.Red {
		return 0
	}
	return 1
}
