package mailout

import (
	"slices"
	"sync"
)

// lines is where mails wait for a worker of one route, in the order in which
// they came. A mail whose recipient's domain has as many under way as it may is
// passed over, so that those behind it do not wait. Of each domain only few mails
// wait here as a whole; of the others there is no more than the id, and they are
// fetched again.
type lines struct {
	sender *Sender
	most   int // mails to one domain under way at once, 0 is any number
	half   int // the length at which more mails are fetched

	mu      sync.Mutex
	changed *sync.Cond // a mail came or a domain's turn ended
	jobs    []job
	busy    map[string]int      // mails under way, by domain; unused without most
	waiting map[string]int      // jobs, by domain
	aside   map[string][]string // ids, by domain
	parked  int                 // ids in aside
	closed  bool
}

// parkedMost is how many ids are set aside: some 100 bytes each. More mails wait
// as a whole, and hold up others.
const parkedMost = 10000

// open makes it ready, once.
func (l *lines) open(most, half int, s *Sender) {
	l.most, l.half, l.sender = most, half, s
	l.changed = sync.NewCond(&l.mu)
	l.busy, l.waiting, l.aside = map[string]int{}, map[string]int{}, map[string][]string{}
}

// share is how many mails of a domain wait as a whole.
func (l *lines) share() int { return max(16, 2*l.most) }

func (l *lines) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.jobs)
}

// add lets a mail wait.
func (l *lines) add(j job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.most > 0 {
		d := domainOf(j.To)
		if !j.probe && l.waiting[d] >= l.share() && l.parked < parkedMost {
			l.aside[d] = append(l.aside[d], j.ID)
			l.parked++
			return
		}
		l.waiting[d]++
	}
	l.jobs = append(l.jobs, j)
	l.changed.Signal()
}

// take returns the first mail that may go, and waits for one. It returns false
// after close.
func (l *lines) take() (j job, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed {
		if at := slices.IndexFunc(l.jobs, l.may); at >= 0 {
			j = l.jobs[at]
			l.remove(at)
			return j, true
		}
		l.changed.Wait()
	}
	return j, false
}

func (l *lines) may(j job) bool { return l.most == 0 || l.busy[domainOf(j.To)] < l.most }

func (l *lines) remove(at int) {
	j := l.jobs[at]
	if at == 0 {
		l.jobs[0] = job{}
		l.jobs = l.jobs[1:]
	} else {
		l.jobs = slices.Delete(l.jobs, at, at+1)
	}
	if len(l.jobs) == l.half {
		l.sender.Wake()
	}
	if l.most == 0 {
		return
	}
	d := domainOf(j.To)
	l.busy[d]++
	if l.waiting[d]--; l.waiting[d] == 0 {
		delete(l.waiting, d)
	}
	l.unpark(d)
}

// unpark lets mails of a domain be fetched again once half of its share is gone.
func (l *lines) unpark(d string) {
	ids, room := l.aside[d], l.share()-l.waiting[d]
	if len(ids) == 0 || room < l.share()/2 {
		return
	}
	n := min(room, len(ids))
	l.sender.release(ids[:n]...)
	l.parked -= n
	if l.aside[d] = ids[n:]; n == len(ids) {
		delete(l.aside, d)
	}
	l.sender.Wake()
}

// ended says that a mail that was taken is no longer under way.
func (l *lines) ended(j job) {
	if l.most == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d := domainOf(j.To)
	if l.busy[d]--; l.busy[d] == 0 {
		delete(l.busy, d)
	}
	l.changed.Broadcast()
}

// close ends all waiting. Mails that are still here stay in the outbox.
func (l *lines) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.changed.Broadcast()
}
