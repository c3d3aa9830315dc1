package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/store/mem"
)

// answered is a desk on which eva has answered ana's ticket, that luis is to work on.
func answered(t *testing.T) (p *played, answer mailout.Outgoing) {
	t.Helper()
	p = newPlayed(t, mem.New())
	p.receive(verified, opening(1))
	do := func(key string, c desk.Command) {
		t.Helper()
		if err := p.Do(context.Background(), key, c); err != nil {
			t.Fatal(err)
		}
	}
	do("one", desk.Command{Ticket: 1, Kind: desk.CmdAssign, Actor: desk.Operator, Value: "luis"})
	p.sendAll()
	do("two", desk.Command{Ticket: 1, Kind: desk.CmdAnswer, Actor: desk.ByAgent("eva"), Text: "Ya está."})
	return p, p.due("respuesta")
}

// due returns the mail of that template that is due.
func (p *played) due(template string) mailout.Outgoing {
	p.t.Helper()
	mails, _, err := p.Due(context.Background(), p.now, 100, func(string) bool { return false })
	if err != nil {
		p.t.Fatal(err)
	}
	for _, m := range mails {
		if m.Kind == template {
			return m
		}
	}
	p.t.Fatalf("no %s is due: %v", template, p.kinds())
	return mailout.Outgoing{}
}

func (p *played) result(r mailout.Result) {
	p.t.Helper()
	r.At = p.now
	if err := p.Settle(context.Background(), []mailout.Result{r}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *played) tellLate() {
	p.t.Helper()
	if err := p.TellLate(context.Background()); err != nil {
		p.t.Fatal(err)
	}
}

// TestLate: the author of a mail that is put off is told after two hours, not before,
// once, and once more when it is given up; not who else works on the ticket.
func TestLate(t *testing.T) {
	p, o := answered(t)
	put := func(attempts int) {
		p.result(mailout.Result{ID: o.ID, Outcome: mailout.Again, Attempts: attempts, Due: p.now.Add(time.Hour), Code: 452, Enhanced: "4.2.2", Text: "mailbox full"})
	}
	put(1)
	p.now = p.now.Add(2*time.Hour - time.Second)
	p.tellLate()
	if n := count(p.kinds(), "entrega-demorada"); n != 0 {
		t.Fatal("told before two hours have gone by")
	}
	p.now = p.now.Add(2 * time.Second)
	for attempts := range 4 {
		p.tellLate()
		put(attempts + 2)
		p.now = p.now.Add(time.Hour)
	}
	if got := p.kinds(); count(got, "entrega-demorada") != 1 || count(got, "entrega-demorada eva@mesa.example") != 1 {
		t.Errorf("after two hours: %v", got)
	}
	notice := mail.Parse(p.raw(p.due("entrega-demorada"))).Text
	for _, words := range []string{"ana1@uni.example", "4.2.2", "mailbox full"} {
		if !strings.Contains(notice, words) {
			t.Errorf("%q is not in the notice:\n%s", words, notice)
		}
	}
	p.result(mailout.Result{ID: o.ID, Outcome: mailout.Failed, Attempts: 14, Code: 452, Enhanced: "4.2.2", Text: "mailbox full"})
	p.tellLate()
	if got := p.kinds(); count(got, "entrega-fallida") != 1 || count(got, "entrega-fallida eva@mesa.example") != 1 || count(got, "entrega-demorada") != 1 {
		t.Errorf("when it is given up: %v", got)
	}
	p.healthy()
}

// TestLateNobody: nobody is told of a mail that went in time, of one that no attempt
// was charged to (the smarthost was away), of an acknowledgement, nor by mail of
// mails to agents.
func TestLateNobody(t *testing.T) {
	p, o := answered(t)
	p.result(mailout.Result{ID: o.ID, Outcome: mailout.Again, Attempts: 1, Due: p.now.Add(time.Hour), Code: 451, Text: "later"})
	p.now = p.now.Add(time.Hour)
	p.result(mailout.Result{ID: o.ID, Outcome: mailout.Sent, Code: 250})
	p.receive(verified, opening(2))
	for _, m := range []string{"acuse", "ticket-nuevo"} {
		p.result(mailout.Result{ID: p.due(m).ID, Outcome: mailout.Again, Attempts: 1, Due: p.now.Add(time.Hour), Code: 451, Text: "later"})
	}
	if err := p.Do(context.Background(), "three", desk.Command{Ticket: 1, Kind: desk.CmdAnswer, Actor: desk.ByAgent("eva"), Text: "Y más."}); err != nil {
		t.Fatal(err)
	}
	p.result(mailout.Result{ID: p.due("respuesta").ID, Outcome: mailout.Again, Due: p.now.Add(time.Minute), Text: "away"})
	p.now = p.now.Add(3 * time.Hour)
	p.tellLate()
	p.tellLate()
	if n := count(p.kinds(), "entrega"); n != 0 {
		t.Errorf("%v", p.kinds())
	}
	p.healthy()
}

// TestLateByNotice: what another server says of a mail on its way is told its author,
// each thing once: that it is delayed, unless we have told that ourselves, and that it
// came back.
func TestLateByNotice(t *testing.T) {
	for _, late := range []bool{false, true} {
		p, o := answered(t)
		want := 1
		if late {
			p.result(mailout.Result{ID: o.ID, Outcome: mailout.Again, Attempts: 1, Due: p.now, Code: 451, Text: "later"})
			p.now = p.now.Add(3 * time.Hour)
			p.tellLate()
		}
		p.result(mailout.Result{ID: o.ID, Outcome: mailout.Sent, Code: 250})
		bounce := func(n int, action, status string) {
			text := strings.Replace(bounceOf(o.From, o.MessageID, action, status), "Message-ID: <", fmt.Sprintf("Message-ID: <%d", n), 1)
			p.receive(mail.Envelope{Source: "smtp", From: mail.NullPath, Rcpts: []string{o.From}}, text)
		}
		for n := range 3 {
			bounce(n, "delayed", "4.4.1")
		}
		if got := p.kinds(); count(got, "entrega-demorada") != want || count(got, "entrega-demorada eva@mesa.example") != want {
			t.Errorf("late %v: told of the delay %v", late, got)
		}
		for n := range 3 {
			bounce(n, "failed", "5.2.2")
		}
		if got := p.kinds(); count(got, "entrega-fallida") != 1 || count(got, "entrega-fallida eva@mesa.example") != 1 {
			t.Errorf("late %v: told that it came back %v", late, got)
		}
		if h, err := p.History(context.Background(), "000001"); err != nil || len(h.Events) < 8 {
			t.Errorf("%d events, %v", len(h.Events), err)
		}
		p.healthy()
	}
}
