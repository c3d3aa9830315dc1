package mailout

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Outbox is where a [Sender] finds the mails to be sent. Its methods are called
// from several goroutines at once, Due and Settle each from one alone.
type Outbox interface {
	// Due returns up to limit mails whose Due is not after now, earliest first,
	// leaving out those that are given up, that are held, or whose id skip knows:
	// these are under way. It calls skip only until it returns. A Settle that has
	// returned before Due was called must be seen by it, else mails go out twice.
	//
	// next is the Due of the earliest mail that will be due after now, and the
	// zero time if there is none.
	Due(ctx context.Context, now time.Time, limit int, skip func(id string) bool) (mails []Outgoing, next time.Time, err error)

	// Settle records what came of mails, all of them in one commit. After an
	// error it is called again with the same results, so recording one twice must
	// be the same as once; a result for a mail that is no longer there is nothing.
	Settle(ctx context.Context, results []Result) error

	// Raw opens the raw mail that a [Piece] lies in. release may be nil.
	Raw(ctx context.Context, ref string) (raw []byte, release func(), err error)
}

// Outcome says what came of an attempt to send a mail.
type Outcome string

// The outcomes.
const (
	Sent   Outcome = "sent"   // the smarthost has taken charge of it: the row may go
	Again  Outcome = "again"  // to be tried at Result.Due
	Failed Outcome = "failed" // refused for good, or given up after five days
)

// Result is what came of an attempt to send one mail.
type Result struct {
	ID       string
	At       time.Time
	Outcome  Outcome
	Attempts int       // made so far; one that failed for the smarthost's own trouble does not count
	Due      time.Time // of Again
	Code     int       // the server's reply (RFC 5321 §4.2), 0 if there was none
	Enhanced string    // its enhanced status code (RFC 3463), as 5.1.1, or ""
	Text     string    // its words or ours: one line of UTF-8, at most 500 bytes
}

// TLSMode says how the way to the smarthost is encrypted.
type TLSMode string

// The modes. There is none that encrypts only if the server happens to offer it.
const (
	TLSStart    TLSMode = "starttls" // STARTTLS is required (RFC 3207); the default
	TLSImplicit TLSMode = "tls"      // from the first byte (RFC 8314 §3.3)
	TLSNone     TLSMode = "none"     // plain text, to this machine only unless PlainText is set
)

// Smarthost is a server that takes all mail of the desk.
type Smarthost struct {
	Address    string // host:port
	TLS        TLSMode
	ServerName string         // that its certificate must carry; "" means the host of Address
	RootCAs    *x509.CertPool // nil means the system's
	Hello      string         // the name that we give ourselves in EHLO; "" means localhost
	User       string         // "" means no AUTH
	PlainText  bool           // allows TLSNone to another machine; AUTH is not done there even so

	Sender      string // the envelope sender of every mail, whatever the mail says; "" leaves it its own
	Connections int    // at once; 0 means 4
	PerMinute   int    // mails that it takes from us in a minute; 0 means any number
	PerDomain   int    // mails to one recipient's domain under way at once; 0 means any number

	// Password is asked for at each new connection, so that a changed secret
	// needs no restart. It is neither kept nor logged.
	Password func() (string, error)

	// Auth proves in place of Password who we are, where it is set.
	Auth Authenticator
}

