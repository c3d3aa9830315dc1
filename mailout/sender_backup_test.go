package mailout

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// twoHosts runs a sender with a first smarthost and a backup. While down is set
// the first cannot be reached, unless it has answers of its own.
func twoHosts(first, backup *host, o Outbox, down *atomic.Bool) *running {
	log := &logbook{}
	local := func(address string) Smarthost {
		return Smarthost{Address: address, TLS: TLSNone, PlainText: true, Hello: "desk.example"}
	}
	s := NewSender(o, SenderOptions{Smarthost: local("127.0.0.1:25"), Backups: []Smarthost{local("127.0.0.2:25")}, Log: log.log()})
	s.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		switch {
		case address == "127.0.0.2:25":
			return backup.dial(ctx, network, address)
		case down.Load() && first.answer == nil:
			return nil, errors.New("refused")
		}
		return first.dial(ctx, network, address)
	}
	return runIt(s, log)
}

// While the first smarthost is away mails go by the backup at once, none is
// charged an attempt, and a probe brings the first back.
func TestBackupTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		first, backup := &host{}, &host{}
		o := newRows(letters(300, time.Now())...)
		s := twoHosts(first, backup, o, &down)
		time.Sleep(2 * time.Second)
		if n := len(backup.mails()); n != 300 {
			t.Fatalf("%d mails went by the backup in two seconds, want 300", n)
		}
		if st := s.Status(); st.Trouble != "" || st.Hosts[0].Trouble == "" || st.Hosts[1].Trouble != "" {
			t.Errorf("%+v", st)
		}
		for i := range 120 { // one mail every half minute for an hour
			o.add(letter(1000+i, 300, time.Now()))
			s.Wake()
			time.Sleep(30 * time.Second)
		}
		if n := len(backup.mails()); n != 420 {
			t.Errorf("%d mails went by the backup in an hour, want 420", n)
		}
		for _, r := range o.recorded() {
			if r.Outcome == Again && r.Attempts != 0 || r.Outcome == Failed {
				t.Fatalf("%+v", r)
			}
		}
		down.Store(false)
		for i := range 8 {
			o.add(letter(2000+i, 300, time.Now()))
			s.Wake()
			time.Sleep(30 * time.Second)
		}
		if n := len(first.mails()); n < 6 || len(backup.mails())+n != 428 || s.Status().Hosts[0].Trouble != "" {
			t.Errorf("%d mails went by the first when it was back, %d by the backup", n, len(backup.mails()))
		}
		s.stop()
		if n := len(s.log.with("level=WARN")); n != 1 {
			t.Errorf("log %q", s.log.with("level=WARN"))
		}
	})
}

// What the first smarthost says of one mail is no reason to ask the backup; what
// it says of all is.
func TestBackupAndReplies(t *testing.T) {
	for _, c := range []struct {
		stage, reply string
		backup       bool // the mail goes by it
		want         Outcome
		attempts     int
	}{
		{"RCPT", "550 5.1.1 nobody", false, Failed, 1},
		{"RCPT", "451 4.2.1 later", false, Again, 1},
		{"DATA", "554 5.5.1 no", false, Failed, 1},
		{"end", "554 5.7.1 spam", false, Failed, 1},
		{"end", "451 4.3.0 later", false, Again, 1},
		{"end", hangUp, false, Again, 1},
		{"MAIL", "552 5.3.4 too large", false, Failed, 1},
		{"MAIL", "530 5.7.0 log in first", true, Sent, 1},
		{"greeting", "554 5.3.2 closed", true, Sent, 1},
		{"EHLO", hangUp, true, Sent, 1},
	} {
		t.Run(c.stage+" "+c.reply, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, backup := &host{answer: always(c.stage, c.reply)}, &host{}
				o := newRows(letter(1, 300, time.Now()))
				s := twoHosts(first, backup, o, new(atomic.Bool))
				time.Sleep(20 * time.Second)
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
				results := o.recorded()
				if r := results[len(results)-1]; r.Outcome != c.want || r.Attempts != c.attempts {
					t.Errorf("%+v", r)
				}
				if went := len(backup.mails()) == 1; went != c.backup {
					t.Errorf("by the backup: %v", went)
				}
			})
		})
	}
}

// With both away nothing is lost nor charged; whichever comes back first takes
// the mail.
func TestBothAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down, backupDown atomic.Bool
		down.Store(true)
		backupDown.Store(true)
		first, backup := &host{}, &host{}
		backup.answer = func(stage, _ string) string {
			if backupDown.Load() && stage == "greeting" {
				return "554 5.3.2 closed"
			}
			return ""
		}
		o := newRows(letters(100, time.Now())...)
		s := twoHosts(first, backup, o, &down)
		time.Sleep(hour)
		if st := s.Status(); st.Trouble == "" || st.Hosts[1].Trouble == "" || len(o.left()) != 100 {
			t.Errorf("%+v, %d left", st, len(o.left()))
		}
		if n := len(o.recorded()); n > 140 {
			t.Errorf("%d probes in an hour", n)
		}
		backupDown.Store(false)
		time.Sleep(minute + 2*time.Second)
		if n := len(backup.mails()); n < 98 {
			t.Errorf("%d mails by the backup a minute after it came back", n)
		}
		time.Sleep(5 * minute)
		s.stop()
		if len(backup.mails()) != 100 {
			t.Errorf("%d mails arrived", len(backup.mails()))
		}
		for _, r := range o.recorded() {
			if r.Outcome == Again && r.Attempts != 0 {
				t.Fatalf("%+v", r)
			}
		}
	})
}

