package imap

import (
	"strings"
	"testing"
	"time"
)

// TestReadAgainCut: a folder that is read again from its start goes on doing so
// when the connection breaks in the middle: what was there before the desk's time
// stays where it is, and what may be old is quiet.
func TestReadAgainCut(t *testing.T) {
	s := newServer(t)
	s.put("antes")
	s.with(func() { s.inbox[0].at = time.Now().Add(-time.Hour) })
	d := newDesk(t, s)
	d.skipped[1] = true
	a := s.account()
	a.Start = StartNew
	poll(t, d, a, nil, func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.point.UID == 1 })
	s.put("uno")
	poll(t, d, a, anHourLater, d.has("uno"))
	s.with(func() {
		s.validity, s.next = 8, 10
		for i := range s.inbox {
			s.inbox[i].uid = s.next
			d.skipped[s.next] = i == 0
			s.next++
		}
		s.answers["UID FETCH"] = "BYE"
	})
	poll(t, d, a, nil, func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.point.Validity == 8 && d.point.UID == 11 })
	if d.taken["antes"] != 0 || !d.envs["uno"].Quiet {
		t.Errorf("taken %v, quiet %v", d.taken, d.envs["uno"].Quiet)
	}
}

// TestReadAgainUnseen: of a folder that was begun with what nobody had seen, the
// others stay where they are also when it is read again.
func TestReadAgainUnseen(t *testing.T) {
	s := newServer(t)
	s.put("visto", "uno")
	s.put("despues")
	s.with(func() {
		s.inbox[0].flags = []string{"\\Seen"}
		s.inbox[0].at, s.inbox[1].at = time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)
	})
	d := newDesk(t, s)
	d.skipped[1] = true
	a := s.account()
	a.Start, a.After = StartUnseen, Leave
	poll(t, d, a, nil, d.has("despues", "uno"))
	s.with(func() {
		s.validity, s.next = 8, 10
		for i := range s.inbox {
			s.inbox[i].uid = s.next
			d.skipped[s.next] = i == 0
			s.next++
		}
	})
	poll(t, d, a, nil, func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.point.Validity == 8 && d.point.UID == 12 })
	if d.taken["visto"] != 0 || d.taken["uno"] != 2 {
		t.Errorf("taken %v", d.taken)
	}
}

// TestNoNext: a server that does not tell the next UID does not make old mails
// new ones.
func TestNoNext(t *testing.T) {
	s := newServer(t)
	s.with(func() { s.noNext = true })
	s.put("antes")
	d := newDesk(t, s)
	d.skipped[1] = true
	a := s.account()
	a.Start = StartNew
	sent := false
	poll(t, d, a, nil, func() bool {
		d.mu.Lock()
		begun := d.point != (Point{})
		d.mu.Unlock()
		if begun && !sent {
			sent = true
			s.put("nuevo")
		}
		return d.has("nuevo")() || d.has("antes", "nuevo")()
	})
	if d.taken["antes"] != 0 {
		t.Errorf("taken %v", d.taken)
	}
}

// TestNewsBeforeSize: news of a mail's flags that come before its size and date
// are not taken for them.
func TestNewsBeforeSize(t *testing.T) {
	s := newServer(t)
	s.put("uno", "dos")
	s.with(func() { s.seenFirst = true })
	d := newDesk(t, s)
	a := s.account()
	a.Start, a.Since = StartSince, time.Now().Add(-24*time.Hour)
	poll(t, d, a, nil, func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.point.UID == 2 })
	if d.taken["uno"] != 1 {
		t.Errorf("taken %v", d.taken)
	}
}

// TestNeverMoved: a server that never lets a mail go is not asked again and again
// at once, nor filled with copies.
func TestNeverMoved(t *testing.T) {
	for _, verb := range []string{"UID MOVE", "UID STORE", "UID EXPUNGE"} {
		t.Run(verb, func(t *testing.T) {
			s := newServer(t)
			s.put("uno")
			s.with(func() {
				s.always[verb] = "NO [NOPERM] nunca"
				if verb != "UID MOVE" {
					s.caps = "IMAP4rev1 UIDPLUS"
				}
			})
			d := newDesk(t, s)
			a := s.account()
			a.After, a.MoveTo, a.Poll = Move, "Hechos", 2*time.Millisecond
			end := time.Now().Add(500 * time.Millisecond)
			poll(t, d, a, func(p *Poller) { p.first, p.most = 20*time.Millisecond, time.Minute }, func() bool { return time.Now().After(end) })
			asked := 0
			for _, command := range s.log {
				if command == verb {
					asked++
				}
			}
			if s.logins != 1 || len(s.target) > 1 || asked < 2 || asked > 8 {
				t.Errorf("%d logins, %d copies, asked %d times in half a second of doubling pauses", s.logins, len(s.target), asked)
			}
		})
	}
}

