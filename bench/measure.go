package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

const minimalMails = 1 // that a mail makes in the minimal pipeline: a fixed answer

// senders takes the next so many senders.
func (b *bench) senders(n int) (first, last int) {
	b.sender += n
	return b.sender - n, b.sender
}

// passed is what a load and its answers took.
type passed struct {
	accepted time.Duration // to the last 250
	answered time.Duration // to the last acknowledgement
	cpu      time.Duration // of the server
}

// pass sends mails to a server that answers each by so many mails, and waits for
// all of them. ahead limits how many mails may wait for their acknowledgement; 0
// means no limit.
func (b *bench) pass(c *child, mails []form, n, answers, ahead int) (p passed, err error) {
	first, last := b.senders(n)
	l := load{address: c.address, connections: connections, forms: mails, first: first, last: last}
	var onAck func(int)
	if ahead > 0 {
		places := make(chan struct{}, ahead)
		l.before = func() { places <- struct{}{} }
		onAck = func(int) { <-places }
	}
	b.sink.begin(onAck)
	before, err := c.cpu()
	if err != nil {
		return p, err
	}
	began := time.Now()
	if p.accepted, err = l.run(); err != nil {
		return p, err
	}
	if answers == 0 {
		return p, nil
	}
	at, err := b.sink.settled(first, last, n*answers, b.patience)
	if err != nil {
		return p, err
	}
	p.answered = at.Sub(began)
	time.Sleep(300 * time.Millisecond) // the last deliveries are recorded
	after, err := c.cpu()
	p.cpu = after - before
	return p, err
}

// accept measures how fast a burst is taken, beside the bare sink, by turns.
func (b *bench) accept(t threesome, mails []form, title string, n, rounds int, bound string, least float64) error {
	var bare, desk, ratios, whole, cpu []float64
	for range rounds {
		floor, err := b.pass(t.bare, mails, n, 0, 0)
		if err != nil {
			return err
		}
		p, err := b.pass(t.desk, mails, n, t.mails(), 0)
		if err != nil {
			return err
		}
		bare, desk = append(bare, rate(n, floor.accepted)), append(desk, rate(n, p.accepted))
		ratios = append(ratios, rate(n, p.accepted)/rate(n, floor.accepted))
		whole, cpu = append(whole, rate(n, p.answered)), append(cpu, perMail(n, p.cpu))
	}
	b.table.title(title)
	b.table.row("accepted, mails/s (floor: bare sink)", median(bare), median(desk), median(ratios), bound, median(ratios) >= least)
	b.table.row("from the first byte to the last acknowledgement, tickets/s", 0, median(whole), 0, "", true)
	b.table.row("CPU of it, ms a ticket", 0, median(cpu), 0, "", true)
	return nil
}

// keepUp measures a load that the server keeps up with, beside the minimal
// pipeline.
func (b *bench) keepUp(t threesome, mails []form, n int, bounds bool) error {
	floor, err := b.pass(t.minimal, mails, n, minimalMails, window)
	if err != nil {
		return err
	}
	p, err := b.pass(t.desk, mails, n, t.mails(), window)
	if err != nil {
		return err
	}
	fast, floorFast, cost, floorCost := rate(n, p.answered), rate(n, floor.answered), perMail(n, p.cpu), perMail(n, floor.cpu)
	if !bounds {
		b.table.row("tickets/s (floor: minimal pipeline)", floorFast, fast, fast/floorFast, "", true)
		b.table.row("CPU, ms a ticket", floorCost, cost, cost/floorCost, "", true)
		return nil
	}
	b.table.row("tickets/s (floor: minimal pipeline)", floorFast, fast, fast/floorFast, "≥ 1200", fast >= 1200)
	b.table.row("CPU, ms a ticket", floorCost, cost, cost/floorCost, "≤ 1.00", cost <= 1)
	return nil
}

// latency measures a lone session, mail by mail.
func (b *bench) latency(t threesome, mails []form) error {
	floorTaken, floorAnswered, err := b.lonely(t.minimal, mails, minimalMails)
	if err != nil {
		return err
	}
	bareTaken, _, err := b.lonely(t.bare, mails, 0)
	if err != nil {
		return err
	}
	taken, answered, err := b.lonely(t.desk, mails, t.mails())
	if err != nil {
		return err
	}
	b.table.title(fmt.Sprintf("a lone session, %d mails of %.1f KB one after the other", b.lone, mails[0].size()))
	for _, q := range []struct {
		name  string
		share float64
	}{{"median", 0.5}, {"99 %", 0.99}} {
		b.table.ratio("DATA to 250, ms, "+q.name+" (floor: bare sink)", quantile(bareTaken, q.share), quantile(taken, q.share))
		b.table.ratio("mail to acknowledgement, ms, "+q.name+" (floor: minimal pipeline)", quantile(floorAnswered, q.share), quantile(answered, q.share))
	}
	_ = floorTaken
	return nil
}

// lonely sends mails over one connection, each when the one before is answered,
// and returns the milliseconds from DATA to 250 and from the first byte to the
// acknowledgement.
func (b *bench) lonely(c *child, mails []form, answers int) (taken, answered []float64, err error) {
	first, last := b.senders(b.lone)
	acked := make(chan time.Time, 1)
	b.sink.begin(func(int) { acked <- time.Now() })
	var mu sync.Mutex
	var began time.Time
	l := load{address: c.address, connections: 1, forms: mails, first: first, last: last,
		before: func() { began = time.Now() },
		took: func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			taken = append(taken, d.Seconds()*1e3)
		},
		accepted: func(int) {
			if answers > 0 {
				answered = append(answered, (<-acked).Sub(began).Seconds()*1e3)
			}
		}}
	if _, err := l.run(); err != nil || answers == 0 {
		return taken, nil, err
	}
	_, err = b.sink.settled(first, last, b.lone*answers, b.patience)
	return taken, answered, err
}

func rate(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

func perMail(n int, d time.Duration) float64 { return d.Seconds() * 1e3 / float64(n) }

func median(v []float64) float64 { return quantile(v, 0.5) }

// quantile returns the least value that so large a share does not exceed.
func quantile(v []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
