package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"ventanilla/mail"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/store/intake"
)

const (
	batchMails = 128     // settled in one commit
	batchBytes = 8 << 20 // of raw mail in memory at once
	tries      = 2       // of a mail alone, before it is quarantined
	deaths     = 5       // of the process during a mail alone: fewer befall the next in line when starts are cut short
)

// item is a mail on its way: read, not yet settled.
type item struct {
	record   intake.Record
	message  *mail.Message
	markdown string // of a message in HTML: what its writer wrote, formatted
	limit    string // the limit that it breaks, "" if none: then it was not read
}

// Run settles mails in the order of the log until ctx is done: first what is
// left from before, then what comes. While a batch is being settled the next one
// is read, if there is a whole one. Its error is one after which the process
// must end.
func (g *Gateway) Run(ctx context.Context) error {
	mark, err := g.recover(ctx)
	appended := func() int64 { return g.log.Stats().Appended }
	var b batch
	for err == nil {
		if len(b.items) == 0 {
			idle := time.Now()
			if err = g.log.Wait(ctx, mark); err == nil {
				g.pace.gather(ctx, time.Since(idle), appended)
				b, err = g.next(mark, 1, batchMails)
			}
			if err != nil {
				err = g.endure(ctx, err)
				continue
			}
		}
		g.pace.begin(appended())
		ahead := g.readAhead(b.end)
		err = g.settle(ctx, b)
		b.release()
		settled := len(b.items)
		mark, b = b.end, <-ahead
		if err == nil {
			g.pace.rest(ctx, settled, appended)
		}
	}
	if b.release != nil {
		b.release()
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// batch is a run of mails that are read and not yet settled.
type batch struct {
	items   []item
	end     intake.Position // behind the last
	release func()          // gives the mails' bytes back; nil without items
}

// next reads the batch behind a position, of at most so many mails. It is empty
// where there are fewer than least.
func (g *Gateway) next(from intake.Position, least, most int) (batch, error) {
	records, err := g.log.After(from, most, batchBytes)
	if err != nil || len(records) < max(least, 1) {
		return batch{end: from}, err
	}
	items, release, err := g.read(records)
	if err != nil {
		release()
		return batch{end: from}, err
	}
	return batch{items, records[len(records)-1].Next, release}, nil
}

// readAhead reads the batch behind a position meanwhile, if it is a whole one: a
// smaller one had better grow while another is being settled. Its error shows
// when it is read again.
func (g *Gateway) readAhead(from intake.Position) <-chan batch {
	ahead := make(chan batch, 1)
	go func() {
		b, _ := g.next(from, batchMails, batchMails)
		ahead <- b
	}()
	return ahead
}

// settle settles a batch, however long the store cannot be written.
func (g *Gateway) settle(ctx context.Context, b batch) (err error) {
	for {
		if err = g.commit(ctx, b.items); err == nil {
			return nil
		}
		if err = g.endure(ctx, err); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// endure waits after an error that may pass by itself, and returns one that
// does not.
func (g *Gateway) endure(ctx context.Context, err error) error {
	if errors.Is(err, store.ErrBroken) || errors.Is(err, store.ErrClosed) || ctx.Err() != nil {
		return err
	}
	g.slog.Error("mails wait: the store cannot be written", "error", err)
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	return nil
}

// recover settles what may have been in work when the process ended: each mail
// alone, behind a durable mark, so that one that kills the process is known at
// the next start and put into quarantine.
func (g *Gateway) recover(ctx context.Context) (mark intake.Position, err error) {
	if mark, err = g.watermark(ctx); err != nil {
		return mark, err
	}
	for settled := 0; settled < 2*batchMails; settled++ { // one settled, one read ahead
		records, err := g.log.After(mark, 1, 1)
		if err != nil || len(records) == 0 {
			return mark, err
		}
		for alone := g.tryAlone; ; alone = g.again {
			if err = alone(ctx, mark, records[0]); err == nil {
				break
			}
			if err = g.endure(ctx, err); err != nil {
				return mark, err
			}
		}
		mark = records[0].Next
	}
	return mark, nil
}

// tryAlone settles the one mail behind mark. One that ended the process before
// is not read again.
func (g *Gateway) tryAlone(ctx context.Context, mark intake.Position, r intake.Record) error {
	deadly, err := g.markTrying(ctx, r.Position)
	if err != nil {
		return err
	}
	if deadly {
		g.slog.Error("mail quarantined: the process ended again and again while it was read", "mail", r.ID)
		return g.commit(ctx, []item{{record: r, limit: "el proceso terminó mientras se leía"}})
	}
	return g.again(ctx, mark, r)
}

// again settles the one mail behind mark, which is marked already.
func (g *Gateway) again(ctx context.Context, mark intake.Position, _ intake.Record) error {
	_, err := g.Process(ctx, mark, 1)
	return err
}

// markTrying notes that the mail at a position is tried alone, and reports
// whether that was begun too often already.
func (g *Gateway) markTrying(ctx context.Context, p intake.Position) (deadly bool, err error) {
	err = g.store.Update(ctx, func(tx store.Tx) error {
		t, err := tx.Trying()
		if err != nil {
			return err
		}
		if t.Position != p.String() {
			t = store.Trying{Position: p.String()}
		}
		deadly = t.Times >= deaths
		t.Times++
		return tx.SetTrying(t)
	})
	return deadly, err
}

func (g *Gateway) watermark(ctx context.Context) (p intake.Position, err error) {
	err = g.store.View(ctx, func(tx store.Tx) error {
		s, err := tx.Watermark()
		if err != nil || s == "" {
			return err
		}
		p, err = intake.ParsePosition(s)
		return err
	})
	return p, err
}

// Process settles the next mails behind a position, at most so many, and
// returns the position behind them. Mails are read in parallel and settled in
// order, in one commit.
func (g *Gateway) Process(ctx context.Context, after intake.Position, limit int) (intake.Position, error) {
	b, err := g.next(after, 1, limit)
	if err != nil || len(b.items) == 0 {
		return after, err
	}
	defer b.release()
	if err := g.commit(ctx, b.items); err != nil {
		return after, fmt.Errorf("process %s: %w", after, err)
	}
	return b.end, nil
}

// read reads the mails of a batch, as many at once as there are processors.
func (g *Gateway) read(records []intake.Record) (items []item, release func(), err error) {
	items = make([]item, len(records))
	var releases []func()
	release = func() {
		for _, r := range releases {
			r()
		}
	}
	for i, r := range records {
		if r.Raw == nil { // a large one: mapped, not copied
			var free func()
			if r, free, err = g.log.Read(r.Position); err != nil {
				return nil, release, fmt.Errorf("read mail %s: %w", r.ID, err)
			}
			releases = append(releases, free)
		}
		items[i].record = r
	}
	inParallel(len(items), func(i int) { g.parse(&items[i]) })
	return items, release, nil
}

// parse reads one mail. One that breaks a limit, or the parser, is not read.
func (g *Gateway) parse(it *item) {
	defer func() {
		if p := recover(); p != nil {
			g.slog.Error("parser panicked", "mail", it.record.ID, "panic", p)
			it.message, it.limit = nil, "el lector falló"
		}
	}()
	var over *mail.LimitError
	if err := mail.Prescan(it.record.Raw, g.limits); errors.As(err, &over) {
		it.limit = over.What
		return
	}
	it.message = mail.Parse(it.record.Raw)
	it.message.ID = it.record.ID
	if it.message.HTML != "" {
		it.markdown = it.message.Markdown()
	}
	if it.message.Loop != "" && it.message.Loop == g.Setup().World.Domain {
		it.message.Class, it.message.ClassReason = mail.ClassOwn, mail.LoopHeader
	}
}

func inParallel(n int, fn func(int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for i := range n {
			fn(i)
		}
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				fn(i)
			}
		})
	}
	wg.Wait()
}

// commit settles a batch in one Update. Each mail writes into an overlay of its
// own, so that one that fails does not take its neighbours along. Mails below
// the stored watermark are settled already: an Update whose outcome was in doubt
// is simply made again.
func (g *Gateway) commit(ctx context.Context, items []item) error {
	setup, now := g.Setup(), g.now().UTC().Truncate(time.Millisecond)
	var settled []*settling
	var deciding time.Duration
	began := time.Now()
	err := g.store.Update(ctx, func(tx store.Tx) error {
		settled, deciding = settled[:0], 0
		mark, err := tx.Watermark()
		if err != nil {
			return err
		}
		for i := range items {
			if items[i].record.Position.String() < mark {
				continue
			}
			s, err := g.settleOne(tx, setup, now, &items[i])
			if err != nil {
				return err
			}
			settled = append(settled, s)
			deciding += s.took
		}
		if err := tx.SetTrying(store.Trying{}); err != nil {
			return err
		}
		return tx.SetWatermark(max(mark, items[len(items)-1].record.Next.String()))
	})
	if err != nil {
		return err
	}
	g.watch.Committed(len(settled), time.Since(began)-deciding)
	g.tell(ctx, settled)
	return nil
}

// tell wakes the sender and logs what has become of mails, once that is durable.
func (g *Gateway) tell(ctx context.Context, settled []*settling) {
	log := g.slog.Enabled(ctx, slog.LevelInfo)
	queued := false
	for _, s := range settled {
		queued = queued || s.sent > 0
		g.watch.Settled(s.item.record.Envelope.Source, string(s.decision.Disposition), s.took)
		g.happened(s.events)
		if s.decision.Report != nil {
			select {
			case g.asked <- struct{}{}:
			default: // it is known already
			}
		}
		if s.decision.Probe > 0 {
			g.watch.Probed("back")
			g.tellProbe(s.probe)
		}
		if s.decision.Capped != "" {
			g.watch.Capped(s.decision.Capped)
		}
		if log {
			ticket, _ := s.where()
			g.slog.Info("mail settled", "mail", s.item.record.ID, "disposition", s.decision.Disposition, "reason", s.decision.Reason,
				"ticket", s.tickets[ticket].Number, "trust", s.decision.Trust.String(), "mails", s.sent)
		}
	}
	if queued {
		g.wakeSender()
	}
}

// settleOne settles a mail, or puts it into quarantine when that fails twice.
// Its error is one of the store.
func (g *Gateway) settleOne(tx store.Tx, setup *Setup, now time.Time, it *item) (*settling, error) {
	var last error
	for range tries {
		s, began := g.settling(setup, now, it), time.Now()
		last = tx.Try(func(tx store.Tx) error { s.tx = tx; return s.guarded() })
		s.took = time.Since(began)
		if last == nil {
			return s, nil
		}
		if storeFailed(last) {
			return nil, last
		}
	}
	g.slog.Error("mail quarantined", "mail", it.record.ID, "error", last)
	s := g.settling(setup, now, it)
	s.decision = rules.Decision{Disposition: rules.ToQuarantine, Reason: "no se pudo procesar: " + last.Error()}
	return s, tx.Try(func(tx store.Tx) error { s.tx = tx; return s.receipt(s.decision, 0, 0) })
}

// storeFailed tells errors of the store, which concern all mails, from those
// that one mail makes.
func storeFailed(err error) bool {
	for _, e := range []error{store.ErrBroken, store.ErrNoSpace, store.ErrClosed, store.ErrHalfWritten, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
