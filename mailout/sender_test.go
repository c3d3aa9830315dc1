package mailout

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"ventanilla/desk"
)

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * time.Hour
)

// schedule is the promise: the age of a mail at each attempt, if every one fails.
var schedule = []time.Duration{
	0, 1 * minute, 6 * minute, 21 * minute, 51 * minute,
	51*minute + 1*hour, 51*minute + 3*hour, 51*minute + 7*hour, 51*minute + 15*hour, 51*minute + 31*hour,
	51*minute + 55*hour, 51*minute + 79*hour, 51*minute + 103*hour, 120 * hour,
}

func TestBackoff(t *testing.T) {
	created := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	now := created
	for i := range schedule {
		if age := now.Sub(created); age != schedule[i] {
			t.Fatalf("attempt %d at the age of %v, want %v", i+1, age, schedule[i])
		}
		due, giveUp := Backoff(i+1, created, now)
		if last := i == len(schedule)-1; giveUp != last {
			t.Fatalf("attempt %d: given up is %v", i+1, giveUp)
		}
		if !giveUp && !due.After(now) {
			t.Fatalf("attempt %d: due %v is not after %v", i+1, due, now)
		}
		now = due
	}
}

func TestBackoffOldMail(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		attempts int
		age      time.Duration
		wait     time.Duration
		giveUp   bool
	}{
		{1, 7 * day, 1 * minute, false}, // we were down for a week
		{4, 7 * day, 30 * minute, false},
		{5, 7 * day, 0, true},
		{0, 0, 1 * minute, false}, // no attempt at all counts as one
		{-3, 0, 1 * minute, false},
		{1000, 4 * day, 1 * day, false},
		{1000, 5*day - time.Second, time.Second, false},
		{1000, 5 * day, 0, true},
		{1, -1 * hour, 1 * minute, false}, // the clock was put back
	} {
		due, giveUp := Backoff(c.attempts, now.Add(-c.age), now)
		if giveUp != c.giveUp || !giveUp && due != now.Add(c.wait) {
			t.Errorf("attempts %d, age %v: due in %v, given up %v; want %v, %v", c.attempts, c.age, due.Sub(now), giveUp, c.wait, c.giveUp)
		}
	}
}

// A mail that is always put off is tried at the times of the schedule and at no
// other, then given up.
func TestRunKeepsSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		h := &host{answer: always("RCPT", "451 4.2.1 mailbox is asleep")}
		o := newRows(letter(1, 300, begin))
		s := start(h, o, nil)
		time.Sleep(6 * day)
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		results := o.recorded()
		if len(results) != len(schedule) {
			t.Fatalf("%d attempts, want %d", len(results), len(schedule))
		}
		for i, r := range results {
			if late := r.At.Sub(begin) - schedule[i]; late < 0 || late > time.Second {
				t.Errorf("attempt %d at the age of %v, want %v", i+1, r.At.Sub(begin), schedule[i])
			}
			want := Again
			if i == len(results)-1 {
				want = Failed
			}
			if r.Outcome != want || r.Attempts != i+1 || r.Code != 451 || r.Enhanced != "4.2.1" || r.Text != "mailbox is asleep" {
				t.Errorf("attempt %d: %+v", i+1, r)
			}
		}
		if len(h.mails()) != 0 {
			t.Error("the host has taken a mail that it refused")
		}
	})
}

