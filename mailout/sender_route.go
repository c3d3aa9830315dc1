package mailout

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// route is the way by one smarthost: what waits for it, its connections, and
// what is known of its trouble.
type route struct {
	sender  *Sender
	host    Smarthost
	workers int
	batch   int // mails that wait for it at most
	lines   lines
	rate    *rate.Limiter // nil means no limit
	dialing chan struct{} // holds who connects: one at a time, so that the others learn from it
	pool    pool
	circuit circuit
}

// job is a mail on its way to a worker.
type job struct {
	Outgoing
	probe bool // sent to see whether the smarthost works again
}

func newRoute(s *Sender, h Smarthost) *route {
	r := &route{sender: s, host: h, workers: h.Connections, batch: batch, dialing: make(chan struct{}, 1)}
	if r.workers <= 0 {
		r.workers = 4
	}
	if h.PerMinute > 0 {
		r.rate = rate.NewLimiter(rate.Every(time.Minute/time.Duration(h.PerMinute)), 1)
		r.batch = min(r.batch, h.PerMinute)
	}
	r.lines.open(h.PerDomain, r.batch/2, s)
	return r
}

// work delivers mails that wait for this route, one at a time. After ctx is done it takes
// none; delivery ends the one under way.
func (r *route) work(ctx, delivery context.Context) {
	for {
		j, ok := r.lines.take()
		if !ok {
			return
		}
		rests := r.deliver(ctx, delivery, j)
		r.lines.ended(j)
		if rests {
			r.rest(ctx)
		}
	}
}

// deliver makes one attempt, and reports what came of it. It returns whether the
// server allows no further connection.
func (r *route) deliver(ctx, delivery context.Context, j job) (rests bool) {
	if ctx.Err() != nil || !r.circuit.admits(j.probe) || r.rate != nil && r.rate.Wait(ctx) != nil {
		r.sender.putBack(j.ID)
		return false
	}
	result, f := r.attempt(delivery, j)
	switch {
	case f != nil && (f.stage == stageNone || delivery.Err() != nil && f.stage != stageEnd):
		r.sender.putBack(j.ID) // not tried, or cut off as if it had not been
	case f != nil && f.stage == stageConnect && r.pool.size() > 0:
		r.sender.putBack(j.ID)
		return true
	default:
		r.sender.results <- r.judge(j.Outgoing, result, f)
	}
	return false
}

// rest is for a worker that got no connection while others have theirs: the
// server allows fewer than we would like. Who lets go of the last connection
// does not rest, so there is always somebody to send a probe.
func (r *route) rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(r.sender.waits.rest):
	}
}

// attempt tries to deliver a mail. A connection that breaks before the end of
// the data, or that the server closes with 421, is replaced once: it may have
// been stale.
func (r *route) attempt(ctx context.Context, j job) (reply, *fault) {
	for first := true; ; first = false {
		c, f := r.connection(ctx, j.probe)
		if f != nil {
			return reply{}, f
		}
		said, f := c.send(ctx, j.Outgoing, r.sender.outbox.Raw)
		if c.client.broken {
			r.pool.drop(c)
		} else {
			r.pool.put(c)
		}
		if f == nil || !first || !f.again() || ctx.Err() != nil {
			return said, f
		}
		r.pool.dropIdle() // they went the same way
	}
}

// connection returns an idle connection or a new one. Whoever waited for another
// to connect takes what that one has learned: that the smarthost is in trouble.
func (r *route) connection(ctx context.Context, probe bool) (*connection, *fault) {
	if c := r.pool.take(); c != nil {
		return c, nil
	}
	select {
	case r.dialing <- struct{}{}:
	case <-ctx.Done():
		return nil, &fault{stage: stageNone}
	}
	defer func() { <-r.dialing }()
	if c := r.pool.take(); c != nil {
		return c, nil
	}
	if !r.circuit.admits(probe) {
		return nil, &fault{stage: stageNone}
	}
	c, f := r.connect(ctx)
	if f != nil {
		if r.pool.size() == 0 {
			r.outage(r.sender.now(), f)
		}
		return nil, f
	}
	r.pool.add()
	return c, nil
}
