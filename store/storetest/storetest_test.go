package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"ventanilla/store"
	"ventanilla/store/mem"
)

func TestMain(m *testing.M) {
	// The checks fail here on purpose: nothing is to be kept of it.
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.shrinktime": "0s"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// recorder is a testing.TB that notes whether a check has failed.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	failed bool
	first  string
}

func (r *recorder) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.failed {
		r.first = text
	}
	r.failed = true
}

func (r *recorder) Helper()                           {}
func (r *recorder) Log(...any)                        {}
func (r *recorder) Logf(string, ...any)               {}
func (r *recorder) Fail()                             { r.note("failed") }
func (r *recorder) FailNow()                          { r.note("failed"); runtime.Goexit() }
func (r *recorder) Error(args ...any)                 { r.note(fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.note(fmt.Sprint(args...)); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) {
	r.note(fmt.Sprintf(format, args...))
	runtime.Goexit()
}
func (r *recorder) Failed() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.failed }

// record runs a part of the suite and returns its first complaint; ok says
// that there was none.
func record(t *testing.T, part func(testing.TB)) (complaint string, ok bool) {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.note(fmt.Sprint("panic: ", p))
			}
		}()
		part(r)
	}()
	<-done
	return r.first, !r.failed
}

// TestFaults: the suite finds each fault, by the check that is meant to.
func TestFaults(t *testing.T) {
	found := map[string]bool{}
	for _, f := range faults {
		t.Run(f.check+"/"+f.fault, func(t *testing.T) {
			i := slices.IndexFunc(checks, func(c check) bool { return c.name == f.check })
			if i < 0 {
				t.Fatalf("there is no check %q", f.check)
			}
			complaint, ok := record(t, func(tb testing.TB) { checks[i].prove(tb, f.open()) })
			if ok {
				t.Fatal("the suite has not noticed")
			}
			t.Logf("%.200s", complaint)
			found[f.check] = true
		})
	}
	for _, c := range checks {
		if !found[c.name] {
			t.Errorf("no fault shows that the check %q finds any", c.name)
		}
	}
}

// TestNoFault: what the faults are built on has none.
func TestNoFault(t *testing.T) {
	Run(t, func(*testing.T, string) store.Engine {
		return engine{Engine: mem.New(), kv: func(kv store.KV) store.KV { return &hooks{KV: kv} }}
	})
}

// journal is an engine that persists by appending what each update has written
// to a file, after so many updates as every says; torn writes each key at once
// and stops for ever in the midst of the update that it is killed in.
type journal struct {
	*mem.Engine
	file  *os.File
	every int
	torn  bool
	wait  []map[string]*[]byte
	puts  int
}

func openJournal(t testing.TB, dir string, every int, torn bool) store.Engine {
	path := filepath.Join(dir, "journal")
	e := &journal{Engine: mem.New(), every: every, torn: torn}
	if old, err := os.ReadFile(path); err == nil {
		good := 0
		for line := range strings.Lines(string(old)) {
			var writes map[string]*[]byte
			if json.Unmarshal([]byte(line), &writes) != nil {
				break // a write that was killed in its midst
			}
			update(t, e.Engine, func(kv store.KV) error { return apply(kv, writes) })
			good += len(line)
		}
		if err := os.Truncate(path, int64(good)); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if e.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		t.Fatal(err)
	}
	return e
}