// One mail meets each reply at each stage.
func TestReplies(t *testing.T) {
	const lostText = "se cortó la conexión"
	for _, c := range []struct {
		stage, reply string
		first        bool // only the first time; then all is well
		want         Outcome
		code         int
		enhanced     string
		attempts     int
		text         string
	}{
		{"", "", false, Sent, 250, "2.0.0", 1, "queued as 4711"},

		{"RCPT", "550 5.1.1 nobody of that name", false, Failed, 550, "5.1.1", 1, "nobody of that name"},
		{"RCPT", "550 nobody", false, Failed, 550, "", 1, "nobody"},
		{"RCPT", "452-4.2.2 mailbox\n452 4.2.2 full", false, Again, 452, "4.2.2", 1, "mailbox full"},
		{"RCPT", "530 5.7.0 log in first", false, Again, 530, "5.7.0", 0, "log in first"},
		{"RCPT", "554 5.7.1 relay\tdenied\x01\x02", false, Failed, 554, "5.7.1", 1, "relay denied"},
		{"RCPT", "251 will forward", false, Sent, 250, "2.0.0", 1, "queued as 4711"},
		{"RCPT", "354 what?", false, Again, 354, "", 1, "what?"},
		{"DATA", "451 4.3.0 later", false, Again, 451, "4.3.0", 1, "later"},
		{"DATA", "554 5.5.1 no", false, Failed, 554, "5.5.1", 1, "no"},
		{"DATA", "250 2.0.0 what?", false, Again, 250, "2.0.0", 1, "what?"},
		{"end", "451 4.3.0 later", false, Again, 451, "4.3.0", 1, "later"},
		{"end", "554 5.7.1 spam", false, Failed, 554, "5.7.1", 1, "spam"},
		{"end", "552 5.3.4 too large", false, Failed, 552, "5.3.4", 1, "too large"},
		{"end", "600 what?", false, Again, 600, "", 1, "what?"},

		{"greeting", "554 5.3.2 closed", false, Again, 554, "5.3.2", 0, "closed"},
		{"greeting", "421 4.3.2 not now", false, Again, 421, "4.3.2", 0, "not now"},
		{"EHLO", "550 5.7.1 not you", false, Again, 550, "5.7.1", 0, "not you"},
		{"MAIL", "550 5.7.1 not from you", false, Again, 550, "5.7.1", 1, "not from you"},
		{"MAIL", "451 4.7.1 slower", false, Again, 451, "4.7.1", 1, "slower"},
		{"MAIL", "530 5.7.0 log in first", false, Again, 530, "5.7.0", 0, "log in first"},
		{"MAIL", "552 too large", false, Failed, 552, "", 1, "too large"},
		{"MAIL", "552 5.3.4 too large", false, Failed, 552, "5.3.4", 1, "too large"},

		{"MAIL", "421 4.4.2 bye", true, Sent, 250, "2.0.0", 1, "queued as 4711"},
		{"RCPT", "421 4.4.2 bye", true, Sent, 250, "2.0.0", 1, "queued as 4711"},
		{"DATA", "421 4.4.2 bye", true, Sent, 250, "2.0.0", 1, "queued as 4711"},
		{"end", "421 4.4.2 bye", true, Sent, 250, "2.0.0", 1, "queued as 4711"},
		{"end", "421 4.4.2 bye", false, Again, 421, "4.4.2", 1, "bye"},

		{"greeting", hangUp, false, Again, 0, "", 0, lostText},
		{"EHLO", hangUp, false, Again, 0, "", 0, lostText},
		{"MAIL", hangUp, true, Sent, 250, "2.0.0", 1, "queued as 4711"},
		{"RCPT", hangUp, true, Sent, 250, "2.0.0", 1, "queued as 4711"},
		{"DATA", hangUp, true, Sent, 250, "2.0.0", 1, "queued as 4711"},
		{"MAIL", hangUp, false, Again, 0, "", 1, lostText},
		{"RCPT", hangUp, false, Again, 0, "", 1, lostText},
		{"DATA", hangUp, false, Again, 0, "", 1, lostText},
		{"body", hangUp, true, Sent, 250, "2.0.0", 1, "queued as 4711"},
		{"body", hangUp, false, Again, 0, "", 1, lostText},
		{"end", hangUp, false, Again, 0, "", 1, lostText + " cuando el correo ya había salido entero; quizá lo aceptó"},
		{"MAIL", "gibberish", false, Again, 0, "", 1, lostText},

		{"greeting", silence, false, Again, 0, "", 0, "no respondió a tiempo"},
		{"MAIL", silence, false, Again, 0, "", 1, "no respondió a tiempo"},
		{"RCPT", silence, false, Again, 0, "", 1, "no respondió a tiempo"},
		{"body", silence, false, Again, 0, "", 1, "no respondió a tiempo"},
		{"end", silence, false, Again, 0, "", 1, "no respondió a tiempo cuando el correo ya había salido entero; quizá lo aceptó"},
	} {
		check := func(t *testing.T, h *host) {
			synctest.Test(t, func(t *testing.T) {
				if h.answer = always(c.stage, c.reply); c.first {
					h.answer = once(c.stage, c.reply)
				}
				o := newRows(letter(1, 6000, time.Now()))
				s := start(h, o, nil)
				for len(o.recorded()) == 0 {
					time.Sleep(time.Second)
				}
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
				r := o.recorded()[0]
				if r.Outcome != c.want || r.Code != c.code || r.Enhanced != c.enhanced || r.Attempts != c.attempts || r.Text != c.text {
					t.Errorf("got %+v", r)
				}
				time.Sleep(2 * hour) // for a host that sleeps
				if (r.Outcome == Again) == r.Due.IsZero() {
					t.Errorf("%s, due %v", r.Outcome, r.Due)
				}
				if n := len(h.mails()); n != 0 && c.want != Sent || n != 1 && c.want == Sent {
					t.Errorf("the host took %d mails", n)
				}
			})
		}
		name := strings.TrimSpace(fmt.Sprintf("%s %.12s %v", c.stage, c.reply, c.first))
		t.Run(name, func(t *testing.T) { check(t, &host{}) })
		t.Run(name+" together", func(t *testing.T) { check(t, &host{extensions: []string{"PIPELINING"}}) })
		t.Run(name+" eager", func(t *testing.T) { check(t, &host{extensions: []string{"PIPELINING"}, eager: true}) })
	}
}

