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
