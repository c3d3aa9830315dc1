package imap

import (
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
)

// memory is what is known of mails behind the point, from one session to the next:
// which of them are durable, and which the server does not send.
type memory struct {
	mu      sync.Mutex
	taken   map[imap.UID]bool
	refused map[imap.UID]refusals
	took    time.Time // when a mail became durable last
	careful bool      // the connection broke before a mail was taken: they are asked for one by one, to find out at which
}

const (
	tries    = 5              // how often a mail is asked for that the server does not send, each time over another connection
	mostTime = 24 * time.Hour // for which it is, where the server sends no other mail either
)

// refusals are those of one mail.
type refusals struct {
	times       int
	since, last time.Time
	alone       bool // the connection breaks at it: it is asked for alone, behind all others
	guess       bool // as far as is known; perhaps it would have broken at any mail
	proved      int  // so often the server had sent another mail since the last time
	notes       int  // so often a note in its place was begun
}

func (m *memory) has(uid imap.UID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.taken[uid]
}

// tookAt notes that a mail is durable.
func (m *memory) tookAt(uid imap.UID, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.taken == nil {
		m.taken = map[imap.UID]bool{}
	}
	m.taken[uid], m.took = true, now
}

// hopeless says that a mail was refused often enough, and for so long. Where the
// connection broke at it the server must have sent others meanwhile, or have had a day.
func (m *memory) hopeless(uid imap.UID, now time.Time, long time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.refused[uid]
	age := now.Sub(r.since)
	return r.times >= tries && age >= long && (!r.guess || r.proved >= 2 || age >= mostTime)
}

// refuse notes that a mail was refused once more.
func (m *memory) refuse(uid imap.UID, now time.Time) { m.blame(uid, now, false, false) }

// blame notes that the server did not send a mail: with a refusal, or by breaking the
// connection. Where that happens at more and more mails it is not for their sake.
func (m *memory) blame(uid imap.UID, now time.Time, alone, guess bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused == nil {
		m.refused = map[imap.UID]refusals{}
	}
	r := m.refused[uid]
	if r.times == 0 {
		r.since, r.guess = now, guess
	}
	if m.took.After(r.last) {
		r.proved++
	}
	r.last = now
	r.times++
	r.alone, r.guess = r.alone || alone, r.guess && guess
	m.refused[uid] = r
	n := 0
	for _, r := range m.refused {
		if r.alone && r.guess {
			n++
		}
	}
	for u, r := range m.refused {
		if n > doubtful && r.alone && r.guess {
			delete(m.refused, u)
		}
	}
}

// times is how often a mail was not sent.
func (m *memory) times(uid imap.UID) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refused[uid].times
}

// noting counts the notes that were begun in place of a mail, and begins one.
func (m *memory) noting(uid imap.UID) (before int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.refused[uid]
	if before = r.notes; ok {
		r.notes++
		m.refused[uid] = r
	}
	return before
}

// apart says that a mail is to be asked for alone, behind all others.
func (m *memory) apart(uid imap.UID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refused[uid].alone && !m.taken[uid]
}

// divide parts mails into those that are asked for together and those that are
// asked for alone.
func (m *memory) divide(uids []imap.UID) (rest, alone []imap.UID) {
	for _, uid := range uids {
		if m.apart(uid) {
			alone = append(alone, uid)
		} else {
			rest = append(rest, uid)
		}
	}
	return rest, alone
}

// broken notes whether the connection broke before a mail was taken.
func (m *memory) broken(careful bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.careful = careful
}

func (m *memory) isCareful() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.careful
}

// forget forgets mails up to a UID: the point is behind them.
func (m *memory) forget(last imap.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for uid := range m.taken {
		if uid <= last {
			delete(m.taken, uid)
		}
	}
	for uid := range m.refused {
		if uid <= last {
			delete(m.refused, uid)
		}
	}
}
