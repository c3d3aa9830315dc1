package gateway

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestPace: settling rests in a burst, for a limited time, and only then.
func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		came    int64
		settled int
		want    time.Duration
	}{
		"nothing comes":     {0, batchMails, 0},
		"the desk keeps up": {batchMails, batchMails, 0},
		"nearly":            {2*batchMails - 1, batchMails, 0},
		"a burst":           {2 * batchMails, batchMails, restMost},
		"one mail alone":    {2*leastBatch - 1, 1, 0},
		"a burst behind it": {2 * leastBatch, 1, restMost},
		"a burst that ends": {3 * batchMails, batchMails, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p pace
				p.begin(1000)
				began := time.Now()
				came := 1000 + c.came
				p.rest(context.Background(), c.settled, func() int64 {
					if name != "a burst that ends" {
						came++
					}
					return came
				})
				if name == "a burst that ends" {
					c.want = restStep
				}
				if rested := time.Since(began); rested != c.want {
					t.Errorf("rested %s, want %s", rested, c.want)
				}
			})
		})
	}
}

// TestPaceGathers: one mail is settled at once, several a moment later, and the first
// of a burst when it is over.
func TestPaceGathers(t *testing.T) {
	for name, c := range map[string]struct {
		came, more int64 // at first, and meanwhile
		idle, want time.Duration
	}{
		"one":              {1, 0, time.Hour, 0},
		"several":          {2, 0, restStep, gatherTime},
		"several, at work": {20, 100, restStep - 1, 0},
		"a few":            {2, 2 * leastBatch, time.Hour, gatherTime},
		"a burst":          {2, 2*leastBatch + 1, time.Hour, gatherTime + restStep},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pace{appended: 1000}
				began := time.Now()
				p.gather(context.Background(), c.idle, func() int64 {
					if time.Since(began) == 0 {
						return 1000 + c.came
					}
					return 1000 + c.came + c.more
				})
				if waited := time.Since(began); waited != c.want {
					t.Errorf("waited %s, want %s", waited, c.want)
				}
			})
		})
	}
}
