package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"ventanilla/mail"
)

// testMail returns a mail of about size bytes that no other n has.
func testMail(n, size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: vecina%d@example.org\r\nSubject: Solicitud %d\r\n\r\n", n, n)
	line := fmt.Sprintf("Solicito copia del expediente %d, folio 7.\r\n", n)
	if more := size - b.Len(); more > 0 {
		b.WriteString(strings.Repeat(line, more/len(line)+1))
	}
	return b.Bytes()
}

func testEnvelope(n int) mail.Envelope {
	return mail.Envelope{
		Source: "smtp", From: fmt.Sprintf("vecina%d@example.org", n), Rcpts: []string{"tramites@example.net"},
		ReceivedAt: time.Date(2026, 11, 3, 15, 4, 5, n, time.UTC),
	}
}

func openTest(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	if o.Reserve == 0 {
		o.Reserve = -1
	}
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func appendTest(t testing.TB, l *Log, n, size int) Record {
	t.Helper()
	r, err := l.Append(context.Background(), testEnvelope(n), bytes.NewReader(testMail(n, size)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// all returns the whole log, by After and, for large mails, by Read.
func all(t testing.TB, l *Log) (records []Record) {
	t.Helper()
	var pos Position
	for {
		run, err := l.After(pos, 7, 100_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(run) == 0 {
			return records
		}
		for _, r := range run {
			if r.Position.Compare(pos) < 0 || r.Next.Compare(r.Position) <= 0 {
				t.Fatalf("record %s to %s after %s", r.Position, r.Next, pos)
			}
			pos = r.Next
			got, release, err := l.Read(r.Position)
			if err != nil {
				t.Fatal(err)
			}
			if r.Raw == nil {
				r.Raw = bytes.Clone(got.Raw)
			}
			if !bytes.Equal(r.Raw, got.Raw) || got.ID != r.ID || got.Size != int64(len(r.Raw)) || got.Next != r.Next {
				t.Fatalf("%s: Read and After differ", r.Position)
			}
			release()
			if id := mail.ContentID(r.Raw); id != r.ID {
				t.Fatalf("%s: content %s, ID %s", r.Position, id, r.ID)
			}
			records = append(records, r)
		}
	}
}

func TestAppendRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := openTest(t, dir, Options{SegmentSize: 1 << 20})
	if l.End() != (Position{}) {
		t.Errorf("an empty log ends at %s", l.End())
	}
	sizes := []int{0, 1, 100, 4000, 100_000, largeRecord - 400, 4000, largeRecord + 1, 20, 3 << 20, 3 << 20, 700_000, 700_000, 700_000, 5}
	var want []Record
	for n, size := range sizes {
		want = append(want, appendTest(t, l, n, size))
	}
	check := func(l *Log) {
		t.Helper()
		got := all(t, l)
		if len(got) != len(want) {
			t.Fatalf("%d records, want %d", len(got), len(want))
		}
		for n, r := range got {
			w := want[n]
			if r.Position != w.Position || r.Next != w.Next || r.ID != w.ID || r.Size != w.Size {
				t.Errorf("%d: %s to %s, %d bytes, want %s to %s, %d", n, r.Position, r.Next, r.Size, w.Position, w.Next, w.Size)
			}
			if !bytes.Equal(r.Raw, testMail(n, sizes[n])) {
				t.Errorf("%d: other bytes", n)
			}
			if fmt.Sprint(r.Envelope) != fmt.Sprint(testEnvelope(n)) {
				t.Errorf("%d: envelope %+v", n, r.Envelope)
			}
		}
		if l.End() != want[len(want)-1].Next {
			t.Errorf("end %s, want %s", l.End(), want[len(want)-1].Next)
		}
	}
	check(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openTest(t, dir, Options{})
	check(l)
	if s := l.Stats(); s.Segments < 5 || s.Cut != 0 {
		t.Errorf("%+v", s)
	}
	n := len(sizes)
	sizes = append(sizes, 1000)
	want = append(want, appendTest(t, l, n, 1000))
	check(l)
}

func TestPosition(t *testing.T) {
	for _, p := range []Position{{}, {1, 1234}, {99_999_999, 1 << 38}} {
		q, err := ParsePosition(p.String())
		if err != nil || q != p {
			t.Errorf("%s: %s, %v", p, q, err)
		}
	}
	if s := (Position{1, 1234}).String(); s != "00000001-000000001234" {
		t.Error(s)
	}
	for _, s := range []string{"", "1-2", "00000001", "00000001-", "00000001-00000000123x", "-0000001-000000001234", "00000001-000000001234 ", "00000001--00000001234"} {
		if p, err := ParsePosition(s); err == nil {
			t.Errorf("%q is taken for %s", s, p)
		}
	}
}

func TestRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := openTest(t, dir, Options{MaxSize: 2 << 20})
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	left := errors.New("client went away")
	late, cancelLate := context.WithCancel(context.Background())
	for _, c := range []struct {
		name string
		ctx  context.Context
		r    io.Reader
		want error
	}{
		{"too large", context.Background(), bytes.NewReader(testMail(1, 3<<20)), mail.ErrTooLarge},
		{"too large by one", context.Background(), strings.NewReader(strings.Repeat("x", 2<<20+1)), mail.ErrTooLarge},
		{"reader fails", context.Background(), io.MultiReader(bytes.NewReader(testMail(1, 3000)), iotest.ErrReader(left)), left},
		{"reader of a large mail fails", context.Background(), io.MultiReader(bytes.NewReader(testMail(1, 3<<19)), iotest.ErrReader(left)), left},
		{"large mail cancelled at its end", late, io.MultiReader(bytes.NewReader(testMail(1, 3<<19)), readerFunc(cancelLate)), context.Canceled},
		{"cancelled", gone, bytes.NewReader(testMail(1, 10)), context.Canceled},
	} {
		if _, err := l.Append(c.ctx, testEnvelope(1), c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if got := all(t, l); len(got) != 0 {
		t.Errorf("%d records of refused mails", len(got))
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 2 {
		t.Errorf("left behind: %q", names)
	}
	if r, err := l.Append(context.Background(), testEnvelope(1), strings.NewReader(strings.Repeat("x", 2<<20))); err != nil || r.Size != 2<<20 {
		t.Errorf("a mail as large as may be: %v", err)
	}
	l.Close()
	if _, err := l.Append(context.Background(), testEnvelope(1), strings.NewReader("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// readerFunc is called at the end of what is read.
type readerFunc func()

func (fn readerFunc) Read([]byte) (int, error) { fn(); return 0, io.EOF }

func TestReserve(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "log"), Options{Reserve: 1 << 60})
	_, err := l.Append(context.Background(), testEnvelope(1), iotest.ErrReader(errors.New("was read")))
	if !errors.Is(err, mail.ErrNoSpace) {
		t.Errorf("below the reserve: %v", err)
	}
}

// TestReserveReached: no mail is taken when a disk has filled up, and the next one when
// there is room again; one that does not tell is asked again.
func TestReserveReached(t *testing.T) {
	folder, err := openFolder(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	d := &filling{disk: folder, free: 100}
	l, err := open(d, Options{Reserve: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	appends := func(want error) {
		t.Helper()
		if _, err := l.Append(context.Background(), testEnvelope(1), strings.NewReader("Subject: x\r\n\r\ny")); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	appends(nil)
	for range 2 {
		d.free = 99
		appends(mail.ErrNoSpace)
	}
	d.free = 100
	appends(nil)
	d.err = syscall.EIO
	appends(syscall.EIO)
	d.err = nil
	appends(nil)
	if got := l.Stats().Appended; got != 3 {
		t.Errorf("%d mails are in the log", got)
	}
}

// filling is a disk on which so much is free.
type filling struct {
	disk
	free int64
	err  error
}

func (d *filling) Free() (int64, error) { return d.free, d.err }

// Every goroutine's mails are there once, in the order in which it appended
// them, and a reader that follows the log sees the same.
func TestConcurrent(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "log"), Options{SegmentSize: 1 << 20})
	const writers, each = 16, 40
	var wg sync.WaitGroup
	acked := make([][]Record, writers)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				size := 500 + 997*i%9000
				if i%20 == w%20 {
					size = 1<<20 + 1000*i
				}
				r, err := l.Append(context.Background(), testEnvelope(w), bytes.NewReader(testMail(w*each+i, size)))
				if err != nil {
					t.Error(err)
				}
				acked[w] = append(acked[w], r)
			}
		})
	}
	var followed []Record
	for pos := (Position{}); len(followed) < writers*each; {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		if err := l.Wait(ctx, pos); err != nil {
			t.Fatal(err)
		}
		cancel()
		run, err := l.After(pos, 10, 1<<20)
		if err != nil || len(run) == 0 {
			t.Fatalf("after %s: %d records, %v", pos, len(run), err)
		}
		followed = append(followed, run...)
		pos = run[len(run)-1].Next
	}
	wg.Wait()
	at := map[mail.ID]int{}
	for n, r := range all(t, l) {
		if _, twice := at[r.ID]; twice || r.ID != followed[n].ID || r.Position != followed[n].Position {
			t.Fatalf("record %d: %s, followed as %s", n, r.Position, followed[n].Position)
		}
		at[r.ID] = n
	}
	if len(at) != writers*each {
		t.Fatalf("%d records, want %d", len(at), writers*each)
	}
	for w := range writers {
		before := -1
		for _, r := range acked[w] {
			n, ok := at[r.ID]
			if !ok || n <= before || followed[n].Position != r.Position {
				t.Fatalf("%s is not where it was said to be", r.Position)
			}
			before = n
		}
	}
	if s := l.Stats(); s.Appended != writers*each || s.Syncs >= s.Appended {
		t.Errorf("nobody shared a sync: %+v", s)
	}
}
