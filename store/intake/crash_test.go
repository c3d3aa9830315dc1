package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"ventanilla/mail"
)

func evidence() bool { return os.Getenv("VENTANILLA_EVIDENCE") != "" }

func openFake(d *fakeDisk) (*Log, error) {
	return open(d, Options{Reserve: -1, SegmentSize: 10_000, MaxSize: 3 << 20, zeros: 4000})
}

// found returns how often each mail is in the log.
func found(t testing.TB, l *Log) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, r := range all(t, l) {
		n[string(r.ID)]++
	}
	return n
}

// fill appends mails of different sizes, in rounds of several at once, and
// puts the answers into the trace of the disk.
func fill(d *fakeDisk, l *Log, rounds int) {
	for round := range rounds {
		var wg sync.WaitGroup
		for w := range 1 + round%4 {
			size := []int{300, 3000, 9000, 100}[(round+w)%4]
			if round%7 == 3 && w == 0 {
				size = largeRecord + 5000
			}
			wg.Go(func() { offer(d, l, testMail(1000*round+w, size)) })
		}
		wg.Wait()
	}
}

// offer appends a mail and puts the answer into the trace.
func offer(d *fakeDisk, l *Log, raw []byte) error {
	_, err := l.Append(context.Background(), testEnvelope(1), bytes.NewReader(raw))
	if err == nil {
		d.answer("acknowledged", string(mail.ContentID(raw)))
	} else if errors.Is(err, mail.ErrNoSpace) {
		d.answer("refused", string(mail.ContentID(raw)))
	}
	return err
}

// checkCrashes cuts the power at steps of the trace, at each with the given
// chance and at the last one always, and says what is wrong then.
func checkCrashes(t *testing.T, d *fakeDisk, images int, likely float64, chance *rand.Rand) error {
	t.Helper()
	for steps := range d.trace {
		if steps < len(d.trace)-1 && chance.Float64() > likely {
			continue
		}
		for range images {
			image, answers := d.crash(steps+1, chance)
			if err := checkImage(t, image, answers); err != nil {
				return fmt.Errorf("after step %d (%s): %w; %s", steps, d.trace[steps].op, err, image)
			}
		}
	}
	return nil
}

func checkImage(t *testing.T, image *fakeDisk, answers map[string]string) error {
	t.Helper()
	l, err := openFake(image)
	if err != nil {
		return err
	}
	after, err := l.Append(context.Background(), testEnvelope(1), bytes.NewReader(testMail(-1, 500)))
	if err != nil {
		return err
	}
	mails := found(t, l)
	if mails[string(after.ID)] != 1 || l.End() != after.Next {
		return errors.New("the log does not go on")
	}
	for id, n := range mails {
		if n != 1 || answers[id] == "refused" {
			return fmt.Errorf("%s mail is there %d times", answers[id], n)
		}
	}
	for id, answer := range answers {
		if answer == "acknowledged" && mails[id] != 1 {
			return errors.New("acknowledged mail is lost")
		}
	}
	again, err := openFake(image)
	if err != nil || again.Stats().Cut != 0 || again.End() != l.End() {
		return fmt.Errorf("opened again: %v", err)
	}
	return nil
}

func TestCrashImages(t *testing.T) {
	images := 1
	if evidence() {
		images = 60
	}
	for _, c := range []struct {
		name   string
		change func(*fakeDisk)
		lost   bool
	}{
		{"as it is", func(*fakeDisk) {}, false},
		{"without syncs", func(d *fakeDisk) { d.unsynced = true }, true},
		{"without syncs of names", func(d *fakeDisk) { d.unsyncedNames = true }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newFakeDisk()
			c.change(d)
			l, err := openFake(d)
			if err != nil {
				t.Fatal(err)
			}
			fill(d, l, 12)
			err = checkCrashes(t, d, images, 1, rand.New(rand.NewPCG(1, 2)))
			if (err != nil) != c.lost {
				t.Errorf("%v", err)
			}
		})
	}
}

// Each operation fails once, or from then on, with each error. Whatever was
// acknowledged before or after is there after any crash.
func TestFaults(t *testing.T) {
	counted := newFakeDisk()
	var operations []string
	var mu sync.Mutex
	counted.before = func(op string) error {
		mu.Lock()
		defer mu.Unlock()
		operations = append(operations, op)
		return nil
	}
	l, err := openFake(counted)
	if err != nil {
		t.Fatal(err)
	}
	fill(counted, l, 5)
	stopped, wentOn := 0, 0
	for n := range operations {
		for _, errno := range []error{syscall.EIO, syscall.ENOSPC} {
			for _, lasting := range []bool{false, true} {
				if faulty(t, n, errno, lasting) {
					stopped++
				} else {
					wentOn++
				}
			}
		}
	}
	if stopped == 0 || wentOn == 0 {
		t.Errorf("%d logs stopped, %d went on", stopped, wentOn)
	}
}

