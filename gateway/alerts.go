package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/templates"
)

// edits are what somebody can be told of a little later. What somebody wrote, what is
// asked of him, and how a ticket ends are told at once.
var edits = []desk.EventKind{desk.Assigned, desk.QueueChanged, desk.Reopened, desk.WaitingSet, desk.Undone}

// gathered returns the notices that go out at once. The first edit of a ticket does;
// those that come to the same person within his time of gathering wait, and are told in
// one mail when it is over.
func (s *settling) gathered(w mailout.World, ns []mailout.Notice) (atOnce []mailout.Notice, err error) {
	for _, n := range ns {
		whom, span, err := s.gathers(w.Desk, n)
		if err != nil {
			return nil, err
		}
		if span == 0 {
			atOnce = append(atOnce, n)
			continue
		}
		a, ok, err := s.tx.AlertsOf(n.Ticket.ID, whom)
		if err != nil {
			return nil, err
		}
		if ok && s.now.Before(a.Until) {
			a.Waiting = append(a.Waiting, store.Alert{Event: n.Event.Seq, Mail: n.Template})
		} else {
			a.Until, a.Waiting = s.now.Add(span), nil
			atOnce = append(atOnce, n)
		}
		if err := s.tx.PutAlerts(a); err != nil {
			return nil, err
		}
	}
	return atOnce, nil
}

// gathers says for whom a notice is, and for how long such are gathered; 0 where it
// goes out at once.
func (s *settling) gathers(w *desk.World, n mailout.Notice) (whom desk.Actor, span time.Duration, err error) {
	if n.Content != nil && n.Event.Kind != desk.QueueChanged || !slices.Contains(edits, n.Event.Kind) {
		return "", 0, nil
	}
	if a, ok := w.AgentAt(n.To.Address); ok {
		return desk.ByAgent(a.Name), a.Gather, nil
	}
	p, ok, err := s.tx.PersonAt(n.To.Address)
	if err != nil || !ok || w.Gather == 0 {
		return "", 0, err
	}
	return desk.ByPerson(p.ID), w.Gather, nil
}

const alertsAtOnce = 100 // looked up in one go

// tellAlerts tells what has been gathered for long enough. Each mail is an Update of its
// own.
func (g *Gateway) tellAlerts(ctx context.Context) error {
	now := g.now().UTC().Truncate(time.Millisecond)
	for {
		var due []store.Alerts
		err := g.store.View(ctx, func(tx store.Tx) (err error) { due, err = tx.DueAlerts(now, alertsAtOnce); return err })
		if err != nil {
			return err
		}
		var faults []error
		for _, a := range due {
			if err := g.tellAlert(ctx, now, a); err != nil {
				faults = append(faults, fmt.Errorf("alerts of ticket %d: %w", a.Ticket, err))
			}
		}
		if len(due) < alertsAtOnce || len(faults) > 0 || ctx.Err() != nil {
			return errors.Join(faults...)
		}
	}
}

func (g *Gateway) tellAlert(ctx context.Context, now time.Time, due store.Alerts) error {
	queued := false
	err := g.store.Update(ctx, func(tx store.Tx) error {
		queued = false
		a, ok, err := tx.AlertsOf(due.Ticket, due.Whom)
		if err != nil || !ok || now.Before(a.Until) {
			return err
		}
		if len(a.Waiting) == 0 {
			return tx.DropAlerts(a.Ticket, a.Whom)
		}
		s := g.settling(g.Setup(), now, nil)
		s.tx = tx
		span, err := s.tellGathered(a)
		if err != nil {
			return err
		}
		queued = s.sent > 0
		if a.Until, a.Waiting = now.Add(span), nil; span == 0 {
			return tx.DropAlerts(a.Ticket, a.Whom)
		}
		return tx.PutAlerts(a)
	})
	if err == nil && queued {
		g.wakeSender()
	}
	return err
}

