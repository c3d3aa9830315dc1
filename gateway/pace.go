package gateway

import (
	"context"
	"time"
)

// pace lets the door go before the desk: while mails come in much faster than
// they can be settled, settling rests between batches, so that senders are not
// kept waiting for the processor. It never stops: a batch is followed by at most
// restMost, and when the burst is over all is settled at full speed.
type pace struct {
	began    time.Time
	appended int64
}

const (
	restShare = 6 // times the length of the batch
	restMost  = 2 * time.Second
	restStep  = 50 * time.Millisecond // without a mail in which the burst is over
)

func (p *pace) begin(appended int64) { p.began, p.appended = time.Now(), appended }

// rest waits after a batch while there is a burst. appended tells how many mails
// have come so far.
func (p *pace) rest(ctx context.Context, appended func() int64) {
	now, before := appended(), int64(-1)
	if !burst(now - p.appended) {
		return
	}
	rested := time.Now().Add(min(restShare*time.Since(p.began), restMost))
	for ; now != before && time.Now().Before(rested) && ctx.Err() == nil; now = appended() {
		before = now
		select {
		case <-ctx.Done():
		case <-time.After(restStep):
		}
	}
}

// burst says whether so many mails, come during one batch, are a burst: twice
// what a batch settles at most. So it holds on slow machines and on fast ones,
// and not for a load that the desk nearly keeps up with.
func burst(came int64) bool { return came > 2*batchMails }