// A mail marked Detour goes by the backup only, however well the first does, and
// holds up nobody where that cannot be. The same mail without the mark goes by
// the first.
func TestDetour(t *testing.T) {
	for _, marked := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			first, backup := &host{}, &host{}
			mails := letters(10, time.Now())
			mails[0].Detour = marked
			s := twoHosts(first, backup, newRows(mails...), new(atomic.Bool))
			time.Sleep(time.Second)
			s.stop()
			want := 0
			if marked {
				want = 1
			}
			if len(first.mails()) != 10-want || len(backup.mails()) != want {
				t.Errorf("marked %v: %d by the first, %d by the backup", marked, len(first.mails()), len(backup.mails()))
			}
		})
	}
}

func TestDetourWithoutBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		mails := letters(10, time.Now())
		mails[0].Detour = true
		o := newRows(mails...)
		s := start(h, o, nil)
		time.Sleep(time.Second)
		if n := len(h.mails()); n != 9 {
			t.Errorf("%d mails arrived, want the 9 others", n)
		}
		time.Sleep(6 * day)
		s.stop()
		if len(h.mails()) != 9 || len(o.failed) != 1 || o.failed[0].Attempts != len(schedule) || !strings.Contains(o.failed[0].LastError, "reserva") {
			t.Errorf("%d arrived, failed %+v", len(h.mails()), o.failed)
		}
	})
}

// Detours wait for a backup in trouble without an attempt charged, and without
// keeping the first from its work.
func TestDetourWhileBackupIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		first, backup := &host{}, &host{}
		backup.answer = func(stage, _ string) string {
			if away.Load() && stage == "greeting" {
				return "554 5.3.2 closed"
			}
			return ""
		}
		mails := letters(600, time.Now())
		for i := range 300 {
			mails[i].Detour = true
		}
		o := newRows(mails...)
		s := twoHosts(first, backup, o, new(atomic.Bool))
		time.Sleep(10 * time.Second)
		if n := len(first.mails()); n != 300 {
			t.Errorf("%d mails by the first, want 300", n)
		}
		time.Sleep(hour)
		for _, m := range o.left() {
			if m.Attempts != 0 {
				t.Fatalf("charged: %+v", m)
			}
		}
		away.Store(false)
		time.Sleep(5 * minute)
		s.stop()
		if n := len(backup.mails()); n != 300 || len(first.mails()) != 300 {
			t.Errorf("%d mails by the backup, %d by the first, want 300 each", n, len(first.mails()))
		}
	})
}

// A domain has no more mails under way than it may, and the others do not wait
// for it. Without the limit it has all connections.
func TestPerDomain(t *testing.T) {
	for _, most := range []int{2, 0} {
		synctest.Test(t, func(t *testing.T) {
			var now, peak atomic.Int32
			h := &host{pace: time.Second}
			h.answer = func(stage, line string) string {
				if stage == "RCPT" && strings.Contains(line, "@slow.example") {
					peak.Store(max(peak.Load(), now.Add(1)))
				}
				if stage == "end" && strings.HasSuffix(line, "@slow.example") {
					now.Add(-1)
				}
				return ""
			}
			begin := time.Now()
			mails := letters(2000, begin)
			for i := range mails {
				mails[i].Due = begin.Add(-time.Duration(len(mails)-i) * time.Millisecond)
				if i < 1900 { // those that are due first
					mails[i].To = fmt.Sprintf("m%05d@slow.example", i)
				} else {
					mails[i].To = fmt.Sprintf("m@d%d.example.org", i)
				}
			}
			log := &logbook{}
			o := newRows(mails...)
			s := NewSender(o, SenderOptions{Log: log.log(),
				Smarthost: Smarthost{Address: "127.0.0.1:25", TLS: TLSNone, PlainText: true, Connections: 8, PerDomain: most}})
			s.dial = h.dial
			r := runIt(s, log)
			time.Sleep(30 * time.Second)
			others := 0
			for _, m := range h.mails() {
				if strings.HasSuffix(m.to, ".example.org") {
					others++
				}
			}
			if most == 0 {
				if peak.Load() != 8 || others != 0 {
					t.Errorf("without a limit: %d at once, %d others arrived", peak.Load(), others)
				}
			} else if peak.Load() != 2 || others != 100 {
				t.Errorf("with a limit: %d at once, %d of 100 others arrived in half a minute", peak.Load(), others)
			}
			time.Sleep(hour)
			r.stop()
			if n := len(h.mails()); n != 2000 || len(o.left()) != 0 {
				t.Errorf("%d mails arrived, want 2000", n)
			}
		})
	}
}

// A server that takes one envelope sender gets that one, whatever the mail says;
// the mail itself is not changed.
func TestEnvelopeSender(t *testing.T) {
	for _, sender := range []string{"", "soporte@uni.example"} {
		synctest.Test(t, func(t *testing.T) {
			h := &host{}
			mails := letters(2, time.Now())
			mails[1].From = "" // an acknowledgement
			s := start(h, newRows(mails...), func(s *Sender) { s.routes[0].host.Sender, s.routes[0].workers = sender, 1 })
			time.Sleep(time.Second)
			s.stop()
			got := h.mails()
			if len(got) != 2 {
				t.Fatalf("%+v", got)
			}
			for i, m := range mails {
				want := sender
				if want == "" {
					want = m.From
				}
				if got[i].from != want {
					t.Errorf("%+v, want from %s", got[i], want)
				}
			}
		})
	}
}
