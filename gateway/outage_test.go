package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/store"
	"ventanilla/store/bolt"
	"ventanilla/store/mem"
)

// sink is a smarthost in memory. It may be away, or put off some recipients.
type sink struct {
	mu    sync.Mutex
	away  bool
	puts  func(rcpt string) (answer string) // off, or "" to take it
	dials []time.Time
	asked map[string][]time.Time // RCPT, by address
	mails []*mail.Message        // taken
	to    []string               // whom each of them was for
}

func (s *sink) dial(context.Context, string, string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dials = append(s.dials, time.Now())
	if s.away {
		return nil, errors.New("refused")
	}
	near, far := net.Pipe()
	go s.serve(far)
	return near, nil
}

func (s *sink) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(line string) { io.WriteString(conn, line+"\r\n") }
	say("220 sink.example")
	rcpt := ""
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, rest, _ := strings.Cut(strings.TrimSpace(line), " "); verb {
		case "RCPT":
			rcpt = rest[strings.IndexByte(rest, '<')+1 : strings.IndexByte(rest, '>')]
			say(s.recipient(rcpt))
		case "DATA":
			say("354 go ahead")
			var raw strings.Builder
			for line, err = in.ReadString('\n'); err == nil && line != ".\r\n"; line, err = in.ReadString('\n') {
				raw.WriteString(strings.TrimPrefix(line, "."))
			}
			s.mu.Lock()
			s.mails, s.to = append(s.mails, mail.Parse([]byte(raw.String()))), append(s.to, rcpt)
			s.mu.Unlock()
			say("250 2.0.0 queued")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (s *sink) recipient(rcpt string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[rcpt] = append(s.asked[rcpt], time.Now())
	if s.puts != nil {
		if answer := s.puts(rcpt); answer != "" {
			return answer
		}
	}
	return "250 2.1.5 ok"
}

// got counts the mails of a template that went to an address.
func (s *sink) got(template, to string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range s.mails {
		if s.to[i] == to && strings.Contains(m.MessageID, "."+template+"@") {
			n++
		}
	}
	return n
}

// working is a desk with its sender and all that is done once in a while, by the
// clock of the bubble it runs in.
func working(t *testing.T, s *sink) (p *played, stop func()) {
	var e store.Engine = mem.New()
	if os.Getenv("VENTANILLA_EVIDENCE") != "" {
		b, err := bolt.Open(filepath.Join(t.TempDir(), "desk.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		e = b
	}
	p = newPlayed(t, e)
	p.tick = time.Now
	s.asked = map[string][]time.Time{}
	sender := mailout.NewSender(p, mailout.SenderOptions{Dial: s.dial, Smarthost: mailout.Smarthost{Address: "127.0.0.1:25", TLS: mailout.TLSNone, PlainText: true}})
	p.WhenSent(sender.Wake)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := sender.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	running.Go(func() { p.Tidy(ctx) })
	return p, func() { cancel(); running.Wait(); synctest.Wait() }
}

func (p *played) answer(key, by, text string) {
	p.t.Helper()
	if err := p.Do(context.Background(), key, desk.Command{Ticket: 1, Kind: desk.CmdAnswer, Actor: desk.ByAgent(by), Text: text}); err != nil {
		p.t.Fatal(err)
	}
}

const days = 24 * time.Hour

// TestFiveDaysAway: the smarthost cannot be reached for five days. It is tried after
// 5, 20 and 50 seconds and then every minute; nobody's mail is given up, nobody is
// told, and when it is back all goes out within a minute, each mail once.
func TestFiveDaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{away: true}
		p, stop := working(t, s)
		defer stop()
		begin := time.Now()
		mails := 0
		for n := range 20 { // one every six hours
			p.receive(verified, opening(n))
			mails += 3 // the acknowledgement, and two agents
			if n == 0 {
				p.answer("one", "eva", "Ya está.")
				mails++
			}
			time.Sleep(6 * time.Hour)
		}
		s.mu.Lock()
		var after []time.Duration
		for _, at := range s.dials {
			after = append(after, at.Sub(begin).Truncate(time.Second))
		}
		s.mu.Unlock()
		want := []time.Duration{0, 5 * time.Second, 20 * time.Second, 50 * time.Second, 110 * time.Second, 170 * time.Second}
		if len(after) < 7000 || !slices.Equal(after[:len(want)], want) {
			t.Errorf("%d attempts, the first %v", len(after), after[:min(len(after), 8)])
		}
		for i := len(want); i < len(after); i++ {
			if wait := after[i] - after[i-1]; wait < 59*time.Second || wait > 62*time.Second {
				t.Fatalf("attempt %d came %v after the one before", i+1, wait)
			}
		}
		os, err := p.Outbox(context.Background(), "", 0)
		if err != nil || len(os) != mails {
			t.Fatalf("%d mails wait, want %d; %v", len(os), mails, err)
		}
		for _, o := range os {
			if o.Failed || o.Attempts > 0 || o.Late {
				t.Fatalf("%+v", o)
			}
		}
		s.mu.Lock()
		s.away = false
		s.mu.Unlock()
		time.Sleep(62 * time.Second)
		if os, _ = p.Outbox(context.Background(), "", 0); len(os) > 0 {
			t.Errorf("%d mails wait a minute after it is back", len(os))
		}
		if len(s.mails) != mails || s.got("respuesta", "ana0@uni.example") != 1 {
			t.Errorf("%d mails arrived, want %d", len(s.mails), mails)
		}
		seen := map[string]bool{}
		for _, m := range s.mails {
			if seen[m.MessageID] {
				t.Errorf("%s arrived twice", m.MessageID)
			}
			seen[m.MessageID] = true
		}
		p.healthy()
	})
}

