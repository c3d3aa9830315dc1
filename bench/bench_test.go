package main

import (
	"fmt"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"
)

// TestSinkCounts: a second acknowledgement, a second notice and a missing one
// are each told.
func TestSinkCounts(t *testing.T) {
	notice := []byte("From: x\r\nMessage-ID: <n1@mesa.example>\r\n")
	ack := []byte("From: x\r\nMessage-ID: <a@mesa.example>\r\n")
	for name, c := range map[string]struct {
		take func(s *sink)
		want string
	}{
		"all there": {func(s *sink) { s.take("luis@mesa.example", notice); s.take("persona-0000001@universidad.example", ack) }, ""},
		"twice": {func(s *sink) {
			s.take("persona-0000001@universidad.example", ack)
			s.take("persona-0000001@universidad.example", ack)
		}, "twice"},
		"notice twice": {func(s *sink) { s.take("luis@mesa.example", notice); s.take("luis@mesa.example", notice) }, "twice"},
		"none":         {func(s *sink) { s.take("luis@mesa.example", notice) }, "0 of 1 acknowledgements"},
		"another's":    {func(s *sink) { s.take("persona-0000000@universidad.example", ack); s.take("luis@mesa.example", notice) }, "sender 1 has 0"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := newSink(4)
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			c.take(s)
			_, err = s.settled(1, 2, 2, 50*time.Millisecond)
			if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestForms: each mail is of the size that it is said to have, another for each
// sender, and lines keep to RFC 5322.
func TestForms(t *testing.T) {
	for _, large := range []bool{false, true} {
		for i, f := range forms(large) {
			least, most := 3.5, 4.5
			if large {
				least, most = 95, 105
			}
			if size := f.size(); size < least || size > most {
				t.Errorf("form %d of large=%v has %.1f KB", i, large, size)
			}
			one, other := string(f.append(nil, 17)), string(f.append(nil, 1234567))
			if len(one) != len(other) || strings.Count(one, "0000017") < 4 || strings.Count(other, "1234567") < 4 || strings.Contains(one, numberSlot) {
				t.Errorf("form %d of large=%v does not carry its sender", i, large)
			}
			for line := range strings.SplitSeq(one, "\r\n") {
				if len(line) > 200 || strings.ContainsAny(line, "\r\n") {
					t.Errorf("line %q", line)
				}
			}
		}
	}
}

// TestTable: a missed bound is told and counted, and only that.
func TestTable(t *testing.T) {
	var b table
	b.title("title")
	b.row("kept", 2, 4, 2, "≥ 1.00", true)
	b.row("no bound", 2, 1, 0.5, "", false)
	b.atMost("memory", 0, 100, 200)
	if b.missed() != 0 || strings.Contains(b.String(), "MISSED") {
		t.Errorf("%d missed in\n%s", b.missed(), &b)
	}
	b.atMost("more memory", 0, 201, 200)
	if b.missed() != 1 || !strings.Contains(b.String(), "≤ 200  MISSED") {
		t.Errorf("%d missed in\n%s", b.missed(), &b)
	}
}

// TestMinimal: the minimal pipeline answers every mail once, over the real wire.
func TestMinimal(t *testing.T) {
	s, err := newSink(64)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	dir := t.TempDir()
	session, err := newMinimal(dir, s.address)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := newBare(dir)
	if err != nil {
		t.Fatal(err)
	}
	server, other := serveSessions(t, session), serveSessions(t, bare)
	s.begin(nil)
	var accepted atomic.Int64
	l := load{address: server, connections: 4, forms: forms(false), first: 0, last: 64, accepted: func(int) { accepted.Add(1) }}
	if _, err := l.run(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.settled(0, 64, 64, 5*time.Second); err != nil || accepted.Load() != 64 {
		t.Errorf("%d accepted: %v", accepted.Load(), err)
	}
	if err := smtp.SendMail(other, nil, "a@x.example", []string{"b@x.example"}, []byte("Subject: x\r\n\r\nhola\r\n")); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, "bare")); err != nil || !strings.Contains(string(kept), "hola") {
		t.Errorf("the bare sink kept %q: %v", kept, err)
	}
}

// serveSessions serves sessions until the test ends.
func serveSessions(t *testing.T, session func() gosmtp.Session) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newSMTP(session)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return l.Addr().String()
}
