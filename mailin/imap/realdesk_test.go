package imap

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	dom "ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/store/intake"
	"ventanilla/store/mem"
	"ventanilla/templates"
)

// realDesk is a desk as it is, but for its disk.
type realDesk struct {
	*gateway.Gateway
	store store.Store
}

// realSetup is read once.
var realSetup = sync.OnceValues(func() (*gateway.Setup, error) {
	files := os.DirFS("../../testdata/gateway/desk")
	world, err := rules.LoadWorld(files, dom.World{Name: "Mesa", Domain: "mesa.example", Language: "es", NumberStyle: dom.NumberSequence, NumberDigits: 6})
	if err != nil {
		return nil, err
	}
	set, err := rules.Load(files, world)
	if err != nil {
		return nil, err
	}
	words, err := templates.Load(fstest.MapFS{})
	return &gateway.Setup{World: world, Rules: set, Words: words, Caps: rules.Caps{UnverifiedPerHour: 5, UnverifiedPerDay: 50, DomainPerHour: 50, AllPerHour: 500}}, err
})

func newRealDesk(t *testing.T) *realDesk {
	t.Helper()
	setup, err := realSetup()
	if err != nil {
		t.Fatal(err)
	}
	log, err := intake.Open(filepath.Join(t.TempDir(), "log"), intake.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	w := &realDesk{store: store.Store{Engine: mem.New()}}
	if err := w.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Gateway = gateway.New(gateway.Options{Store: w.store, Log: log, Keys: dom.NewKeys(bytes.Repeat([]byte{7}, 32)), Setup: setup})
	return w
}

// tickets returns the subjects of all tickets, sorted, and how often each sender was
// acknowledged.
func (w *realDesk) tickets(t *testing.T) (subjects []string, told map[string]int) {
	t.Helper()
	all, err := w.Tickets(t.Context(), "", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, ticket := range all {
		subjects = append(subjects, ticket.Subject)
	}
	slices.Sort(subjects)
	mails, err := w.Outbox(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	told = map[string]int{}
	for _, o := range mails {
		if strings.HasPrefix(o.Kind, "acuse") {
			told[o.To]++
		}
	}
	return subjects, told
}

// TestCutRealDesk cuts the connection after every line of a dialogue that takes three
// mails and moves them, with and without what a server may be able to do: the desk
// has each mail once, each has one acknowledgement, and none is left in its folder nor
// lost from the mailbox. In every third run the folder is numbered anew while the
// poller is away.
func TestCutRealDesk(t *testing.T) {
	for _, caps := range []string{"IMAP4rev1 IDLE MOVE UIDPLUS", "IMAP4rev1 UIDPLUS"} {
		t.Run(caps, func(t *testing.T) {
			t.Parallel()
			total, cut := 0, 0
			for ; cut == 0 || cut < total-2; cut++ { // the last lines end the session
				lines := cutRealDesk(t, caps, cut)
				if cut == 0 {
					total = lines
				}
			}
			if total < 20 {
				t.Errorf("only %d lines", total)
			}
		})
	}
}

// cutRealDesk runs one dialogue, cut after so many lines (0: not at all). It returns how
// many lines there were.
func cutRealDesk(t *testing.T, caps string, cut int) int {
	t.Helper()
	s := newServer(t)
	for i := range 3 {
		s.mail(fmt.Sprintf("From: Ana %d <ana%d@uni%d.example>\r\nTo: soporte@mesa.example\r\nSubject: Solicitud %d\r\nMessage-ID: <%d@uni.example>\r\nDate: Mon, 9 Dec 2024 14:02:03 -0500\r\n\r\nNo imprime.\r\n", i, i, i, i, i))
	}
	s.with(func() { s.caps, s.cut = caps, cut })
	w := newRealDesk(t)
	a := s.account()
	a.After, a.MoveTo = Move, "Hechos"
	p, err := NewPoller(gateway.Folders[Point]{Gateway: w.Gateway}, Options{Accounts: []Account{a}})
	if err != nil {
		t.Fatal(err)
	}
	p.first, p.most, p.settling = time.Millisecond, 10*time.Millisecond, 2*time.Millisecond
	if cut%3 == 2 { // when it comes back
		dial := p.dial
		p.dial = s.renumber(dial)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	ended := make(chan struct{}, 2)
	go func() { _ = p.Run(ctx); ended <- struct{}{} }()
	go func() { _ = w.Run(ctx); ended <- struct{}{} }()
	for done := false; !done; {
		select {
		case <-ctx.Done():
			subjects, told := w.tickets(t)
			s.with(func() {
				t.Errorf("line %d: never came to pass: %v, %v, %+v; cut %d times, %d mails in the inbox, %d lines, log %v", cut, subjects, told, p.Status(), s.cutTimes, len(s.inbox), s.lines, s.log[max(0, len(s.log)-30):])
			})
			done = true
		case <-time.After(3 * time.Millisecond):
			s.with(func() { done = len(s.inbox) == 0 && (cut == 0 || s.cutTimes > 0) })
		}
	}
	cancel()
	<-ended
	<-ended
	s.quiet()
	subjects, told := w.tickets(t)
	if !slices.Equal(subjects, []string{"Solicitud 0", "Solicitud 1", "Solicitud 2"}) {
		t.Errorf("line %d: tickets %v", cut, subjects)
	}
	for who, n := range told {
		if n != 1 {
			t.Errorf("line %d: %d acknowledgements to %s", cut, n, who)
		}
	}
	if len(told) != 3 {
		t.Errorf("line %d: acknowledged %v", cut, told)
	}
	kept, lines := map[string]bool{}, 0
	s.with(func() {
		for _, m := range s.target {
			kept[m.text] = true
		}
		lines = s.lines
	})
	if len(kept) != 3 {
		t.Errorf("line %d: %d mails are left in the world", cut, len(kept))
	}
	return lines
}
