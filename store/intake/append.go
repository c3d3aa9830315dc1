package intake

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"ventanilla/mail"
)

// draft is a record being made. Its bytes serve one mail after the other.
type draft struct {
	ctx    context.Context
	bytes  []byte // the record; of a large one, the piece at hand
	header recordHeader
	hasher *mail.Hasher
	record Record
	err    error
}

// Append takes a mail from r and returns its record, without Raw, when it is
// durable. With an error the mail is not in the log: [mail.ErrTooLarge],
// [mail.ErrNoSpace], the error of r or of ctx, or one of the disk. Only after
// an error that stops the log (see [Log.Fatal]) it may turn up later.
func (l *Log) Append(ctx context.Context, env mail.Envelope, r io.Reader) (Record, error) {
	d := l.drafts.Get().(*draft)
	defer l.drafts.Put(d)
	d.hasher.Reset()
	*d = draft{ctx: ctx, bytes: d.bytes[:recordHeaderSize], hasher: d.hasher, record: Record{Envelope: env}}
	whole, err := false, l.ready(ctx)
	if err == nil {
		whole, err = d.begin(r, l.options.MaxSize)
	}
	switch {
	case err != nil:
	case whole:
		d.finish()
		err = l.commit(d)
	default:
		err = l.large(d, r)
	}
	if err != nil {
		return Record{}, fmt.Errorf("append mail: %w", err)
	}
	return d.record, nil
}

// ready returns why no mail can be taken now, as far as is known: the disk is asked
// before each write, for all mails that share it, and here again where it was full.
func (l *Log) ready(ctx context.Context) error {
	if err := cmp.Or(ctx.Err(), l.usable()); err != nil || l.free.Load() >= l.options.Reserve {
		return err
	}
	return l.measure()
}

// measure asks the disk what is free, and returns an error if that is too little.
func (l *Log) measure() error {
	free, err := l.disk.Free()
	if err != nil {
		free = -1 // it is asked again
	}
	l.free.Store(free)
	if err == nil && free < l.options.Reserve {
		err = mail.ErrNoSpace
	}
	return err
}

// begin reads the mail until its end, or until the record is a large one.
func (d *draft) begin(r io.Reader, limit int64) (whole bool, err error) {
	env, err := json.Marshal(d.record.Envelope)
	if err != nil || len(env) > largeRecord/2 {
		return false, cmp.Or(err, mail.ErrTooLarge)
	}
	d.bytes = append(d.bytes, env...)
	start := len(d.bytes)
	for err == nil && len(d.bytes) < largeRecord && int64(len(d.bytes)-start) <= limit {
		if len(d.bytes) == cap(d.bytes) {
			more := make([]byte, len(d.bytes), min(2*cap(d.bytes), largeRecord))
			copy(more, d.bytes)
			d.bytes = more
		}
		var n int
		n, err = r.Read(d.bytes[len(d.bytes):cap(d.bytes)])
		d.bytes = d.bytes[:len(d.bytes)+n]
	}
	d.header.Envelope = uint32(len(env))
	whole = err == io.EOF
	if whole {
		err = nil
	}
	return whole, cmp.Or(err, d.take(d.bytes[recordHeaderSize:], d.bytes[start:], limit))
}

// take adds the next bytes of the record, and those of the mail, to the sums.
func (d *draft) take(record, raw []byte, limit int64) error {
	d.header.Body = crc32.Update(d.header.Body, castagnoli, record)
	_, _ = d.hasher.Write(raw)
	if d.header.Mail += int64(len(raw)); d.header.Mail > limit {
		return mail.ErrTooLarge
	}
	return nil
}

// finish completes what can be known before the record has its place.
func (d *draft) finish() {
	d.record.ID, d.record.Size = d.hasher.Sum(), d.header.Mail
	_, _ = hex.Decode(d.header.Content[:], []byte(d.record.ID))
}

// place gives the record its place, where it is written to next.
func (d *draft) place(s segment, p Position, durable int64) {
	d.header.Marker, d.header.Offset, d.header.Durable = s.marker, p.Offset, durable
	encode(d.bytes, &d.header)
	d.record.Position, d.record.Next = p, Position{p.Segment, p.Offset + d.header.size()}
}

// batch is the mails that share a write.
type batch struct {
	drafts []*draft
	done   chan struct{}
}

// commit makes d durable. Who finds no batch begins one, and writes it when it
// has the turn; who comes until then joins it and waits.
func (l *Log) commit(d *draft) error {
	l.mu.Lock()
	b := l.next
	if b != nil {
		b.drafts = append(b.drafts, d)
		l.mu.Unlock()
		<-b.done
		return d.err
	}
	b = &batch{drafts: []*draft{d}, done: make(chan struct{})}
	l.next = b
	l.mu.Unlock()

	l.turn <- struct{}{}
	l.mu.Lock()
	l.next = nil
	l.mu.Unlock()
	err := cmp.Or(l.usable(), l.measure())
	if err == nil && l.torn {
		err = l.repair()
	}
	if err == nil && l.end.Offset >= l.options.SegmentSize {
		err = l.roll()
	}
	if err == nil {
		err = l.write(b.drafts)
	}
	<-l.turn
	for _, d := range b.drafts {
		d.err = cmp.Or(d.err, err)
	}
	err = d.err
	close(b.done)
	return err
}

