package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"testing"

	"ventanilla/mail"
)

func evidence() bool { return os.Getenv("VENTANILLA_EVIDENCE") != "" }

func openFake(d *fakeDisk) (*Log, error) {
	return open(d, Options{Reserve: -1, SegmentSize: 10_000, MaxSize: 3 << 20})
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

// fill appends mails of different sizes, in rounds of several at once, until
// the log is stopped, and tells the disk which were acknowledged. It returns
// those that were refused although the log went on.
func fill(d *fakeDisk, l *Log, rounds int) (refused []string) {
	var mu sync.Mutex
	for round := range rounds {
		var wg sync.WaitGroup
		for w := range 1 + round%4 {
			size := []int{300, 3000, 9000, 100}[(round+w)%4]
			if round%7 == 3 && w == 0 {
				size = largeRecord + 5000
			}
			raw := testMail(1000*round+w, size)
			wg.Go(func() {
				r, err := l.Append(context.Background(), testEnvelope(w), bytes.NewReader(raw))
				if err == nil {
					d.acknowledge(string(r.ID))
				} else if errors.Is(err, mail.ErrNoSpace) {
					mu.Lock()
					refused = append(refused, string(mail.ContentID(raw)))
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
	return refused
}

// checkCrashes cuts the power at every step and says what was lost.
// It looks at each step with the given chance, and at the last one always.
func checkCrashes(t *testing.T, d *fakeDisk, images int, likely float64, chance *rand.Rand, refused []string) error {
	for steps := range d.trace {
		if steps < len(d.trace)-1 && chance.Float64() > likely {
			continue
		}
		for range images {
			image, acknowledged := d.crash(steps+1, chance)
			l, err := openFake(image)
			if err != nil {
				return fmt.Errorf("after step %d (%s): %w", steps, d.trace[steps].op, err)
			}
			after, err := l.Append(context.Background(), testEnvelope(1), bytes.NewReader(testMail(-1, 500)))
			if err != nil {
				return err
			}
			mails := found(t, l)
			if mails[string(after.ID)] != 1 || l.End() != after.Next {
				return fmt.Errorf("after step %d: the log does not go on", steps)
			}
			for _, id := range acknowledged {
				if mails[id] != 1 {
					return fmt.Errorf("after step %d (%s): acknowledged mail is there %d times; %s", steps, d.trace[steps].op, mails[id], image)
				}
			}
			for id, n := range mails {
				if n != 1 {
					return fmt.Errorf("after step %d: mail %s is there %d times", steps, id, n)
				}
			}
			if steps == len(d.trace)-1 {
				for _, id := range refused {
					if mails[id] != 0 {
						return fmt.Errorf("refused mail is there")
					}
				}
			}
			image.before = nil
			if again, err := openFake(image); err != nil || again.Stats().Cut != 0 || again.End() != l.End() {
				return fmt.Errorf("after step %d: opened again: %v", steps, err)
			}
		}
	}
	return nil
}

func TestCrashImages(t *testing.T) {
	images := 1
	if evidence() {
		images = 200
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
			err = checkCrashes(t, d, images, 1, rand.New(rand.NewPCG(1, 2)), nil)
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
	refused := fill(d, l, 5)
	first := failed
	mu.Lock()
	d.before = nil // there is room again
	mu.Unlock()
	_, err = l.Append(context.Background(), testEnvelope(1), bytes.NewReader(testMail(-2, 700)))
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
		d.acknowledge(string(mail.ContentID(testMail(-2, 700))))
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
	if stopped {
		refused = nil
	}
	likely := 0.02
	if evidence() {
		likely = 1
	}
	if err := checkCrashes(t, d, 1, likely, rand.New(rand.NewPCG(uint64(n), 3)), refused); err != nil {
		t.Errorf("%s: %v", name(), err)
	}
	return stopped
}
