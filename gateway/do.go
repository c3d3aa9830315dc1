package gateway

import (
	"context"
	"errors"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/web"
)

// Do carries out commands that came by no mail: from a link, from the command
// line. A second call with the same key does nothing. A refusal is an error.
func (g *Gateway) Do(ctx context.Context, key string, cmds ...desk.Command) error {
	return g.act(ctx, func(tx store.Tx, _ *Setup, now time.Time) (desk.Tickets, []desk.Command, error) {
		if before, err := tx.Done(key, now); err != nil || before {
			return nil, nil, err
		}
		ts := desk.Tickets{}
		for _, c := range cmds {
			t, err := tx.Ticket(c.Ticket)
			if err != nil {
				return nil, nil, err
			}
			ts[c.Ticket] = t
		}
		return ts, cmds, nil
	})
}

// act carries out, in one Update, what fn asks of tickets that it has read.
func (g *Gateway) act(ctx context.Context, fn func(store.Tx, *Setup, time.Time) (desk.Tickets, []desk.Command, error)) error {
	setup, now := g.Setup(), g.now().UTC().Truncate(time.Millisecond)
	sent := 0
	var events []desk.Event
	err := g.store.Update(ctx, func(tx store.Tx) error {
		sent, events = 0, nil
		ts, cmds, err := fn(tx, setup, now)
		if err != nil || len(cmds) == 0 {
			return err
		}
		s := g.settling(setup, now, nil)
		s.tx = tx
		refused, err := s.carryOut(ts, cmds)
		if err != nil {
			return err
		}
		if refused != nil {
			return refused
		}
		sent, events = s.sent, s.events
		return nil
	})
	if err == nil {
		g.happened(events)
	}
	if err == nil && sent > 0 {
		g.wakeSender()
	}
	return err
}

// Pages is what the pages behind links see of the desk.
type Pages struct{ *Gateway }

var _ web.Desk = Pages{}

