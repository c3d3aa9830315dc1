package intake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ventanilla/mail"
)

// gated returns a log whose syncs, once held, wait for a value from release.
func gated(t *testing.T) (l *Log, held *atomic.Bool, release chan error) {
	t.Helper()
	d := newFakeDisk()
	l, err := openFake(d)
	if err != nil {
		t.Fatal(err)
	}
	held, release = new(atomic.Bool), make(chan error)
	d.before = func(op string) error {
		if op == "sync" && held.Load() {
			return <-release
		}
		return nil
	}
	return l, held, release
}

// Who comes first syncs alone, those who come meanwhile share the next, and no
// timer holds up anybody: the clock stands still in here.
func TestSharedSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, held, release := gated(t)
		start := time.Now()
		for i := range 100 {
			appendTest(t, l, i, 50)
		}
		if s := l.Stats(); s.Syncs != 100 {
			t.Errorf("alone: %+v", s)
		}
		held.Store(true)
		var wg sync.WaitGroup
		var done atomic.Int64
		begin := func(n int) {
			wg.Go(func() { appendTest(t, l, n, 50); done.Add(1) })
			synctest.Wait()
		}
		begin(100)
		end := l.End()
		for i := range 31 {
			begin(101 + i)
		}
		if done.Load() != 0 || l.End() != end {
			t.Errorf("%d mails said to be durable before any sync", done.Load())
		}
		if records, err := l.After(end, 10, 1000); err != nil || len(records) != 0 {
			t.Errorf("read before durable: %d, %v", len(records), err)
		}
		release <- nil
		synctest.Wait()
		if done.Load() != 1 {
			t.Errorf("%d mails durable after the first sync, want 1", done.Load())
		}
		release <- nil
		wg.Wait()
		if s := l.Stats(); s.Syncs != 102 || s.Appended != 132 {
			t.Errorf("together: %+v", s)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("a timer held them up for %v", waited)
		}
	})
}

// Who gives up while others write leaves no record; an error of the sync that
// several share reaches them all.
func TestGiveUpAndFail(t *testing.T) {
	for _, failure := range []error{nil, errors.New("input/output error")} {
		synctest.Test(t, func(t *testing.T) {
			l, held, release := gated(t)
			held.Store(true)
			ctx, cancel := context.WithCancel(context.Background())
			errs := make([]error, 4)
			var wg sync.WaitGroup
			for i := range errs {
				c := context.Background()
				if i == 2 {
					c = ctx
				}
				wg.Go(func() {
					_, errs[i] = l.Append(c, testEnvelope(i), bytes.NewReader(testMail(i, 10)))
				})
				synctest.Wait()
			}
			cancel()
			release <- nil // of mail 0
			release <- failure
			wg.Wait()
			held.Store(false)
			if errs[0] != nil || !errors.Is(errs[1], failure) || !errors.Is(errs[2], context.Canceled) || !errors.Is(errs[3], failure) {
				t.Errorf("failure %v: %v", failure, errs)
			}
			want := 3
			if failure != nil {
				want = 1
				if err := <-l.Fatal(); !errors.Is(err, failure) {
					t.Errorf("Fatal: %v", err)
				}
				if _, err := l.Append(context.Background(), testEnvelope(1), strings.NewReader("")); !errors.Is(err, failure) {
					t.Errorf("after the failure: %v", err)
				}
				if err := l.Wait(context.Background(), l.End()); !errors.Is(err, failure) {
					t.Errorf("Wait after the failure: %v", err)
				}
			}
			if got := len(all(t, l)); got != want {
				t.Errorf("failure %v: %d records, want %d", failure, got, want)
			}
		})
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, _ := gated(t)
		ctx, cancel := context.WithCancel(context.Background())
		waits := make([]error, 3)
		var wg sync.WaitGroup
		wait := func(n int, ctx context.Context, pos Position) {
			waits[n] = errors.New("waits")
			wg.Go(func() { waits[n] = l.Wait(ctx, pos) })
			synctest.Wait()
		}
		wait(0, context.Background(), Position{})
		if waits[0] == nil {
			t.Error("Wait returned without a record")
		}
		r := appendTest(t, l, 1, 10)
		synctest.Wait()
		if waits[0] != nil {
			t.Error("Wait does not see the record")
		}
		if err := l.Wait(ctx, Position{}); err != nil {
			t.Error(err)
		}
		wait(1, ctx, r.Next)
		wait(2, context.Background(), r.Next)
		cancel()
		l.Close()
		wg.Wait()
		if !errors.Is(waits[1], context.Canceled) || waits[2] == nil {
			t.Errorf("%v", waits)
		}
	})
}

// A sender who takes his time over a large mail holds up nobody, and his mail
// comes behind those that were read meanwhile.
func TestSlowLargeMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, _ := gated(t)
		r, w := io.Pipe()
		var large Record
		var wg sync.WaitGroup
		wg.Go(func() {
			var err error
			if large, err = l.Append(context.Background(), testEnvelope(1), r); err != nil {
				t.Error(err)
			}
		})
		raw := testMail(1, 2<<20)
		w.Write(raw[:3<<19])
		synctest.Wait()
		before := appendTest(t, l, 2, 100)
		w.Write(raw[3<<19:])
		w.Close()
		wg.Wait()
		after := appendTest(t, l, 3, 100)
		if large.Position.Compare(before.Next) < 0 || after.Position.Compare(large.Next) < 0 {
			t.Errorf("%s, %s, %s", before.Position, large.Position, after.Position)
		}
		if got := all(t, l); len(got) != 3 || !bytes.Equal(got[1].Raw, raw) {
			t.Errorf("%d records", len(got))
		}
	})
}

// A mail of 25 MB passes through 1 MiB of memory, and is read with none.
func TestMemory(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "log"), Options{})
	size := mail.DefaultLimits.Size
	appendTest(t, l, 1, 10)
	allocated := func(fn func()) int64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		fn()
		runtime.ReadMemStats(&after)
		return int64(after.TotalAlloc - before.TotalAlloc)
	}
	var r Record
	if n := allocated(func() {
		var err error
		r, err = l.Append(context.Background(), testEnvelope(1), io.LimitReader(lines{}, size))
		if err != nil {
			t.Fatal(err)
		}
	}); n > 3<<20 {
		t.Errorf("Append of %d bytes allocated %d", size, n)
	}
	if n := allocated(func() {
		got, release, err := l.Read(r.Position)
		if err != nil || int64(len(got.Raw)) != size {
			t.Fatal(err)
		}
		release()
		if records, err := l.After(Position{}, 9, 100<<20); err != nil || len(records) != 2 || records[1].Raw != nil {
			t.Fatalf("%d records, %v", len(records), err)
		}
	}); n > 64<<10 {
		t.Errorf("reading it allocated %d", n)
	}
}

// lines is a mail without an end.
type lines struct{}

func (lines) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = "Buenos dias.\r\n"[i%14]
	}
	return len(b), nil
}
