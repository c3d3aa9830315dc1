package intake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkAppend compares the log with its floor: a bare file to which the
// same bytes are written, with shared syncs and nothing else.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{4 << 10, 100 << 10} {
		for _, waiters := range []int{1, 8, 32, 64} {
			b.Run(fmt.Sprintf("size=%dK/waiters=%d/floor", size>>10, waiters), func(b *testing.B) {
				f, err := os.OpenFile(filepath.Join(b.TempDir(), "floor"), os.O_RDWR|os.O_CREATE, 0o600)
				if err != nil {
					b.Fatal(err)
				}
				defer f.Close()
				bare := &bareLog{file: osFile{f}}
				load(b, waiters, size, bare.append)
			})
			b.Run(fmt.Sprintf("size=%dK/waiters=%d/log", size>>10, waiters), func(b *testing.B) {
				l := openTest(b, filepath.Join(b.TempDir(), "log"), Options{})
				load(b, waiters, size, func(raw []byte) error {
					_, err := l.Append(context.Background(), testEnvelope(1), bytes.NewReader(raw))
					return err
				})
				s := l.Stats()
				b.ReportMetric(float64(s.Appended)/float64(s.Syncs), "mails/sync")
			})
		}
	}
}

// load has waiters append b.N mails in all.
func load(b *testing.B, waiters, size int, write func(raw []byte) error) {
	raw := testMail(1, size)[:size]
	var left atomic.Int64
	left.Store(int64(b.N))
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range waiters {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := write(raw); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

// bareLog is a file, and a sync shared by those that wait for one.
type bareLog struct {
	file file
	end  atomic.Int64
	turn sync.Mutex
	mu   sync.Mutex
	next *bareSync
}

type bareSync struct {
	done chan struct{}
	err  error
}

func (l *bareLog) append(raw []byte) error {
	at := l.end.Add(int64(len(raw))) - int64(len(raw))
	if _, err := l.file.WriteAt(raw, at); err != nil {
		return err
	}
	l.mu.Lock()
	s := l.next
	if s != nil {
		l.mu.Unlock()
		<-s.done
		return s.err
	}
	s = &bareSync{done: make(chan struct{})}
	l.next = s
	l.mu.Unlock()
	l.turn.Lock()
	l.mu.Lock()
	l.next = nil
	l.mu.Unlock()
	s.err = l.file.Sync()
	l.turn.Unlock()
	close(s.done)
	return s.err
}

// BenchmarkAfter reads a log from its beginning, as the committer does.
func BenchmarkAfter(b *testing.B) {
	l := openTest(b, filepath.Join(b.TempDir(), "log"), Options{})
	var wg sync.WaitGroup
	for w := range 32 {
		wg.Go(func() {
			for i := range 64 {
				appendTest(b, l, w*64+i, 4<<10)
			}
		})
	}
	wg.Wait()
	b.ReportAllocs()
	b.ResetTimer()
	var pos Position
	for n := 0; n < b.N; {
		records, err := l.After(pos, 256, 8<<20)
		if err != nil {
			b.Fatal(err)
		}
		if pos = (Position{}); len(records) > 0 {
			pos = records[len(records)-1].Next
		}
		n += len(records)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

var _ io.ReaderAt = osFile{}
