package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ventanilla/gateway"
	"ventanilla/mailin"
	"ventanilla/store/mem"
)

// door serves a desk by SMTP until the returned function is called.
func (p *played) door(lmtp bool) (address string, shut func()) {
	p.t.Helper()
	s, err := mailin.NewServer(p, mailin.Options{Hostname: "mesa.example", LMTP: lmtp, TrustedRelays: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		p.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return l.Addr().String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			p.t.Error(err)
		}
		<-served
	}
}

// peer is a mail server that brings a mail, over a connection that breaks when it
// has said or heard so many bytes. Negative is any number.
type peer struct {
	net.Conn
	says, hears int
}

func (c *peer) Write(b []byte) (int, error) {
	if c.says >= 0 && len(b) > c.says {
		n, _ := c.Conn.Write(b[:c.says])
		return n, io.ErrClosedPipe
	}
	if c.says >= 0 {
		c.says -= len(b)
	}
	return c.Conn.Write(b)
}

func (c *peer) Read(b []byte) (int, error) {
	if c.hears == 0 {
		return 0, io.EOF
	}
	if c.hears > 0 {
		b = b[:min(len(b), c.hears)]
	}
	n, err := c.Conn.Read(b)
	if c.hears > 0 {
		c.hears -= n
	}
	return n, err
}

// bring speaks SMTP or LMTP step by step, and returns whether it heard that the
// mail was taken, and how many bytes went each way.
func bring(t *testing.T, address string, lmtp bool, raw string, says, hears int) (taken bool, said, heard int) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := &peer{conn, says, hears}
	in := bufio.NewReader(c)
	hello := "EHLO a.example"
	if lmtp {
		hello = "LHLO a.example"
	}
	for i, s := range []string{"", hello, "MAIL FROM:<x@y.example>", "RCPT TO:<soporte@mesa.example>", "DATA", raw + ".", "QUIT"} {
		if s != "" {
			n, err := io.WriteString(c, s+"\r\n")
			if said += n; err != nil {
				return taken, said, heard
			}
		}
		for more := true; more; {
			line, err := in.ReadString('\n')
			if heard += len(line); err != nil {
				return taken, said, heard
			}
			if line[0] != '2' && line[0] != '3' {
				t.Fatalf("%s: %s", s, line)
			}
			more = line[3] == '-'
		}
		taken = taken || i == 5
	}
	return taken, said, heard
}

// TestCutAtTheDoor: a mail server brings mails over connections that break behind
// each byte that it says or hears, and brings each again until it has heard that it
// was taken. Every one is a ticket, no two are for the same mail, and each is
// acknowledged once.
func TestCutAtTheDoor(t *testing.T) {
	for name, lmtp := range map[string]bool{"SMTP": false, "LMTP": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlayed(t, mem.New())
			address, shut := p.door(lmtp)
			letter := func(n int) string { return strings.ReplaceAll(opening(n), "\n", "\r\n") }
			taken, said, heard := bring(t, address, lmtp, letter(10000), -1, -1)
			if !taken || said < 150 || heard < 150 {
				t.Fatalf("uncut: %v, %d bytes said, %d heard", taken, said, heard)
			}
			mails, twice := 1, 0
			again := func(says, hears int) {
				n := 10000 + mails
				mails++
				if taken, _, _ := bring(t, address, lmtp, letter(n), says, hears); taken {
					return
				}
				twice++
				if taken, _, _ := bring(t, address, lmtp, letter(n), -1, -1); !taken {
					t.Fatalf("mail %d was not taken uncut", n)
				}
			}
			for cut := range said {
				again(cut, -1)
			}
			for cut := range heard {
				again(-1, cut)
			}
			shut()
			for range mails*2/100 + 1 {
				p.now = p.now.Add(time.Hour) // for the cap on acknowledgements
				p.settle()
			}
			p.oneEach(mails)
			t.Logf("%d mails, %d brought again, %d known as such", mails, twice, count(p.dispositions(), "duplicate"))
			if count(p.dispositions(), "duplicate") < 20 {
				t.Error("no mail was taken without the peer hearing of it: the test proves nothing")
			}
			p.healthy()
		})
	}
}

// oneEach fails unless there is one ticket and one acknowledgement for each mail.
func (p *played) oneEach(mails int) {
	p.t.Helper()
	all := p.dispositions()
	if n := count(all, "ticket"); n != mails || len(all) != mails+count(all, "duplicate") {
		p.t.Errorf("%d tickets of %d mails; %d dispositions", n, mails, len(all))
	}
	told := map[string]int{}
	for _, k := range p.kinds() {
		if strings.HasPrefix(k, "acuse ") {
			told[k]++
		}
	}
	for n := range mails {
		if k := fmt.Sprintf("acuse ana%d@uni.example", 10000+n); told[k] != 1 {
			p.t.Errorf("%s: %d times", k, told[k])
		}
	}
}

var _ mailin.Receiver = (*gateway.Gateway)(nil)
