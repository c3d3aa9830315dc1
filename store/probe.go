package store

import (
	"slices"
	"time"
)

// Probe is how the mails do that the desk sends to itself, to see that mail goes
// out and comes in.
type Probe struct {
	Number     int           `json:"number"`                // of the last one sent
	SentAt     time.Time     `json:"sent_at,omitzero"`      // the last one
	Out        []ProbeOut    `json:"out,omitempty"`         // not back yet, the oldest first
	ReturnedAt time.Time     `json:"returned_at,omitzero"`  // when one was back last
	Trip       time.Duration `json:"trip,omitempty"`        // that it took
	Missed     ProbeOut      `json:"missed,omitzero"`       // the first of those that are missed; zero while all is well
	Recovered  time.Time     `json:"recovered_at,omitzero"` // when that ended last
}

// ProbeOut is a probe on its way.
type ProbeOut struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	Mail   string    `json:"mail"` // id in the outbox
}

// Lost says whether probes are missed.
func (p Probe) Lost() bool { return p.Missed.Number > 0 }

// Due says whether the next probe is to be sent. A clock that was set back sends
// one at once.
func (p Probe) Due(now time.Time, every time.Duration) bool {
	since := now.Sub(p.SentAt)
	return since >= every || since < 0
}

// Send notes that the next probe goes out, under that id.
func (p *Probe) Send(now time.Time, mail string) {
	p.Number++
	p.SentAt = now
	p.Out = append(p.Out, ProbeOut{p.Number, now, mail})
}

// Overdue returns the probes that are on their way for longer than late, and
// whether that is news. They are waited for no more. awake is since when the desk
// has been there to take them: what came back before that waits outside, and is
// no fault of the loop.
func (p *Probe) Overdue(now, awake time.Time, late time.Duration) (missed []ProbeOut, news bool) {
	var out []ProbeOut
	for _, o := range p.Out {
		if now.Sub(later(o.At, awake)) <= late {
			out = append(out, o)
			continue
		}
		missed = append(missed, o)
		if !p.Lost() {
			p.Missed, news = o, true
		}
	}
	p.Out = out
	return missed, news
}

// Return notes that a probe is back. It reports whether that ends a time in which
// they were missed. One that nobody waits for any more changes nothing.
func (p *Probe) Return(number int, now, awake time.Time, late time.Duration) (recovered bool) {
	at := slices.IndexFunc(p.Out, func(o ProbeOut) bool { return o.Number == number })
	if at < 0 {
		return false
	}
	o := p.Out[at]
	p.Out = slices.Delete(p.Out, at, at+1)
	p.ReturnedAt, p.Trip = now, max(0, now.Sub(o.At))
	if !p.Lost() || now.Sub(later(o.At, awake)) > late {
		return false
	}
	p.Missed, p.Recovered = ProbeOut{}, now
	p.Out = slices.DeleteFunc(p.Out, func(o ProbeOut) bool { return o.Number < number }) // missed in the same time
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Probe returns how probes do, the zero Probe if none was ever sent.
func (tx Tx) Probe() (p Probe, err error) {
	_, err = tx.find("meta/probe", &p)
	return p, err
}

// SetProbe keeps it.
func (tx Tx) SetProbe(p Probe) error { return tx.put("meta/probe", p) }
