package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/store/mem"
)

func opening(n int) string {
	return fmt.Sprintf("From: Ana <ana%d@uni.example>\nTo: soporte@mesa.example\nSubject: Solicitud %d\nMessage-ID: <%d@uni.example>\n\nHola.\n", n, n, n)
}

// dispositions tells what became of every mail, in order.
func (p *played) dispositions() (all []string) {
	p.t.Helper()
	if err := p.Export(context.Background(), func(e gateway.Exported) error {
		all = append(all, e.Receipt.Disposition)
		return nil
	}); err != nil {
		p.t.Fatal(err)
	}
	return all
}

func (p *played) take(env mail.Envelope, raw string) {
	p.t.Helper()
	if _, err := p.Receive(context.Background(), env, strings.NewReader(strings.ReplaceAll(raw, "\n", "\r\n"))); err != nil {
		p.t.Fatal(err)
	}
}

// failing is an engine on which some keys cannot be read or written.
type failing struct {
	store.Engine
	read, write string
	err         error
}

func (e *failing) Update(ctx context.Context, fn func(store.KV) error) error {
	return e.Engine.Update(ctx, func(kv store.KV) error { return fn(failingKV{kv, e}) })
}

type failingKV struct {
	store.KV
	e *failing
}

func (kv failingKV) Put(key string, value []byte) error {
	if kv.e.write != "" && strings.HasPrefix(key, kv.e.write) {
		return kv.e.err
	}
	return kv.KV.Put(key, value)
}

func (kv failingKV) Get(key string) ([]byte, error) {
	if kv.e.read != "" && strings.HasPrefix(key, kv.e.read) {
		return nil, kv.e.err
	}
	return kv.KV.Get(key)
}

// TestOneBadMail: a mail that cannot be settled is set aside with its error, and
// its neighbours in the same batch are not.
func TestOneBadMail(t *testing.T) {
	second := mail.ContentID([]byte(strings.ReplaceAll(opening(2), "\n", "\r\n")))
	p := newPlayed(t, &failing{Engine: mem.New(), read: "content/" + string(second), err: errors.New("a fault")})
	for n := range 3 {
		p.take(mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}}, opening(n+1))
	}
	p.settle()
	if got := strings.Join(p.dispositions(), " "); got != "ticket quarantine ticket" {
		t.Errorf("dispositions %s", got)
	}
	rs, err := p.Quarantine(context.Background(), "", 0)
	if err != nil || len(rs) != 1 || !strings.Contains(rs[0].Reason, "a fault") {
		t.Errorf("quarantine %+v, %v", rs, err)
	}
	p.healthy()
}

// TestStoreFailure: an error of the store concerns all mails; none is set aside
// for it, and all are settled when it has passed.
func TestStoreFailure(t *testing.T) {
	e := &failing{Engine: mem.New(), write: "ticket/", err: store.ErrNoSpace}
	p := newPlayed(t, e)
	p.take(mail.Envelope{Source: "smtp", Rcpts: []string{"soporte@mesa.example"}}, opening(1))
	if _, err := p.Process(context.Background(), p.mark, 10); !errors.Is(err, store.ErrNoSpace) {
		t.Fatalf("Process: %v", err)
	}
	if got := p.dispositions(); got[0] != "" {
		t.Fatalf("settled all the same: %v", got)
	}
	e.write = ""
	p.settle()
	if got := p.dispositions(); got[0] != "ticket" {
		t.Errorf("dispositions %v", got)
	}
}

// TestDeadlyMail: a mail during which the process ended five times is quarantined
// at the next start, unread; the others are settled. Fewer ends may be those of
// starts that were cut short: the mail was only the first in line.
func TestDeadlyMail(t *testing.T) {
	for times, want := range map[int]string{0: "ticket ticket", 1: "ticket ticket", 4: "ticket ticket", 5: "quarantine ticket"} {
		e := mem.New()
		p := newPlayed(t, e)
		p.take(mail.Envelope{Source: "smtp", Rcpts: []string{"soporte@mesa.example"}}, opening(1))
		p.take(mail.Envelope{Source: "smtp", Rcpts: []string{"soporte@mesa.example"}}, opening(2))
		records, err := p.log.After(p.mark, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		s := store.Store{Engine: e}
		if err := s.Update(context.Background(), func(tx store.Tx) error {
			return tx.SetTrying(store.Trying{Position: records[0].Position.String(), Times: times})
		}); err != nil {
			t.Fatal(err)
		}
		p.runUntil(func(a gateway.Audit) bool { return a.Waiting == 0 })
		if got := strings.Join(p.dispositions(), " "); got != want {
			t.Errorf("begun %d times before: %s, want %s", times, got, want)
		}
	}
}

// runUntil runs the desk until its audit says so.
func (p *played) runUntil(enough func(gateway.Audit) bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := p.Run(ctx); err != nil {
			p.t.Error(err)
		}
	})
	for ctx.Err() == nil {
		a, err := p.Doctor(ctx)
		if err != nil {
			p.t.Fatal(err)
		}
		if enough(a) {
			break
		}
	}
	if ctx.Err() != nil {
		p.t.Error("it took too long")
	}
	cancel()
	wg.Wait()
}