// TestBadLogin: what a server says to a login is not shown: it may be the
// password.
func TestBadLogin(t *testing.T) {
	for _, answer := range []string{"BAD", "NO [UNAVAILABLE]"} {
		s := newServer(t)
		s.with(func() {
			s.badLogin = answer == "BAD"
			if answer != "BAD" {
				s.always["LOGIN"] = answer + " secreto"
			}
		})
		d := newDesk(t, s)
		var p *Poller
		p = poll(t, d, s.account(), func(q *Poller) { p = q }, func() bool { return p.Status()[0].Trouble != "" })
		if st := p.Status()[0]; strings.Contains(st.Trouble, "secreto") {
			t.Errorf("%s: %q", answer, st.Trouble)
		}
	}
}

// TestNeverIdle: a session that ends after each look is not followed by the next
// at once.
func TestNeverIdle(t *testing.T) {
	s := newServer(t)
	s.put("uno")
	s.with(func() { s.always["IDLE"] = "NO nunca" })
	d := newDesk(t, s)
	end := time.Now().Add(500 * time.Millisecond)
	poll(t, d, s.account(), func(p *Poller) { p.first, p.most = 20*time.Millisecond, time.Minute }, func() bool { return time.Now().After(end) })
	if texts, _ := d.got(); len(texts) != 1 || s.logins > 8 {
		t.Errorf("%v taken, %d logins in half a second of doubling pauses", texts, s.logins)
	}
}

// TestRefusalShown: that settled mails cannot be moved is shown until they can,
// while mails are taken all the same.
func TestRefusalShown(t *testing.T) {
	s := newServer(t)
	s.put("uno")
	s.with(func() { s.always["UID MOVE"] = "NO [OVERQUOTA] lleno" })
	d := newDesk(t, s)
	a := s.account()
	a.After, a.MoveTo, a.Poll = Move, "Hechos", 2*time.Millisecond
	var p *Poller
	shown, sent := FolderStatus{}, false
	poll(t, d, a, func(q *Poller) { p = q }, func() bool {
		switch texts, _ := d.got(); {
		case shown.Trouble == "":
			shown = p.Status()[0]
		case !sent:
			sent = true
			s.put("dos")
		case len(texts) == 2:
			s.with(func() { delete(s.always, "UID MOVE") })
		}
		return sent && d.has("dos", "uno")() && p.Status()[0].Trouble == ""
	})
	if !strings.Contains(shown.Trouble, "OVERQUOTA") || shown.Since.IsZero() || !shown.Connected || s.logins != 1 {
		t.Errorf("shown %+v, %d logins", shown, s.logins)
	}
	if st := p.Status()[0]; !st.Since.IsZero() {
		t.Errorf("%+v", st)
	}
}

// TestSound: a session that worked is followed by the next at once, also where
// there was nothing to take.
func TestSound(t *testing.T) {
	s := newServer(t)
	s.with(func() { s.caps = "IMAP4rev1" })
	d := newDesk(t, s)
	a := s.account()
	a.Poll = time.Millisecond
	cuts := 0
	begun := time.Now()
	poll(t, d, a, func(p *Poller) { p.first, p.most = 10*time.Millisecond, time.Minute }, func() bool {
		s.with(func() {
			looks := 0
			for _, command := range s.log {
				if command == "UID SEARCH" {
					looks++
				}
			}
			if looks >= 2 { // so a whole round is done
				s.log = nil
				cuts++
				for c := range s.conns {
					c.Close()
				}
			}
		})
		return cuts == 10
	})
	if took := time.Since(begun); took > 4*time.Second { // doubling pauses: 10 s
		t.Errorf("ten sessions took %s", took)
	}
}

// TestCopiedBefore: what a session has copied says nothing of the mails of a
// folder that was made again.
func TestCopiedBefore(t *testing.T) {
	s := newServer(t)
	s.put("uno", "otro")
	s.with(func() { s.caps, s.always["UID STORE"] = "IMAP4rev1 UIDPLUS", "NO nunca" })
	d := newDesk(t, s)
	a := s.account()
	a.After, a.MoveTo, a.Poll = Move, "Hechos", 2*time.Millisecond
	made := false
	poll(t, d, a, nil, func() bool {
		copied := false
		s.with(func() {
			if copied = len(s.target) == 2 && !made; copied {
				delete(s.always, "UID STORE")
				s.inbox, s.next = nil, 1
				for c := range s.conns {
					c.Close()
				}
			}
		})
		if copied {
			made = true
			s.put("dos")
		}
		return d.has("dos", "otro", "uno")()
	})
	texts := ""
	for _, m := range append(s.inbox, s.target...) {
		texts += m.text
	}
	if !strings.Contains(texts, "dos") {
		t.Errorf("the mail is lost: %q", texts)
	}
}
