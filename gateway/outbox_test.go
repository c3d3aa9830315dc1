package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/store/mem"
	"ventanilla/store/storetest"
)

var verified = mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}, Auth: mail.Auth{Relay: true}}

// kinds tells what lies in the outbox: template and addressee.
func (p *played) kinds() (all []string) {
	p.t.Helper()
	os, err := p.Outbox(context.Background(), "", 0)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, o := range os {
		all = append(all, o.Kind+" "+o.To)
	}
	return all
}

func count(all []string, what string) (n int) {
	for _, s := range all {
		if strings.HasPrefix(s, what) {
			n++
		}
	}
	return n
}

// TestListed: a verified sender's tickets beyond the cap of an hour are told in
// one mail when the hour is over, and only then.
func TestListed(t *testing.T) {
	p := newPlayed(t, mem.New())
	for n := range 23 {
		p.receive(verified, strings.Replace(opening(n), fmt.Sprintf("ana%d@", n), "ana@", 1))
	}
	if n := count(p.kinds(), "acuse "); n != 20 {
		t.Fatalf("%d acknowledgements, want 20", n)
	}
	p.tidy()
	if n := count(p.kinds(), "acuse-varios"); n != 0 {
		t.Fatal("told before the hour is over")
	}
	p.now = p.now.Add(time.Hour)
	p.tidy()
	p.tidy()
	if n := count(p.kinds(), "acuse-varios ana@uni.example"); n != 1 {
		t.Fatalf("%d lists, want 1", n)
	}
	os, _ := p.Outbox(context.Background(), "", 0)
	for _, o := range os {
		if o.Kind == "acuse-varios" {
			m := mail.Parse(p.raw(o))
			for _, number := range []string{"#000021", "#000022", "#000023"} {
				if !strings.Contains(m.Text, number) {
					t.Errorf("%s is not in the list:\n%s", number, m.Text)
				}
			}
			if strings.Contains(m.Text, "#000020") {
				t.Error("what was acknowledged is listed too")
			}
		}
	}
	p.healthy()
}

// tidy does the hourly work once.
func (p *played) tidy() {
	p.t.Helper()
	if err := p.TidyOnce(context.Background()); err != nil {
		p.t.Fatal(err)
	}
}

// TestDeliveries: what became of a mail is on record once, however often it is
// told; that one failed is told to the agents.
func TestDeliveries(t *testing.T) {
	ctx := context.Background()
	p := newPlayed(t, storetest.Ambiguous(mem.New(), 2))
	p.receive(verified, opening(1))
	mails, next, err := p.Due(ctx, p.now, 10, func(string) bool { return false })
	if err != nil || len(mails) != 3 || !next.IsZero() {
		t.Fatalf("due: %d, %s, %v", len(mails), next, err)
	}
	var ack mailout.Outgoing
	for _, m := range mails {
		if m.Kind == "acuse" {
			ack = m
		}
	}
	if skipped, _, err := p.Due(ctx, p.now, 10, func(id string) bool { return id == ack.ID }); err != nil || len(skipped) != 2 {
		t.Errorf("skipping one: %d, %v", len(skipped), err)
	}
	later := p.now.Add(5 * time.Minute)
	settle := func(r mailout.Result) {
		t.Helper()
		r.ID, r.At = ack.ID, p.now
		for range 2 {
			again(t, func() error { return p.Settle(ctx, []mailout.Result{r, {ID: "unknown", Outcome: mailout.Sent}}) })
		}
	}
	settle(mailout.Result{Outcome: mailout.Again, Attempts: 1, Due: later, Code: 451, Text: "later"})
	if mails, next, _ = p.Due(ctx, p.now, 10, func(string) bool { return false }); len(mails) != 2 || !next.Equal(later) {
		t.Errorf("after a delay: %d due, next %s", len(mails), next)
	}
	settle(mailout.Result{Outcome: mailout.Failed, Attempts: 2, Code: 550, Enhanced: "5.1.1", Text: "no such user"})
	if got := p.kinds(); count(got, "entrega-fallida") != 2 || count(got, "acuse") != 1 {
		t.Errorf("after a failure: %v", got)
	}
	h, err := p.History(ctx, "000001")
	if err != nil || len(h.Events) != 2 || h.Events[1].Text != "ana1@uni.example 5.1.1 no such user" {
		t.Errorf("history %+v, %v", h.Events, err)
	}
	for _, m := range mails { // nobody is told by mail that mail to him fails
		if strings.HasPrefix(m.Kind, "ticket-nuevo") {
			again(t, func() error {
				return p.Settle(ctx, []mailout.Result{{ID: m.ID, At: p.now, Outcome: mailout.Failed, Code: 550, Enhanced: "5.1.1", Text: "no such user"}})
			})
		}
	}
	if got := p.kinds(); count(got, "entrega-fallida") != 2 {
		t.Errorf("after failures to agents: %v", got)
	}
	again(t, func() error { return p.RetryOutgoing(ctx, ack.ID) })
	if mails, _, _ = p.Due(ctx, p.now, 10, func(id string) bool { return id != ack.ID }); len(mails) != 1 || mails[0].Attempts != 0 || mails[0].Failed {
		t.Errorf("retried: %+v", mails)
	}
	settle(mailout.Result{Outcome: mailout.Sent, Code: 250, Text: "ok"})
	if h, _ = p.History(ctx, "000001"); len(h.Mails) != 1 || h.Mails[0].Outcome != "sent" || count(p.kinds(), "acuse") != 0 {
		t.Errorf("sent: %+v, %v", h.Mails, p.kinds())
	}
	if err := p.RetryOutgoing(ctx, ack.ID); !errors.Is(err, gateway.ErrNotFound) {
		t.Errorf("retry of what was sent: %v", err)
	}
	p.healthy()
}

// TestDo: a call with the same key is made once; a refusal says why.
func TestDo(t *testing.T) {
	ctx := context.Background()
	p := newPlayed(t, mem.New())
	p.receive(verified, opening(1))
	assign := desk.Command{Ticket: 1, Kind: desk.CmdAssign, Actor: desk.Operator, Value: "luis"}
	for range 2 {
		if err := p.Do(ctx, "one", assign); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(p.kinds(), "asignado luis@mesa.example"); n != 1 {
		t.Errorf("%d notices", n)
	}
	for range 2 {
		if err := p.Do(ctx, "note", desk.Command{Ticket: 1, Kind: desk.CmdNote, Actor: desk.Operator, Text: "visto"}); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := p.History(ctx, "000001"); err != nil || len(h.Events) != 3 {
		t.Errorf("%d events, want opened, assigned and one note; %v", len(h.Events), err)
	}
	if err := p.Do(ctx, "two", desk.Command{Ticket: 1, Kind: desk.CmdReopen, Actor: desk.Operator}); !errors.Is(err, desk.ErrRefused) {
		t.Errorf("refusal: %v", err)
	}
	if err := p.Do(ctx, "three", desk.Command{Ticket: 9, Kind: desk.CmdClose}); !errors.Is(err, gateway.ErrNotFound) {
		t.Errorf("unknown ticket: %v", err)
	}
	p.healthy()
}
