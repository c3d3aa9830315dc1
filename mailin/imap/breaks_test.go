package imap

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestBreaksAtAMail: a mail at which the server breaks the connection every time is
// asked for over several connections and then passed over with a note; all others are
// taken meanwhile, each once, wherever it stands among them.
func TestBreaksAtAMail(t *testing.T) {
	for _, at := range []string{"text", "header", "size"} {
		for _, bad := range [][]uint32{{1}, {3}, {5}, {2, 4}} {
			t.Run(fmt.Sprint(at, bad), func(t *testing.T) {
				t.Parallel()
				s := newServer(t)
				s.put("m1", "m2", "m3", "m4", "m5")
				s.with(func() {
					s.breaks = map[uint32]string{}
					for _, uid := range bad {
						s.breaks[uid] = at
					}
				})
				d := newDesk(t, s)
				var others, want []string
				for uid := uint32(1); uid <= 5; uid++ {
					if d.skipped[uid] = slices.Contains(bad, uid); d.skipped[uid] {
						want = append(want, fmt.Sprintf("[El servidor no entrega este correo por más que se le pide. No se trajo: está en la carpeta INBOX del buzón buzon, con el UID %d.]", uid))
					} else {
						others = append(others, fmt.Sprint("m", uid))
					}
				}
				slices.Sort(want)
				want = append(want, others...)
				late := 0
				poll(t, d, s.account(), func(p *Poller) { p.refusing = 100 * time.Millisecond }, func() bool {
					if texts, _ := d.got(); late == 0 && slices.Equal(texts, others) {
						s.with(func() { late = s.broken })
						s.put("m6") // what comes meanwhile is taken too, and lets the server be believed
						want = append(want, "m6")
					}
					return d.has(want...)() && d.at(6)
				})
				if texts, twice := d.got(); !slices.Equal(texts, want) || twice != 0 {
					t.Errorf("%v", texts)
				}
				if late == 0 || s.broken <= tries*len(bad) {
					t.Errorf("the others were all there after %d breaks of %d", late, s.broken)
				}
			})
		}
	}
}

// at says that the point is there.
func (d *desk) at(uid uint32) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.point.UID == uid
}

// TestBreaksAtAll: a server that breaks the connection at every mail, few or many, is
// in trouble; no mail is passed over for that, and all are taken once it is well.
func TestBreaksAtAll(t *testing.T) {
	for _, mails := range []int{1, 4, doubtful + 10} {
		t.Run(fmt.Sprint(mails), func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			var want []string
			for i := range mails {
				want = append(want, fmt.Sprintf("%03d", i))
			}
			s.put(want...)
			s.with(func() {
				s.breaks = map[uint32]string{}
				for _, m := range s.inbox {
					s.breaks[m.uid] = "text"
				}
			})
			d := newDesk(t, s)
			poll(t, d, s.account(), func(p *Poller) { p.refusing = 0 }, func() bool {
				s.with(func() {
					if s.broken > 3*tries*min(mails, 10) {
						s.breaks = nil
					}
				})
				return d.has(want...)() && d.at(uint32(mails))
			})
			if texts, twice := d.got(); !slices.Equal(texts, want) || twice != 0 {
				t.Errorf("%v", texts)
			}
		})
	}
}

// TestBreaksNowAndThen: connections that break without regard to a mail blame none.
func TestBreaksNowAndThen(t *testing.T) {
	s := newServer(t)
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprintf("%03d", i))
	}
	s.put(want...)
	d := newDesk(t, s)
	next := 30
	s.with(func() { s.cut = next })
	poll(t, d, s.account(), func(p *Poller) { p.refusing = 0 }, func() bool {
		s.with(func() {
			if s.cut == 0 && s.cutTimes < 25 {
				next += 9
				s.cut = s.lines + 3 + next%7
			}
		})
		return d.has(want...)() && d.at(40)
	})
	if texts, _ := d.got(); !slices.Equal(texts, want) {
		t.Errorf("%v", texts)
	}
}
