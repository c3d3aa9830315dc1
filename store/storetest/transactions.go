package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"ventanilla/store"
)

var errRefused = errors.New("refused by the test")

func errorsPassThrough(t testing.TB, e store.Engine) {
	fill(t, e, "a/1", "a/2")
	run := map[string]func(context.Context, func(store.KV) error) error{"View": e.View, "Update": e.Update}
	for name, transaction := range run {
		err := transaction(context.Background(), func(store.KV) error { return errRefused })
		if err != errRefused { // not even wrapped
			t.Errorf("%s returned %v for the error of its function", name, err)
		}
		told := 0
		err = transaction(context.Background(), func(kv store.KV) error {
			told = 0
			err := kv.Scan("", "", 0, false, func(string, []byte) error { told++; return errRefused })
			if err != errRefused {
				t.Errorf("Scan in %s returned %v for the error of its function", name, err)
			}
			return nil
		})
		if err != nil || told != 1 {
			t.Errorf("%s after an error in a scan: %v; the scan went on for %d keys", name, err, told)
		}
	}
}

func rollback(t testing.TB, e store.Engine) {
	fill(t, e, "a/1", "a/2")
	before := all(t, e)
	err := e.Update(context.Background(), func(kv store.KV) error {
		err := errors.Join(kv.Put("a/0", nil), kv.Put("a/1", []byte("over")), kv.Delete("a/2"), kv.Put("new/1", nil))
		if err != nil {
			t.Errorf("writing: %v", err)
		}
		return errRefused
	})
	if !errors.Is(err, errRefused) {
		t.Errorf("Update: %v", err)
	}
	if got := all(t, e); !slices.Equal(got, before) {
		t.Errorf("after a refused update there is %q, want %q", got, before)
	}
	fill(t, e, "new/2")
	if got := len(all(t, e)); got != len(before)+1 {
		t.Errorf("after the next update there are %d keys", got)
	}
}

func panicUndone(t testing.TB, e store.Engine) {
	fill(t, e, "a/1")
	for name, transaction := range map[string]func(context.Context, func(store.KV) error) error{"View": e.View, "Update": e.Update} {
		func() {
			defer func() {
				if got := recover(); got != errRefused {
					t.Errorf("%s: the panic became %v", name, got)
				}
			}()
			err := transaction(context.Background(), func(kv store.KV) error {
				_ = kv.Put("a/2", nil)
				panic(errRefused)
			})
			t.Errorf("%s returned %v after a panic", name, err)
		}()
	}
	fill(t, e, "a/3")
	if got := keysOf(all(t, e)); !slices.Equal(got, []string{"a/1", "a/3"}) {
		t.Errorf("after a panic there is %q", got)
	}
}

func readOnly(t testing.TB, e store.Engine) {
	fill(t, e, "a/1")
	view(t, e, func(kv store.KV) error {
		if err := kv.Put("a/2", nil); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("Put in a View: %v, want ErrReadOnly", err)
		}
		if err := kv.Delete("a/1"); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("Delete in a View: %v, want ErrReadOnly", err)
		}
		return nil
	})
	if got := keysOf(all(t, e)); !slices.Equal(got, []string{"a/1"}) {
		t.Errorf("after writing in a View there is %q", got)
	}
}

func afterTheEnd(t testing.TB, e store.Engine) {
	fill(t, e, "a/1")
	var kept store.KV
	keep := func(kv store.KV) error { kept = kv; return nil }
	for name, end := range map[string]func(){
		"View":            func() { view(t, e, keep) },
		"Update":          func() { update(t, e, keep) },
		"a failed Update": func() { _ = e.Update(context.Background(), func(kv store.KV) error { kept = kv; return errRefused }) },
	} {
		end()
		_, get := kept.Get("a/1")
		_, many := kept.GetMany([]string{"a/1"})
		scan := kept.Scan("", "", 0, false, func(string, []byte) error { return nil })
		for what, err := range map[string]error{
			"Get": get, "GetMany": many, "Scan": scan, "Put": kept.Put("a/2", nil), "Delete": kept.Delete("a/1"),
		} {
			if !errors.Is(err, store.ErrClosed) {
				t.Errorf("%s after %s: %v, want ErrClosed", what, name, err)
			}
		}
	}
	if got := keysOf(all(t, e)); !slices.Equal(got, []string{"a/1"}) {
		t.Errorf("after writing too late there is %q", got)
	}
}

