package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/store"
	"ventanilla/store/mem"
)

// bounceOf is what a mail server says of the mail that went to ana.
func bounceOf(to, original, action, status string) string {
	return fmt.Sprintf(`From: MAILER-DAEMON@uni.example
To: %s
Subject: Undelivered Mail Returned to Sender
Message-ID: <%s-%s@uni.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.uni.example

Final-Recipient: rfc822; ana1@uni.example
Action: %s
Status: %s
Diagnostic-Code: smtp; %s no

--x
Content-Type: text/rfc822-headers

Message-ID: <%s>
--x--
`, to, action, status, action, status, status, original)
}

// sendAll settles all that is due as sent and returns what it was.
func (p *played) sendAll() map[string]mailout.Outgoing {
	p.t.Helper()
	mails, _, err := p.Due(context.Background(), p.now, 100, func(string) bool { return false })
	if err != nil {
		p.t.Fatal(err)
	}
	all := map[string]mailout.Outgoing{}
	for _, m := range mails {
		all[m.Kind+" "+m.To] = m
		r := mailout.Result{ID: m.ID, At: p.now, Outcome: mailout.Sent, Code: 250, Text: "queued as 4F1"}
		if err := p.Settle(context.Background(), []mailout.Result{r}); err != nil {
			p.t.Fatal(err)
		}
	}
	return all
}

// outcome returns what became of the mail of a kind that went to ana.
func (p *played) outcome(kind string) (o store.Sent) {
	p.t.Helper()
	h, err := p.History(context.Background(), "000001")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, m := range h.Mails {
		if m.Kind == kind && m.To == "ana1@uni.example" {
			o = m
		}
	}
	return o
}

// TestLedger: what comes back is noted on the mail that it speaks of; an address
// that is gone gets no mail until somebody writes from it; a report without
// proof changes nothing.
func TestLedger(t *testing.T) {
	p := newPlayed(t, mem.New())
	p.receive(verified, opening(1))
	ack := p.sendAll()["acuse ana1@uni.example"]
	null := mail.Envelope{Source: "smtp", From: mail.NullPath, Rcpts: []string{ack.From}}
	if o := p.outcome("acuse"); o.Outcome != store.OutcomeSent {
		t.Fatalf("sent: %+v", o)
	}

	forged := null
	forged.Rcpts = []string{"soporte@mesa.example"}
	p.receive(forged, bounceOf("soporte@mesa.example", "otro@uni.example", "failed", "5.1.1"))
	if o := p.outcome("acuse"); o.Outcome != store.OutcomeSent {
		t.Errorf("after a report without proof: %+v", o)
	}

	p.receive(null, bounceOf(ack.From, "x@y", "delayed", "4.4.1"))
	if o := p.outcome("acuse"); o.Outcome != store.OutcomeDelayed {
		t.Errorf("delayed: %+v", o)
	}
	p.receive(forged, bounceOf("soporte@mesa.example", ack.MessageID, "failed", "5.1.1"))
	if o := p.outcome("acuse"); o.Outcome != store.OutcomeBounced || !strings.HasPrefix(o.Report, "5.1.1") || o.Answer == "" {
		t.Errorf("bounced: %+v", o)
	}
	p.sendAll()

	answer := func(key string) {
		t.Helper()
		if err := p.Do(context.Background(), key, desk.Command{Ticket: 1, Kind: desk.CmdResolve, Actor: desk.Operator}); err != nil {
			t.Fatal(err)
		}
	}
	answer("one")
	if o := p.outcome("resuelto"); o.Outcome != store.OutcomeSuppressed || count(p.kinds(), "resuelto") != 0 {
		t.Errorf("to an address that is gone: %+v, %v", o, p.kinds())
	}
	p.receive(verified, strings.Replace(opening(1), "Subject: ", "Subject: otra cosa, ", 1)+"\nOtra.\n")
	if got := p.kinds(); count(got, "acuse ana1@uni.example") != 1 {
		t.Errorf("once she has written: %v", got)
	}
	p.healthy()
}

// TestLedgerOfSeveral: a report that names two mails of ours speaks of the one
// whose recipient it names.
func TestLedgerOfSeveral(t *testing.T) {
	p := newPlayed(t, mem.New())
	p.receive(verified, opening(1))
	sent := p.sendAll()
	ack, told := sent["acuse ana1@uni.example"], sent["ticket-nuevo luis@mesa.example"]
	p.receive(mail.Envelope{Source: "smtp", From: mail.NullPath, Rcpts: []string{ack.From}}, bounceOf(ack.From, told.MessageID, "failed", "5.1.1"))
	h, err := p.History(context.Background(), "000001")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range h.Mails {
		want := store.OutcomeSent
		if m.ID == ack.ID {
			want = store.OutcomeBounced
		}
		if m.Outcome != want {
			t.Errorf("%s to %s: %s, want %s", m.Kind, m.To, m.Outcome, want)
		}
	}
}

