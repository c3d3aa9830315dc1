package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/store"
	"ventanilla/store/intake"
	"ventanilla/store/mem"
)

// life is a desk that lives through a week, and can be killed.
type life struct {
	*gateway.Gateway
	log   *intake.Log
	setup *gateway.Setup
	now   time.Time
	kept  func(step int, raw func() (string, error)) (string, error) // the bytes of a mail, the same each time it is sent
	out   []mailout.Outgoing                                         // the mails that left
}

var lifeBegan = time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)

// revive starts the desk, over what is there.
func (l *life) revive(e store.Engine) error {
	s := store.Store{Engine: e}
	l.Gateway = gateway.New(gateway.Options{Store: s, Log: l.log, Keys: desk.NewKeys(bytes.Repeat([]byte{7}, 32)), Setup: l.setup, Now: func() time.Time { return l.now }})
	return s.Migrate(context.Background())
}

// lifeSetup is the desk of the cases, with terms and a daily digest.
func lifeSetup(t testing.TB) *gateway.Setup {
	p := newPlayed(t, mem.New())
	p.promise()
	w := p.Setup().World
	for i := range w.Agents {
		w.Agents[i].Digest = 8 * time.Hour
	}
	return p.Setup()
}

// step is something that happens at a time.
type step struct {
	after time.Duration
	do    func(l *life, n int) error
	looks bool // it does what is due
}

// week is a week of the desk: what people do, and every four hours what is due.
func week() (all []step) {
	const h = time.Hour
	pedro, ana, carla, mario, luis, rosa := "pedro@uni.example", "ana@uni.example", "carla@uni.example", "mario@uni.example", "luis@mesa.example", "rosa@uni.example"
	all = []step{
		{0, opens(pedro, "contabilidad", "Uno"), false}, {0, opens(pedro, "contabilidad", "Dos"), false}, {0, opens(ana, "soporte", "Tres"), false},
		{0, opens(ana, "sistemas", "Cuatro"), false}, {0, opens(carla, "contabilidad", "Cinco"), false}, {0, opens(mario, "contabilidad", "Seis"), false}, {0, opens(ana, "redes", "Siete"), false},
		{1 * h, answers(luis, "ticket-nuevo", 1, "#resolver\nListo."), false}, {1 * h, answers(luis, "ticket-nuevo", 2, "#resolver\nListo."), false},
		{2 * h, answers(luis, "ticket-nuevo", 5, "#resolver\nListo."), false}, {2 * h, answers(luis, "ticket-nuevo", 6, "#resolver\nListo."), false},
		{2 * h, answers(luis, "ticket-nuevo", 3, "#tomar\n#tarea revisar el cable @eva 2 días\n#espera proveedor 2 días"), false},
		{3 * h, answers(luis, "ticket-nuevo", 6, "#visto-bueno pedro@uni.example ¿va así?"), false},
		{30 * h, answers(pedro, "resuelto", 1, "aprobar"), false},
		{50 * h, decides(rosa, "suplente", 2, false), false},
		{52 * h, answers(luis, "reabierto", 2, "#resolver\nAhora sí."), false},
		{60 * h, answers(luis, "ticket-nuevo", 4, "#cerrar\nCambiado."), false},
		{61 * h, answers(ana, "encuesta", 4, "2\nTardaron mucho."), false},
		{62 * h, scores(pedro, "encuesta", 1, 5), false},
		{70 * h, answers(luis, "espera-cumplida", 3, "#resolver\nVino el proveedor."), false},
		{75 * h, answers(mario, "resuelto", 6, "rechazar sigue igual"), false},
	}
	for after := 4 * h; after <= 240*h; after += 4 * h {
		all = append(all, step{after, tick(0), true})
	}
	slices.SortStableFunc(all, func(a, b step) int { return int(a.after - b.after) })
	return all
}

// tick does what is due, by a clock that is wrong by so much.
func tick(wrong time.Duration) func(*life, int) error {
	return func(l *life, _ int) error {
		now := l.now
		defer func() { l.now = now }()
		l.now = now.Add(wrong)
		return l.DoDue(context.Background())
	}
}