// SenderOptions are the settings of a [Sender].
type SenderOptions struct {
	Smarthost Smarthost
	Backups   []Smarthost      // in order; each takes what those before it cannot
	DKIM      []DKIMKey        // each signs every mail
	Log       *slog.Logger     // nil means nowhere
	Now       func() time.Time // nil means time.Now

	// Dial opens the connections, as [net.Dialer.DialContext] does, which nil stands for.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// SenderStatus is how a [Sender] does.
type SenderStatus struct {
	Trouble             string       // what keeps all mail back, in one line; "" if nothing does
	Since               time.Time    // of Trouble
	Sent, Again, Failed uint64       // results since the start
	Hosts               []HostStatus // the first smarthost, then its backups
}

// HostStatus is how one smarthost does.
type HostStatus struct {
	Address string
	Trouble string    // what keeps it from taking mail, in one line; "" if nothing does
	Since   time.Time // of Trouble
}

// Sender brings mails from the outbox to the smarthost, over connections that
// stay open while there is something to send. While the first smarthost is in
// trouble mails go to the next that is not; one mail at a time goes to the first
// as a probe, and when it takes one it has them all again. That one mail is
// refused is no reason to try it elsewhere.
//
// A mail that was sent is sent again only if the process ends between the
// server's 250 and Settle, or if the connection breaks between the end of the
// data and the server's 250; then its bytes and its Message-ID are the same.
type Sender struct {
	outbox Outbox
	keys   []DKIMKey
	routes []*route // the first smarthost, then its backups
	log    *slog.Logger
	now    func() time.Time
	waits  waits
	dial   func(ctx context.Context, network, address string) (net.Conn, error)

	wake    chan struct{}
	results chan Result

	underWay map[string]struct{} // ids taken and not yet settled; only feed touches it
	skip     func(id string) bool
	mu       sync.Mutex
	done     []string // ids to be taken out of underWay

	sent, again, failed atomic.Uint64
}

// waits are the times that a Sender gives to others.
type waits struct {
	connect time.Duration // for all that comes before the first mail; more than this is trouble
	command time.Duration // for a reply, and for a piece of the data to be taken (RFC 5321 §4.5.3.2)
	submit  time.Duration // for the reply to the final dot
	idle    time.Duration // that a connection stays open unused
	quit    time.Duration // for the reply to QUIT
	grace   time.Duration // for deliveries under way when Run is to end
	settle  time.Duration // for the last results to be recorded
	rest    time.Duration // before a refused further connection is tried again
	share   time.Duration // after results were recorded, for the next ones to come together
}

// batch is how many mails are fetched at once.
const batch = 256

// NewSender returns a sender that does nothing until [Sender.Run].
func NewSender(outbox Outbox, o SenderOptions) *Sender {
	s := &Sender{
		outbox: outbox,
		keys:   o.DKIM,
		log:    o.Log,
		now:    o.Now,
		waits: waits{
			connect: time.Minute, command: 5 * time.Minute, submit: 10 * time.Minute,
			idle: 30 * time.Second, quit: 2 * time.Second, rest: time.Minute, share: 15 * time.Millisecond,
			grace: 10 * time.Second, settle: 5 * time.Second,
		},
		dial:     o.Dial,
		wake:     make(chan struct{}, 1),
		results:  make(chan Result, 96),
		underWay: make(map[string]struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.dial == nil {
		s.dial = new(net.Dialer).DialContext
	}
	s.skip = func(id string) bool { _, ok := s.underWay[id]; return ok }
	s.routes = append(s.routes, newRoute(s, o.Smarthost))
	for _, h := range o.Backups {
		s.routes = append(s.routes, newRoute(s, h))
	}
	return s
}

// Wake tells the sender that new mail has been committed. It never waits.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default: // it has been told already
	}
}

// Status returns how the sender does. It may be called at any time.
func (s *Sender) Status() SenderStatus {
	st := SenderStatus{Sent: s.sent.Load(), Again: s.again.Load(), Failed: s.failed.Load()}
	stuck := true
	for _, r := range s.routes {
		trouble, since := r.circuit.status()
		st.Hosts = append(st.Hosts, HostStatus{r.host.Address, trouble, since})
		stuck = stuck && trouble != ""
	}
	if stuck {
		st.Trouble, st.Since = st.Hosts[0].Trouble, st.Hosts[0].Since
	}
	return st
}

// Run sends mails until ctx is done. Then it takes no more, gives deliveries
// under way ten seconds to end, and records their results; a mail cut off
// before its end stays in the outbox as it was. Run returns an error at once if
// a smarthost's settings make no sense, and at the end if results could not
// be recorded. A Sender runs once.
func (s *Sender) Run(ctx context.Context) error {
	for _, r := range s.routes {
		if err := r.host.check(); err != nil {
			return fmt.Errorf("smarthost: %w", err)
		}
	}
	for _, k := range s.keys {
		if _, err := k.algorithm(); err != nil {
			return fmt.Errorf("DKIM key %s: %w", k.Selector, err)
		}
	}
	delivery, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	recording, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()

	var workers, recorder, closer sync.WaitGroup
	for _, r := range s.routes {
		for range r.workers {
			workers.Go(func() { r.work(ctx, delivery) })
		}
		closer.Go(func() { r.pool.tend(ctx, s.waits.idle, s.waits.quit) })
	}
	var unrecorded error
	recorder.Go(func() { unrecorded = s.record(ctx, recording) })

	s.feed(ctx)
	for _, r := range s.routes {
		r.lines.close()
	}
	grace := time.AfterFunc(s.waits.grace, cut)
	last := time.AfterFunc(s.waits.grace+s.waits.settle, giveUp)
	workers.Wait()
	grace.Stop()
	last.Reset(s.waits.settle)
	close(s.results)
	recorder.Wait()
	last.Stop()
	closer.Wait()
	for _, r := range s.routes {
		closer.Go(func() { r.pool.quitIdle(0, s.waits.quit) })
	}
	closer.Wait()
	return unrecorded
}

// feed keeps the queue filled until ctx is done.
func (s *Sender) feed(ctx context.Context) {
	f := failures{log: s.log, doing: "read the outbox"}
	for ctx.Err() == nil {
		pause, err := s.fetch(ctx)
		if f.note(err); err != nil {
			pause = f.pause()
		}
		if pause <= 0 {
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// fetch hands mails that are due to the routes: many of them, or, while every
// smarthost is in trouble, one a time as a probe. It returns how long there is
// nothing to do, unless woken.
func (s *Sender) fetch(ctx context.Context) (pause time.Duration, err error) {
	now := s.now()
	limit, pause := s.room(now)
	if limit == 0 {
		return pause, nil
	}
	s.forget()
	mails, next, err := s.outbox.Due(ctx, now, limit, s.skip)
	if err != nil {
		return 0, err
	}
	for _, m := range mails {
		s.underWay[m.ID] = struct{}{}
		if !s.hand(ctx, m, now) {
			delete(s.underWay, m.ID)
		}
	}
	switch {
	case len(mails) == limit:
		_, pause = s.room(now)
		return pause, nil
	case next.IsZero():
		return time.Hour, nil // Wake comes before
	}
	return max(next.Sub(s.now()), 10*time.Millisecond), nil
}

// room returns how many mails may be fetched now, and if none, how long to wait.
func (s *Sender) room(now time.Time) (limit int, pause time.Duration) {
	var next time.Time
	for _, r := range s.routes {
		open, until := r.circuit.open()
		if !open {
			limit = r.batch - r.lines.length()
			if limit < r.batch-r.batch/2 {
				return 0, time.Hour // Wake comes when half of them are gone
			}
			return limit, 0
		}
		if next.IsZero() || until.Before(next) {
			next = until
		}
	}
	if wait := next.Sub(now); wait > 0 {
		return 0, wait
	}
	return 1, 0
}

// hand gives a mail to the first route that takes it: one whose smarthost is not
// in trouble, or one that is to be probed. It returns false if there is none.
func (s *Sender) hand(ctx context.Context, m Outgoing, now time.Time) bool {
	routes := s.routes
	if m.Detour {
		routes = routes[1:]
	}
	for _, r := range routes {
		open, until := r.circuit.open()
		if open && until.After(now) {
			continue
		}
		if open {
			r.circuit.probed(now)
		}
		r.lines.add(job{m, open})
		return true
	}
	if !m.Detour {
		return false
	}
	select {
	case s.results <- s.noDetour(m, now):
		return true
	case <-ctx.Done():
		return false
	}
}

// noDetour is the result for a mail that no backup can take now. Where there is
// one it waits for that one's next probe; where there is none it is as with any
// mail that fails, up to being given up.
func (s *Sender) noDetour(m Outgoing, now time.Time) Result {
	r := Result{ID: m.ID, At: now, Outcome: Again, Attempts: m.Attempts, Text: "ahora ningún smarthost de reserva acepta correo, y este no debe ir por el primero"}
	for _, backup := range s.routes[1:] {
		if _, until := backup.circuit.open(); r.Due.IsZero() || until.Before(r.Due) {
			r.Due = until
		}
	}
	if len(s.routes) > 1 {
		r.Due = later(r.Due, now.Add(time.Second))
		return r
	}
	r.Attempts++
	r.Text = "no hay smarthost de reserva, y este correo no debe ir por el primero"
	due, giveUp := Backoff(r.Attempts, m.Created, now)
	if r.Due = due; giveUp {
		r.Outcome, r.Due = Failed, time.Time{}
	}
	return r
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// release says that a mail is no longer under way: its result is recorded, or
// there was none.
func (s *Sender) release(ids ...string) {
	s.mu.Lock()
	s.done = append(s.done, ids...)
	s.mu.Unlock()
}

// putBack leaves a mail to be fetched again.
func (s *Sender) putBack(id string) {
	s.release(id)
	s.Wake()
}

// forget takes released mails out of those under way. It is called before Due
// and never while it runs: a Due that looked at the outbox before a result was
// recorded, and asked skip after it, would hand out a mail that has been sent.
func (s *Sender) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.done {
		delete(s.underWay, id)
	}
	s.done = s.done[:0]
}

// record writes results down until the channel is closed. The first one waits
// for nobody; those that come soon after share the next commit, since a commit
// of one costs nearly what a commit of hundreds does; after ctx is done nothing
// is waited for. While the outbox
// cannot be written the channel fills up, and no more mails go out.
func (s *Sender) record(ctx, recording context.Context) error {
	f := failures{log: s.log, doing: "record what was sent"}
	var unrecorded error
	for r := range s.results {
		batch := s.more([]Result{r})
		err := s.outbox.Settle(recording, batch)
		for f.note(err); err != nil && recording.Err() == nil; f.note(err) {
			select {
			case <-recording.Done():
			case <-time.After(f.pause()):
			}
			err = s.outbox.Settle(recording, batch)
		}
		if err != nil {
			unrecorded = fmt.Errorf("record what was sent: %w", err)
			continue
		}
		s.recorded(batch)
		select {
		case <-ctx.Done():
		case <-time.After(s.waits.share):
		}
	}
	return unrecorded
}

// more adds the results that are waiting.
func (s *Sender) more(batch []Result) []Result {
	for len(batch) < cap(s.results) {
		select {
		case r, ok := <-s.results:
			if !ok {
				return batch
			}
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

func (s *Sender) recorded(batch []Result) {
	ids := make([]string, len(batch))
	wake := false
	for i, r := range batch {
		ids[i] = r.ID
		switch r.Outcome {
		case Sent:
			s.sent.Add(1)
		case Again:
			s.again.Add(1)
			wake = true // it may be due before whatever feed waits for
		case Failed:
			s.failed.Add(1)
		}
	}
	s.release(ids...)
	if wake {
		s.Wake()
	}
}

// failures follows an operation that fails for a while: it is logged when that
// begins and when it ends.
type failures struct {
	log   *slog.Logger
	doing string
	n     int // in a row
}

func (f *failures) note(err error) {
	switch {
	case err != nil && f.n == 0:
		f.log.Error("cannot "+f.doing, "cause", err)
	case err == nil && f.n > 0:
		f.log.Info("can "+f.doing+" again", "failures", f.n)
	}
	if err == nil {
		f.n = 0
		return
	}
	f.n++
}

// pause returns how long to wait before the next try: 0.1 s, doubled with each
// failure, at most half a minute.
func (f *failures) pause() time.Duration {
	return min(100*time.Millisecond<<min(f.n-1, 10), 30*time.Second)
}
