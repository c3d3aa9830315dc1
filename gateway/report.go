package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ventanilla/desk"
	"ventanilla/mailout"
	"ventanilla/reports"
	"ventanilla/store"
)

// Report works a report out. It looks at the tickets that were alive at some moment
// since the period began, and writes nothing.
func (g *Gateway) Report(ctx context.Context, name string, p reports.Period) (r reports.Report, err error) {
	setup := g.Setup()
	at := slices.IndexFunc(setup.Reports, func(d reports.Definition) bool { return d.Name == name })
	if at < 0 {
		return r, fmt.Errorf("el informe %q: %w", name, ErrNotFound)
	}
	m := reports.New(setup.Reports[at], p, setup.World)
	err = g.store.View(ctx, func(tx store.Tx) error {
		if err := tx.AliveSince(p.From, func(id desk.TicketID) error {
			events, err := tx.Events(id)
			if err != nil || len(events) == 0 || !events[0].At.Before(p.To) {
				return err
			}
			m.Add(events)
			return ctx.Err()
		}); err != nil {
			return err
		}
		return tx.Activities(p.From, p.To, func(a desk.Activity) error { m.AddActivity(a); return nil })
	})
	return m.Report(g.now()), err
}

// askReport notes that an agent asks for a report: making it would keep the mails
// behind his waiting.
func (s *settling) askReport() error {
	ask := s.decision.Report
	if ask == nil {
		return nil
	}
	return s.tx.AskReport(store.ReportAsk{Report: ask.Report, From: ask.Period.From, To: ask.Period.To, Agent: ask.Agent, Seed: string(s.item.record.ID), At: s.now})
}

// sendReports makes and sends the reports that were asked for, and those that go out
// by themselves at the beginning of a month.
func (g *Gateway) sendReports(ctx context.Context) error {
	faults := []error{g.monthly(ctx)}
	for ctx.Err() == nil {
		more, err := g.sendReport(ctx)
		if err != nil || !more {
			return errors.Join(append(faults, err)...)
		}
	}
	return errors.Join(faults...)
}

// sendReport makes and sends the report that was asked for first. It is worked out
// beside the transaction that sends it.
func (g *Gateway) sendReport(ctx context.Context) (more bool, err error) {
	setup, now := g.Setup(), g.now().UTC().Truncate(time.Millisecond)
	var ask store.ReportAsk
	key := ""
	if err := g.store.View(ctx, func(tx store.Tx) (err error) {
		ask, key, more, err = tx.NextReport()
		return err
	}); err != nil || !more {
		return false, err
	}
	o, err := g.reportMail(ctx, setup, now, ask)
	if err != nil && !errors.Is(err, ErrNotFound) { // the report, or whom it is for, is gone: there is nothing to send
		return false, err
	}
	gone := err != nil
	err = g.store.Update(ctx, func(tx store.Tx) error {
		if asked, err := tx.ForgetReport(key); err != nil || !asked || gone {
			return err
		}
		return tx.Enqueue(o)
	})
	if err == nil {
		g.wakeSender()
	}
	return true, err
}

func (g *Gateway) reportMail(ctx context.Context, setup *Setup, now time.Time, ask store.ReportAsk) (o mailout.Outgoing, err error) {
	a, ok := setup.World.Agent(ask.Agent)
	if !ok {
		return o, fmt.Errorf("agent %s: %w", ask.Agent, ErrNotFound)
	}
	zone := setup.World.Zone
	if zone == nil {
		zone = time.UTC
	}
	r, err := g.Report(ctx, ask.Report, reports.Period{From: ask.From.In(zone), To: ask.To.In(zone)})
	if err != nil {
		return o, err
	}
	return g.renderer(setup).Document(mailout.Document{To: agentAddressee(setup, a), Kind: "informe", Seed: ask.Seed + " " + ask.Report + " " + ask.Agent, At: now,
		Subject: r.Title + ": " + r.Period, Text: r.Text(), HTML: r.HTML(),
		Name: "informe-" + r.Name + "-" + r.From.Format(time.DateOnly) + ".csv", Type: "text/csv", Data: r.CSV()})
}

// monthly asks for the reports of the month that is over, once each, when their hour
// has come. Of months before a report was first seen none goes out.
func (g *Gateway) monthly(ctx context.Context) error {
	setup, now := g.Setup(), g.now().UTC().Truncate(time.Millisecond)
	local := now
	if setup.World.Zone != nil {
		local = now.In(setup.World.Zone)
	}
	first := time.Date(local.Year(), local.Month(), 1, 0, 0, 0, 0, local.Location())
	before := first.AddDate(0, -1, 0)
	for _, d := range setup.Reports {
		clock := time.Date(first.Year(), first.Month(), 1, int(d.At/time.Hour), int(d.At/time.Minute)%60, 0, 0, first.Location())
		over := before
		if local.Before(clock) {
			over = before.AddDate(0, -1, 0)
		}
		if len(d.To) == 0 {
			continue
		}
		if err := g.monthlyOf(ctx, d, over.Format("2006-01"), reports.Month(over.Year(), over.Month(), local.Location()), now); err != nil {
			return fmt.Errorf("report %s: %w", d.Name, err)
		}
	}
	return nil
}

func (g *Gateway) monthlyOf(ctx context.Context, d reports.Definition, month string, p reports.Period, now time.Time) error {
	last := ""
	if err := g.store.View(ctx, func(tx store.Tx) (err error) { last, err = tx.ReportedMonth(d.Name); return err }); err != nil || last >= month {
		return err
	}
	return g.store.Update(ctx, func(tx store.Tx) error {
		last, err := tx.ReportedMonth(d.Name)
		if err != nil || last >= month {
			return err
		}
		for _, to := range d.To {
			if last == "" {
				break // it is new
			}
			if err := tx.AskReport(store.ReportAsk{Report: d.Name, From: p.From, To: p.To, Agent: to, Seed: "monthly " + month, At: now}); err != nil {
				return err
			}
		}
		return tx.SetReportedMonth(d.Name, month)
	})
}
