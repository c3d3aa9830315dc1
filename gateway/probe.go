package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"ventanilla/desk"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/templates"
)

// ProbeOptions say how the desk sees for itself that mail goes out and comes in:
// it writes to itself and waits until that mail has been read.
type ProbeOptions struct {
	Every   time.Duration // from one probe to the next; 0: none are sent
	Late    time.Duration // after which one that is not back is missed
	Address string        // to which they go; its mail must come in here
	Alarm   string        // who is told; "" is the admin
	Detour  bool          // tell him by a smarthost other than the first
}

// prober is what a Gateway remembers of its probes while it runs.
type prober struct {
	mu    sync.Mutex
	awake time.Time // since when mail can be taken
	last  time.Time // when it was looked last
}

// look notes that somebody looks at the probes now, and returns since when the
// desk is awake. After a gap, in which the machine slept or its clock was set, it
// has just woken.
func (p *prober) look(now time.Time, gap time.Duration) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if since := now.Sub(p.last); p.awake.IsZero() || since > gap || since < -gap {
		p.awake = now
	}
	p.last = now
	return p.awake
}

func (p *prober) awakeSince(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.awake.IsZero() {
		p.awake, p.last = now, now
	}
	return p.awake
}

// Probing sends probes and misses those that do not come back, until ctx is done.
func (g *Gateway) Probing(ctx context.Context) {
	if g.probe.Every <= 0 {
		return
	}
	pause := max(100*time.Millisecond, min(g.probe.Every, g.probe.Late, 40*time.Second)/4)
	every := time.NewTicker(pause)
	defer every.Stop()
	for {
		if err := g.tendProbes(ctx, 20*pause); err != nil && ctx.Err() == nil {
			g.slog.Error("probes wait", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// probeNews is what there is to tell of the probes, once it is durable.
type probeNews struct {
	lost, well bool // that is news
	sent       bool
	missed     int // probes
	probe      store.Probe
}

// tendProbes sends the next probe if it is time, and tells once of those missed.
func (g *Gateway) tendProbes(ctx context.Context, gap time.Duration) error {
	setup, now := g.Setup(), g.now().UTC().Truncate(time.Millisecond)
	awake := g.prober.look(now, gap)
	idle := false
	if err := g.store.View(ctx, func(tx store.Tx) error {
		p, err := tx.Probe()
		missed, _ := p.Overdue(now, awake, g.probe.Late)
		idle = len(missed) == 0 && !p.Due(now, g.probe.Every)
		return err
	}); err != nil || idle {
		return err
	}
	var news probeNews
	var queued bool
	err := g.store.Update(ctx, func(tx store.Tx) error {
		news, queued = probeNews{}, false
		if held, err := tx.Held(); err != nil || held {
			return err // nothing goes out: see Restored
		}
		p, err := tx.Probe()
		if err != nil {
			return err
		}
		var missed []store.ProbeOut
		if missed, news.lost = p.Overdue(now, awake, g.probe.Late); news.lost {
			if err := g.alarm(tx, setup, now, p.Missed); err != nil {
				return err
			}
			queued = true
		}
		if err := g.callBack(tx, now, missed); err != nil {
			return err
		}
		news.missed = len(missed)
		if p.Due(now, g.probe.Every) {
			if err := g.sendProbe(tx, setup, now, &p); err != nil {
				return err
			}
			news.sent, queued = true, true
		}
		news.probe = p
		return tx.SetProbe(p)
	})
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	g.tellProbe(news)
	if queued {
		g.wakeSender()
	}
	return nil
}

// callBack takes probes out of the outbox that have not left it: what waits for
// days must not go out all at once.
func (g *Gateway) callBack(tx store.Tx, now time.Time, missed []store.ProbeOut) error {
	for _, out := range missed {
		o, err := tx.OutgoingRow(out.Mail)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := tx.Finish(o, store.Sent{ID: o.ID, Kind: o.Kind, To: o.To, At: now, Outcome: store.OutcomeDropped, Answer: o.LastError}); err != nil {
			return err
		}
	}
	return nil
}

// sendProbe puts the next probe into the outbox.
func (g *Gateway) sendProbe(tx store.Tx, setup *Setup, now time.Time, p *store.Probe) error {
	o, err := g.renderer(setup).Probe(p.Number+1, g.probe.Address, now)
	if err != nil {
		return err
	}
	p.Send(now, o.ID)
	return tx.Enqueue(o)
}

// alarm writes that a probe is missed, and whether it has gone out at all.
func (g *Gateway) alarm(tx store.Tx, setup *Setup, now time.Time, missed store.ProbeOut) error {
	where := "probe-not-out"
	if o, err := tx.OutgoingRow(missed.Mail); errors.Is(err, store.ErrNotFound) {
		where = "probe-not-back"
	} else if err != nil {
		return err
	} else if o.LastError != "" {
		where = "probe-refused"
	}
	word := func(key string) string { return setup.Words.Word(setup.World.Language, key) }
	return g.tellOfProbe(tx, setup, now, "probe-lost", fmt.Sprintf("probe lost %d", missed.Number), []string{
		fmt.Sprintf("%s: %s", word("probe-sent-at"), g.clock(setup, missed.At)), word(where)})
}

func (g *Gateway) clock(setup *Setup, at time.Time) string {
	zone := setup.World.Zone
	if zone == nil {
		zone = time.UTC
	}
	return at.In(zone).Format("2006-01-02 15:04:05 -0700")
}

// tellOfProbe writes to whoever is to be told of probes, if there is anybody.
func (g *Gateway) tellOfProbe(tx store.Tx, setup *Setup, now time.Time, reason, seed string, lines []string) error {
	to := g.probe.Alarm
	if to == "" {
		to = setup.World.AdminAddress
	}
	if to == "" {
		return nil
	}
	language := setup.World.Language
	d := templates.Data{Subject: setup.Words.Word(language, "admin-"+reason), Reason: setup.Words.Word(language, "reason-"+reason), Lines: lines}
	o, err := g.renderer(setup).Letter(mailout.Letter{Template: "aviso-admin", To: mailout.Addressee{Address: to, Language: language}, Seed: seed, At: now, Data: d})
	if err != nil {
		return fmt.Errorf("tell of probes: %w", err)
	}
	o.Detour = g.probe.Detour
	return tx.Enqueue(o)
}

// tellProbe logs what is news of the probes.
func (g *Gateway) tellProbe(n probeNews) {
	if n.sent {
		g.watch.Probed("sent")
	}
	for range n.missed {
		g.watch.Probed("missed")
	}
	switch {
	case n.lost:
		g.slog.Error("probe missed: mail does not go out or does not come in", "probe", n.probe.Missed.Number, "sent", n.probe.Missed.At)
	case n.well:
		g.slog.Info("probe is back: mail goes out and comes in again", "probe", n.probe.Number, "took", n.probe.Trip)
	}
}

// gatherProbe says which probe of ours a mail is, 0 if none: by the token that is
// its Message-ID, or, where that was changed on the way, in a field of its own.
func (s *settling) gatherProbe(c *rules.Case) {
	m := s.item.message
	id, _, _ := strings.Cut(m.MessageID, "@")
	for _, text := range []string{id, m.Probe} {
		if t, ok := s.g.keys.Check(text); ok && t.Purpose == desk.ForProbe {
			c.Probe = t.Revision
			return
		}
	}
}

// probeBack notes that a probe is back.
func (s *settling) probeBack(number int) error {
	s.probe = probeNews{}
	p, err := s.tx.Probe()
	if err != nil {
		return err
	}
	if s.probe.well = p.Return(number, s.now, s.g.prober.awakeSince(s.now), s.g.probe.Late); s.probe.well {
		word := func(key string) string { return s.setup.Words.Word(s.setup.World.Language, key) }
		lines := []string{fmt.Sprintf("%s: %s", word("probe-back-at"), s.g.clock(s.setup, s.now))}
		if err := s.g.tellOfProbe(s.tx, s.setup, s.now, "probe-back", fmt.Sprintf("probe back %d", number), lines); err != nil {
			return err
		}
		s.sent++
	}
	s.probe.probe = p
	return s.tx.SetProbe(p)
}

// Probe returns how the probes do; ok is false where none are sent.
func (g *Gateway) Probe(ctx context.Context) (p store.Probe, ok bool, err error) {
	if g.probe.Every <= 0 {
		return p, false, nil
	}
	err = g.store.View(ctx, func(tx store.Tx) (err error) {
		p, err = tx.Probe()
		return err
	})
	return p, true, err
}