// documented is when a mail that is put off each time is tried, by its age, as
// docs/administracion.md says: after 1, 5, 15 and 30 minutes, 1, 2, 4, 8 and 16 hours,
// then daily up to five days.
func documented() (ages []time.Duration) {
	age := time.Duration(0)
	for _, pause := range []time.Duration{0, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, days, days, days} {
		age += pause
		ages = append(ages, age)
	}
	return append(ages, 5*days)
}

// TestFiveDaysPutOff: the smarthost works, and puts one recipient off for five days.
// He is tried as documented; the author of the answer is told after two hours and at
// the end, once each, and others get their mails meanwhile. One day less, and all
// arrives.
func TestFiveDaysPutOff(t *testing.T) {
	for _, lasts := range []time.Duration{6 * days, 4 * days} {
		t.Run(fmt.Sprint(lasts), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				s := &sink{puts: func(rcpt string) string {
					if rcpt == "ana0@uni.example" && time.Since(begin) < lasts {
						return "452 4.2.2 mailbox full"
					}
					return ""
				}}
				p, stop := working(t, s)
				defer stop()
				p.receive(verified, opening(0))
				p.receive(verified, opening(1))
				time.Sleep(time.Minute)
				p.answer("one", "eva", "Ya está.")
				answered := time.Now()
				time.Sleep(2*time.Hour - time.Second)
				if n := s.got("entrega-demorada", "eva@mesa.example"); n != 0 {
					t.Error("told before two hours have gone by")
				}
				time.Sleep(2 * time.Minute)
				if n := s.got("entrega-demorada", "eva@mesa.example"); n != 1 {
					t.Errorf("two hours later: told %d times", n)
				}
				time.Sleep(8 * days)
				p.putOff(s, begin, answered, lasts)
				p.healthy()
			})
		})
	}
}

// putOff checks what has come of the mails to ana0, who was put off since begin, and
// got an acknowledgement then and an answer a minute later.
func (p *played) putOff(s *sink, begin, answered time.Time, lasts time.Duration) {
	t := p.t
	var want []time.Duration
	for _, start := range []time.Time{begin, answered} {
		for _, age := range documented() {
			at := start.Add(age).Sub(begin)
			want = append(want, at)
			if at >= lasts {
				break
			}
		}
	}
	slices.Sort(want)
	got := s.asked["ana0@uni.example"]
	if len(got) != len(want) {
		t.Fatalf("%d attempts, want %d", len(got), len(want))
	}
	for i, at := range got {
		if late := at.Sub(begin) - want[i]; late < 0 || late > time.Second {
			t.Errorf("attempt %d after %v, want %v", i+1, at.Sub(begin), want[i])
		}
	}
	failed, arrived := 1, 0
	if lasts < 5*days {
		failed, arrived = 0, 1
	}
	os, err := p.Outbox(context.Background(), "", 0)
	if err != nil || len(os) != 2*failed {
		t.Errorf("%d mails are left, want %d; %v", len(os), 2*failed, err)
	}
	for _, o := range os {
		if !o.Failed || o.Attempts != len(documented()) {
			t.Errorf("%+v", o)
		}
	}
	for _, c := range []struct {
		template, to string
		want         int
	}{{"respuesta", "ana0@uni.example", arrived}, {"acuse", "ana0@uni.example", arrived}, {"acuse", "ana1@uni.example", 1},
		{"entrega-demorada", "eva@mesa.example", 1}, {"entrega-fallida", "eva@mesa.example", 2 * failed}, {"entrega-demorada", "luis@mesa.example", 0}} {
		if n := s.got(c.template, c.to); n != c.want {
			t.Errorf("%s to %s: %d, want %d", c.template, c.to, n, c.want)
		}
	}
}
