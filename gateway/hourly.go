package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mailout"
	"ventanilla/store"
	"ventanilla/templates"
)

// Tidy is the one worker of time: until ctx is done it does, every minute, what is due
// ([Gateway.DoDue]).
func (g *Gateway) Tidy(ctx context.Context) {
	every := time.NewTicker(time.Minute)
	defer every.Stop()
	for {
		if err := g.DoDue(ctx); err != nil && ctx.Err() == nil {
			g.slog.Error("some of what is due waits", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		case <-g.asked:
		}
	}
}

// DoDue does, once, everything that is due by now: hourly lists, digests, gathered alerts, reports, and what
// has come due on tickets. What was done is on record, so it is safe to call it at any
// time and any number of times.
func (g *Gateway) DoDue(ctx context.Context) error {
	var faults []error
	for _, work := range []struct {
		what string
		do   func(context.Context) error
	}{{"hourly lists", g.tidy}, {"tickets", g.tellDue}, {"digests", g.tellDigests}, {"alerts", g.tellAlerts}, {"delayed mails", g.tellLate}, {"reports", g.sendReports}} {
		if err := work.do(ctx); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", work.what, err))
		}
	}
	return errors.Join(faults...)
}

const tidyMost = 100 // lists in one commit

func (g *Gateway) tidy(ctx context.Context) error {
	setup, now := g.Setup(), g.now().UTC().Truncate(time.Millisecond)
	queued, due := false, false
	err := g.store.View(ctx, func(tx store.Tx) (err error) {
		due, err = tx.Untidy(now)
		return err
	})
	if err != nil || !due {
		return err
	}
	err = g.store.Update(ctx, func(tx store.Tx) error {
		queued = false
		ls, err := tx.TakeListed(now, tidyMost)
		if err != nil {
			return err
		}
		for _, l := range ls {
			if err := g.tellListed(tx, setup, now, l); err != nil {
				return err
			}
			queued = true
		}
		return tx.ForgetCounts(now, 1000)
	})
	if err == nil && queued {
		g.wakeSender()
	}
	return err
}

// tellListed writes the one mail that acknowledges several tickets.
func (g *Gateway) tellListed(tx store.Tx, setup *Setup, now time.Time, l store.Listed) error {
	p, err := tx.Person(l.Person)
	if err != nil {
		return err
	}
	d := templates.Data{}
	var first desk.Ticket
	for i, id := range l.Tickets {
		t, err := tx.Ticket(id)
		if err != nil {
			return err
		}
		if i == 0 {
			first = t
		}
		d.Numbers = append(d.Numbers, "#"+t.Number+" "+t.Subject)
	}
	to := mailout.Addressee{Name: p.Name, Address: p.Address, Language: first.Language}
	o, err := g.renderer(setup).Letter(mailout.Letter{Template: "acuse-varios", To: to, Seed: "listed " + first.Number, At: now, Data: d})
	if err != nil {
		return err
	}
	return tx.Enqueue(o)
}

// TellAdmin writes to the admin, if there is one: a reason that words.txt has as
// reason-… and admin-…, and lines as they are. The same lines are told once a day.
func (g *Gateway) TellAdmin(ctx context.Context, reason string, lines []string) error {
	return g.tellAdmin(ctx, reason, g.now().Format(" 2006-01-02 "), lines)
}

// TellAdminOnce is TellAdmin for lines that are told once for all time.
func (g *Gateway) TellAdminOnce(ctx context.Context, reason string, lines []string) error {
	return g.tellAdmin(ctx, reason, " once ", lines)
}

func (g *Gateway) tellAdmin(ctx context.Context, reason, when string, lines []string) error {
	setup, now := g.Setup(), g.now()
	if setup.World.AdminAddress == "" {
		return nil
	}
	language := setup.World.Language
	d := templates.Data{Subject: setup.Words.Word(language, "admin-"+reason), Reason: setup.Words.Word(language, "reason-"+reason), Lines: lines}
	seed := reason + when + strings.Join(lines, "\n")
	o, err := g.renderer(setup).Letter(mailout.Letter{Template: "aviso-admin", To: mailout.Addressee{Address: setup.World.AdminAddress, Language: language}, Seed: seed, At: now, Data: d})
	if err != nil {
		return fmt.Errorf("write to the admin: %w", err)
	}
	if err := g.store.Update(ctx, func(tx store.Tx) error { return tx.Enqueue(o) }); err != nil {
		return fmt.Errorf("write to the admin: %w", err)
	}
	g.wakeSender()
	return nil
}
