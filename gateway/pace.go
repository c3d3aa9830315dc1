package gateway

import (
	"context"
	"time"
)

// pace lets the door go before the desk: while mails come in much faster than
// they can be settled, settling rests between batches, so that senders are not
// kept waiting for the processor. It never stops: a batch is followed by at most
// restMost, and when the burst is over all is settled at full speed.
type pace struct{ appended int64 }

const (
	restMost = 2 * time.Second
	restStep = 50 * time.Millisecond // without a mail in which the burst is over

	gatherTime = 10 * time.Millisecond
)

// gather waits a moment where several mails have come to a desk that was idle for so
// long, and longer if they are the beginning of a burst. One alone does not wait.
func (p *pace) gather(ctx context.Context, idle time.Duration, appended func() int64) {
	now := appended()
	if idle < restStep || now-p.appended <= 1 {
		return
	}
	p.begin(now)
	select {
	case <-ctx.Done():
	case <-time.After(gatherTime):
		p.rest(ctx, 1, appended)
	}
}

func (p *pace) begin(appended int64) { p.appended = appended }

// rest waits after a batch of so many mails while there is a burst. appended tells
// how many mails have come so far.
func (p *pace) rest(ctx context.Context, settled int, appended func() int64) {
	now, before := appended(), int64(-1)
	if !burst(now-p.appended, settled) {
		return
	}
	rested := time.Now().Add(restMost)
	for ; now != before && time.Now().Before(rested) && ctx.Err() == nil; now = appended() {
		before = now
		select {
		case <-ctx.Done():
		case <-time.After(restStep):
		}
	}
}

// leastBatch is the size from which on the length of a batch tells how fast mails are
// settled: that of a smaller one is the commit's.
const leastBatch = 32

// burst says whether so many mails, come while a batch was settled, are a burst: more
// than twice as many as it had. So it holds on slow machines and on fast ones, and not
// for a load that the desk nearly keeps up with.
func burst(came int64, settled int) bool { return came > 2*int64(max(settled, leastBatch)) }
