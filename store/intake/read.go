package intake

import (
	"context"
	"fmt"
)

// Read returns the record at pos, which is the Position of one. Its Raw is
// good until release is called; that of a mail over 1 MiB is mapped from the
// file, so it costs no memory of the process.
func (l *Log) Read(pos Position) (r Record, release func(), err error) {
	release = func() {}
	err = l.from(pos, func(f file, s segment) error {
		r, release, err = read(f, s, pos)
		return err
	})
	return r, release, err
}

// After returns durable records behind pos in their order; pos is the zero
// Position or the Next of a record. It returns at most maxRecords, and no more
// once their mails have maxBytes; at least one where there is one, and none
// without an error where there is none. Raw is nil for mails over 1 MiB, which
// [Log.Read] maps.
func (l *Log) After(pos Position, maxRecords int, maxBytes int64) ([]Record, error) {
	var records []Record
	for pos = l.skip(pos); len(records) < maxRecords && pos.Compare(l.End()) < 0; pos = l.skip(pos) {
		err := l.from(pos, func(f file, s segment) error {
			for pos.Offset < s.end && len(records) < maxRecords && (maxBytes > 0 || len(records) == 0) {
				r, release, err := read(f, s, pos)
				if err != nil {
					return err
				}
				if r.Next.Offset-pos.Offset > largeRecord {
					r.Raw = nil
					release()
				}
				records, pos, maxBytes = append(records, r), r.Next, maxBytes-r.Size
			}
			return nil
		})
		if len(records) == 0 && err != nil {
			return nil, err // else the next call comes upon it
		}
		if err != nil || maxBytes <= 0 {
			break
		}
	}
	return records, nil
}

// skip returns where the first record behind pos begins, if there is one.
func (l *Log) skip(pos Position) Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	pos = Position{max(pos.Segment, 1), max(pos.Offset, segmentHeaderSize)}
	for int64(pos.Segment) < int64(len(l.segments)) && pos.Offset >= l.segments[pos.Segment-1].end {
		pos = Position{pos.Segment + 1, segmentHeaderSize}
	}
	return pos
}

// from calls fn with the file of the segment in which there are durable
// records from pos on.
func (l *Log) from(pos Position, fn func(file, segment) error) error {
	var s segment
	l.mu.Lock()
	if pos.Segment > 0 && int64(pos.Segment) <= int64(len(l.segments)) {
		s = l.segments[pos.Segment-1]
	}
	l.mu.Unlock()
	if pos.Offset < segmentHeaderSize || pos.Offset >= s.end {
		return fmt.Errorf("read mail: nothing at %s of the intake log", pos)
	}
	f, err := l.disk.Open(segmentName(pos.Segment))
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	defer f.Close()
	return fn(f, s)
}

// read returns the record at pos of the segment in f.
func read(f file, s segment, pos Position) (r Record, release func(), err error) {
	release = func() {}
	b := make([]byte, min(recordHeaderSize, s.end-pos.Offset))
	_, err = f.ReadAt(b, pos.Offset)
	h, ok := parseHeader(b, pos.Offset, s.marker)
	switch {
	case err != nil:
	case !ok || h.size() > s.end-pos.Offset:
		err = errDamaged
	case h.size() > largeRecord:
		b, release, err = f.Map(pos.Offset, h.size())
	default:
		b = make([]byte, h.size())
		_, err = f.ReadAt(b, pos.Offset)
	}
	if err == nil {
		err = mapped(func() (err error) { r, err = h.record(b, pos.Segment); return err })
	}
	if err != nil {
		release()
		return Record{}, func() {}, fmt.Errorf("read mail: %s at offset %d: %w", f.Name(), pos.Offset, err)
	}
	return r, release, nil
}

// Wait returns nil once there is a durable record behind pos, else the error
// of ctx or of a log that is closed or stopped.
func (l *Log) Wait(ctx context.Context, pos Position) error {
	for {
		l.mu.Lock()
		last, dead := l.last, l.dead
		if l.moved == nil {
			l.moved = make(chan struct{})
		}
		moved := l.moved
		l.mu.Unlock()
		if last.Compare(pos) > 0 {
			return nil
		}
		if dead != nil {
			return dead
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