func apply(kv store.KV, writes map[string]*[]byte) error {
	for key, value := range writes {
		var err error
		if value == nil {
			err = kv.Delete(key)
		} else {
			err = kv.Put(key, *value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *journal) Update(ctx context.Context, fn func(store.KV) error) error {
	writes := map[string]*[]byte{}
	note := func(key string, value *[]byte) error {
		writes[key] = value
		if !e.torn {
			return nil
		}
		if e.puts++; e.puts == batchesBeforeKill*(2*batchKeys+1)+batchKeys/2 {
			select {}
		}
		return e.write(map[string]*[]byte{key: value})
	}
	err := e.Engine.Update(ctx, func(kv store.KV) error {
		return fn(&hooks{KV: kv,
			put: func(kv store.KV, key string, value []byte) error {
				value = append([]byte{}, value...)
				return errors.Join(kv.Put(key, value), note(key, &value))
			},
			delete: func(kv store.KV, key string) error {
				return errors.Join(kv.Delete(key), note(key, nil))
			}})
	})
	if err != nil || e.torn {
		return err
	}
	if e.wait = append(e.wait, writes); len(e.wait) < e.every {
		return nil
	}
	return e.flush()
}

func (e *journal) flush() error {
	wait := e.wait
	e.wait = nil
	return e.write(wait...)
}

func (e *journal) write(lines ...map[string]*[]byte) error {
	for _, writes := range lines {
		line, err := json.Marshal(writes)
		if err != nil {
			return err
		}
		if _, err := e.file.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

func (e *journal) Close() error { return errors.Join(e.flush(), e.Engine.Close(), e.file.Close()) }

func TestDurable(t *testing.T) {
	Durable(t, func(t *testing.T, dir string) store.Engine { return openJournal(t, dir, 1, false) })
}

// The processes that TestDurableFaults kills.
func TestLateJournal(t *testing.T) { killable(t, 7, false) }
func TestTornJournal(t *testing.T) { killable(t, 1, true) }

func killable(t *testing.T, every int, torn bool) {
	if dir := os.Getenv(killedInVariable); dir != "" {
		storeUntilKilled(t, openJournal(t, dir, every, torn))
		return
	}
	complaint, ok := record(t, func(tb testing.TB) {
		killed(tb, func(dir string) store.Engine { return openJournal(tb, dir, every, torn) }, t.TempDir(), t.Name())
	})
	if ok {
		t.Error("the suite has not noticed")
	}
	t.Logf("%.200s", complaint)
}

func TestReopenFault(t *testing.T) {
	complaint, ok := record(t, func(tb testing.TB) {
		reopen(tb, func(string) store.Engine { return mem.New() }, t.TempDir())
	})
	if ok {
		t.Error("the suite takes an engine in memory for one that persists")
	}
	t.Logf("%.200s", complaint)
}

func TestTwice(t *testing.T) {
	e := Twice(mem.New())
	runs, total := 0, 0
	update(t, e, func(kv store.KV) error {
		runs++
		total += 10 // what must not be done
		if _, err := kv.Get("a/1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("run %d sees the one before: %v", runs, err)
		}
		return kv.Put("a/1", nil)
	})
	if runs != 2 || total != 20 {
		t.Errorf("%d runs, and a total of %d", runs, total)
	}
	if got := keysOf(all(t, e)); !slices.Equal(got, []string{"a/1"}) {
		t.Errorf("there is %q", got)
	}
	err := e.Update(t.Context(), func(kv store.KV) error { runs++; return errRefused })
	if err != errRefused || runs != 4 {
		t.Errorf("a refused update: %v, %d runs", err, runs)
	}
}

// TestTwiceKeepsTheContract: so do the transactions of the suite.
func TestTwiceKeepsTheContract(t *testing.T) {
	Run(t, func(*testing.T, string) store.Engine { return Twice(mem.New()) })
}

func TestAmbiguous(t *testing.T) {
	e := Ambiguous(mem.New(), 3)
	for i := 1; i <= 7; i++ {
		key := fmt.Sprintf("a/%d", i)
		if err := e.Update(t.Context(), func(store.KV) error { return errRefused }); err != errRefused {
			t.Errorf("a refused update: %v", err)
		}
		err := e.Update(t.Context(), func(kv store.KV) error { return kv.Put(key, nil) })
		if errors.Is(err, ErrAmbiguous) != (i%3 == 0) || err != nil && i%3 != 0 {
			t.Errorf("update %d: %v", i, err)
		}
		view(t, e, func(kv store.KV) error { // stored in any case
			expectValue(t, kv, key, "")
			return nil
		})
	}
}
