package gateway_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/store"
	"ventanilla/store/mem"
	"ventanilla/store/storetest"
)

// promise gives the desk a term: the first answer within 4 h, day and night, and the
// resolution within 8 h.
func (p *played) promise() {
	p.t.Helper()
	plan := desk.Plan{Name: "siempre", Zone: time.UTC}
	for d := range plan.Week {
		plan.Week[d] = desk.Hours{{To: 24 * time.Hour}}
	}
	calendar, err := desk.NewCalendar(plan)
	if err != nil {
		p.t.Fatal(err)
	}
	setup := *p.Setup()
	world := *setup.World
	world.Terms = desk.Terms{{Name: "general", Calendar: calendar, Warn: 75, Pause: []desk.Waiting{desk.ForRequester},
		First: desk.Length{Work: 4 * time.Hour}, Resolution: desk.Length{Work: 8 * time.Hour}}}
	setup.World = &world
	p.Use(&setup)
}

// told tells which mails about terms lie in the outbox.
func (p *played) told() (all []string) {
	p.t.Helper()
	if err := p.TellDue(context.Background()); err != nil {
		p.t.Fatal(err)
	}
	for _, k := range p.kinds() {
		if strings.HasPrefix(k, "plazo-") {
			all = append(all, k)
		}
	}
	slices.Sort(all)
	return all
}

// TestTerms: agents are told of a warning and of a breach when its time has come, once,
// and not after the answer.
func TestTerms(t *testing.T) {
	p := newPlayed(t, mem.New())
	p.promise()
	opened := p.now
	p.receive(verified, opening(1))
	var want []string
	for _, c := range []struct {
		after time.Duration
		more  string
		agent string // writes to the requester before
	}{
		{after: 3*time.Hour - time.Millisecond},
		{after: 3 * time.Hour, more: "plazo-por-vencer"},
		{after: 3*time.Hour + 30*time.Minute},
		{after: 4 * time.Hour, more: "plazo-vencido"},
		{after: 5 * time.Hour},
		{after: 9 * time.Hour, more: "plazo-vencido"}, // nobody looked for hours: no warning any more
		{after: 99 * time.Hour},
	} {
		p.now = opened.Add(c.after)
		if c.more != "" {
			want = append(want, c.more+" eva@mesa.example", c.more+" luis@mesa.example")
			slices.Sort(want)
		}
		for range 2 {
			if got := p.told(); !slices.Equal(got, want) {
				t.Fatalf("after %v: %q, want %q", c.after, got, want)
			}
		}
	}
}

// TestTermsEnd: what was answered and resolved in time is not told of, and a ticket
// that waits is left alone.
func TestTermsEnd(t *testing.T) {
	ctx := context.Background()
	p := newPlayed(t, mem.New())
	p.promise()
	opened := p.now
	do := func(after time.Duration, cmds ...desk.Command) {
		t.Helper()
		p.now = opened.Add(after)
		again(t, func() error { return p.Do(ctx, after.String(), cmds...) })
	}
	p.receive(verified, opening(1))
	p.receive(verified, opening(2))
	by := desk.ByAgent("luis")
	do(time.Hour, desk.Command{Ticket: 1, Kind: desk.CmdAnswer, Actor: by}, desk.Command{Ticket: 2, Kind: desk.CmdAnswer, Actor: by},
		desk.Command{Ticket: 2, Kind: desk.CmdWait, Actor: by, Value: string(desk.ForRequester)})
	do(2*time.Hour, desk.Command{Ticket: 1, Kind: desk.CmdResolve, Actor: by})
	p.now = opened.Add(99 * time.Hour)
	if got := p.told(); len(got) != 0 {
		t.Fatalf("told %q", got)
	}
	do(100*time.Hour, desk.Command{Ticket: 2, Kind: desk.CmdReply, Actor: desk.ByPerson(2)})
	p.now = opened.Add(107*time.Hour - time.Millisecond)
	if got := p.told(); len(got) != 1 { // 1 h was used before it waited: the warning came after five more
		t.Errorf("told %q", got)
	}
	p.now = opened.Add(107 * time.Hour)
	if got := p.told(); !slices.Equal(got, []string{"plazo-por-vencer luis@mesa.example", "plazo-vencido luis@mesa.example"}) {
		t.Errorf("told %q", got)
	}
}

// TestTermsGoOn: a ticket that cannot be read holds up no other, every commit may end
// in doubt, and another process goes on where the first one ended.
func TestTermsGoOn(t *testing.T) {
	ctx := context.Background()
	e := mem.New()
	p := newPlayed(t, e)
	p.promise()
	p.receive(verified, opening(1))
	if err := e.Update(ctx, func(kv store.KV) error { return kv.Put("wake/00000000000001/0000000999", []byte("1")) }); err != nil {
		t.Fatal(err)
	}
	p.now = p.now.Add(3 * time.Hour)
	if err := p.TellDue(ctx); err == nil || !strings.Contains(err.Error(), "ticket 999") {
		t.Errorf("the ticket that is missing gave %v", err)
	}
	if got := count(p.kinds(), "plazo-por-vencer"); got != 2 {
		t.Errorf("%d warnings, want one to each agent", got)
	}
	p.now = p.now.Add(time.Hour)
	second := gateway.New(gateway.Options{Store: store.Store{Engine: storetest.Ambiguous(e, 1)}, Log: p.log, Keys: desk.NewKeys(bytes.Repeat([]byte{7}, 32)), Setup: p.Setup(), Now: func() time.Time { return p.now }})
	for range 3 {
		_ = second.TellDue(ctx)
	}
	if warned, expired := count(p.kinds(), "plazo-por-vencer"), count(p.kinds(), "plazo-vencido"); warned != 2 || expired != 2 {
		t.Errorf("%d warnings and %d breaches, want one of each to each agent", warned, expired)
	}
}

// TestTidyTellsTerms: the work of every minute looks for terms and wakes the sender.
func TestTidyTellsTerms(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	p := newPlayed(t, mem.New())
	p.promise()
	p.receive(verified, opening(1))
	p.now = p.now.Add(3 * time.Hour)
	p.WhenSent(cancel)
	p.Tidy(ctx)
	if got := count(p.kinds(), "plazo-por-vencer"); got != 2 || ctx.Err() != context.Canceled {
		t.Errorf("%d warnings, and the sender was woken: %v", got, ctx.Err())
	}
}