// arrives takes a mail and settles whatever waits.
func arrives(raw func(l *life, n int) (string, error)) func(*life, int) error {
	return func(l *life, n int) error {
		text, err := l.kept(n, func() (string, error) { return raw(l, n) })
		if err != nil {
			return err
		}
		env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{mail.Parse([]byte(text)).To[0].Address}, ReceivedAt: l.now, Auth: mail.Auth{Relay: true}}
		if _, err := l.Receive(context.Background(), env, strings.NewReader(text)); err != nil {
			return err
		}
		_, err = l.Process(context.Background(), intake.Position{}, 1000)
		return err
	}
}

func opens(from, queue, subject string) func(*life, int) error {
	return arrives(func(_ *life, n int) (string, error) {
		return fmt.Sprintf("From: %s\r\nTo: %s@mesa.example\r\nSubject: %s\r\nMessage-ID: <%d@x.example>\r\n\r\nNo funciona.\r\n", from, queue, subject, n), nil
	})
}

// answers answers to the last mail of a kind about the n-th ticket.
func answers(from, kind string, ticket desk.TicketID, text string) func(*life, int) error {
	return arrives(func(l *life, n int) (string, error) {
		m, err := l.mail(from, kind, ticket)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: Re: x\r\nIn-Reply-To: <%s>\r\nMessage-ID: <%d@x.example>\r\n\r\n%s\r\n", from, m.ReplyTo[0].Address, m.MessageID, n, text), nil
	})
}

func decides(who, kind string, ticket desk.TicketID, approve bool) func(*life, int) error {
	return func(l *life, _ int) error {
		token, err := l.link(who, kind, ticket, `/d/([a-z2-7]+)`)
		if err == nil {
			_, err = gateway.Pages{Gateway: l.Gateway}.Decide(context.Background(), token, approve, "")
		}
		return err
	}
}

func scores(who, kind string, ticket desk.TicketID, score int) func(*life, int) error {
	return func(l *life, _ int) error {
		token, err := l.link(who, kind, ticket, `/e/([a-z2-7]+)`)
		if err == nil {
			_, err = gateway.Pages{Gateway: l.Gateway}.Score(context.Background(), token, score, "")
		}
		return err
	}
}

func (l *life) link(who, kind string, ticket desk.TicketID, pattern string) (string, error) {
	m, err := l.mail(who, kind, ticket)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(pattern).FindStringSubmatch(m.Text)
	if found == nil {
		return "", fmt.Errorf("no link in %s", m.Text)
	}
	return found[1], nil
}

// mail returns the last mail of a kind to somebody about a ticket.
func (l *life) mail(to, kind string, ticket desk.TicketID) (*mail.Message, error) {
	var last mailout.Outgoing
	for _, o := range l.out {
		if o.To == to && o.Kind == kind && o.Ticket == ticket && o.Event >= last.Event {
			last = o
		}
	}
	if last.ID == "" {
		return nil, fmt.Errorf("no mail %s to %s about ticket %d", kind, to, ticket)
	}
	var b bytes.Buffer
	err := mailout.Assemble(&b, last.Pieces, func(ref string) ([]byte, func(), error) { return l.Raw(context.Background(), ref) })
	return mail.Parse(b.Bytes()), err
}

// send lets all mails leave that wait, at once and for ever: whatever is written into
// the outbox a second time goes out twice.
func (l *life) send(e store.Engine) error {
	sender := gateway.New(gateway.Options{Store: store.Store{Engine: e}, Log: l.log, Keys: desk.NewKeys(bytes.Repeat([]byte{7}, 32)), Setup: l.setup, Now: func() time.Time { return l.now }})
	for {
		mails, _, err := sender.Due(context.Background(), l.now, 100, func(string) bool { return false })
		if err != nil || len(mails) == 0 {
			return err
		}
		l.out = append(l.out, mails...)
		var results []mailout.Result
		for _, o := range mails {
			results = append(results, mailout.Result{ID: o.ID, At: l.now, Outcome: mailout.Sent, Attempts: 1, Code: 250})
		}
		if err := sender.Settle(context.Background(), results); err != nil {
			return err
		}
	}
}

// sent tells all mails that left, to their last byte, and when they were made.
func (l *life) sent() (lines []string) {
	for _, o := range l.out {
		lines = append(lines, fmt.Sprintf("ticket %d event %d %s to %s at %s: %s", o.Ticket, o.Event, o.Kind, o.To, o.Created.Format(time.DateTime), o.SHA256[:16]))
	}
	slices.Sort(lines)
	return lines
}

