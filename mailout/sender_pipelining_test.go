package mailout

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// together is what a server says that takes several commands at once.
var together = []string{"PIPELINING"}

// A reply to one mail leaves the connection good for the next, with and without
// pipelining, and whatever the server makes of the commands behind the refused
// one. Nobody but the recipients of the other mails gets anything.
func TestRefusalKeepsConnection(t *testing.T) {
	for _, extensions := range [][]string{nil, together} {
		for _, eager := range []bool{false, true} {
			for _, stage := range []string{"MAIL", "RCPT", "DATA", "end"} {
				for _, reply := range []string{"450 4.2.0 later", "552 5.3.4 never"} {
					synctest.Test(t, func(t *testing.T) {
						h := &host{answer: once(stage, reply), extensions: extensions, eager: eager}
						o := newRows(letters(3, time.Now())...)
						s := start(h, o, func(s *Sender) { s.routes[0].workers = 1 })
						time.Sleep(time.Second)
						s.stop()
						if len(h.mails()) != 2 || h.connections() != 1 {
							t.Errorf("%s %s %v %v: %d mails over %d connections, want 2 over 1", stage, reply, extensions, eager, len(h.mails()), h.connections())
						}
					})
				}
			}
		}
	}
}

// A server that refuses the sender, and takes the commands behind all the same,
// is given no end of data: the recipient would get an empty mail.
func TestNoEmptyMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &connection{client: newClient(near, near, time.Minute), socket: near, waits: &waits{}}
		c.client.offers = map[string]string{"PIPELINING": ""}
		var heard strings.Builder
		go func() {
			buf := make([]byte, 4096)
			n, _ := far.Read(buf)
			heard.Write(buf[:n])
			io.WriteString(far, "550 no\r\n250 ok\r\n354 go ahead\r\n")
			io.Copy(&heard, far)
		}()
		f := c.transact(envelope{"MAIL FROM:<a@b>", "RCPT TO:<c@d>"})
		near.Close()
		synctest.Wait()
		if f == nil || f.stage != stageSender || f.code != 550 || !c.client.broken || heard.String() != "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" {
			t.Errorf("%+v, broken %v, heard %q", f, c.client.broken, heard.String())
		}
	})
}

// A server that refuses RSET, or closes upon it, costs the next mail nothing.
func TestRSETRefused(t *testing.T) {
	for _, answer := range []string{"421 4.3.2 bye", "550 5.5.1 what?", "451 later", hangUp, "gibberish"} {
		synctest.Test(t, func(t *testing.T) {
			refuse := once("RCPT", "550 5.1.1 nobody")
			h := &host{extensions: together, answer: func(stage, line string) string {
				if stage == "RSET" {
					return answer
				}
				return refuse(stage, line)
			}}
			o := newRows(letters(3, time.Now())...)
			s := start(h, o, func(s *Sender) { s.routes[0].workers = 1 })
			time.Sleep(time.Second)
			s.stop()
			for _, r := range o.recorded() {
				if r.Attempts != 1 || r.Outcome == Again {
					t.Errorf("%s: %+v", answer, r)
				}
			}
			if len(h.mails()) != 2 || s.Status().Trouble != "" || h.connections() != 2 {
				t.Errorf("%s: %d mails over %d connections, trouble %q", answer, len(h.mails()), h.connections(), s.Status().Trouble)
			}
		})
	}
}

// What a server says in the middle of the data, before it closes, is heard.
func TestRefusedInTheMiddle(t *testing.T) {
	for _, c := range []struct {
		words string
		want  Outcome
		code  int
	}{
		{"552 5.3.4 too large", Failed, 552},
		{"452 4.3.1 no room", Again, 452},
		{"421 4.3.2 closing", Again, 421},
		{"", Again, 0},
	} {
		h := &host{extensions: together}
		h.answer = func(stage, line string) string {
			if stage == "body" {
				return "middle " + c.words
			}
			return ""
		}
		address := h.listen(t)
		settled := make(chan struct{}, 10)
		o := newRows(letter(1, 8<<20, time.Now()))
		r := runIt(NewSender(&told{o, settled}, SenderOptions{Smarthost: Smarthost{Address: address, TLS: TLSNone}}), nil)
		<-settled
		r.stop()
		if got := o.recorded()[0]; got.Outcome != c.want || got.Code != c.code || got.Attempts != 1 {
			t.Errorf("%q: %+v", c.words, got)
		}
	}
}

