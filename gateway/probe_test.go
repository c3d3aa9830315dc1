package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/store"
	"ventanilla/store/mem"
)

// probed is a desk that sends probes, with the loop that brings them back in the
// hands of the test.
type probed struct {
	*played
	unsure bool // the engine says of what it has stored that it may not have: that is not logged
	logged bytes.Buffer
	counts map[string]int
	told   []string // of mails that are no probes: kind, to, detour
}

func newProbed(t testing.TB, e store.Engine) *probed {
	p := &probed{played: newPlayed(t, e), counts: map[string]int{}}
	p.options.Slog = slog.New(slog.NewTextHandler(&p.logged, nil))
	p.options.Watch = counting{p.counts}
	p.options.Probe = gateway.ProbeOptions{Every: 10 * time.Minute, Late: 15 * time.Minute, Address: "soporte@mesa.example", Alarm: "guardia@otra.example", Detour: true}
	p.restart()
	return p
}

func (p *probed) restart() { p.Gateway = gateway.New(p.options) }

type counting struct{ counts map[string]int }

func (c counting) Received(way string, _ time.Duration) { c.counts["received "+way]++ }
func (c counting) Settled(way, disposition string, took time.Duration) {
	c.counts["settled "+way+" "+disposition]++
}
func (c counting) Committed(mails int, _ time.Duration) { c.counts["committed"] += mails }
func (c counting) Happened(kind, term string)           { c.counts["event "+kind+" "+term]++ }
func (c counting) Capped(by string)                     { c.counts["capped "+by]++ }
func (c counting) Probed(what string)                   { c.counts[what]++ }

// pass lets time pass by minutes, looking at the probes in each. carry says what
// becomes of the mails that are to be sent.
func (p *probed) pass(minutes int, carry func(mailout.Outgoing)) {
	p.t.Helper()
	for range minutes {
		again(p.t, func() error { return p.TendProbes(context.Background()) })
		os, err := p.Outbox(context.Background(), "", 0)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, o := range os {
			if o.Kind != mailout.ProbeKind {
				p.told = append(p.told, fmt.Sprintf("%s → %s, detour %v: %s", o.Kind, o.To, o.Detour, o.Subject))
				p.sent(o, mailout.Sent)
				continue
			}
			carry(o)
		}
		p.now = p.now.Add(time.Minute)
	}
}

func (p *probed) sent(o mailout.Outgoing, outcome mailout.Outcome) {
	p.t.Helper()
	again(p.t, func() error {
		return p.Settle(context.Background(), []mailout.Result{{ID: o.ID, At: p.now, Outcome: outcome, Attempts: 1, Due: p.now.Add(time.Minute), Text: "said"}})
	})
}

// back brings a mail of ours in, as a mail server does.
func (p *probed) back(o mailout.Outgoing) {
	p.t.Helper()
	p.receive(mail.Envelope{Source: "imap", From: o.From, Rcpts: []string{o.To}, ReceivedAt: p.now}, strings.ReplaceAll(string(p.raw(o)), "\r\n", "\n"))
}

// loop carries a probe out and in again at once.
func (p *probed) loop(o mailout.Outgoing) {
	raw := strings.ReplaceAll(string(p.raw(o)), "\r\n", "\n")
	p.sent(o, mailout.Sent)
	p.receive(mail.Envelope{Source: "smtp", From: o.From, Rcpts: []string{o.To}}, "Received: from x by y; Mon, 2 Mar 2026 14:00:00 +0000\n"+raw)
}

func (p *probed) swallow(o mailout.Outgoing) { p.sent(o, mailout.Sent) }
func (p *probed) refuse(o mailout.Outgoing)  { p.sent(o, mailout.Again) }
func (p *probed) nothing(mailout.Outgoing)   {}

func (p *probed) state() store.Probe {
	p.t.Helper()
	s, ok, err := p.Probe(context.Background())
	if err != nil || !ok {
		p.t.Fatal(ok, err)
	}
	return s
}

// expect compares what was told by mail and log so far.
func (p *probed) expect(lost, back int) {
	p.t.Helper()
	var got [2]int
	for _, line := range p.told {
		switch line {
		case "aviso-admin → guardia@otra.example, detour true: Aviso de Mesa de ayuda: el correo no da la vuelta":
			got[0]++
		case "aviso-admin → guardia@otra.example, detour true: Aviso de Mesa de ayuda: el correo vuelve a dar la vuelta":
			got[1]++
		default:
			p.t.Errorf("told: %s", line)
		}
	}
	if got != [2]int{lost, back} {
		p.t.Errorf("told of %d losses and %d recoveries, want %d and %d", got[0], got[1], lost, back)
	}
	if p.unsure {
		return
	}
	logged := p.logged.String()
	if n := strings.Count(logged, "level=ERROR msg=\"probe missed"); n != lost {
		p.t.Errorf("%d losses in the log, want %d:\n%s", n, lost, logged)
	}
	if n := strings.Count(logged, "msg=\"probe is back"); n != back {
		p.t.Errorf("%d recoveries in the log, want %d:\n%s", n, back, logged)
	}
}

