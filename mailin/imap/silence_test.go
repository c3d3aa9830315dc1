package imap

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestSilence: with the patience that serves, a connection on which nothing comes for
// ten minutes is dead, not earlier and hardly later, whatever was asked; another takes
// its place and what came meanwhile. One on which the server says something lives on
// for a day.
func TestSilence(t *testing.T) {
	for name, silent := range map[string]func(*server){
		"after a command":  func(s *server) { s.dumb = true },
		"within an answer": func(s *server) { s.mute = true },
		"in IDLE":          func(s *server) { s.dumb, s.deaf = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := bareServer(t)
				s.put("uno")
				d := newDesk(t, s)
				p, stop := pollPipe(t, s, d)
				defer stop()
				time.Sleep(24 * time.Hour)
				s.mu.Lock()
				connections, looks := s.logins, len(s.log)
				s.inbox = append(s.inbox, message{uid: s.next, text: "Subject: dos\r\n\r\ndos\r\n", at: time.Now()})
				s.next++
				silent(s)
				s.mu.Unlock()
				if connections != 1 || looks < 24*60/2 || !d.has("uno")() {
					t.Fatalf("after a day: %d connections, %d commands", connections, looks)
				}
				begun := time.Now()
				for p.Status()[0].Trouble == "" && time.Since(begun) < time.Hour {
					time.Sleep(time.Second)
				}
				// The last words may be two minutes old, or come in two more.
				if spent := time.Since(begun); spent < 8*time.Minute || spent > 12*time.Minute+10*time.Second {
					t.Errorf("given up after %s", spent)
				}
				s.with(func() { s.dumb, s.mute, s.deaf = false, false, false })
				time.Sleep(time.Minute)
				if texts, _ := d.got(); len(texts) != 2 {
					t.Errorf("%v; %+v", texts, p.Status())
				}
			})
		})
	}
}

// bareServer is a server that nobody can connect to but by a pipe.
func bareServer(t *testing.T) *server {
	return &server{t: t, caps: "IMAP4rev1 IDLE MOVE UIDPLUS", validity: 7, next: 1, news: make(chan struct{}, 16),
		answers: map[string]string{}, always: map[string]string{}, vanish: map[uint32]bool{}, conns: map[net.Conn]bool{}}
}

// pollPipe runs a poller against it, as it is but for the network.
func pollPipe(t *testing.T, s *server, d *desk) (p *Poller, stop func()) {
	t.Helper()
	a := s.account()
	a.Address, a.Poll = "127.0.0.1:143", 0
	p, err := NewPoller(d, Options{Accounts: []Account{a}})
	if err != nil {
		t.Fatal(err)
	}
	p.dial = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go s.serve(far)
		return near, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { _ = p.Run(ctx); close(ended) }()
	return p, func() { cancel(); <-ended; synctest.Wait() }
}