// TestPipelining: over a way on which each byte is some time under way, commands
// that go together bring twice as many mails in the same time. make evidence
// measures it by the real clock over TCP.
func TestPipelining(t *testing.T) {
	const delay, mails = 10 * time.Millisecond, 200
	var one, all float64
	synctest.Test(t, func(t *testing.T) {
		dial := func(h *host) func(context.Context, string, string) (net.Conn, error) {
			return func(context.Context, string, string) (net.Conn, error) {
				near, middle := net.Pipe()
				behind, far := net.Pipe()
				go h.serve(far)
				relay(middle, behind, delay)
				return near, nil
			}
		}
		plain, pipelining := &host{}, &host{extensions: together}
		one, all = rateOver(t, plain, dial(plain), mails), rateOver(t, pipelining, dial(pipelining), mails)
	})
	t.Logf("%v each way, fake clock: %.0f mails/s one by one, %.0f together: %.2f times", delay, one, all, all/one)
	if all/one < 1.9 {
		t.Errorf("pipelining brings %.2f times the mails, want 1.9", all/one)
	}
	if os.Getenv("VENTANILLA_EVIDENCE") == "" {
		return
	}
	dial := func(h *host) func(context.Context, string, string) (net.Conn, error) {
		address := h.listen(t)
		through := listenRelay(t, address, delay)
		return func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", through)
		}
	}
	plain, pipelining := &host{}, &host{extensions: together}
	one, all = rateOver(t, plain, dial(plain), mails), rateOver(t, pipelining, dial(pipelining), mails)
	t.Logf("%v each way, over TCP: %.0f mails/s one by one, %.0f together: %.2f times", delay, one, all, all/one)
	if all/one < 1.7 {
		t.Errorf("pipelining brings %.2f times the mails, want 1.7", all/one)
	}
}

// rateOver sends mails to a host and returns how many a second arrived.
func rateOver(t *testing.T, h *host, dial func(context.Context, string, string) (net.Conn, error), n int) float64 {
	t.Helper()
	settled := make(chan struct{}, n)
	o := newRows(letters(n, time.Now())...)
	begin := time.Now()
	s := start(h, &told{o, settled}, func(s *Sender) { s.dial = dial })
	for len(o.left()) > 0 {
		<-settled
	}
	rate := float64(n) / time.Since(begin).Seconds()
	s.stop()
	eachOnce(t, h, n)
	return rate
}

// relay carries bytes between two connections, each piece for some time, as a
// long way does: others may follow meanwhile.
func relay(a, b net.Conn, delay time.Duration) {
	type piece struct {
		due  time.Time
		data []byte
	}
	for _, way := range []struct{ from, to net.Conn }{{a, b}, {b, a}} {
		pieces := make(chan piece, 1000)
		go func() {
			defer close(pieces)
			for {
				data := make([]byte, 32<<10)
				n, err := way.from.Read(data)
				if n > 0 {
					pieces <- piece{time.Now().Add(delay), data[:n]}
				}
				if err != nil {
					return
				}
			}
		}()
		go func() {
			defer way.to.Close()
			for p := range pieces {
				time.Sleep(time.Until(p.due))
				way.to.Write(p.data)
			}
		}()
	}
}

// listenRelay carries connections to an address.
func listenRelay(t *testing.T, address string, delay time.Duration) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", address)
			if err != nil {
				panic(fmt.Sprint("the host is away: ", err))
			}
			relay(a, b, delay)
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return l.Addr().String()
}
