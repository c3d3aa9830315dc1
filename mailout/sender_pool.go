package mailout

import (
	"context"
	"slices"
	"sync"
	"time"
)

// pool keeps the idle connections. The one used last is taken first, so that
// while there is little to send one connection serves it all and the others
// close.
type pool struct {
	mu   sync.Mutex
	idle []*connection // by the time at which they became idle
	busy int
}

// take returns an idle connection, or nil.
func (p *pool) take() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	p.busy++
	return c
}

// add counts a new connection that is in use.
func (p *pool) add() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy++
}

// put gives a connection back.
func (p *pool) put(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.used = time.Now()
	p.busy--
	p.idle = append(p.idle, c)
}

// drop closes a connection that was in use.
func (p *pool) drop(c *connection) {
	c.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
}

// size returns how many connections there are.
func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.busy + len(p.idle)
}

// dropIdle closes all idle connections at once.
func (p *pool) dropIdle() {
	for _, c := range p.takeIdle(0) {
		c.close()
	}
}

// quitIdle ends the connections that have been idle for so long, and gives the
// server the time wait to say goodbye.
func (p *pool) quitIdle(idle, wait time.Duration) {
	var quitting sync.WaitGroup
	for _, c := range p.takeIdle(idle) {
		quitting.Go(func() { c.quit(wait) })
	}
	quitting.Wait()
}

// tend ends connections that have been idle for so long, until ctx is done.
func (p *pool) tend(ctx context.Context, idle, wait time.Duration) {
	ticker := time.NewTicker(idle / 6)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.quitIdle(idle, wait)
		}
	}
}

// takeIdle takes out the connections that have been idle for so long.
func (p *pool) takeIdle(idle time.Duration) []*connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.idle) && time.Since(p.idle[n].used) >= idle {
		n++
	}
	old := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	return old
}