// write makes drafts durable, but those whose caller is gone.
func (l *Log) write(drafts []*draft) error {
	need, at, count := l.end.Offset, l.end, int64(0)
	for _, d := range drafts {
		need += int64(len(d.bytes))
	}
	var err error
	if need > l.size && need-l.end.Offset < smallBatch {
		l.size = need + int64(len(l.zeros))
		_, err = l.active.WriteAt(l.zeros, need)
	}
	l.out.Reset(io.NewOffsetWriter(l.active, at.Offset))
	for _, d := range drafts {
		if d.err = d.ctx.Err(); d.err == nil && err == nil {
			d.place(l.segments[at.Segment-1], at, l.end.Offset)
			_, err = l.out.Write(d.bytes)
			at, count = d.record.Next, count+1
		}
	}
	if err == nil && count > 0 {
		err = l.out.Flush()
	}
	if err == nil && count > 0 {
		err = l.active.Sync()
	}
	if err != nil {
		l.torn = true
		if err = l.failed(err); errors.Is(err, mail.ErrNoSpace) {
			err = cmp.Or(l.repair(), err)
		}
		return err
	}
	l.publish(at, count)
	return nil
}

// repair takes back what a write to the full disk has left in the last segment.
func (l *Log) repair() error {
	err := l.active.Truncate(l.end.Offset)
	if err == nil {
		err = l.active.Sync()
	}
	if err != nil {
		return l.failed(err)
	}
	l.torn, l.size = false, l.end.Offset
	return nil
}

// publish lets everybody see count more records, up to end.
func (l *Log) publish(end Position, count int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end, l.segments[end.Segment-1].end = end, end.Offset
	if count > 0 {
		l.last = end
		l.stats.Appended += count
		l.stats.Syncs++
		l.wake()
	}
}

// large takes the rest of a large mail. It is written to a file of its own as
// it comes, while others append; that file becomes the next segment.
func (l *Log) large(d *draft, r io.Reader) error {
	s, err := l.create()
	if err != nil {
		return err
	}
	if err := l.stream(d, s, r); err != nil {
		return l.discard(s, err)
	}
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if err := cmp.Or(d.ctx.Err(), l.usable()); err != nil {
		return l.discard(s, err)
	}
	if err := l.adopt(s, d.header.size()); err != nil {
		return err
	}
	d.record.Position.Segment, d.record.Next.Segment = l.end.Segment, l.end.Segment
	l.publish(d.record.Next, 1)
	return nil
}

// stream writes the record to a new segment and makes it durable.
func (l *Log) stream(d *draft, s segment, r io.Reader) error {
	at, ended := int64(segmentHeaderSize), false
	for {
		if _, err := s.file.WriteAt(d.bytes, at); err != nil {
			return l.failed(err)
		}
		if ended {
			break
		}
		if err := cmp.Or(d.ctx.Err(), l.usable(), l.measure()); err != nil {
			return err
		}
		at += int64(len(d.bytes))
		n, err := io.ReadFull(r, d.bytes[:cap(d.bytes)])
		ended = err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !ended {
			return err
		}
		d.bytes = d.bytes[:n]
		if err := d.take(d.bytes, d.bytes, l.options.MaxSize); err != nil {
			return err
		}
	}
	d.finish()
	d.bytes = d.bytes[:recordHeaderSize]
	d.place(s, Position{Offset: segmentHeaderSize}, segmentHeaderSize)
	_, err := s.file.WriteAt(d.bytes, segmentHeaderSize)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return l.failed(err)
	}
	return nil
}

// create makes the file of a segment to come.
func (l *Log) create() (s segment, err error) {
	_, _ = rand.Read(s.marker[:])
	s.name = fmt.Sprintf("%x.tmp", s.marker)
	s.file, err = l.disk.Create(s.name)
	if isFull(err) {
		err = mail.ErrNoSpace
	}
	return s, err
}

// discard removes a file that does not become a segment because of err.
func (l *Log) discard(s segment, err error) error {
	_, _ = s.file.Close(), l.disk.Remove(s.name) // what stays is removed at the next start
	return err
}

// roll begins the next segment.
func (l *Log) roll() error {
	s, err := l.create()
	if err != nil {
		return err
	}
	return l.adopt(s, 0)
}

// adopt makes s, with so many durable bytes behind its header, the next
// segment. Only then the one before is known to be complete.
func (l *Log) adopt(s segment, size int64) error {
	s.end = segmentHeaderSize + size
	number := uint32(len(l.segments) + 1)
	b := make([]byte, segmentHeaderSize)
	encode(b, &segmentHeader{magic, 1, number, l.end.Offset, s.end, s.marker, 0})
	_, err := s.file.WriteAt(b, 0)
	if err == nil {
		err = s.file.Sync()
	}
	if err == nil {
		err = l.disk.Rename(s.name, segmentName(number))
	}
	if err != nil {
		return l.discard(s, l.failed(err))
	}
	if err := l.disk.Sync(); err != nil {
		return l.stop(err) // nobody knows whether the name is there
	}
	if l.active != nil {
		err = errors.Join(l.active.Truncate(l.end.Offset), l.active.Close())
	}
	l.mu.Lock()
	l.active, l.end, l.size, l.torn = s.file, Position{number, s.end}, s.end, false
	l.segments = append(l.segments, s)
	l.mu.Unlock()
	if err != nil && !isFull(err) {
		return l.stop(err)
	}
	return nil // what is left behind the old segment does no harm
}
