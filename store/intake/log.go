// Package intake is the intake log: the raw mails as they came, queue and
// archive in one. A mail is written once; when it is durable, 250 may be said.
//
//	lock            held by the process that has the log open
//	00000001.seg    segments, each of records: see format.go
//	*.tmp           segments being made; removed at start
//
// Records are appended to the last segment. All that wait share one write and
// one fdatasync: who comes first syncs, who comes meanwhile waits for the
// next. There are no timers. A record over 1 MiB is first written to a file
// beside, so that nobody waits for its sender, and begins the next segment.
//
// A record tells up to where the log was durable when it was written. At
// start a bad record beyond all such marks is a tail that was torn by a crash
// and cut, with all behind it; one below is damage, and the log does not open.
// Of segments but the last, only the length is checked at start; each record
// is checked whenever it is read.
//
// While the disk is full mails are refused ([mail.ErrNoSpace]). Any other error
// of writing is the end: nobody knows then what is on the disk, so the log
// takes no more mails ([Log.Fatal]) until it is opened anew.
package intake

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"ventanilla/mail"
)

const (
	largeRecord = 1 << 20 // bytes; a longer one begins a segment
	maxMail     = 1 << 30 // bytes, the greatest MaxSize

	// Overwriting zeros that are on the disk already spares the file system
	// its journal: half the time of a sync, less where others sync as well.
	// For batches from smallBatch on it would not be worth writing twice.
	smallBatch = 64 << 10
	zerosAhead = 512 << 10
)

// Options say how a log is kept. A zero field means its default.
type Options struct {
	SegmentSize int64 // bytes from which on the next segment is begun: 128 MiB
	Reserve     int64 // free bytes of the disk below which mails are refused: 256 MiB; negative for none
	MaxSize     int64 // bytes of a mail, 1 GiB at most: that of mail.DefaultLimits

	zeros int // bytes of zeros written ahead; less in tests
}

// Position is a place in the log where a record begins or ends. Positions are
// ordered as the records are; the zero Position is before the first.
type Position struct {
	Segment uint32 `json:"segment"`
	Offset  int64  `json:"offset"`
}

// String returns p as 00000001-000000001234: strings are ordered as their
// positions are.
func (p Position) String() string { return fmt.Sprintf("%08d-%012d", p.Segment, p.Offset) }

// Compare returns -1, 0 or +1 as p is before, at or behind q.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Segment, q.Segment), cmp.Compare(p.Offset, q.Offset))
}

// ParsePosition is the opposite of [Position.String].
func ParsePosition(s string) (p Position, err error) {
	_, err = fmt.Sscanf(s, "%d-%d", &p.Segment, &p.Offset)
	if err != nil || p.Offset < 0 || p.String() != s {
		return Position{}, fmt.Errorf("not a position: %q", s)
	}
	return p, nil
}

// Record is a mail in the log.
type Record struct {
	Position Position
	Next     Position // where it ends; one more may begin there
	Envelope mail.Envelope
	ID       mail.ID
	Size     int64  // bytes of the mail
	Raw      []byte // the mail, or nil where the method says so
}

// Stats are figures of a log.
type Stats struct {
	Segments int
	Bytes    int64 // of all segments
	Appended int64 // mails since Open
	Syncs    int64 // since Open, that made these durable
	Cut      int64 // bytes of a torn tail that Open has cut
}

// Log is an open log. Its methods may be called by several goroutines.
type Log struct {
	options Options
	disk    disk
	drafts  sync.Pool
	fatal   chan error

	turn   chan struct{} // holds one while somebody writes to the last segment
	active file          // the last segment
	size   int64         // of it, with the zeros
	torn   bool          // a failed write has left something in it
	zeros  []byte
	out    *bufio.Writer
	free   atomic.Int64 // bytes of the disk, as it was last asked

	mu       sync.Mutex
	next     *batch        // waits for its turn
	segments []segment     // by number - 1; changed with the turn only
	end      Position      // where the next record goes; changed with the turn only
	last     Position      // where the last durable record ends
	moved    chan struct{} // closed when last changes, nil if nobody waits
	dead     error
	stats    Stats
}

type segment struct {
	file   file   // while it is new
	name   string // while it is new
	marker [8]byte
	end    int64 // of its last durable record
}

func segmentName(number uint32) string { return fmt.Sprintf("%08d.seg", number) }

// Open opens the log in the folder dir, which is made if it is missing, for
// this process alone. It refuses a folder or file that others may read, and a
// damaged log.
func Open(dir string, o Options) (*Log, error) {
	d, err := openFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("open intake log: %w", err)
	}
	l, err := open(d, o)
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("open intake log: %w", err)
	}
	return l, nil
}

