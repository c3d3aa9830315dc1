package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"ventanilla/mail"
)

func put(t testing.TB, b *Inbox, to, raw string) Captured {
	t.Helper()
	env := mail.Envelope{Source: "smtp", From: "soporte@desk.example", Rcpts: []string{to}}
	if err := b.Accepts(env, to); err != nil {
		t.Fatal(err)
	}
	id, err := b.Receive(t.Context(), env, strings.NewReader(strings.ReplaceAll(raw, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Mails() {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("the mail just taken is not there")
	return Captured{}
}

func simple(subject string) string {
	return "From: Mesa <soporte@desk.example>\nTo: ana@example.org\nSubject: " + subject + "\nMessage-ID: <" + subject + "@desk.example>\n\nHola\n"
}

func TestInboxKeepsTheLast(t *testing.T) {
	size := len(strings.ReplaceAll(simple("m00"), "\n", "\r\n"))
	tests := []struct {
		name     string
		box      *Inbox
		kept, of int
	}{
		{"by number", &Inbox{maxMails: 3}, 3, 10},
		{"by bytes", &Inbox{maxBytes: 4*size + size/2}, 4, 10},
		{"all", &Inbox{}, 10, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.of {
				put(t, tt.box, "ana@example.org", simple(fmt.Sprintf("m%02d", i)))
			}
			mails := tt.box.Mails()
			if len(mails) != tt.kept || tt.box.Last() != tt.of {
				t.Fatalf("%d kept of %d, want %d of %d", len(mails), tt.box.Last(), tt.kept, tt.of)
			}
			for i, c := range mails {
				number := tt.of - tt.kept + i + 1
				if want := fmt.Sprintf("m%02d", number-1); c.Number != number || c.Message.Subject != want {
					t.Errorf("mail %d is %d %q, want %d %q", i, c.Number, c.Message.Subject, number, want)
				}
			}
			if _, found := tt.box.Mail(tt.of - tt.kept); found {
				t.Error("a forgotten mail is found")
			}
			sum := 0
			for _, c := range mails {
				sum += len(c.Raw)
			}
			if sum != tt.box.bytes {
				t.Errorf("counts %d bytes, holds %d", tt.box.bytes, sum)
			}
		})
	}
}

func TestInboxRefuses(t *testing.T) {
	b := &Inbox{maxBytes: 100}
	if _, err := b.Receive(t.Context(), mail.Envelope{}, strings.NewReader(strings.Repeat("x", 101))); !errors.Is(err, mail.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	cut := errors.New("cut")
	if _, err := b.Receive(t.Context(), mail.Envelope{}, iotest.ErrReader(cut)); !errors.Is(err, cut) {
		t.Errorf("cut: %v", err)
	}
	if n := len(b.Mails()); n != 0 {
		t.Errorf("%d mails kept", n)
	}
	if _, err := b.Receive(t.Context(), mail.Envelope{}, strings.NewReader(strings.Repeat("x", 100))); err != nil {
		t.Errorf("as large as may be: %v", err)
	}
}

func TestInboxWait(t *testing.T) {
	b := &Inbox{}
	put(t, b, "ana@example.org", simple("antes"))
	subject := func(s string) func(Captured) bool {
		return func(c Captured) bool { return c.Message.Subject == s }
	}
	if c, err := b.Wait(t.Context(), subject("antes")); err != nil || c.Number != 1 || !c.To("ANA@example.org") || c.To("luis@example.org") {
		t.Errorf("what was there: %d, %v", c.Number, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Wait(ctx, subject("nunca")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}

	// Many wait, each for its own mail, while others send: nobody misses his.
	const many = 50
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			if _, err := b.Wait(t.Context(), subject(fmt.Sprint("w", i))); err != nil {
				t.Errorf("waiter %d: %v", i, err)
			}
		})
		all.Go(func() {
			if _, err := b.Receive(t.Context(), mail.Envelope{}, strings.NewReader(simple(fmt.Sprint("w", i)))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestInboxWaitAsksOnce: a mail is shown to match once, however long it waits.
func TestInboxWaitAsksOnce(t *testing.T) {
	b := &Inbox{}
	put(t, b, "ana@example.org", simple("uno"))
	asked := map[int]int{}
	ready := make(chan bool, 1)
	go func() {
		<-ready
		put(t, b, "ana@example.org", simple("dos"))
	}()
	_, err := b.Wait(t.Context(), func(c Captured) bool {
		asked[c.Number]++
		ready <- true
		return c.Number == 2
	})
	if err != nil || asked[1] != 1 || asked[2] != 1 {
		t.Errorf("asked %v, %v", asked, err)
	}
}