// snapshot writes from elsewhere while a View and a scan in it are under way.
func snapshot(t testing.TB, e store.Engine) {
	keys := numbered(200)
	fill(t, e, keys...)
	before := all(t, e)
	change := func() error {
		return e.Update(context.Background(), func(kv store.KV) error {
			return errors.Join(kv.Delete("q/0150"), kv.Put("q/0151", nil), kv.Put("q/01515", nil), kv.Put("q/0000", nil))
		})
	}
	elsewhere := func(fn func() error) error {
		done := make(chan error)
		go func() { done <- fn() }()
		return <-done
	}
	view(t, e, func(kv store.KV) error {
		var told []pair
		err := kv.Scan("", "", 0, false, func(key string, value []byte) error {
			if told = append(told, pair{key, string(value)}); len(told) == 100 {
				return elsewhere(change)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if !slices.Equal(told, before) {
			t.Error("a scan in a View told what was committed meanwhile")
		}
		expectValue(t, kv, "q/0151", "q/0151")
		again, err := collect(kv, "", "", 0, true)
		slices.Reverse(again)
		if err != nil || !slices.Equal(again, before) {
			t.Errorf("a View told what was committed meanwhile (%v)", err)
		}
		return nil
	})
	if got := all(t, e); slices.Equal(got, before) {
		t.Error("the update has had no effect")
	}
	unfinished(t, e, elsewhere)
}

// unfinished looks from elsewhere at an Update under way.
func unfinished(t testing.TB, e store.Engine, elsewhere func(func() error) error) {
	update(t, e, func(kv store.KV) error {
		if err := kv.Put("unfinished/1", nil); err != nil {
			return err
		}
		return elsewhere(func() error {
			return e.View(context.Background(), func(kv store.KV) error {
				if _, err := kv.Get("unfinished/1"); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("a View sees what has not been committed: %v", err)
				}
				return nil
			})
		})
	})
}

func serial(t testing.TB, e store.Engine) {
	const writers, each = 8, 10
	var wait sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wait.Go(func() {
			for i := range each {
				err := e.Update(context.Background(), func(kv store.KV) error {
					n, err := kv.Get("count/n")
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					return errors.Join(kv.Put("count/n", append(n, 'x')), kv.Put(fmt.Sprintf("by/%d/%d", w, i), n))
				})
				errs[w] = errors.Join(errs[w], err)
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	view(t, e, func(kv store.KV) error {
		if n, err := kv.Get("count/n"); len(n) != writers*each {
			t.Errorf("of %d updates %d have counted (%v)", writers*each, len(n), err)
		}
		return nil
	})
	if got := len(all(t, e)); got != writers*each+1 {
		t.Errorf("%d keys, want %d", got, writers*each+1)
	}
}

func cancelled(t testing.TB, e store.Engine) {
	fill(t, e, "a/1", "a/2", "a/3")
	before := all(t, e)
	done, cancel := context.WithCancel(context.Background())
	cancel()
	for name, transaction := range map[string]func(context.Context, func(store.KV) error) error{"View": e.View, "Update": e.Update} {
		err := transaction(done, func(store.KV) error {
			t.Errorf("%s: the function was called although the context was cancelled", name)
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v", name, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		err = transaction(ctx, func(kv store.KV) error {
			told := 0
			err := kv.Scan("", "", 0, false, func(string, []byte) error { told++; cancel(); return nil })
			if !errors.Is(err, context.Canceled) || told != 1 {
				t.Errorf("Scan in %s went on for %d keys and returned %v after the context was cancelled", name, told, err)
			}
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s cancelled in a scan: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	err := e.Update(ctx, func(kv store.KV) error {
		err := kv.Put("a/4", nil)
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update cancelled under way: %v", err)
	}
	if got := all(t, e); !slices.Equal(got, before) {
		t.Errorf("cancelled updates left %q", got)
	}
}

// cancelledWaiting cancels an Update that waits for another to end.
func cancelledWaiting(t testing.TB, e store.Engine) {
	started, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	first := make(chan error)
	go func() {
		first <- e.Update(context.Background(), func(kv store.KV) error {
			once.Do(func() { close(started) })
			<-release
			return kv.Put("first/1", nil)
		})
	}()
	<-started
	ctx, cancel := context.WithCancel(context.Background())
	second := make(chan error)
	go func() { second <- e.Update(ctx, func(kv store.KV) error { return kv.Put("second/1", nil) }) }()
	cancel()
	select { // while the first is still under way
	case err := <-second:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Update cancelled while waiting: %v", err)
		}
		close(release)
	case <-time.After(time.Second):
		t.Error("an Update goes on waiting although it has been cancelled")
		close(release)
		<-second
	}
	if err := <-first; err != nil {
		t.Errorf("the update waited for: %v", err)
	}
	view(t, e, func(kv store.KV) error {
		if _, err := kv.Get("second/1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the update cancelled while waiting was stored (%v)", err)
		}
		return nil
	})
}

func closed(t testing.TB, e store.Engine) {
	fill(t, e, "a/1")
	for range 2 {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	for name, transaction := range map[string]func(context.Context, func(store.KV) error) error{"View": e.View, "Update": e.Update} {
		err := transaction(context.Background(), func(store.KV) error {
			t.Errorf("%s: the function was called after Close", name)
			return nil
		})
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", name, err)
		}
	}
}

// closeWaits closes the engine while a transaction is under way.
func closeWaits(t testing.TB, e store.Engine, transaction func(context.Context, func(store.KV) error) error) {
	started, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	ended, closed := make(chan error, 1), make(chan error, 1)
	go func() {
		ended <- transaction(context.Background(), func(kv store.KV) error {
			once.Do(func() { close(started) })
			<-release
			_, err := kv.GetMany([]string{"a/1"})
			return err
		})
	}()
	<-started
	go func() { closed <- e.Close() }()
	select {
	case err := <-closed:
		t.Errorf("Close has not waited, and returned %v", err)
		close(release)
	case <-time.After(50 * time.Millisecond): // it waits, as it should
		close(release)
		if err := <-closed; err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := <-ended; err != nil && !errors.Is(err, store.ErrClosed) { // closed between two runs
		t.Errorf("the transaction under way: %v", err)
	}
}