func TestServersWords(t *testing.T) {
	long := strings.Repeat("ñ", 400)
	for _, c := range []struct {
		said string
		want reply
	}{
		{"2.0.0 Ok: queued as 4711", reply{250, "2.0.0", "Ok: queued as 4711"}},
		{"2.6.0 <a@b> [InternalId=1]\nmore", reply{250, "2.6.0", "<a@b> [InternalId=1] more"}},
		{"2.6.0 one\n2.6.0 two\n2.6.1 three", reply{250, "2.6.0", "one two 2.6.1 three"}},
		{"2.0.0", reply{250, "2.0.0", ""}},
		{"OK 1234 - gsmtp", reply{250, "", "OK 1234 - gsmtp"}},
		{"2.x.0 what", reply{250, "", "2.x.0 what"}},
		{"3.0.0 what", reply{250, "", "3.0.0 what"}},
		{"22.0.0 what", reply{250, "", "22.0.0 what"}},
		{"2.0 what", reply{250, "", "2.0 what"}},
		{"192.0.2.7 what", reply{250, "", "192.0.2.7 what"}},
		{"", reply{250, "", ""}},
		{"a\x00b\x1b[31mc\r\td\u0085e\u2028f", reply{250, "", "a b [31mc d e f"}},
		{"mal\xe9 \xff", reply{250, "", "mal? ?"}},
		{long, reply{250, "", long[:500]}},
		{"x" + long, reply{250, "", "x" + long[:498]}}, // no half letter
	} {
		if got := replyOf(250, strings.Split(c.said, "\n")); got != c.want {
			t.Errorf("%q: %+v, want %+v", c.said, got, c.want)
		}
	}
}

// The bytes that arrive are those of the pieces, dots and all; a mail that may
// have been taken comes again with the same bytes.
func TestSameBytesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{answer: once("end", take)}
		m := letter(1, 5000, time.Now())
		raw := "Content-Type: text/plain\r\n\r\nadjunto que va en base64"
		m.Pieces = append(m.Pieces, Piece{Mail: "log/1", Offset: 28, Length: int64(len(raw)) - 28}, Piece{Text: "\r\n--fin--\r\n"})
		text := m.Pieces[0].Text + base64.StdEncoding.EncodeToString([]byte(raw[28:])) + "\r\n--fin--\r\n"
		o := newRows(seal(m, text))
		o.raw["log/1"] = raw
		s := start(h, o, nil)
		time.Sleep(2 * minute)
		s.stop()
		got := h.mails()
		if len(got) != 2 || len(o.left()) != 0 {
			t.Fatalf("%d copies arrived, %d mails left", len(got), len(o.left()))
		}
		if wait := got[1].at.Sub(got[0].at); wait < minute || wait > minute+time.Second {
			t.Errorf("sent again after %v, want a minute", wait)
		}
		for i, g := range got {
			if g.body != text {
				t.Errorf("copy %d: %q, want %q", i, g.body, text)
			}
		}
	})
}

// A mail whose bytes are not those that were composed never leaves; its
// neighbours do. Without the change it would have left.
func TestChangedBytes(t *testing.T) {
	for _, changed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h := &host{}
			mails := letters(3, time.Now())
			if changed {
				mails[1].Pieces = []Piece{{Text: strings.Replace(mails[1].Pieces[0].Text, "punto", "pUnto", 1)}}
			}
			o := newRows(mails...)
			s := start(h, o, func(s *Sender) { s.routes[0].workers = 1 })
			time.Sleep(time.Second)
			s.stop()
			if !changed {
				if len(h.mails()) != 3 {
					t.Fatalf("%d unchanged mails arrived, want 3", len(h.mails()))
				}
				return
			}
			if len(h.mails()) != 2 || len(o.failed) != 1 || o.failed[0].ID != mails[1].ID {
				t.Fatalf("%d mails arrived, failed %v", len(h.mails()), o.failed)
			}
			if !strings.HasPrefix(o.failed[0].LastError, "los bytes cambiaron") {
				t.Error(o.failed[0].LastError)
			}
		})
	}
}