// TestRunning: mails come in from many sides while the desk runs; each becomes
// one ticket, and the sender is woken.
func TestRunning(t *testing.T) {
	p := newPlayed(t, mem.New())
	woken := make(chan struct{}, 1)
	p.WhenSent(func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	const senders, mails = 8, 25
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for m := range mails {
				p.take(mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}}, opening(s*mails+m))
			}
		})
	}
	p.runUntil(func(a gateway.Audit) bool { return a.Settled == senders*mails })
	wg.Wait()
	a, err := p.Doctor(context.Background())
	if err != nil || a.Tickets != senders*mails || len(a.Faults) > 0 {
		t.Errorf("audit %+v, %v", a, err)
	}
	select {
	case <-woken:
	default:
		t.Error("the sender was not woken")
	}
}

// TestHostile: what breaks a limit is set aside unread, and shows in the list.
func TestHostile(t *testing.T) {
	p := newPlayed(t, mem.New())
	var nested strings.Builder
	for n := range 100 {
		fmt.Fprintf(&nested, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", n, n)
	}
	p.receive(mail.Envelope{Source: "smtp", Rcpts: []string{"soporte@mesa.example"}}, "From: x@y.example\nTo: soporte@mesa.example\nSubject: x\n"+nested.String())
	rs, err := p.Quarantine(context.Background(), "", 0)
	if err != nil || len(rs) != 1 || rs[0].Reason == "" {
		t.Fatalf("quarantine %+v, %v", rs, err)
	}
	if _, err := p.Release(context.Background(), rs[0].Position); err == nil {
		t.Error("released what cannot be read")
	}
	if err := p.DropQuarantined(context.Background(), rs[0].Position); err != nil {
		t.Fatal(err)
	}
	if rs, _ = p.Quarantine(context.Background(), "", 0); len(rs) != 0 {
		t.Error("dropped, and still listed")
	}
	p.healthy()
}

// TestRelease: a mail whose domain refuses it is quarantined; released, it is one
// of which nothing is proved.
func TestRelease(t *testing.T) {
	p := newPlayed(t, mem.New())
	p.receive(mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}, Auth: mail.Auth{Front: true}},
		"Authentication-Results: mx.mesa.example; dmarc=fail (p=reject) header.from=uni.example\n"+opening(1))
	rs, err := p.Quarantine(context.Background(), "", 0)
	if err != nil || len(rs) != 1 || rs[0].From != "ana1@uni.example" {
		t.Fatalf("quarantine %+v, %v", rs, err)
	}
	r, err := p.Release(context.Background(), rs[0].Position)
	if err != nil || r.Disposition != "ticket" || r.Trust != "nothing" {
		t.Fatalf("released: %+v, %v", r, err)
	}
	if _, err := p.Release(context.Background(), rs[0].Position); !errors.Is(err, gateway.ErrNotQuarantined) {
		t.Errorf("released twice: %v", err)
	}
	p.healthy()
}

