package imap

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/emersion/go-imap/v2"
)

// batch is a run of mails, in their order, that are asked for together.
type batch struct {
	last  imap.UID // behind which the folder is to be read on
	held  bool     // mails up to there are asked for later: the point stays before them
	uids  int      // how many of the folder's UIDs it stands for
	whole []candidate
	notes []candidate // too large to be fetched, or refused again and again
	error error       // instead of the mails
}

// taking is one look's work: while one batch comes, the next is asked for, the
// sizes of those behind it too, and the point follows behind what is durable.
type taking struct {
	*session
	ctx   context.Context
	begun Point // from which it goes
	room  room  // for mails that are being handed over
	crew  crew  // who do that

	mu    sync.Mutex
	taken int
	err   error
	moved bool // a mail became durable
}

// takeAll takes mails behind a point, all or an error: after one that is temporary
// those behind the last point are taken again.
func (s *session) takeAll(ctx context.Context, uids []imap.UID, p Point) (int, error) {
	if len(uids) == 0 {
		return 0, nil
	}
	t := &taking{session: s, ctx: ctx, begun: p, crew: make(crew)}
	defer close(t.crew)
	m := &s.folder.memory
	rest, apart := m.divide(uids)
	if m.isCareful() {
		t.singly(rest)
	} else {
		t.together(uids)
		m.broken(t.broke() && !t.moved)
	}
	if t.err == nil || errors.Is(t.err, errNotSent) {
		t.singly(apart)
	}
	s.cut = t.err != nil && !errors.Is(t.err, errNotSent)
	s.sound = s.sound || t.moved && p.Validity != 0 // else all is read again
	return t.taken, t.err
}

// together takes mails in batches, but for those that are to be asked for alone.
func (t *taking) together(uids []imap.UID) {
	outer := t.ctx
	ctx, stop := context.WithCancel(outer)
	defer func() { stop(); t.ctx = outer }()
	t.ctx = ctx
	batches, asked := make(chan batch), make(chan *handing, 64)
	var parts sync.WaitGroup
	parts.Go(func() { defer close(batches); t.describeAll(uids, batches) })
	parts.Go(func() { defer close(asked); t.askAll(batches, asked) })
	t.follow(asked)
	stop()
	parts.Wait()
}

// ours is an error of the desk, which is no fault of the server.
type ours struct{ error }

func (o ours) Unwrap() error { return o.error }

// broke says that the connection broke, and not by us.
func (t *taking) broke() bool {
	return t.err != nil && !errors.As(t.err, new(ours)) && !errors.Is(t.err, errNotSent) && !refusal(t.err) && t.ctx.Err() == nil
}

// fail ends the look with its first error. The connection breaks: what the other
// parts wait for may never come.
func (t *taking) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil && err != nil {
		t.err = err
		t.cutOff()
	}
}

// describeAll makes batches of mails as they are described.
func (t *taking) describeAll(uids []imap.UID, out chan<- batch) {
	send := func(b batch) bool {
		select {
		case out <- b:
			return b.error == nil
		case <-t.ctx.Done():
			return false
		}
	}
	for len(uids) > 0 {
		chunk := described(uids)
		uids = uids[len(chunk):]
		rest, _ := t.folder.memory.divide(chunk)
		mails, err := t.describe(rest)
		if err != nil {
			send(batch{error: err})
			return
		}
		for _, b := range t.batches(chunk, mails) {
			if !send(b) {
				return
			}
		}
	}
}

// batches cuts mails into batches of a bounded number of bytes.
func (t *taking) batches(uids []imap.UID, mails []candidate) (all []batch) {
	var b batch
	var bytes int64
	for _, uid := range uids {
		b.last = uid
		b.uids++
		b.held = b.held || t.folder.memory.apart(uid)
		if len(mails) == 0 || mails[0].uid != uid {
			continue // it is no more there
		}
		c := mails[0]
		mails = mails[1:]
		switch {
		case c.err == nil && t.passedOver(c, t.begun), t.folder.memory.has(c.uid):
		case c.err == nil && t.maxSize > 0 && c.size > t.maxSize, t.folder.memory.hopeless(uid, t.now(), t.refusing):
			b.notes = append(b.notes, c)
		default:
			b.whole = append(b.whole, c)
			bytes += c.size
		}
		if bytes >= batchBytes {
			all, b, bytes = append(all, b), batch{}, 0
		}
	}
	if b.uids > 0 {
		all = append(all, b)
	}
	return all
}

// askAll asks for batches, a few ahead of what has come. Each has a reader of its
// own: a server may answer commands in another order (RFC 9051 §5.5).
func (t *taking) askAll(batches <-chan batch, asked chan<- *handing) {
	ahead := make(chan struct{}, window)
	var readers sync.WaitGroup
	defer readers.Wait()
	for b := range batches {
		if b.error != nil {
			t.fail(b.error)
			return
		}
		select {
		case ahead <- struct{}{}:
		case <-t.ctx.Done():
			return
		}
		h := &handing{taking: t, batch: b, read: make(chan struct{})}
		h.ask()
		readers.Go(func() {
			defer close(h.read)
			h.broke(h.fetch())
			<-ahead
		})
		select {
		case asked <- h:
		case <-t.ctx.Done():
			return
		}
	}
}

// follow moves the point behind batches whose mails are all durable. While it is
// being noted others come to their end; they share the next note. Behind a mail
// that the server refuses mails are taken, and the point waits.
func (t *taking) follow(asked <-chan *handing) {
	const share = 16
	p, refused, held := t.begun, error(nil), false
	for h := range asked {
		uids, taken := 0, 0
		for n := 1; ; n++ {
			if !h.done() {
				return
			}
			uids, taken = uids+h.batch.uids, taken+h.n
			if refused == nil {
				refused = h.refused
			}
			if held = held || h.batch.held; refused == nil && !held {
				p.UID = uint32(h.batch.last)
			}
			if n == share || len(asked) == 0 {
				break
			}
			h = <-asked
		}
		if err := t.setPoint(p); err != nil {
			t.fail(err)
			return
		}
		t.taken += taken
		t.progress(func(f *FolderStatus) { f.Remaining -= uids; f.Taken += taken })
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = refused // the connection is whole: what is settled is marked first
	}
}

// setPoint notes how far the folder was taken, if that is news.
func (t *taking) setPoint(p Point) error {
	if p == t.begun {
		return nil
	}
	if err := t.desk.SetPoint(t.ctx, t.account.Name, t.folder.name, p); err != nil {
		return ours{fmt.Errorf("note the point: %w", err)}
	}
	t.folder.memory.forget(imap.UID(p.UID))
	return nil
}