// Decision returns what the page of a decision shows.
func (p Pages) Decision(ctx context.Context, token string) (web.Decision, error) {
	t, ok := p.keys.Check(token)
	if !ok || t.Purpose != desk.ForPage && t.Purpose != desk.ForConsent {
		return web.Decision{}, web.ErrNotFound
	}
	var d web.Decision
	err := p.store.View(ctx, func(tx store.Tx) (err error) {
		if t.Purpose == desk.ForConsent {
			d, err = p.consent(tx, t)
			return err
		}
		d, err = p.decision(tx, t)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = web.ErrNotFound
	}
	return d, err
}

// decision tells how a decision stands: open, decided, void or too late.
func (p Pages) decision(tx store.Tx, token desk.Token) (web.Decision, error) {
	t, err := tx.Ticket(token.Ticket)
	if err != nil {
		return web.Decision{}, err
	}
	s := p.Setup()
	d := web.Decision{Desk: s.World.Name, Language: t.Language, Number: t.Number, Subject: t.Subject, State: t.State}
	d.Expired = p.now().After(token.Expires)
	d.Open = t.State == desk.Resolved && t.Resolution == token.Revision && !d.Expired
	if t.Resolution == token.Revision {
		d.Resolution, err = p.resolutionText(tx, t)
	}
	if err != nil || d.Open {
		return d, err
	}
	events, err := tx.Events(t.ID)
	resolution := 0
	for _, e := range events {
		switch e.Kind {
		case desk.ResolvedEvent:
			resolution++
		case desk.ApprovedEvent, desk.RejectedEvent:
			if resolution == token.Revision {
				d.Decided, d.DecidedAt = string(e.Kind), e.At
			}
		}
	}
	return d, err
}

// consent tells how a consent stands that an agent asked for.
func (p Pages) consent(tx store.Tx, token desk.Token) (web.Decision, error) {
	t, err := tx.Ticket(token.Ticket)
	if err != nil {
		return web.Decision{}, err
	}
	asked, ok := t.Approval(token.Revision)
	if !ok {
		return web.Decision{}, web.ErrNotFound
	}
	s := p.Setup()
	d := web.Decision{Desk: s.World.Name, Language: s.World.Language, Number: t.Number, Subject: t.Subject, State: t.State, Resolution: asked.Text, Consent: true}
	d.Expired = p.now().After(token.Expires)
	d.Open = asked.Decision == "" && !t.State.Ended() && !d.Expired
	d.Decided = asked.Decision
	if d.Decided == "" {
		return d, nil
	}
	events, err := tx.Events(t.ID)
	for _, e := range events {
		if e.Task == asked.Number && (e.Kind == desk.ApprovalGiven || e.Kind == desk.ApprovalRefused) {
			d.DecidedAt = e.At
		}
	}
	return d, err
}

// resolutionText returns the agent's last answer before the resolution.
func (p Pages) resolutionText(tx store.Tx, t desk.Ticket) (string, error) {
	for n := t.Articles; n > 0 && n > t.Articles-20; n-- {
		a, err := tx.Article(t.ID, n)
		if err != nil {
			return "", err
		}
		if a.Kind == desk.KindPublic && a.Author.Agent() != "" {
			text, err := p.articleText(a)
			return rules.WithoutCommands(text, true), err
		}
	}
	return "", nil
}

// Decide records a decision. A late or second one changes nothing and shows
// what is recorded.
func (p Pages) Decide(ctx context.Context, token string, approve bool, comment string) (web.Decision, error) {
	d, err := p.Decision(ctx, token)
	if err != nil || !d.Open {
		return d, err
	}
	t, _ := p.keys.Check(token)
	who, err := p.bearer(ctx, t)
	if err != nil {
		return d, err
	}
	var ticket desk.Ticket
	if err := p.store.View(ctx, func(tx store.Tx) (err error) { ticket, err = tx.Ticket(t.Ticket); return err }); err != nil {
		return d, err
	}
	c := desk.Command{Ticket: t.Ticket, Kind: desk.CmdApprove, Actor: desk.ByPerson(who), Text: strings.TrimSpace(comment), Revision: t.Revision}
	if !approve {
		c.Kind = desk.CmdReject
	}
	if t.Purpose == desk.ForConsent {
		asked, _ := ticket.Approval(t.Revision)
		c.Kind, c.Number, c.Revision = desk.CmdGiveApproval, asked.Number, 0
		if c.Actor, err = p.approver(ctx, asked, t); err != nil {
			return d, err
		}
		if !approve {
			c.Kind = desk.CmdRefuseApproval
		}
	}
	err = p.Do(ctx, "decision "+token, c)
	if err != nil && !errors.Is(err, desk.ErrRefused) {
		return d, err
	}
	return p.Decision(ctx, token)
}

// bearer is the person for whom a token was made: the deputy of a ticket's requester,
// or else the requester.
func (p Pages) bearer(ctx context.Context, token desk.Token) (who desk.PersonID, err error) {
	err = p.store.View(ctx, func(tx store.Tx) error {
		t, err := tx.Ticket(token.Ticket)
		if who = t.Requester; err != nil || t.Deputy == 0 {
			return err
		}
		deputy, err := tx.Person(t.Deputy)
		if p.keys.IssuedTo(token, deputy.Address) {
			who = t.Deputy
		}
		return err
	})
	return who, err
}

// approver is for whom the token of a consent was made: the deputy of who was asked, or
// else who was asked.
func (p Pages) approver(ctx context.Context, asked desk.Approval, token desk.Token) (who desk.Actor, err error) {
	who = asked.Actor()
	address := ""
	if agent, ok := p.Setup().World.Agent(asked.Deputy.Agent()); ok {
		address = agent.Address
	} else if id := asked.Deputy.Person(); id != 0 {
		err = p.store.View(ctx, func(tx store.Tx) error {
			deputy, err := tx.Person(id)
			address = deputy.Address
			return err
		})
	}
	if address != "" && p.keys.IssuedTo(token, address) {
		who = asked.Deputy
	}
	return who, err
}

// Survey returns what the page of a survey shows.
func (p Pages) Survey(ctx context.Context, token string) (web.Survey, error) {
	t, ok := p.keys.Check(token)
	if !ok || t.Purpose != desk.ForSurvey {
		return web.Survey{}, web.ErrNotFound
	}
	var v web.Survey
	err := p.store.View(ctx, func(tx store.Tx) error {
		ticket, err := tx.Ticket(t.Ticket)
		if err != nil {
			return err
		}
		requester, err := tx.Person(ticket.Requester)
		now := p.now()
		v = web.Survey{Desk: p.Setup().World.Name, Language: ticket.Language, Number: ticket.Number, Subject: ticket.Subject,
			Score: ticket.Survey.Score, AnsweredAt: ticket.Survey.AnsweredAt}
		v.Open = ticket.Survey.Waits(now) && ticket.State != desk.Merged && ticket.State != desk.Cancelled &&
			now.Before(t.Expires) && p.keys.IssuedTo(t, requester.Address)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = web.ErrNotFound
	}
	return v, err
}

// Score records the answer to a survey. A late or second one changes nothing and
// shows what is recorded.
func (p Pages) Score(ctx context.Context, token string, score int, comment string) (web.Survey, error) {
	v, err := p.Survey(ctx, token)
	if err != nil || !v.Open {
		return v, err
	}
	t, _ := p.keys.Check(token)
	who, err := p.bearer(ctx, t)
	if err != nil {
		return v, err
	}
	err = p.Do(ctx, "survey "+token, desk.Command{Ticket: t.Ticket, Kind: desk.CmdSurvey, Actor: desk.ByPerson(who), Number: score, Text: strings.TrimSpace(comment)})
	if err != nil && !errors.Is(err, desk.ErrRefused) {
		return v, err
	}
	return p.Survey(ctx, token)
}

// Status returns what the page of a ticket shows.
func (p Pages) Status(ctx context.Context, token string) (web.Status, error) {
	t, ok := p.keys.Check(token)
	if !ok || t.Purpose != desk.ForStatus {
		return web.Status{}, web.ErrNotFound
	}
	var v web.Status
	err := p.store.View(ctx, func(tx store.Tx) error {
		ticket, err := tx.Ticket(t.Ticket)
		if err != nil {
			return err
		}
		s := p.Setup()
		v = web.Status{Desk: s.World.Name, Language: ticket.Language, Number: ticket.Number, Subject: ticket.Subject,
			State: ticket.State, OpenedAt: ticket.OpenedAt, UpdatedAt: ticket.UpdatedAt}
		if q, ok := s.World.Queue(ticket.Queue); ok {
			v.Queue = q.Title
		}
		if a, ok := s.World.Agent(ticket.Assignee); ok {
			v.Assignee = a.Title
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		err = web.ErrNotFound
	}
	return v, err
}