// TestProbe plays a loop that works, breaks and works again: each is told once,
// whatever way it breaks, and every mail has its disposition and no ticket.
func TestProbe(t *testing.T) {
	for name, e := range engines(t) {
		t.Run(name, func(t *testing.T) {
			p := newProbed(t, e)
			p.unsure = name == "ambiguous"
			p.pass(60, p.loop)
			if s := p.state(); s.Number != 6 || s.Lost() || len(s.Out) != 0 || s.ReturnedAt.IsZero() {
				t.Errorf("after an hour: %+v", s)
			}
			p.expect(0, 0)
			for i, broken := range []func(mailout.Outgoing){p.swallow, p.refuse, p.nothing} {
				p.pass(90, broken)
				if s := p.state(); !s.Lost() || len(s.Out) > 2 {
					t.Errorf("broken in way %d: %+v", i, s)
				}
				if f, err := p.Figures(context.Background()); err != nil || f.Waiting > 2 {
					t.Errorf("broken in way %d: %d probes pile up, %v", i, f.Waiting, err)
				}
				p.expect(i+1, i)
				p.pass(30, p.loop)
				if s := p.state(); s.Lost() || s.Recovered.IsZero() {
					t.Errorf("mended after way %d: %+v", i, s)
				}
				p.expect(i+1, i+1)
			}
			if ds := p.dispositions(); slices.Contains(ds, "ticket") || !slices.Contains(ds, "ledger") {
				t.Errorf("dispositions %v", ds)
			}
			if c := p.counts; !p.unsure && (c["missed"] == 0 || c["sent"] != p.state().Number || c["back"] != c["settled smtp ledger"] || c["committed"] != len(p.dispositions())) {
				t.Errorf("counts %v", c)
			}
			p.healthy()
		})
	}
}

// TestProbeSlow: one that comes back too late does not mend what is missed, nor
// does one that is already given up; one copy more is a duplicate.
func TestProbeSlow(t *testing.T) {
	p := newProbed(t, mem.New())
	var first mailout.Outgoing
	p.pass(17, func(o mailout.Outgoing) {
		if first.ID == "" {
			first = o
		}
		p.sent(o, mailout.Sent)
	})
	p.expect(1, 0)
	raw := first
	p.back(raw)
	p.back(raw)
	if s := p.state(); !s.Lost() {
		t.Errorf("one that came too late mended it: %+v", s)
	}
	var second mailout.Outgoing
	p.pass(9, func(o mailout.Outgoing) { second = o; p.sent(o, mailout.Sent) }) // one that was sent meanwhile, too
	p.now = p.now.Add(14*time.Minute + 30*time.Second - p.now.Sub(second.Created))
	p.now = p.now.Add(time.Minute) // half a minute too late, and nobody has looked since
	p.back(second)
	if s := p.state(); !s.Lost() || s.Trip <= 15*time.Minute {
		t.Errorf("half a minute too late mended it: %+v", s)
	}
	if got := p.dispositions(); !slices.Equal(got, []string{"ledger", "duplicate", "ledger"}) {
		t.Errorf("dispositions %v", got)
	}
	p.expect(1, 0)
}

// TestProbeSleep: what was missed while the desk did not run, or its machine
// slept, is no fault of the loop; what is missed is told once over a restart.
func TestProbeSleep(t *testing.T) {
	p := newProbed(t, mem.New())
	p.pass(1, p.swallow) // and then the process ends
	p.now = p.now.Add(5 * time.Hour)
	p.restart()
	p.pass(14, p.loop)
	p.expect(0, 0)
	p.pass(3, p.loop) // but now it should be here
	p.expect(1, 0)
	p.restart()
	p.pass(5, p.swallow)
	p.expect(1, 0)
	p.pass(20, p.loop)
	p.expect(1, 1)
	p.pass(1, p.nothing)
	p.now = p.now.Add(3 * time.Hour) // asleep, or the clock was set
	p.pass(5, p.loop)
	p.expect(1, 1)
}

// TestProbeForeign: nobody makes a probe but the desk; a token of another purpose
// is none, and one whose Message-ID was changed on the way still is.
func TestProbeForeign(t *testing.T) {
	p := newProbed(t, mem.New())
	var probe mailout.Outgoing
	p.pass(1, func(o mailout.Outgoing) { probe = o; p.sent(o, mailout.Sent) })
	raw := strings.ReplaceAll(string(p.raw(probe)), "\r\n", "\n")
	token, _, _ := strings.Cut(probe.MessageID, "@")
	env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}}
	p.receive(env, strings.ReplaceAll(raw, token, token[:len(token)-1]+"a"))
	if s := p.state(); len(s.Out) != 1 {
		t.Fatalf("a forged probe counts: %+v", s)
	}
	other := p.options.Keys.Make(desk.Token{Purpose: desk.ForMessage, Revision: 1, Addressee: p.options.Keys.Fingerprint("soporte@mesa.example")})
	p.receive(env, strings.ReplaceAll(raw, token, other))
	if s := p.state(); len(s.Out) != 1 {
		t.Fatalf("a token of another purpose counts: %+v", s)
	}
	p.receive(env, strings.Replace(raw, "Message-ID: <"+token, "Message-ID: <rewritten", 1))
	if s := p.state(); len(s.Out) != 0 || s.ReturnedAt.IsZero() {
		t.Errorf("with another Message-ID: %+v", s)
	}
	if got := p.dispositions(); !slices.Equal(got, []string{"filed", "filed", "ledger"}) {
		t.Errorf("dispositions %v", got)
	}
}

// TestProbeHeld: after a restore nothing goes out, so nothing is missed.
func TestProbeHeld(t *testing.T) {
	p := newProbed(t, mem.New())
	p.pass(1, p.swallow)
	again(t, func() error { return p.Restored(context.Background()) })
	p.pass(60, p.swallow)
	p.expect(0, 0)
}