// faulty lets the n-th operation fail and says whether that stopped the log.
func faulty(t *testing.T, n int, errno error, lasting bool) (stopped bool) {
	t.Helper()
	d := newFakeDisk()
	count, failed := 0, ""
	var mu sync.Mutex
	d.before = func(op string) error {
		mu.Lock()
		defer mu.Unlock()
		count++
		if count == n+1 || lasting && count > n && failed != "" {
			failed = op
			return errno
		}
		return nil
	}
	name := func() string { return fmt.Sprintf("operation %d (%s): %v, lasting %v", n, failed, errno, lasting) }
	l, err := openFake(d)
	if err != nil {
		return true // it never opened
	}
	fill(d, l, 5)
	first := failed
	mu.Lock()
	d.before = nil // there is room again
	mu.Unlock()
	err = offer(d, l, testMail(-2, 700))
	select {
	case fatal := <-l.Fatal():
		stopped = true
		if !errors.Is(fatal, errno) {
			t.Errorf("%s: Fatal says %v", name(), fatal)
		}
		if !errors.Is(err, errno) {
			t.Errorf("%s: the log is stopped, and Append says %v", name(), err)
		}
	default:
		if err != nil {
			t.Errorf("%s: the log is not stopped, and Append says %v", name(), err)
		}
	}
	if first == "" {
		return false // this time there were fewer operations
	}
	if errno == syscall.EIO && !stopped && first != "create" && first != "remove" {
		t.Errorf("%s: the log went on", name())
	}
	if errno == syscall.ENOSPC && stopped && first != "syncnames" && !lasting {
		t.Errorf("%s: the log is stopped", name())
	}
	if names, _ := d.List(); !stopped && first != "remove" && !lasting && strings.HasSuffix(strings.Join(names, ""), ".tmp") {
		t.Errorf("%s: left %q", name(), names)
	}
	likely := 0.02
	if evidence() {
		likely = 1
	}
	if lasting {
		likely = 0 // a disk that stays full keeps what it was to take back
	}
	if err := checkCrashes(t, d, 1, likely, rand.New(rand.NewPCG(uint64(n), 3))); err != nil {
		t.Errorf("%s: %v", name(), err)
	}
	return stopped
}

// What a batch that found the disk full has left is taken back before other
// records are written in its place, else some of it would turn up behind them.
func TestFullDisk(t *testing.T) {
	for _, lasting := range []bool{false, true} {
		d := newFakeDisk()
		l, err := openFake(d)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if err := offer(d, l, testMail(10+i, 200)); err != nil {
				t.Fatal(err)
			}
		}
		full := true
		d.before = func(op string) error {
			if full && (op == "write" || op == "sync" || op == "truncate") {
				full = lasting
				return syscall.ENOSPC
			}
			return nil
		}
		var drafts []*draft
		for i := range 6 {
			drafts = append(drafts, testDraft(t, l, 1+i, testMail(20+i, 200)))
		}
		if err := l.write(drafts); !errors.Is(err, mail.ErrNoSpace) {
			t.Fatalf("full disk: %v", err)
		}
		for _, dr := range drafts {
			d.answer("refused", string(dr.record.ID))
		}
		if !lasting {
			if err := checkCrashes(t, d, 20, 0, rand.New(rand.NewPCG(1, 2))); err != nil {
				t.Errorf("while the disk is full: %v", err)
			}
		}
		full = false
		if err := offer(d, l, testMail(30, 200)); err != nil {
			t.Fatal(err)
		}
		if err := checkCrashes(t, d, 20, 0, rand.New(rand.NewPCG(1, 2))); err != nil {
			t.Errorf("lasting %v: %v", lasting, err)
		}
	}
}

// testDraft returns a draft that is ready to be written.
func testDraft(t *testing.T, l *Log, n int, raw []byte) *draft {
	t.Helper()
	d := l.drafts.Get().(*draft)
	*d = draft{ctx: context.Background(), bytes: d.bytes[:recordHeaderSize], hasher: mail.NewHasher(), record: Record{Envelope: testEnvelope(n)}}
	if whole, err := d.begin(bytes.NewReader(raw), 1<<20); err != nil || !whole {
		t.Fatal(err)
	}
	d.finish()
	return d
}

// What a new process finds in the page cache of one that was killed is made
// durable before it is shown, the names of segments too.
func TestKilledBeforeSync(t *testing.T) {
	for _, op := range []string{"sync", "syncnames"} {
		d := newFakeDisk()
		l, err := openFake(d)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if err := offer(d, l, testMail(i, 3000)); err != nil {
				t.Fatal(err)
			}
		}
		d.before = func(o string) error {
			if o == op {
				return errors.New("killed")
			}
			return nil
		}
		for i := 3; l.usable() == nil; i++ {
			_ = offer(d, l, testMail(i, 3000))
		}
		d.before = nil
		if l, err = openFake(d); err != nil {
			t.Fatal(err)
		}
		for id := range found(t, l) {
			d.answer("acknowledged", id)
		}
		if err := offer(d, l, testMail(99, 3000)); err != nil {
			t.Fatal(err)
		}
		if err := checkCrashes(t, d, 20, 0, rand.New(rand.NewPCG(1, 2))); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
}