// A file that cannot be read is nobody's fault: that mail waits, the rest goes.
func TestRawMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		mails := letters(2, time.Now())
		mails[0].Pieces = append(mails[0].Pieces, Piece{Mail: "log/9", Length: 1})
		o := newRows(mails...)
		s := start(h, o, nil)
		time.Sleep(10 * time.Second)
		s.stop()
		left := o.left()
		if len(h.mails()) != 1 || len(left) != 1 || left[0].Attempts != 1 || s.Status().Trouble != "" {
			t.Errorf("%d arrived, left %+v, trouble %q", len(h.mails()), left, s.Status().Trouble)
		}
	})
}

func TestUnfitMails(t *testing.T) {
	for _, c := range []struct {
		name       string
		extensions []string
		change     func(*Outgoing)
		code       int // 0: it is sent
		enhanced   string
		command    string // that the host must have seen
	}{
		{"ascii", []string{"SMTPUTF8"}, func(*Outgoing) {}, 0, "", "MAIL FROM:<soporte+m00001@desk.example>"},
		{"utf8 offered", []string{"SMTPUTF8"}, func(m *Outgoing) { m.To = "peña@example.org" }, 0, "", "MAIL FROM:<soporte+m00001@desk.example> SMTPUTF8"},
		{"utf8 not offered", nil, func(m *Outgoing) { m.To = "peña@example.org" }, 553, "5.6.7", ""},
		{"utf8 whole", []string{"SMTPUTF8"}, func(m *Outgoing) { m.To = "peña@año.example" }, 0, "", "RCPT TO:<peña@año.example>"},
		{"domain only", nil, func(m *Outgoing) { m.To = "pena@año.example" }, 0, "", "RCPT TO:<pena@xn--ao-zja.example>"},
		{"domain only, utf8 offered", []string{"SMTPUTF8"}, func(m *Outgoing) { m.To = "pena@AÑO.example" }, 0, "", "RCPT TO:<pena@xn--ao-zja.example>"},
		{"domain of the sender", nil, func(m *Outgoing) { m.From = "mesa@año.example" }, 0, "", "MAIL FROM:<mesa@xn--ao-zja.example>"},
		{"no such domain", nil, func(m *Outgoing) { m.To = "pena@-ñ-.example" }, 553, "5.1.2", ""},
		{"no such domain of the sender", nil, func(m *Outgoing) { m.From = "pena@ñ_.example" }, 553, "5.1.8", ""},
		{"notices", []string{"DSN"}, func(*Outgoing) {}, 0, "", "MAIL FROM:<soporte+m00001@desk.example> RET=HDRS ENVID=m00001\nRCPT TO:<m00001@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;m00001@example.org"},
		{"notices, odd", []string{"DSN"}, func(m *Outgoing) { m.To = "a+b=c@example.org" }, 0, "", "RCPT TO:<a+b=c@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@example.org"},
		{"notices, A-labels", []string{"DSN"}, func(m *Outgoing) { m.To = "pena@año.example" }, 0, "", "ORCPT=rfc822;pena@xn--ao-zja.example"},
		{"notices, utf8", []string{"DSN", "SMTPUTF8"}, func(m *Outgoing) { m.To = "peña@example.org" }, 0, "", "SMTPUTF8 RET=HDRS ENVID=m00001\nRCPT TO:<peña@example.org> NOTIFY=FAILURE,DELAY\n"},
		{"notices of nothing", []string{"DSN"}, func(m *Outgoing) { m.From = "" }, 0, "", "MAIL FROM:<>\nRCPT TO:<m00001@example.org>\n"},
		{"notices not offered", nil, func(*Outgoing) {}, 0, "", "MAIL FROM:<soporte+m00001@desk.example>\nRCPT TO:<m00001@example.org>\n"},
		{"utf8 sender not offered", nil, func(m *Outgoing) { m.From = "peña@example.org" }, 553, "5.6.7", ""},
		{"size", []string{"SIZE 300000"}, func(*Outgoing) {}, 0, "", "SIZE=3"},
		{"too large", []string{"SIZE 300"}, func(*Outgoing) {}, 552, "5.3.4", ""},
		{"no limit", []string{"SIZE 0"}, func(*Outgoing) {}, 0, "", "SIZE=3"},
		{"null sender", nil, func(m *Outgoing) { m.From = "" }, 0, "", "MAIL FROM:<>"},
		{"no recipient", nil, func(m *Outgoing) { m.To = "" }, 553, "5.1.3", ""},
		{"second command", nil, func(m *Outgoing) { m.To = "a@example.org>\r\nRCPT TO:<b@example.org" }, 553, "5.1.3", ""},
		{"second argument", nil, func(m *Outgoing) { m.From = "a@example.org> SIZE=1 X=<" }, 553, "5.1.7", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &host{extensions: c.extensions}
				m := letter(1, 300, time.Now())
				c.change(&m)
				o := newRows(m, letter(2, 10, time.Now())) // the second one shows that the connection is still good
				o.waiting[1].Size = 1
				s := start(h, o, func(s *Sender) { s.routes[0].workers = 1 })
				time.Sleep(time.Second)
				s.stop()
				if r := o.recorded()[0]; c.code != 0 && (r.Outcome != Failed || r.Code != c.code || r.Enhanced != c.enhanced || r.Text == "") || c.code == 0 && r.Outcome != Sent {
					t.Errorf("%+v", r)
				}
				if !strings.Contains(h.heard(), c.command) {
					t.Errorf("commands %q lack %q", h.heard(), c.command)
				}
				if got := h.mails(); got[len(got)-1].to != "m00002@example.org" || h.connections() != 1 {
					t.Errorf("the second mail did not follow: %v", got)
				}
			})
		})
	}
}