// TestLedgerOfAgents: an agent is told that a mail to a requester came back, and
// nobody that one to an agent did: it may be the one that told him, so that
// servers would write to each other without end.
func TestLedgerOfAgents(t *testing.T) {
	for told, want := range map[string]int{"acuse ana1@uni.example": 1, "ticket-nuevo luis@mesa.example": 0} {
		p := newPlayed(t, mem.New())
		p.receive(verified, opening(1))
		ours := p.sendAll()[told]
		p.receive(mail.Envelope{Source: "smtp", From: mail.NullPath, Rcpts: []string{ours.From}}, bounceOf(ours.From, ours.MessageID, "failed", "5.1.1"))
		if got := count(p.kinds(), "entrega-fallida luis@mesa.example"); got != want {
			t.Errorf("%s came back: luis is told %d times, want %d", told, got, want)
		}
	}
}

// TestLedgerAway: an automatic answer to a mail of ours says that its addressee
// is away, which hinders no mail.
func TestLedgerAway(t *testing.T) {
	p := newPlayed(t, mem.New())
	p.receive(verified, opening(1))
	ack := p.sendAll()["acuse ana1@uni.example"]
	p.receive(mail.Envelope{Source: "smtp", From: mail.NullPath, Rcpts: []string{"soporte@mesa.example"}},
		"From: ana1@uni.example\nTo: soporte@mesa.example\nSubject: Respuesta automática\nMessage-ID: <away@uni.example>\nIn-Reply-To: <"+ack.MessageID+">\nAuto-Submitted: auto-replied\n\nEstoy de vacaciones.\n")
	if o := p.outcome("acuse"); o.Outcome != store.OutcomeAway {
		t.Errorf("%+v", o)
	}
	if err := p.Do(context.Background(), "one", desk.Command{Ticket: 1, Kind: desk.CmdResolve, Actor: desk.Operator}); err != nil {
		t.Fatal(err)
	}
	if got := p.kinds(); count(got, "resuelto ana1@uni.example") != 1 {
		t.Errorf("%v", got)
	}
	p.healthy()
}

// TestLedgerOfRefusal: an address that the smarthost refuses for good is gone; a
// full mailbox is not.
func TestLedgerOfRefusal(t *testing.T) {
	for status, want := range map[string]int{"5.1.1": 0, "5.2.2": 1} {
		p := newPlayed(t, mem.New())
		p.receive(verified, opening(1))
		mails, _, err := p.Due(context.Background(), p.now, 100, func(string) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mails {
			if m.Kind == "acuse" {
				if err := p.Settle(context.Background(), []mailout.Result{{ID: m.ID, At: p.now, Outcome: mailout.Failed, Code: 550, Enhanced: status, Text: "no"}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := p.Do(context.Background(), "one", desk.Command{Ticket: 1, Kind: desk.CmdResolve, Actor: desk.Operator}); err != nil {
			t.Fatal(err)
		}
		if got := p.kinds(); count(got, "resuelto ana1@uni.example") != want {
			t.Errorf("%s: %v", status, got)
		}
	}
}

// TestLedgerByEnvelopeID: a notice that names no mail, and comes to the desk itself,
// is matched by the ENVID that the mail went out with; another one is not.
func TestLedgerByEnvelopeID(t *testing.T) {
	for changed, want := range map[bool]string{false: store.OutcomeBounced, true: store.OutcomeSent} {
		p := newPlayed(t, mem.New())
		p.receive(verified, opening(1))
		ack := p.sendAll()["acuse ana1@uni.example"]
		id := ack.ID
		if changed {
			id = "m" + strings.Repeat("a", len(id)-1)
		}
		bounce := strings.Replace(bounceOf("soporte@mesa.example", "x@y", "failed", "5.2.2"), "Reporting-MTA", "Original-Envelope-Id: "+id+"\nReporting-MTA", 1)
		p.receive(mail.Envelope{Source: "smtp", From: mail.NullPath, Rcpts: []string{"soporte@mesa.example"}}, bounce)
		if o := p.outcome("acuse"); o.Outcome != want {
			t.Errorf("changed %v: %+v", changed, o)
		}
	}
}