func open(d disk, o Options) (*Log, error) {
	o.SegmentSize = cmp.Or(o.SegmentSize, 128<<20)
	o.Reserve = cmp.Or(o.Reserve, 256<<20)
	o.MaxSize = min(cmp.Or(o.MaxSize, mail.DefaultLimits.Size), maxMail)
	l := &Log{options: o, disk: d, fatal: make(chan error, 1), turn: make(chan struct{}, 1), zeros: make([]byte, cmp.Or(o.zeros, zerosAhead)), out: bufio.NewWriterSize(nil, 256<<10)}
	l.drafts.New = func() any { return &draft{bytes: make([]byte, 16<<10), hasher: mail.NewHasher()} }
	names, err := d.List()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".tmp") {
			err = d.Remove(name)
		} else if strings.HasSuffix(name, ".seg") {
			err = l.load(name)
		}
		if err != nil {
			return nil, err
		}
	}
	if l.active == nil {
		return l, l.roll()
	}
	if err := l.mend(); err != nil {
		return nil, fmt.Errorf("%s: %w", l.active.Name(), errors.Join(err, l.active.Close()))
	}
	return l, nil
}

// load adds the named segment to those before it. The last one stays active.
func (l *Log) load(name string) error {
	number := uint32(len(l.segments) + 1)
	if name != segmentName(number) {
		return fmt.Errorf("%s is missing, yet there is %s", segmentName(number), name)
	}
	f, err := l.disk.Open(name)
	if err != nil {
		return err
	}
	if l.active != nil {
		l.active.Close()
	}
	size, err := f.Size()
	b := make([]byte, segmentHeaderSize)
	if n, err2 := f.ReadAt(b, 0); n < len(b) && err == nil && err2 != io.EOF {
		err = err2
	}
	var h segmentHeader
	switch {
	case err != nil:
	case !decode(b, &h) || h.Magic != magic || h.Number != number:
		err = fmt.Errorf("damaged header, or not segment %d of an intake log", number)
	case h.Previous > l.size:
		err = fmt.Errorf("the segment before has only %d of its %d bytes", l.size, h.Previous)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name(), errors.Join(err, f.Close()))
	}
	if number > 1 {
		l.segments[number-2].end = h.Previous
	}
	if h.Previous > segmentHeaderSize {
		l.last = Position{number - 1, h.Previous}
	}
	l.active, l.size, l.end = f, size, Position{number, h.Durable}
	l.segments = append(l.segments, segment{marker: h.Marker})
	return nil
}

// mend cuts the torn tail of the last segment and makes the rest durable.
func (l *Log) mend() error {
	b, release, err := l.active.Map(0, l.size)
	if err != nil {
		return err
	}
	defer release()
	s := &l.segments[l.end.Segment-1]
	err = mapped(func() (err error) {
		s.end, err = scan(b, segmentHeader{Marker: s.marker, Durable: l.end.Offset})
		l.stats.Cut = int64(len(bytes.TrimRight(b[s.end:], "\x00")))
		return err
	})
	if err == nil {
		err = l.active.Truncate(s.end)
	}
	if err == nil { // a process that was killed may not have come to this
		err = cmp.Or(l.active.Sync(), l.disk.Sync())
	}
	l.end.Offset, l.size = s.end, s.end
	if s.end > segmentHeaderSize {
		l.last = l.end
	}
	return err
}

// stop ends the log for good.
func (l *Log) stop(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead == nil {
		l.dead = fmt.Errorf("the intake log is stopped: %w", err)
		l.fatal <- l.dead
		l.wake()
	}
	return l.dead
}

// failed returns what is said of an error of the disk, and stops the log
// unless the disk is full.
func (l *Log) failed(err error) error {
	if isFull(err) {
		return mail.ErrNoSpace
	}
	return l.stop(err)
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// usable returns why the log takes no more mails.
func (l *Log) usable() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// wake lets those in Wait look again. The caller holds mu.
func (l *Log) wake() {
	if l.moved != nil {
		close(l.moved)
		l.moved = nil
	}
}

// Fatal returns a channel that receives the error, if any, after which the log
// takes no more mails. The process must end then and start anew.
func (l *Log) Fatal() <-chan error { return l.fatal }

// End returns where the last durable record ends.
func (l *Log) End() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// File is a segment's file and its bytes up to the last durable record: what a
// copy of the log is made of.
type File struct {
	Name  string
	Bytes int64
}

// Files returns the segments in their order.
func (l *Log) Files() []File {
	l.mu.Lock()
	defer l.mu.Unlock()
	files := make([]File, len(l.segments))
	for i, s := range l.segments {
		files[i] = File{segmentName(uint32(i + 1)), max(s.end, segmentHeaderSize)}
	}
	return files
}

// Stats returns figures of the log.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Segments = len(l.segments)
	for _, seg := range l.segments {
		s.Bytes += seg.end
	}
	return s
}

// Free returns the free bytes of the disk, and below which no mail is taken.
func (l *Log) Free() (free, reserve int64, err error) {
	free, err = l.disk.Free()
	return free, max(0, l.options.Reserve), err
}

// Close waits for the mails that are being written and lets go of the folder.
// Later appends fail with an error that is [os.ErrClosed].
func (l *Log) Close() error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.mu.Lock()
	before := l.dead
	l.dead = fmt.Errorf("intake log: %w", os.ErrClosed)
	l.wake()
	l.mu.Unlock()
	if errors.Is(before, os.ErrClosed) {
		return nil
	}
	var err error
	if before == nil {
		err = l.active.Truncate(l.end.Offset)
	}
	if err := errors.Join(err, l.active.Close(), l.disk.Close()); err != nil {
		return fmt.Errorf("close intake log: %w", err)
	}
	return nil
}