// While the smarthost is away there is one probe at a time, one line in the log
// and not one attempt charged; when it is back all mail goes at once.
func TestOutage(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(stage, line string) string
		dial   func(context.Context, string, string) (net.Conn, error)
		probes int // in an hour, at most
		marked int // mails that may have been charged an attempt, at most
	}{
		{"nobody there", nil, func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }, 66, 0},
		{"greeting 554", always("greeting", "554 5.3.2 closed"), nil, 66, 0},
		{"EHLO cut", always("EHLO", hangUp), nil, 66, 0},
		{"MAIL 550", always("MAIL", "550 5.7.1 not from you"), nil, 70, 70},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &host{}
				var down atomic.Bool
				down.Store(true)
				h.answer = func(stage, line string) string {
					if down.Load() && c.answer != nil {
						return c.answer(stage, line)
					}
					return ""
				}
				o := newRows(letters(500, time.Now())...)
				s := start(h, o, func(s *Sender) {
					s.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
						if down.Load() && c.dial != nil {
							return c.dial(ctx, network, address)
						}
						return h.dial(ctx, network, address)
					}
				})
				time.Sleep(hour)
				if n := len(o.recorded()); n < 60 || n > c.probes {
					t.Errorf("%d attempts in an hour, want 60 to %d", n, c.probes)
				}
				marked, most := 0, 0
				for _, m := range o.left() {
					marked += m.Attempts
					most = max(most, m.Attempts)
				}
				if marked > c.marked || most > 1 {
					t.Errorf("%d attempts charged, at most %d to one mail; want at most %d, 1", marked, most, c.marked)
				}
				if s.Status().Trouble == "" || s.Status().Since.IsZero() {
					t.Error("no trouble in the status")
				}
				down.Store(false)
				time.Sleep(minute + 2*time.Second)
				if len(h.mails()) < 490 || s.Status().Trouble != "" {
					t.Errorf("%d mails arrived in the minute after, trouble %q", len(h.mails()), s.Status().Trouble)
				}
				time.Sleep(2 * hour)
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
				if len(h.mails()) != 500 {
					t.Errorf("%d mails arrived, want 500", len(h.mails()))
				}
				if warned, well := s.log.with("level=WARN msg=\"smarthost"), s.log.with("level=INFO msg=\"smarthost"); len(warned) != 1 || len(well) != 1 {
					t.Errorf("log: %q %q", warned, well)
				}
			})
		})
	}
}

// The control of TestOutage: what is the recipients' trouble keeps nobody back.
func TestRecipientsTroubleIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{answer: always("RCPT", "451 4.2.1 later")}
		o := newRows(letters(500, time.Now())...)
		s := start(h, o, nil)
		time.Sleep(30 * time.Second)
		s.stop()
		if n := len(o.recorded()); n != 500 || len(s.log.with("level=WARN msg=\"smarthost")) != 0 {
			t.Errorf("%d attempts in half a minute, want 500; log %q", n, s.log.with("level=WARN msg=\"smarthost"))
		}
	})
}

