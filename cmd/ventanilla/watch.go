package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"ventanilla/desk"
	"ventanilla/mailin/imap"
	"ventanilla/metrics"
	"ventanilla/rules"
	"ventanilla/web"
)

// unsettledLong is how long a mail may wait to be settled before that is a problem.
const unsettledLong = 10 * time.Minute

// writable remembers whether the store could be written, so that asking often
// does not write often.
type writable struct {
	mu    sync.Mutex
	asked time.Time
	err   error
}

const writableFor = 15 * time.Second

// check writes a mark into the store, unless that was done a moment ago.
func (w *writable) check(ctx context.Context, write func(context.Context) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.asked) < writableFor && w.err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	w.asked, w.err = time.Now(), write(ctx)
	return w.err
}

// found gathers what is not as it should be.
type found []web.Problem

func (f *found) add(when bool, code, format string, args ...any) {
	if when {
		*f = append(*f, web.Problem{Code: code, Text: fmt.Sprintf(format, args...)})
	}
}

// problems says why the desk is not ready. It names nobody, and repeats nothing
// that a server or a mail said.
func (s *service) problems(st status) []web.Problem {
	var all found
	now := time.Now()
	if err := s.writable.check(context.Background(), s.Writable); err != nil {
		s.slog.Error("the store cannot be written", "error", err)
		all.add(true, "state-unwritable", "no se puede escribir en la base de datos: vea el registro")
	}
	all.add(s.stopping.Load(), "stopping", "el servicio se está deteniendo")
	all.add(st.Free < st.Reserve, "disk-full", "quedan %d MB libres en el disco, menos que reserve de [disk]: los correos nuevos se rechazan por un rato", st.Free>>20)
	all.add(st.Backlog && now.Sub(st.Unsettled) > unsettledLong, "mails-wait", "hay correo recibido sin atender desde hace %s", rounded(now.Sub(st.Unsettled)))
	if p := st.Probe; p != nil {
		all.add(p.Lost(), "probe-lost", "la sonda que se envió hace %s no ha vuelto: el correo no sale o no entra", rounded(now.Sub(p.Missed.At)))
	}
	return all
}

// warnings says what needs somebody while the desk works all the same.
func (s *service) warnings(st status) []web.Problem {
	var all found
	now := time.Now()
	if out := st.Smarthost; out != nil {
		all.add(out.Trouble != "", "smarthost", "ningún smarthost acepta correo desde hace %s: lo que hay que enviar espera", rounded(now.Sub(out.Since)))
		for i, h := range out.Hosts {
			all.add(out.Trouble == "" && h.Trouble != "", "smarthost", "el smarthost número %d no acepta correo desde hace %s: lo lleva otro", i+1, rounded(now.Sub(h.Since)))
		}
	}
	all.add(st.Held, "outbox-held", "lo que hay que enviar está retenido desde que se recuperó una copia")
	all.add(st.Failed > 0, "mails-given-up", "%d correos abandonados", st.Failed)
	all.add(st.Reserve > 0 && st.Free >= st.Reserve && st.Free < 2*st.Reserve, "disk-low", "quedan %d MB libres en el disco", st.Free>>20)
	for _, m := range st.Mailboxes {
		all.add(m.Trouble != "", "mailbox", "el buzón %s no se puede leer desde hace %s", m.Account, rounded(now.Sub(m.Since)))
	}
	return all
}

func rounded(d time.Duration) time.Duration { return max(0, d).Round(time.Second) }

// health is what /readyz tells.
func (s *service) health(ctx context.Context) (h web.Health) {
	st, err := readStatus(ctx, s.house)
	if err != nil {
		s.slog.Error("readiness: the state cannot be read", "error", err)
		h.Problems = append(h.Problems, web.Problem{Code: "state-unreadable", Text: "no se puede leer el estado: vea el registro"})
		return h
	}
	h.Problems, h.Warnings = st.Problems, s.warnings(st)
	return h
}

// newMetrics returns what counts in this house.
func (h *house) newMetrics() *metrics.Metrics {
	o := metrics.Options{Log: h.slog, Ways: []string{"smtp", "lmtp", "imap", "pipe"},
		Terms: []string{string(desk.FirstClock), string(desk.NextClock), string(desk.ResolutionClock)},
		Caps:  []string{rules.CappedAll, rules.CappedAddress, rules.CappedDomain, rules.CappedVerified}}
	for _, d := range rules.Dispositions {
		o.Dispositions = append(o.Dispositions, string(d))
	}
	o.Read = func(ctx context.Context) (metrics.Reading, error) {
		st, err := readStatus(ctx, h)
		return st.reading(time.Now()), err
	}
	return metrics.New(o)
}

// reading is a status as metrics show it.
func (s status) reading(now time.Time) metrics.Reading {
	age := func(at time.Time) time.Duration {
		if at.IsZero() {
			return 0
		}
		return max(0, now.Sub(at))
	}
	r := metrics.Reading{Ready: s.Ready, Waiting: s.Outbox, GivenUp: s.Failed, OldestWaiting: age(s.Oldest), Held: s.Held, Quarantine: s.Quarantine,
		Unsettled: age(s.Unsettled), DiskFree: s.Free, DiskReserve: s.Reserve, LogBytes: s.LogBytes}
	for _, t := range s.queues {
		r.Tickets = append(r.Tickets, metrics.Tickets{Queue: t.Queue, State: string(t.State), Count: t.Count})
	}
	if out := s.Smarthost; out != nil {
		r.Sent = &metrics.Sent{Sent: out.Sent, Again: out.Again, Failed: out.Failed}
		for _, h := range out.Hosts {
			r.Sent.Smarthosts = append(r.Sent.Smarthosts, metrics.Smarthost{Address: h.Address, Up: h.Trouble == ""})
		}
	}
	for _, f := range s.Mailboxes {
		r.Folders = append(r.Folders, metrics.Folder{Account: f.Account, Folder: f.Folder, Up: f.Connected, Remaining: f.Remaining, Lag: lag(f, now, s.Since)})
	}
	if p := s.Probe; p != nil {
		r.Probe = &metrics.Probe{Lost: p.Lost(), ReturnedAt: p.ReturnedAt, Trip: p.Trip}
	}
	return r
}

// lag is how long ago all of a folder was taken; none while it is followed.
func lag(f imap.FolderStatus, now, began time.Time) time.Duration {
	if f.Connected && f.Remaining == 0 && !f.Looked.IsZero() {
		return 0
	}
	since := f.Looked
	if since.IsZero() {
		since = began
	}
	return max(0, now.Sub(since))
}

// openMetrics opens the door of [metrics].
func (s *service) openMetrics() (string, error) {
	l, err := listen("tcp", s.config.Metrics.Listen, "[metrics] listen")
	if err != nil {
		return "", err
	}
	m := http.NewServeMux()
	m.Handle("GET /metrics", s.metrics.Handler())
	m.Handle("/", web.HealthHandler(s.health))
	s.serveHTTP(l, web.NewServer(m, s.slog))
	s.metricsAt = l.Addr().String()
	return s.metricsAt, nil
}