// TestExplainChangesNothing: what it tells is what then happens.
func TestExplainChangesNothing(t *testing.T) {
	p := newPlayed(t, mem.New())
	env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}, Auth: mail.Auth{Relay: true}}
	for range 2 {
		r, err := p.Explain(context.Background(), env, strings.NewReader(strings.ReplaceAll(opening(1), "\n", "\r\n")))
		if err != nil || r.Disposition != "ticket" || r.Trust != "auth" || len(r.Mails) != 3 || r.Mails[0].Text == "" || len(r.Trace) < 3 {
			t.Fatalf("report %s, %d mails, trace %+v, %v", r.Disposition, len(r.Mails), r.Trace, err)
		}
	}
	if a, err := p.Doctor(context.Background()); err != nil || a.Accepted != 0 || a.Tickets != 0 || a.Outbox != 0 {
		t.Errorf("audit %+v, %v", a, err)
	}
	p.receive(env, opening(1))
	if os, err := p.Outbox(context.Background(), "", 0); err != nil || len(os) != 3 {
		t.Errorf("outbox %d, %v", len(os), err)
	}
}

// TestAccepts: RCPT answers read nothing but the setup.
func TestAccepts(t *testing.T) {
	p := newPlayed(t, mem.New())
	token := strings.Repeat("a", 40)
	for rcpt, want := range map[string]bool{
		"soporte@mesa.example": true, "SOPORTE@MESA.EXAMPLE": true, "soporte+k" + token + "@mesa.example": true,
		"soporte+promo@mesa.example": false, "otra@mesa.example": false, "soporte@otra.example": false,
		"postmaster": true, "Postmaster@mesa.example": true, "postmaster@otra.example": false, "": false, "@": false, "soporte": false,
	} {
		err := p.Accepts(mail.Envelope{}, rcpt)
		if want != (err == nil) || err != nil && !errors.Is(err, mail.ErrNoRecipient) {
			t.Errorf("%q: %v", rcpt, err)
		}
	}
}

// TestReloadUnderLoad changes the files while mail comes in: no mail is lost, and each
// is decided by one set as a whole, the one that its receipt names.
func TestReloadUnderLoad(t *testing.T) {
	p := newPlayed(t, mem.New())
	base := *p.Setup()
	setups := make([]*gateway.Setup, 2)
	for i, queue := range []string{"soporte", "redes"} {
		files := fstest.MapFS{"rules/r.toml": {Data: []byte(fmt.Sprintf("[[rule]]\nname = \"una\"\nsubject = [\"solicitud\"]\nqueue = %q\ncontinue = true\n"+
			"[[rule]]\nname = \"otra\"\nsubject = [\"solicitud\"]\ntype = \"tipo-%s\"\ntags = [%q]\n", queue, queue, queue))}}
		s := base
		var err error
		if s.Rules, err = rules.Load(files, s.World); err != nil {
			t.Fatal(err)
		}
		setups[i] = &s
	}
	const senders, mails = 4, 100
	take := func(n int) {
		p.take(mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}}, opening(n))
	}
	for i, s := range setups { // one that each has decided, whatever comes of the race
		p.Use(s)
		take(i)
		p.runUntil(func(a gateway.Audit) bool { return a.Settled == i+1 })
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg, changing sync.WaitGroup
	changing.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			p.Use(setups[n%2])
			runtime.Gosched()
		}
	})
	for s := range senders {
		wg.Go(func() {
			for m := range mails {
				if n := s*mails + m; n > 1 {
					take(n)
				}
			}
		})
	}
	p.runUntil(func(a gateway.Audit) bool { return a.Settled == senders*mails })
	wg.Wait()
	cancel()
	changing.Wait()
	ts, err := p.Tickets(context.Background(), "", 0, 0)
	if err != nil || len(ts) != senders*mails {
		t.Fatalf("%d tickets of %d, %v", len(ts), senders*mails, err)
	}
	sets := map[string]string{}
	for i, queue := range []string{"soporte", "redes"} {
		sets[setups[i].Rules.Hash()] = queue
	}
	seen := map[string]int{}
	if err := p.Export(context.Background(), func(e gateway.Exported) error {
		seen[sets[e.Receipt.Rules]]++
		k, err := p.History(context.Background(), fmt.Sprintf("%06d", e.Receipt.Ticket))
		if err != nil {
			return err
		}
		if queue := sets[e.Receipt.Rules]; k.Ticket.Queue != queue || k.Ticket.Type != "tipo-"+queue || !slices.Equal(k.Ticket.Tags, []string{queue}) {
			t.Errorf("decided by the set for %s: queue %s, type %s, tags %v", queue, k.Ticket.Queue, k.Ticket.Type, k.Ticket.Tags)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if seen["soporte"] == 0 || seen["redes"] == 0 || seen[""] > 0 {
		t.Errorf("decided by %v: the load did not meet a reload", seen)
	}
}