// One sender that the smarthost does not like holds up nobody.
func TestRefusedSenderHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{answer: func(stage, line string) string {
			if stage == "MAIL" && strings.Contains(line, "m00003") {
				return "550 5.7.1 not from you"
			}
			return ""
		}}
		o := newRows(letters(50, time.Now())...)
		s := start(h, o, nil)
		time.Sleep(6 * day)
		s.stop()
		if len(h.mails()) != 49 || len(o.failed) != 1 || o.failed[0].ID != "m00003" || len(s.log.with("level=WARN msg=\"smarthost")) != 0 || len(s.log.with("mail given up")) != 1 || len(s.log.with("not from you")) != len(s.log.with("level=DEBUG")) {
			t.Errorf("%d arrived, failed %v, log %q", len(h.mails()), o.failed, s.log.with("level=WARN msg=\"smarthost"))
		}
	})
}

// A smarthost that allows fewer connections than we would like is not in
// trouble.
func TestFewerConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{sessions: 2, pace: 100 * time.Millisecond, slow: time.Second} // a refusal comes sooner than a greeting
		o := newRows(letters(200, time.Now())...)
		s := start(h, o, nil)
		time.Sleep(30 * time.Second)
		s.stop()
		if len(h.mails()) != 200 || len(s.log.with("level=WARN msg=\"smarthost")) != 0 {
			t.Errorf("%d mails arrived, want 200; log %q", len(h.mails()), s.log.with("level=WARN msg=\"smarthost"))
		}
		for _, r := range o.recorded() {
			if r.Outcome != Sent || r.Attempts != 1 {
				t.Errorf("%+v", r)
			}
		}
		if got := h.mails(); got[199].at.Sub(got[0].at) > 15*time.Second {
			t.Errorf("took %v with two connections", got[199].at.Sub(got[0].at))
		}
	})
}

// Little mail goes over one connection, which closes when there is none.
func TestConnectionStaysOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		o := newRows()
		s := start(h, o, nil)
		for i := range 20 {
			o.add(letter(i, 300, time.Now()))
			s.Wake()
			time.Sleep(29 * time.Second)
		}
		if len(h.mails()) != 20 || h.connections() != 1 || h.count("QUIT") != 0 {
			t.Errorf("%d mails over %d connections, %d ended", len(h.mails()), h.connections(), h.count("QUIT"))
		}
		time.Sleep(7 * time.Second)
		if h.count("QUIT") != 1 || h.stillOpen() != 0 {
			t.Errorf("after 36 s without mail: %d QUIT, %d connections open", h.count("QUIT"), h.stillOpen())
		}
		s.stop()
	})
}

// After a rush the connections that little mail does not need close.
func TestConnectionsCloseAfterRush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{pace: time.Second}
		o := newRows(letters(8, time.Now())...)
		s := start(h, o, nil)
		time.Sleep(10 * time.Second)
		if h.stillOpen() != 4 {
			t.Fatalf("%d connections in the rush, want 4", h.stillOpen())
		}
		for i := range 8 {
			o.add(letter(100+i, 300, time.Now()))
			s.Wake()
			time.Sleep(5 * time.Second)
		}
		if h.stillOpen() != 1 || h.connections() != 4 || h.count("QUIT") != 3 {
			t.Errorf("%d connections open of %d, %d ended; want 1 of 4, 3", h.stillOpen(), h.connections(), h.count("QUIT"))
		}
		if err := s.stop(); err != nil || h.count("QUIT") != 4 {
			t.Errorf("stopped with %v, %d QUIT", err, h.count("QUIT"))
		}
	})
}

// A server that does not greet is in trouble after a minute, and does not keep
// the probes from their pace.
func TestNoGreeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{answer: always("greeting", silence)}
		o := newRows(letters(20, time.Now())...)
		s := start(h, o, nil)
		time.Sleep(minute + time.Second)
		if got := s.Status().Trouble; got != "EHLO: no respondió a tiempo" {
			t.Errorf("trouble %q", got)
		}
		time.Sleep(20 * minute)
		if n := h.connections(); n < 18 || n > 24 {
			t.Errorf("%d connections in 21 minutes, want about one a minute", n)
		}
		s.stop()
	})
}

