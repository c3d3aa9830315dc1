package storetest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ventanilla/store"
)

// Durable tests that an engine keeps what it has stored. open opens the engine
// of a folder, new or used before; Durable closes it. Durable runs the test
// binary again as the process that it kills, so the calling test should do
// nothing else before.
func Durable(t *testing.T, open func(t *testing.T, dir string) store.Engine) {
	if dir := os.Getenv(killedInVariable); dir != "" {
		storeUntilKilled(t, open(t, dir))
		return
	}
	t.Run("reopen", func(t *testing.T) {
		reopen(t, func(dir string) store.Engine { return open(t, dir) }, t.TempDir())
	})
	t.Run("kill -9", func(t *testing.T) {
		name := strings.TrimSuffix(t.Name(), "/kill_-9")
		killed(t, func(dir string) store.Engine { return open(t, dir) }, t.TempDir(), name)
	})
}

func reopen(t testing.TB, open func(dir string) store.Engine, dir string) {
	var want []pair
	for round := range 4 {
		e := open(dir)
		if got := all(t, e); !slices.Equal(got, want) {
			t.Errorf("opened for the %dth time it has %q, want %q", round+1, got, want)
		}
		update(t, e, func(kv store.KV) error {
			return errors.Join(
				kv.Put("round/now", []byte(strconv.Itoa(round))),
				kv.Put(fmt.Sprintf("a%d/1", round), bytes.Repeat([]byte("a"), 10_000)),
				kv.Put(fmt.Sprintf("b/%d", round), nil),
				kv.Delete(fmt.Sprintf("b/%d", round-2)))
		})
		_ = e.Update(t.Context(), func(kv store.KV) error {
			return errors.Join(kv.Put("c/1", nil), errRefused)
		})
		want = all(t, e)
		if err := e.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
}

const killedInVariable = "VENTANILLA_STORETEST_KILLED_IN"

// Each update of the process to be killed has a number; it puts as many keys as
// batchKeys under it and deletes those of the update before the last ones.
const (
	batchKeys         = 20
	batchesKept       = 5
	batchesBeforeKill = 12
	storedPrefix      = "stored "
)

func batchKey(n, i int) string { return fmt.Sprintf("batch/%06d/%02d", n, i) }

func batchValue(n, i int) string { return strings.Repeat(fmt.Sprintf("%d,%d ", n, i), 50) }

func counter(kv store.KV) (int, error) {
	value, err := kv.Get("meta/batch")
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(value))
}

// storeUntilKilled stores batch after batch and says so after each.
func storeUntilKilled(t *testing.T, e store.Engine) {
	for {
		var n int
		update(t, e, func(kv store.KV) (err error) {
			if n, err = counter(kv); err != nil {
				return err
			}
			n++
			for i := range batchKeys {
				err := errors.Join(
					kv.Put(batchKey(n, i), []byte(batchValue(n, i))),
					kv.Delete(batchKey(n-batchesKept, i)))
				if err != nil {
					return err
				}
			}
			return kv.Put("meta/batch", []byte(strconv.Itoa(n)))
		})
		if _, err := fmt.Printf("%s%d\n", storedPrefix, n); err != nil {
			return // nobody listens any more
		}
	}
}

// kills is how often a process is killed, each time at a later moment between
// two updates.
const kills = 10

// killed kills a process that stores, time and again, and looks each time that
// what it said to be stored is there, and no half of what it was storing.
func killed(t testing.TB, open func(dir string) store.Engine, dir, test string) {
	for round := 0; round < kills && !t.Failed(); round++ {
		said := storeAndKill(t, dir, test, float64(round)/kills)
		e := open(dir)
		view(t, e, func(kv store.KV) error {
			n, err := counter(kv)
			if err != nil {
				return err
			}
			if n != said && n != said+1 {
				t.Errorf("the process said that it had stored %d batches, %d are there", said, n)
			}
			want := []pair{}
			for m := max(1, n-batchesKept+1); m <= n; m++ {
				for i := range batchKeys {
					want = append(want, pair{batchKey(m, i), batchValue(m, i)})
				}
			}
			got, err := collect(kv, "batch/", "batch0", 0, false)
			if err == nil && !slices.Equal(got, want) {
				t.Errorf("after %d batches there are %d keys, want %d: a batch is there in part", n, len(got), len(want))
			}
			return err
		})
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// storeAndKill runs the test binary's test in a process of its own, kills it
// when it has stored some batches and a part of the time for the next has gone
// by, and returns the last number that it printed.
func storeAndKill(t testing.TB, dir, test string, part float64) (said int) {
	segments := strings.Split(test, "/")
	for i, s := range segments {
		segments[i] = "^" + regexp.QuoteMeta(s) + "$"
	}
	c := exec.Command(os.Args[0], "-test.run="+strings.Join(segments, "/"), "-test.timeout=60s")
	c.Env = append(os.Environ(), killedInVariable+"="+dir)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []time.Time
	in := bufio.NewScanner(out)
	for in.Scan() { // to its end: what was printed before the kill counts
		number, ok := strings.CutPrefix(in.Text(), storedPrefix)
		if !ok {
			complaints.WriteString(in.Text() + "\n")
			continue
		}
		if said, err = strconv.Atoi(number); err != nil {
			t.Errorf("the process printed %q", in.Text())
		}
		if lines = append(lines, time.Now()); len(lines) == batchesBeforeKill {
			each := lines[batchesBeforeKill-1].Sub(lines[1]) / (batchesBeforeKill - 2)
			time.AfterFunc(time.Duration(part*float64(each)), func() { _ = c.Process.Kill() })
		}
	}
	_ = c.Wait() // "signal: killed"
	if len(lines) < batchesBeforeKill {
		t.Fatalf("the process ended by itself: %s", complaints.String())
	}
	return said
}