// mortal is an engine that dies before or after some of its commits, and stays dead
// until it is revived: a kill, as the store sees it.
type mortal struct {
	store.Engine
	commits int
	dies    func(commit int) (before, after bool)
	dead    bool
	deaths  int
}

var errDied = fmt.Errorf("killed: %w", store.ErrClosed)

func (m *mortal) View(ctx context.Context, fn func(store.KV) error) error {
	if m.dead {
		return errDied
	}
	return m.Engine.View(ctx, fn)
}

func (m *mortal) Update(ctx context.Context, fn func(store.KV) error) error {
	if m.dead {
		return errDied
	}
	before, after := m.dies(m.commits)
	m.commits++
	if before {
		m.dead = true
		return errDied
	}
	if err := m.Engine.Update(ctx, fn); err != nil {
		return err
	}
	if after {
		m.dead = true
		return errDied
	}
	return nil
}

// live lives the week on an engine. After each death the desk is started anew and what
// was under way is done again, as a mail server and a visitor would.
func live(t testing.TB, setup *gateway.Setup, m *mortal) []string { return liveBy(t, setup, m, week()) }

func liveBy(t testing.TB, setup *gateway.Setup, m *mortal, steps []step) []string {
	t.Helper()
	log, err := intake.Open(filepath.Join(t.TempDir(), "log"), intake.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	raws := map[int]string{}
	l := &life{log: log, setup: setup, now: lifeBegan, kept: func(n int, raw func() (string, error)) (text string, err error) {
		if raws[n] == "" {
			raws[n], err = raw()
		}
		return raws[n], err
	}}
	start := func() {
		for l.revive(m) != nil {
			if m.dead, m.deaths = false, m.deaths+1; m.deaths > 9999 {
				t.Fatal("it does not start")
			}
		}
	}
	start()
	for n, s := range steps {
		l.now = lifeBegan.Add(s.after)
		for {
			err := s.do(l, n)
			if fault := l.send(m.Engine); fault != nil {
				t.Fatal(fault)
			}
			if err == nil {
				break
			}
			if !m.dead || !errors.Is(err, store.ErrClosed) {
				t.Fatalf("step %d after %v: %v", n, s.after, err)
			}
			if m.dead, m.deaths = false, m.deaths+1; m.deaths > 2000 {
				t.Fatalf("step %d is done again and again", n)
			}
			start()
		}
	}
	a, err := l.Doctor(context.Background())
	if err != nil || len(a.Faults) > 0 {
		t.Errorf("doctor: %+v %v", a, err)
	}
	return l.sent()
}

// TestKilledAnywhere kills the desk before and after every commit of a week, at least
// 200 times in all: the mails are the same to the last byte, none twice and none
// missing.
func TestKilledAnywhere(t *testing.T) {
	setup := lifeSetup(t)
	calm := &mortal{Engine: mem.New(), dies: func(int) (bool, bool) { return false, false }}
	want := live(t, setup, calm)
	for _, kind := range []string{"recordatorio", "suplente", "espera-cumplida", "tarea-vence", "plazo-por-vencer", "plazo-vencido", "encuesta", "resumen", "calificacion", "visto-bueno"} {
		if !slices.ContainsFunc(want, func(line string) bool { return strings.Contains(line, " "+kind+" ") }) {
			t.Errorf("the week has no %s", kind)
		}
	}
	const runs = 4 // in which each commit has its turn
	deaths := 0
	for run := range runs {
		for _, early := range []bool{true, false} {
			died := map[int]bool{} // a repeated commit has a new number, so each kill is one of a kind
			m := &mortal{Engine: mem.New(), dies: func(n int) (bool, bool) {
				now := n%runs == run && !died[n]
				died[n] = true
				return now && early, now && !early
			}}
			got := live(t, setup, m)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("run %d, before the commit %v: %s", run, early, diff)
			}
			deaths += m.deaths
		}
	}
	if t.Logf("%d mails, %d commits in peace, %d kills", len(want), calm.commits, deaths); deaths < 200 {
		t.Errorf("only %d kills", deaths)
	}
}
