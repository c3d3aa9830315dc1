package gateway

import (
	"context"
	"time"
)

// pace lets the door go before the desk: while mails come in faster than they
// can be settled, settling rests between batches, so that senders are not kept
// waiting for the processor. It never stops: a batch is followed by at most
// restMost, and when the burst is over all is settled at full speed.
type pace struct {
	began    time.Time
	appended int64
}

const (
	burstRate = 2500 // mails a second that come in, above which settling rests
	restShare = 6    // times the length of the batch
	restMost  = 400 * time.Millisecond
)

func (p *pace) begin(appended int64) { p.began, p.appended = time.Now(), appended }

// rest waits after a batch if there is a burst.
func (p *pace) rest(ctx context.Context, appended int64) {
	took := time.Since(p.began)
	if !burst(appended-p.appended, took) {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(min(restShare*took, restMost)):
	}
}

// burst says whether so many mails in that time are more than can be settled
// beside them.
func burst(mails int64, took time.Duration) bool {
	return mails > 64 && float64(mails) > burstRate*took.Seconds()
}
