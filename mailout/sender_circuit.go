package mailout

import (
	"slices"
	"sync"
	"time"
)

// circuit keeps all mail back while the smarthost itself is in trouble, so that
// an outage costs each mail nothing of its own five days of attempts. While it
// is open one mail at a time goes out as a probe: soon at first, then every
// minute, each time another one, since a probe that fails is put at the end.
type circuit struct {
	mu      sync.Mutex
	trouble string    // "" while closed
	since   time.Time // of trouble
	next    time.Time // when the next probe may go
	probes  int       // sent since it opened
	refused []string  // mails refused for reasons that may be the smarthost's, since it last took one
}

// refusals is how many mails, one after the other, make it the smarthost's
// trouble that it refused them before their recipients were named. One mail with
// a sender that it does not like must not hold up the rest.
const refusals = 3

// probePauses hold the time to the first, second, … probe; then the last one
// holds. They are shorter than a mail's own pauses, since one probe a minute
// burdens nobody and a smarthost is seldom away for long.
var probePauses = [...]time.Duration{5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute}

func probePause(probes int) time.Duration {
	return probePauses[min(probes, len(probePauses)-1)]
}

func (c *circuit) status() (trouble string, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trouble, c.since
}

// open says whether only probes may go, and from when on.
func (c *circuit) open() (open bool, next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trouble != "", c.next
}

// admits says whether a mail may be tried now.
func (c *circuit) admits(probe bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return probe || c.trouble == ""
}

// probed notes that a probe has been handed out, and returns the pause before
// the next.
func (c *circuit) probed(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probes++
	c.next = now.Add(probePause(c.probes))
	return c.next.Sub(now)
}

// fail opens the circuit. It returns whether that is news, and the time of the
// next probe.
func (c *circuit) fail(now time.Time, trouble string) (news bool, next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trouble == "" {
		c.since = now
		c.probes = 0
		c.next = now.Add(probePause(0))
	}
	news = c.trouble != trouble
	c.trouble = trouble
	return news, c.next
}

// refuse counts a refusal that may be the smarthost's. It opens the circuit once
// there are too many in a row.
func (c *circuit) refuse(now time.Time, mail, trouble string) (news bool) {
	c.mu.Lock()
	if len(c.refused) < refusals && !slices.Contains(c.refused, mail) {
		c.refused = append(c.refused, mail)
	}
	many := len(c.refused) >= refusals
	c.mu.Unlock()
	if many {
		news, _ = c.fail(now, trouble)
	}
	return news
}

// well closes the circuit: the smarthost has begun to take a mail. It returns
// whether that is news.
func (c *circuit) well() (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	news = c.trouble != ""
	c.trouble = ""
	c.refused = c.refused[:0]
	return news
}
