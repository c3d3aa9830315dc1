package imap

import (
	"testing"
	"time"
)

// TestOldMail: of what lies in a folder that is read for the first time, mails of
// long ago are quiet, those of today and all that come later are not.
func TestOldMail(t *testing.T) {
	s := newServer(t)
	s.put("viejo", "de hoy")
	s.with(func() {
		s.inbox[0].at = time.Now().Add(-21 * 24 * time.Hour)
		s.inbox[1].at = time.Now().Add(-2 * time.Hour)
	})
	d := newDesk(t, s)
	sent := false
	poll(t, d, s.account(), nil, func() bool {
		if d.has("de hoy", "viejo")() && !sent {
			sent = true
			s.put("nuevo")
		}
		return d.has("de hoy", "nuevo", "viejo")()
	})
	for text, quiet := range map[string]bool{"viejo": true, "de hoy": false, "nuevo": false} {
		if d.envs[text].Quiet != quiet {
			t.Errorf("%s: quiet %t", text, d.envs[text].Quiet)
		}
	}
}

// TestMeanwhile: a mail that came while no poller ran is not an old one, though its
// folder has to be read again from its start.
func TestMeanwhile(t *testing.T) {
	s := newServer(t)
	s.put("uno")
	s.with(func() { s.inbox[0].at = time.Now().Add(-2 * time.Hour) })
	d := newDesk(t, s)
	poll(t, d, s.account(), func(p *Poller) { p.now = func() time.Time { return time.Now().Add(-time.Hour) } }, d.has("uno"))
	s.with(func() {
		s.validity, s.next = 8, 10
		s.inbox[0].uid, s.next = 10, 11
	})
	s.put("entretanto")
	poll(t, d, s.account(), nil, func() bool { return d.has("entretanto", "uno")() && d.point.UID == 11 })
	if d.taken["uno"] != 2 || !d.envs["uno"].Quiet || d.envs["entretanto"].Quiet {
		t.Errorf("taken %v; quiet: %t and %t", d.taken, d.envs["uno"].Quiet, d.envs["entretanto"].Quiet)
	}
}

// TestClocks: a mail that came in the second of the last look, or while the server's
// clock was some minutes behind ours, is not an old one either.
func TestClocks(t *testing.T) {
	for behind, quiet := range map[time.Duration]bool{time.Second: false, 10 * time.Minute: false, time.Hour: true} {
		s := newServer(t)
		s.put("uno")
		d := newDesk(t, s)
		poll(t, d, s.account(), nil, d.has("uno"))
		s.with(func() {
			s.validity, s.next = 8, 10
			s.inbox[0].uid, s.next = 10, 11
		})
		s.put("entretanto")
		s.with(func() { s.inbox[1].at = time.Now().Add(-behind) })
		poll(t, d, s.account(), nil, func() bool { return d.has("entretanto", "uno")() && d.at(11) })
		if got := d.envs["entretanto"].Quiet; got != quiet {
			t.Errorf("%s behind: quiet %t", behind, got)
		}
	}
}
