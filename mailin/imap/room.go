package imap

import "sync"

// room is for a bounded number of mails and bytes in memory. One mail has room
// however large it is.
type room struct {
	mu    sync.Mutex
	free  sync.Cond
	mails int
	bytes int
}

// enter waits until there is room.
func (r *room) enter(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.free.L == nil {
		r.free.L = &r.mu
	}
	for r.mails > 0 && (r.mails >= handedMails || r.bytes+bytes > handedBytes) {
		r.free.Wait()
	}
	r.mails, r.bytes = r.mails+1, r.bytes+bytes
}

// leave makes room again.
func (r *room) leave(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mails, r.bytes = r.mails-1, r.bytes-bytes
	r.free.Broadcast()
}

// crew are those who hand mails over. Who has done so waits for the next mail: a new
// goroutine for each would have to grow its stack each time.
type crew chan func()

// do lets somebody do it, who waits for work or is new.
func (c crew) do(work func()) {
	select {
	case c <- work:
	default:
		go func() {
			work()
			for work := range c {
				work()
			}
		}()
	}
}
