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
		came  int64
		batch time.Duration
		want  time.Duration
	}{
		"nothing comes":       {0, 50 * time.Millisecond, 0},
		"the desk keeps up":   {batchMails, 50 * time.Millisecond, 0},
		"nearly":              {2*batchMails - 1, 50 * time.Millisecond, 0},
		"a burst":             {2 * batchMails, 50 * time.Millisecond, 300 * time.Millisecond},
		"a burst, slow batch": {9 * batchMails, 5 * time.Second, restMost},
		"a burst that ends":   {3 * batchMails, time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p pace
				p.begin(1000)
				time.Sleep(c.batch)
				began := time.Now()
				came := 1000 + c.came
				p.rest(context.Background(), func() int64 {
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
