package gateway

import (
	"context"
	"time"

	"ventanilla/rules"
	"ventanilla/store"
)

// TidyOnce does the hourly work once, for tests.
func (g *Gateway) TidyOnce(ctx context.Context) error { return g.tidy(ctx) }

// TellDigests sends the digests that are due, for tests.
func (g *Gateway) TellDigests(ctx context.Context) error { return g.tellDigests(ctx) }

// TellDue does what is due on tickets, for tests.
func (g *Gateway) TellDue(ctx context.Context) error { return g.tellDue(ctx) }

// TendProbes looks at the probes once, for tests.
func (g *Gateway) TendProbes(ctx context.Context) error { return g.tendProbes(ctx, time.Hour) }

// TellLate tells whose mails are delayed, once.
func (g *Gateway) TellLate(ctx context.Context) error { return g.tellLate(ctx) }

// TellAlerts tells what was gathered, for tests.
func (g *Gateway) TellAlerts(ctx context.Context) error { return g.tellAlerts(ctx) }

// ExportMost is how many bytes of a dossier go by mail.
const ExportMost = exportMost

// Listed looks up a list for an agent, and returns how many tickets are on its page.
func (g *Gateway) Listed(ctx context.Context, l rules.List, agent string) (n int, err error) {
	setup := g.Setup()
	a, _ := setup.World.Agent(agent)
	err = g.store.View(ctx, func(tx store.Tx) error {
		p, err := g.list(tx, setup, g.now(), l, agentAddressee(setup, a))
		n = len(p.rows)
		return err
	})
	return n, err
}
