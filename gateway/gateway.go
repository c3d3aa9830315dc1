// Package gateway is the one place where the parts meet. It takes charge of
// mails, and carries each through the stops of its life: read, gather, decide,
// apply, compose, commit. It decides nothing itself.
package gateway

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/reports"
	"ventanilla/rules"
	"ventanilla/search"
	"ventanilla/store"
	"ventanilla/store/intake"
	"ventanilla/templates"
)

// Words returns the words of a desk: those of its templates, and what it calls its
// states.
func Words(set *templates.Set, w *desk.World) *templates.Set {
	named := map[string]string{}
	for state, title := range w.StateTitles {
		named["state-"+string(state)] = title
	}
	return set.Calling(named)
}

// Setup is all that an admin can change while the desk runs. It is immutable: a
// reload makes a new one and swaps it in whole.
type Setup struct {
	World    *desk.World
	Rules    *rules.Set
	Words    *templates.Set
	Shelf    *search.Shelf // of World.Knowledge, in its order; nil where there is none
	Reports  []reports.Definition
	Policy   rules.Policy
	Caps     rules.Caps
	Authserv []string          // authserv-ids whose Authentication-Results are trusted (RFC 8601 §2.5)
	DKIM     string            // the domain that signs our mails, "" where none does
	Copies   map[string]string // queue → account whose folder has copies of what is sent
}

// Gateway is a desk at work.
type Gateway struct {
	store  store.Store
	log    *intake.Log
	keys   desk.Keys
	setup  atomic.Pointer[Setup]
	now    func() time.Time
	slog   *slog.Logger
	limits mail.Limits
	watch  Watch
	sender atomic.Pointer[func()] // wakes the sender
	copier atomic.Pointer[func()] // wakes what copies sent mails

	index    atomic.Pointer[search.Index]
	indexing sync.Mutex // one writes into it at a time

	pace   pace
	asked  chan struct{} // that a report is to be made
	probe  ProbeOptions
	prober prober
}

// Options are what a Gateway is made of.
type Options struct {
	Store store.Store
	Log   *intake.Log
	Keys  desk.Keys
	Setup *Setup
	Now   func() time.Time // nil means time.Now
	Slog  *slog.Logger     // nil means nowhere
	Probe ProbeOptions     // mails to ourselves; the zero value: none
	Watch Watch            // is told of what happens; nil means nobody is

	// Limits are those of a mail that is read; zero means mail.DefaultLimits. Size
	// must not be below what the log takes, or mails are taken and then put aside.
	Limits mail.Limits
}

// New returns a gateway. It does nothing until Run or Process is called.
func New(o Options) *Gateway {
	g := &Gateway{store: o.Store, log: o.Log, keys: o.Keys, now: o.Now, slog: o.Slog, limits: o.Limits, watch: o.Watch, probe: o.Probe, asked: make(chan struct{}, 1)}
	if g.now == nil {
		g.now = time.Now
	}
	if g.slog == nil {
		g.slog = slog.New(slog.DiscardHandler)
	}
	if g.watch == nil {
		g.watch = nobody{}
	}
	if g.limits == (mail.Limits{}) {
		g.limits = mail.DefaultLimits
	}
	g.Use(o.Setup)
	return g
}

// Use swaps in another setup. The batch in work ends with the one it began with.
func (g *Gateway) Use(s *Setup) { g.setup.Store(s) }

// Setup returns the one in force.
func (g *Gateway) Setup() *Setup { return g.setup.Load() }

// WhenSent sets what is called after mails were put into the outbox.
func (g *Gateway) WhenSent(wake func()) { g.sender.Store(&wake) }

func (g *Gateway) wakeSender() {
	if wake := g.sender.Load(); wake != nil {
		(*wake)()
	}
}

// Accepts says whether a recipient is one of ours: nil, or mail.ErrNoRecipient.
// It reads nothing but the setup. A token that is outdated or wrong is no
// reason to refuse: the mail is then read without it.
func (g *Gateway) Accepts(_ mail.Envelope, rcpt string) error {
	base, extra := splitPlus(rcpt)
	w := g.Setup().World
	if isPostmaster(base, w) || extra == "" && isControl(base, w) {
		return nil
	}
	if _, ok := w.QueueAt(base); ok && (extra == "" || looksLikeToken(extra)) {
		return nil
	}
	return mail.ErrNoRecipient
}

// isControl says whether an address takes agents' orders on any tickets.
func isControl(address string, w *desk.World) bool {
	return w.Control != "" && strings.EqualFold(address, w.Control)
}

// isPostmaster: RFC 5321 §4.5.1, with our domain or none.
func isPostmaster(address string, w *desk.World) bool {
	local, domain, _ := strings.Cut(address, "@")
	if !strings.EqualFold(local, "postmaster") {
		return false
	}
	if domain == "" || strings.EqualFold(domain, w.Domain) || w.Own(domain) {
		return true
	}
	for _, q := range w.Queues {
		if strings.HasSuffix(strings.ToLower(q.Address), "@"+strings.ToLower(domain)) {
			return true
		}
	}
	return false
}

// splitPlus splits local+extra@domain into local@domain and extra.
func splitPlus(address string) (base, extra string) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address, ""
	}
	local, extra, _ := strings.Cut(address[:at], "+")
	return local + address[at:], extra
}

// looksLikeToken says whether a part of an address has the shape of a token.
func looksLikeToken(s string) bool {
	if len(s) < 24 || len(s) > 64 {
		return false
	}
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// Receive takes charge of a mail: at return without an error it is on disk, and
// only then may the sender be told so.
func (g *Gateway) Receive(ctx context.Context, env mail.Envelope, r io.Reader) (mail.ID, error) {
	began := time.Now()
	if env.ReceivedAt.IsZero() {
		env.ReceivedAt = g.now().UTC()
	}
	rec, err := g.log.Append(ctx, env, r)
	if err != nil {
		return "", err
	}
	g.watch.Received(env.Source, time.Since(began))
	return rec.ID, nil
}

// renderer makes the mails of a batch.
func (g *Gateway) renderer(s *Setup) mailout.Renderer {
	return mailout.Renderer{Desk: s.World, Keys: g.keys, Words: s.Words, DKIM: s.DKIM}
}
