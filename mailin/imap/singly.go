package imap

import (
	"slices"

	"github.com/emersion/go-imap/v2"
)

// singly takes mails one by one, those first that were asked for least: nothing else
// is asked for meanwhile, so that a connection which breaks tells at which mail. The
// point stays where it is.
func (t *taking) singly(uids []imap.UID) {
	m := &t.folder.memory
	slices.SortStableFunc(uids, func(a, b imap.UID) int { return m.times(a) - m.times(b) })
	for _, uid := range uids {
		if m.has(uid) {
			continue
		}
		before := m.times(uid)
		t.single(uid)
		if t.broke() {
			if m.times(uid) == before { // nothing tells why
				m.blame(uid, t.now(), true, true)
			}
			m.broken(false) // it is known at which
		}
		if t.err != nil {
			return
		}
	}
	m.broken(false)
}

// single takes one mail, or puts a note in its place. The second time even the
// question for its size and its header is left out: perhaps it was they.
func (t *taking) single(uid imap.UID) {
	h := &handing{taking: t, read: make(chan struct{})}
	hopeless := t.folder.memory.hopeless(uid, t.now(), t.refusing)
	if hopeless && t.folder.memory.noting(uid) > 0 {
		h.batch = batch{notes: []candidate{{uid: uid, bare: true}}}
	} else {
		mails, err := t.describe([]imap.UID{uid})
		if err != nil {
			t.fail(err)
			return
		}
		if len(mails) == 0 {
			return // it is no more there
		}
		for _, b := range t.batches([]imap.UID{uid}, mails) {
			h.batch = b
		}
	}
	h.ask()
	h.broke(h.fetch())
	close(h.read)
	if !h.done() {
		return
	}
	t.taken += h.n
	if h.refused != nil && t.err == nil {
		t.err = h.refused
	}
	t.progress(func(f *FolderStatus) { f.Taken, f.Remaining = f.Taken+h.n, max(f.Remaining-1, 0) })
}
