package mailin

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
)

const tooSlow = "421 4.4.2 desk.example.org Too slow, closing"

// begin brings a session to the point where the text of a mail comes next.
func (p *peer) begin() {
	p.t.Helper()
	p.greet()
	p.send("MAIL FROM:<ana@example.org>\r\n")
	p.want("250 *")
	p.send("RCPT TO:<mesa@desk.example.org>\r\n")
	p.want("250 *")
}

// dribble sends a piece of text again and again.
func (p *peer) dribble(times int, pause time.Duration, piece string) {
	p.conn.SetWriteDeadline(time.Time{})
	for range times {
		time.Sleep(pause)
		p.conn.Write([]byte(piece)) // fails when the server has gone
	}
}

// TestCommandTimeout: a command has five minutes, however it is spread.
func TestCommandTimeout(t *testing.T) {
	tests := map[string]func(p *peer){
		"silent before the greeting is answered": func(p *peer) { p.want("220 *") },
		"idle":                                   func(p *peer) { p.greet() },
		"one byte a minute": func(p *peer) {
			p.greet()
			go p.dribble(10, time.Minute, "N")
		},
		"a line that is too long, a piece a minute": func(p *peer) {
			p.greet()
			go p.dribble(10, time.Minute, strings.Repeat("N", 3000))
		},
	}
	for name, act := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, l := servePipes(t, &ledger{}, Options{})
				p := l.dial(t, "192.0.2.1")
				start := time.Now()
				act(p)
				p.want(tooSlow)
				if took := time.Since(start); took < 4*time.Minute+50*time.Second || took > 5*time.Minute {
					t.Errorf("it took %s", took)
				}
				p.want(closed)
				p.conn.Close()
				time.Sleep(time.Hour) // the writers end
			})
		})
	}
}

// TestCommandTimeoutBegins: each command has its own five minutes.
func TestCommandTimeoutBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := servePipes(t, &ledger{}, Options{})
		p := l.dial(t, "192.0.2.1")
		p.greet()
		for range 20 {
			time.Sleep(4*time.Minute + 30*time.Second)
			p.send("NOOP\r\n")
			p.want("250 *")
		}
	})
}

// TestTextTimeout: a mail that stalls ends its session; nothing of it is read
// as commands, nothing is taken.
func TestTextTimeout(t *testing.T) {
	injection := "\r\n.\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<mesa@desk.example.org>\r\nDATA\r\nevil\r\n.\r\n"
	for name, head := range map[string]string{"DATA": "DATA\r\n", "BDAT": "BDAT 5000 LAST\r\n", "BDAT refused": "RSET\r\nBDAT 5000\r\n"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l ledger
				_, pipes := servePipes(t, &l, Options{})
				p := pipes.dial(t, "192.0.2.1")
				p.begin()
				p.send(head)
				if name != "BDAT" {
					p.want("*")
				}
				p.send("half a line")
				start := time.Now()
				for p.line() != tooSlow {
				}
				if took := time.Since(start); took < 4*time.Minute+50*time.Second || took > 5*time.Minute {
					t.Errorf("it took %s", took)
				}
				p.send(injection)
				p.want(closed)
				if got := l.all(); len(got) != 0 {
					t.Errorf("taken: %+v", got)
				}
			})
		})
	}
}

// TestTextInAll: a steady but slow sender has half an hour, no more.
func TestTextInAll(t *testing.T) {
	for name, pieces := range map[string]int{"in time": 7, "too late": 8} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l ledger
				_, pipes := servePipes(t, &l, Options{})
				p := pipes.dial(t, "192.0.2.1")
				p.begin()
				p.send("DATA\r\n")
				p.want("354 *")
				go func() {
					p.dribble(pieces, 4*time.Minute, "piece\r\n")
					p.conn.Write([]byte(".\r\n"))
				}()
				if pieces == 7 {
					p.want("250 2.0.0 Ok: *")
				} else {
					p.want(tooSlow)
				}
				p.conn.Close()
				time.Sleep(time.Hour)
				if got := len(l.all()); got != 8-pieces {
					t.Errorf("%d mails taken", got)
				}
			})
		})
	}
}

// TestHandshakeTimeout: STARTTLS without a handshake ends.
func TestHandshakeTimeout(t *testing.T) {
	certificate, key := certificateFiles(t, t.TempDir(), 1)
	synctest.Test(t, func(t *testing.T) {
		_, l := servePipes(t, &ledger{}, Options{GetCertificate: files(t, certificate, key, time.Now, nil)})
		p := l.dial(t, "192.0.2.1")
		p.greet()
		p.send("STARTTLS\r\n")
		p.want("220 *")
		start := time.Now()
		p.want(closed)
		if took := time.Since(start); took > 5*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

// TestAnswerTimeout: a peer that does not read its answers is cut off.
func TestAnswerTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := servePipes(t, &ledger{}, Options{})
		l.dial(t, "192.0.2.1") // not even the greeting
		synctest.Wait()
		if n := connections(s); n != 1 {
			t.Fatalf("%d connections", n)
		}
		time.Sleep(2 * time.Minute)
		if n := connections(s); n != 0 {
			t.Errorf("%d connections after two minutes", n)
		}
	})
}

func connections(s *Server) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// bare is go-smtp without anything of ours: what the guards are measured
// against.
type bare struct {
	mails  []string
	err    error
	froms  []string
	rcpts  int
	opened func()
}

func (b *bare) NewSession(*smtp.Conn) (smtp.Session, error) { return b, nil }
func (b *bare) Reset()                                      {}
func (b *bare) Logout() error                               { return nil }
func (b *bare) Mail(from string, _ *smtp.MailOptions) error {
	b.froms = append(b.froms, from)
	return nil
}
func (b *bare) Rcpt(string, *smtp.RcptOptions) error { b.rcpts++; return nil }
func (b *bare) Data(r io.Reader) error {
	if b.opened != nil {
		b.opened()
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b.mails = append(b.mails, string(text))
	return b.err
}

func serveBare(t testing.TB, b *bare, change func(*smtp.Server)) *pipes {
	t.Helper()
	s := smtp.NewServer(b)
	s.Domain = "desk.example.org"
	s.ErrorLog = libraryLog{(&logBuffer{}).logger()}
	if change != nil {
		change(s)
	}
	l := newPipes()
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-served
	})
	return l
}

// TestLibraryTimeout is the control of TestTextTimeout and TestTextInAll: the
// library alone reads the rest of a text as commands, and its time-out spans
// the whole text.
func TestLibraryTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bare
		l := serveBare(t, &b, func(s *smtp.Server) { s.ReadTimeout = 5 * time.Minute })
		p := l.dial(t, "192.0.2.1")
		p.begin()
		p.send("DATA\r\n")
		p.want("354 *")
		for range 4 { // steady, and yet
			time.Sleep(70 * time.Second)
			p.send("piece\r\n")
		}
		p.want("554 *")
		p.send("MAIL FROM:<evil@example.org>\r\n")
		p.want("250 *")
		if got := b.froms[len(b.froms)-1]; got != "evil@example.org" {
			t.Errorf("the last sender is %q", got)
		}
	})
}
