package mailin

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"ventanilla/mail"
)

const shuttingDown = "421 4.3.2 desk.example.org Shutting down"

// TestShutdownIdle: sessions without a mail's text under way end with 421 at
// once, however long they could still have waited.
func TestShutdownIdle(t *testing.T) {
	certificate, key := certificateFiles(t, t.TempDir(), 1)
	for name, act := range map[string]func(p *peer){
		"greeted":         func(p *peer) { p.want("220 *") },
		"idle":            func(p *peer) { p.greet() },
		"before the text": func(p *peer) { p.begin() },
		"half a command":  func(p *peer) { p.greet(); p.send("NOO") },
		"answer not read": func(p *peer) {
			p.greet()
			time.Sleep(time.Minute)
			p.send("NOOP\r\n")
		},
		"TLS": func(p *peer) {
			p.greet()
			p.send("STARTTLS\r\n")
			p.want("220 *")
			p.startTLS(&tls.Config{InsecureSkipVerify: true})
			p.send("NOOP\r\n")
			p.want("250 *")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, l := servePipes(t, &ledger{}, Options{GetCertificate: files(t, certificate, key, time.Now, nil)})
				p := l.dial(t, "192.0.2.1")
				act(p)
				synctest.Wait()
				done := make(chan error, 1)
				start := time.Now()
				go func() { done <- s.Shutdown(t.Context()) }()
				synctest.Wait()
				if name == "answer not read" {
					p.want("250 *")
				}
				p.want(shuttingDown)
				p.want(closed)
				if err := <-done; err != nil || time.Since(start) > time.Second {
					t.Errorf("%v after %s", err, time.Since(start))
				}
			})
		})
	}
}

// TestShutdownText: a mail under way is finished and acknowledged; what is
// pipelined behind it is not begun.
func TestShutdownText(t *testing.T) {
	tests := map[string][]string{
		"DATA": {"DATA\r\n", "354 *", "first\r\n", "", "last\r\n.\r\nMAIL FROM:<a@b>\r\n", "250 2.0.0 Ok: *"},
		"BDAT": {"BDAT 6\r\nfirst\n", "", "BDAT 6 LAST\r\nlast\r\nMAIL FROM:<a@b>\r\n", "250 2.0.0 Go on", "", "250 2.0.0 Ok: *"},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mails ledger
				s, l := servePipes(t, &mails, Options{})
				p := l.dial(t, "192.0.2.1")
				p.begin()
				done := make(chan error, 1)
				for i, text := range steps {
					if i == 2 {
						synctest.Wait()
						go func() { done <- s.Shutdown(t.Context()) }()
						synctest.Wait()
					}
					switch {
					case text == "":
					case i%2 == 0 && name == "BDAT" && i == 2:
						go p.send(text) // the pipe wants its answer read meanwhile
					case i%2 == 0:
						p.send(text)
					default:
						p.want(text)
					}
				}
				p.want(shuttingDown)
				p.want(closed)
				if err := <-done; err != nil {
					t.Error(err)
				}
				if got := mails.all(); len(got) != 1 {
					t.Errorf("%d mails", len(got))
				}
			})
		})
	}
}

// slow is a Receiver that needs an hour for a mail unless it is told to stop.
type slow struct{ ended chan error }

func (slow) Accepts(mail.Envelope, string) error { return nil }
func (r slow) Receive(ctx context.Context, _ mail.Envelope, text io.Reader) (mail.ID, error) {
	if _, err := io.Copy(io.Discard, text); err != nil {
		r.ended <- err
		return "", err
	}
	select {
	case <-time.After(time.Hour):
		r.ended <- nil
		return "0123456789abcdef0123456789abcdef", nil
	case <-ctx.Done():
		r.ended <- ctx.Err()
		return "", ctx.Err()
	}
}

// TestShutdownRunsOut: when Shutdown's time is over, sessions are cut off, not
// acknowledged, and the receiver is told.
func TestShutdownRunsOut(t *testing.T) {
	for name, text := range map[string]string{"client stalls": "half", "receiver stalls": "whole\r\n.\r\n"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := slow{make(chan error, 1)}
				s, l := servePipes(t, r, Options{})
				p := l.dial(t, "192.0.2.1")
				p.begin()
				p.send("DATA\r\n")
				p.want("354 *")
				p.send(text)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				start := time.Now()
				if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Shutdown: %v", err)
				}
				if took := time.Since(start); took != 20*time.Second {
					t.Errorf("it took %s", took)
				}
				p.want(closed)
				if err := <-r.ended; err == nil {
					t.Error("the receiver took the mail")
				}
				synctest.Wait()
				if n := connections(s); n != 0 {
					t.Errorf("%d connections left", n)
				}
			})
		})
	}
}

// TestShutdownWaits is the control of TestShutdownRunsOut: with time enough
// the same mail is taken.
func TestShutdownWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := slow{make(chan error, 1)}
		s, l := servePipes(t, r, Options{})
		p := l.dial(t, "192.0.2.1")
		p.begin()
		p.send("DATA\r\n")
		p.want("354 *")
		p.send("whole\r\n.\r\n")
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(t.Context()) }()
		p.want("250 2.0.0 Ok: 0123456789abcdef")
		p.want(shuttingDown)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestServeAfterShutdown and a second Shutdown do nothing.
func TestServeAfterShutdown(t *testing.T) {
	s, err := NewServer(&ledger{}, Options{Hostname: "desk.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
}

// TestServeFails tells the error of a listener.
func TestServeFails(t *testing.T) {
	s, err := NewServer(&ledger{}, Options{Hostname: "desk.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := s.Serve(l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
}
