package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"ventanilla/store"
)

// Twice returns e with the function of every Update run twice, the first run
// undone, as an engine may that has to retry. A caller whose function does more
// than write to its argument shows.
func Twice(e store.Engine) store.Engine { return twice{e} }

type twice struct{ store.Engine }

var errFirstRun = errors.New("the first of two runs is undone")

func (e twice) Update(ctx context.Context, fn func(store.KV) error) error {
	_ = e.Engine.Update(ctx, func(kv store.KV) error {
		if err := fn(kv); err != nil {
			return err
		}
		return errFirstRun
	})
	return e.Engine.Update(ctx, fn)
}

// ErrAmbiguous is the error of [Ambiguous].
var ErrAmbiguous = errors.New("the connection was lost at the commit")

// Ambiguous returns e with every n-th Update that succeeds returning an error
// that is an [ErrAmbiguous] although it has been stored, as happens when a
// server's answer is lost. A caller that does not find its work done when it
// tries again shows. With n = 1 no Update ever succeeds.
func Ambiguous(e store.Engine, n int) store.Engine {
	return &ambiguous{Engine: e, n: int64(n)}
}

type ambiguous struct {
	store.Engine
	n    int64
	done atomic.Int64
}

func (e *ambiguous) Update(ctx context.Context, fn func(store.KV) error) error {
	if err := e.Engine.Update(ctx, fn); err != nil {
		return err
	}
	if done := e.done.Add(1); done%e.n == 0 {
		return fmt.Errorf("update %d: %w", done, ErrAmbiguous)
	}
	return nil
}