// A connection that the server has closed meanwhile costs a mail nothing.
func TestStaleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{idle: 10 * time.Second}
		o := newRows(letters(8, time.Now())...)
		h.pace = time.Second // so that all four connections are opened
		s := start(h, o, nil)
		time.Sleep(20 * time.Second)
		if h.connections() != 4 || h.stillOpen() != 0 {
			t.Fatalf("%d connections, %d still open; want 4, 0", h.connections(), h.stillOpen())
		}
		o.add(letter(100, 300, time.Now()))
		s.Wake()
		time.Sleep(2 * time.Second)
		s.stop()
		r := o.recorded()
		if last := r[len(r)-1]; len(r) != 9 || last.Outcome != Sent || last.Attempts != 1 || h.connections() != 5 {
			t.Errorf("%d results, last %+v, %d connections", len(r), last, h.connections())
		}
	})
}

func TestPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		o := newRows(letters(100, time.Now())...)
		log := &logbook{}
		s := NewSender(o, SenderOptions{Smarthost: Smarthost{Address: "127.0.0.1:25", TLS: TLSNone, PlainText: true, PerMinute: 30}})
		s.dial = h.dial
		r := runIt(s, log)
		time.Sleep(minute + time.Second)
		if n := len(h.mails()); n < 30 || n > 32 {
			t.Errorf("%d mails in the first minute, want 30 to 32", n)
		}
		time.Sleep(4 * minute)
		r.stop()
		if n := len(h.mails()); n != 100 {
			t.Errorf("%d mails, want 100", n)
		}
	})
}

// Mail that becomes due later goes when it is due, without a call.
func TestDueLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		h := &host{}
		o := newRows(letter(1, 300, begin.Add(3*hour)), letter(2, 300, begin.Add(5*hour)))
		s := start(h, o, nil)
		time.Sleep(6 * hour)
		s.stop()
		got := h.mails()
		if len(got) != 2 || got[0].at.Sub(begin).Truncate(time.Second) != 3*hour || got[1].at.Sub(begin).Truncate(time.Second) != 5*hour {
			t.Errorf("%v", got)
		}
	})
}

// Stopping: what is under way ends and is recorded; what does not end in ten
// seconds is cut off, and stays as it was unless it may have been taken.
func TestStop(t *testing.T) {
	for _, c := range []struct {
		name   string
		host   *host
		took   time.Duration // that Run needs to end, at most
		sent   int
		charge int // attempts charged to the mail that is left
	}{
		{"ends in time", &host{pace: 5 * time.Second}, 5 * time.Second, 4, 0},
		{"cut before the end", &host{answer: always("RCPT", silence)}, 10 * time.Second, 0, 0},
		{"cut after the end", &host{answer: always("end", silence)}, 10 * time.Second, 0, 4},
		{"nothing under way", &host{answer: always("greeting", "554 closed")}, time.Second, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newRows(letters(600, time.Now())...)
				s := start(c.host, o, nil)
				time.Sleep(time.Second)
				begin := time.Now()
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took > c.took {
					t.Errorf("stopped in %v, want %v", took, c.took)
				}
				charged := 0
				for _, m := range o.left() {
					charged += m.Attempts
				}
				if len(c.host.mails()) != c.sent || len(o.left()) != 600-c.sent || charged != c.charge {
					t.Errorf("%d arrived, %d left, %d attempts charged", len(c.host.mails()), len(o.left()), charged)
				}
			})
		})
	}
}

// While results cannot be recorded only few mails go out, and none twice.
func TestSettleFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		o := newRows(letters(3000, time.Now())...)
		var broken atomic.Bool
		broken.Store(true)
		o.refuse = func() error {
			if broken.Load() {
				return errors.New("disk full")
			}
			return nil
		}
		s := start(h, o, nil)
		time.Sleep(hour)
		if n := len(h.mails()); n == 0 || n > 200 {
			t.Errorf("%d mails went out unrecorded, want 1 to 200", n)
		}
		if n := len(s.log.with("record what was sent")); n != 1 {
			t.Errorf("%d lines in the log, want 1", n)
		}
		broken.Store(false)
		time.Sleep(minute)
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		eachOnce(t, h, 3000)
		if len(o.left()) != 0 || len(s.log.with("msg=\"can record what was sent again")) != 1 {
			t.Errorf("%d left; log %q", len(o.left()), s.log.with("record"))
		}
	})
}