// tellGathered writes the one mail for what was gathered, and returns for how long the
// next is gathered.
func (s *settling) tellGathered(a store.Alerts) (span time.Duration, err error) {
	t, err := s.tx.Ticket(a.Ticket)
	if err != nil {
		return 0, err
	}
	s.tickets = desk.Tickets{t.ID: t}
	for _, w := range a.Waiting {
		e, err := s.tx.Event(a.Ticket, w.Event)
		if err != nil {
			return 0, err
		}
		s.events = append(s.events, e)
	}
	w, err := s.world()
	if err != nil {
		return 0, err
	}
	last := len(a.Waiting) - 1
	n := mailout.Notice{Event: s.events[last], Ticket: t, Template: a.Waiting[last].Mail}
	if c, ok := w.Contents[mailout.ContentKey{Ticket: t.ID, Article: openingArticle}]; ok && n.Template == "ticket-nuevo" {
		n.Content = &c
	}
	agent, ok := w.Desk.Agent(a.Whom.Agent())
	switch {
	case ok:
		span, n.To = agent.Gather, agentAddressee(s.setup, agent)
	case a.Whom.Person() == 0, t.State.Ended(), t.Muted: // he has been told of the end, or wants no more
		return 0, nil
	default:
		p, err := s.tx.Person(a.Whom.Person())
		if err != nil {
			return 0, err
		}
		span, n.To = w.Desk.Gather, mailout.Addressee{Name: p.Name, Address: p.Address, Language: t.Language}
	}
	if ok && last > 0 {
		return span, s.news(w, t, n.To)
	}
	os, err := s.g.renderer(s.setup).Notices(w, []mailout.Notice{n})
	if err != nil {
		return 0, err
	}
	return span, s.enqueue(os[0])
}

// news tells an agent of several events in one mail, a line each.
func (s *settling) news(w mailout.World, t desk.Ticket, to mailout.Addressee) error {
	var lines []string
	for _, e := range s.events {
		lines = append(lines, s.told(w, e, to.Language))
	}
	o, err := s.g.renderer(s.setup).Letter(mailout.Letter{Template: "novedades", To: to, Ticket: &t, At: s.now,
		Seed: fmt.Sprintf("alerts %d %d", t.ID, s.events[0].Seq), Data: templates.Data{Lines: lines}})
	if err != nil {
		return err
	}
	return s.enqueue(o)
}

// told is an event in a line: when, who, and what became of what.
func (s *settling) told(w mailout.World, e desk.Event, language string) string {
	word := func(key string) string { return s.setup.Words.Word(language, key) }
	line := e.At.In(s.zone()).Format("15:04")
	if a, ok := w.Desk.Agent(e.Actor.Agent()); ok {
		line += " " + a.Title
	} else if p, ok := w.People[e.Actor.Person()]; ok {
		line += " " + p.Name
	}
	line = strings.TrimSpace(line) + ": " + word("event-"+string(e.Kind))
	var named func(string) string
	switch e.Kind {
	case desk.Assigned:
		named = func(value string) string {
			if a, ok := w.Desk.Agent(value); ok {
				return a.Title
			}
			return word("nobody")
		}
	case desk.QueueChanged:
		named = func(value string) string {
			if q, ok := w.Desk.Queue(value); ok {
				return q.Title
			}
			return value
		}
	case desk.WaitingSet:
		return line + ": " + word("waits-"+e.New)
	default:
		return line
	}
	return line + ": " + named(e.Old) + " → " + named(e.New)
}

// alertLines tell an agent of what he is told, and how he changes it.
func (s *settling) alertLines(a desk.Agent, language string) []string {
	word := func(key string) string { return s.setup.Words.Word(language, key) }
	digest, queues, gather, mute := word("alerts-no"), word("alerts-yes"), word("alerts-no"), word("alerts-all")
	if a.Digest > 0 {
		digest = fmt.Sprintf("%02d:%02d", int(a.Digest.Hours()), int(a.Digest.Minutes())%60)
	}
	if a.NoQueueDigests {
		queues = word("alerts-no")
	}
	if a.Gather > 0 {
		gather = fmt.Sprintf("%d min", int(a.Gather.Minutes()))
	}
	if muted := rules.MutedAlerts(a.Mute); len(muted) > 0 {
		mute = strings.Join(muted, ", ")
	}
	return []string{word("alerts-digest") + ": " + digest, word("alerts-queues") + ": " + queues,
		word("alerts-gather") + ": " + gather, word("alerts-mute") + ": " + mute, word("alerts-how")}
}
