package mailout

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// cutter is the server's end of a connection that breaks behind some byte, of
// what the server says or of what it hears.
type cutter struct {
	net.Conn
	says, hears int // bytes left, negative is any number
	said        *strings.Builder
}

func (c *cutter) Read(p []byte) (int, error) {
	if c.hears == 0 {
		return 0, io.EOF
	}
	if c.hears > 0 {
		p = p[:min(len(p), c.hears)]
	}
	n, err := c.Conn.Read(p)
	if c.hears > 0 {
		c.hears -= n
	}
	return n, err
}

func (c *cutter) Write(p []byte) (int, error) {
	rest := p
	if c.says >= 0 {
		rest = p[:min(len(p), c.says)]
		c.says -= len(rest)
	}
	n, err := c.Conn.Write(rest)
	c.said.Write(rest[:n])
	if n < len(p) {
		c.Close()
		return n, io.ErrClosedPipe
	}
	return n, err
}

// cutOnce sends three mails over one connection, of which the first breaks as
// told, and returns what the host said over it and how often each mail arrived.
func cutOnce(t *testing.T, extensions []string, says, hears int) (said string, arrived map[string]int) {
	h := &host{extensions: extensions}
	arrived = map[string]int{}
	var words strings.Builder
	first := true
	mails := []Outgoing{letter(1, 0, time.Now()), letter(2, 0, time.Now()), letter(3, 0, time.Now())}
	o := newRows(mails...)
	s := start(h, o, func(s *Sender) {
		s.routes[0].workers = 1
		s.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if !first {
				return h.dial(ctx, network, address)
			}
			first = false
			near, middle := net.Pipe()
			behind, far := net.Pipe()
			relay(middle, behind, 0) // a way that holds what is not read yet
			go h.serve(&cutter{far, says, hears, &words})
			return near, nil
		}
	})
	time.Sleep(3 * minute)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	synctest.Wait()
	if left := o.left(); len(left) > 0 {
		t.Errorf("says %d, hears %d: lost %+v", says, hears, left)
	}
	bodies := map[string]string{}
	for _, m := range mails {
		bodies[m.To] = m.Pieces[0].Text
	}
	for _, m := range h.mails() {
		arrived[m.to]++
		if m.body != bodies[m.to] {
			t.Errorf("says %d, hears %d: %s got %q", says, hears, m.to, m.body)
		}
	}
	sent := map[string]int{}
	for _, r := range o.recorded() {
		if r.Outcome == Sent {
			sent[r.ID]++
		}
		if r.Outcome == Failed || r.Attempts > 2 {
			t.Errorf("says %d, hears %d: %+v", says, hears, r)
		}
	}
	for _, m := range mails {
		if sent[m.ID] != 1 || arrived[m.To] == 0 {
			t.Errorf("says %d, hears %d: %s recorded as sent %d times, arrived %d times", says, hears, m.ID, sent[m.ID], arrived[m.To])
		}
	}
	return words.String(), arrived
}

// TestCutEverywhere: the smarthost goes away behind every byte of what it says,
// and of what it hears. No mail is lost. None arrives twice, but for the one that
// the host has taken without saying so: of its 250 less than these three digits
// was heard. Nobody can know better (RFC 1047); it comes with the same bytes.
func TestCutEverywhere(t *testing.T) {
	for name, extensions := range map[string][]string{"one by one": nil, "together": together} {
		t.Run(name, func(t *testing.T) {
			whole := ""
			synctest.Test(t, func(t *testing.T) { whole, _ = cutOnce(t, extensions, -1, -1) })
			const taken = "250 2.0.0 queued as 4711\r\n"
			if strings.Count(whole, taken) != 3 {
				t.Fatalf("the whole dialogue: %q", whole)
			}
			ambiguous := map[int]bool{}
			for at, rest := 0, whole; ; {
				i := strings.Index(rest, taken)
				if i < 0 {
					break
				}
				for n := range 3 {
					ambiguous[at+i+n] = true
				}
				at, rest = at+i+len(taken), rest[i+len(taken):]
			}
			for cut := range len(whole) {
				synctest.Test(t, func(t *testing.T) {
					_, arrived := cutOnce(t, extensions, cut, -1)
					if twice := times(arrived, 2); twice != ambiguous[cut] || times(arrived, 3) {
						t.Errorf("cut behind %q: arrived %v, twice is to be %v", whole[max(0, cut-20):cut], arrived, ambiguous[cut])
					}
				})
			}
			for cut := 0; ; cut++ { // until the connection is not cut any more
				done := false
				synctest.Test(t, func(t *testing.T) {
					said, arrived := cutOnce(t, extensions, -1, cut)
					if times(arrived, 2) {
						t.Errorf("cut behind our byte %d: arrived %v", cut, arrived)
					}
					done = said == whole
				})
				if done {
					if cut < 500 {
						t.Fatalf("our half of the dialogue has %d bytes", cut)
					}
					break
				}
			}
		})
	}
}

func times(arrived map[string]int, n int) bool {
	for _, times := range arrived {
		if times >= n {
			return true
		}
	}
	return false
}