// A store that never comes back does not keep Run from ending, and is an error.
func TestSettleFailsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newRows(letters(3000, time.Now())...)
		o.refuse = func() error { return errors.New("disk gone") }
		s := start(&host{}, o, nil)
		time.Sleep(minute)
		begin := time.Now()
		if err := s.stop(); err == nil || time.Since(begin) > 15*time.Second {
			t.Errorf("ended with %v after %v", err, time.Since(begin))
		}
	})
}

// eachOnce fails unless each of n letters has arrived exactly once.
func eachOnce(t *testing.T, h *host, n int) {
	t.Helper()
	if twice, none := arrivals(h, n); twice+none > 0 {
		t.Errorf("of %d mails %d arrived twice or more, %d not at all", n, twice, none)
	}
}

func arrivals(h *host, n int) (twice, none int) {
	times := map[string]int{}
	for _, m := range h.mails() {
		times[m.to]++
	}
	for i := range n {
		switch times[letter(i, 0, time.Time{}).To] {
		case 0:
			none++
		case 1:
		default:
			twice++
		}
	}
	return twice, none
}

// Ten thousand mails over real connections: each exactly once, few commits.
func TestTenThousand(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	n := 10000
	twice, none, commits := sendAll(t, n, nil)
	if twice+none > 0 {
		t.Errorf("of %d mails %d arrived twice or more, %d not at all", n, twice, none)
	}
	if commits > n/2 {
		t.Errorf("%d commits for %d mails", commits, n)
	}
}

// The control of TestTenThousand: a sender that does not know what is under way
// sends mails twice.
func TestUnderWayMatters(t *testing.T) {
	twice, _, _ := sendAll(t, 1000, func(s *Sender) { s.skip = func(string) bool { return false } })
	if twice == 0 {
		t.Error("no mail arrived twice: the test would not have noticed")
	}
}

func sendAll(t *testing.T, n int, change func(*Sender)) (twice, none, commits int) {
	t.Helper()
	h := &host{}
	address := h.listen(t)
	o := newRows(letters(n, time.Now())...)
	settled := make(chan struct{}, n)
	s := NewSender(&told{o, settled}, SenderOptions{Smarthost: Smarthost{Address: address, TLS: TLSNone, Connections: 8}})
	if change != nil {
		change(s)
		o.settleTime = time.Millisecond
	}
	r := runIt(s, nil)
	for tooLong := time.After(30 * time.Second); len(o.left()) > 0; {
		select {
		case <-settled:
		case <-tooLong:
			t.Fatal("not all mails were sent in half a minute")
		}
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	twice, none = arrivals(h, n)
	return twice, none, o.commits
}

// A look at the outbox that began before a result was recorded does not send
// the mail again; if results were forgotten while the look is under way it would.
func TestLookOlderThanResult(t *testing.T) {
	for _, careless := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := &host{pace: time.Second}
			o := newRows(letter(0, 300, time.Now()))
			looks := 0
			o.snapshot = func() {
				if looks++; looks == 2 {
					time.Sleep(2 * time.Second)
				}
			}
			s := start(h, o, func(s *Sender) {
				if careless {
					careful := s.skip
					s.skip = func(id string) bool { s.forget(); return careful(id) }
				}
			})
			time.Sleep(500 * time.Millisecond)
			s.Wake()
			time.Sleep(minute)
			s.stop()
			want := 1
			if careless {
				want = 2
			}
			if n := len(h.mails()); n != want {
				t.Errorf("careless %v: the mail arrived %d times, want %d", careless, n, want)
			}
		})
	}
}

// TestLogID: what the log calls a mail of ours tells it apart and proves nothing.
func TestLogID(t *testing.T) {
	keys := desk.NewKeys(bytes.Repeat([]byte{7}, desk.KeySize))
	token := keys.Make(desk.Token{Purpose: desk.ForMessage, Ticket: 3, Revision: 2, Addressee: keys.Fingerprint("ana@uni.example")})
	other := keys.Make(desk.Token{Purpose: desk.ForMessage, Ticket: 3, Revision: 3, Addressee: keys.Fingerprint("ana@uni.example")})
	got := LogID(token + ".acuse")
	if !strings.HasSuffix(got, "~.acuse") || got == LogID(other+".acuse") {
		t.Errorf("%s → %s, %s → %s", token, got, other, LogID(other+".acuse"))
	}
	if whole, _, _ := strings.Cut(got, "~"); len(token)-len(whole) < 16 || !strings.HasPrefix(token, whole) {
		t.Errorf("%s leaves %s", token, whole)
	}
	if got := LogID("m00001"); got != "m00001" {
		t.Errorf("short: %s", got)
	}
}
