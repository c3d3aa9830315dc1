package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ventanilla/mail"
)

// desk is a Desk in memory. It knows a mail by its content, as the real one does,
// and checks that a point never runs ahead of the mail.
type desk struct {
	t      *testing.T
	server *server

	mu      sync.Mutex
	point   Point
	taken   map[string]int // text → how often
	envs    map[string]mail.Envelope
	sizes   map[string]int // text → bytes of the mail
	settled map[uint32]bool
	skipped map[uint32]bool // UIDs that are not for the desk
	fail    int             // so many mails are refused for a while
	changed chan struct{}
}

func newDesk(t *testing.T, s *server) *desk {
	return &desk{t: t, server: s, taken: map[string]int{}, envs: map[string]mail.Envelope{}, sizes: map[string]int{}, settled: map[uint32]bool{}, skipped: map[uint32]bool{}, changed: make(chan struct{}, 1)}
}

func (d *desk) tell() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

func (d *desk) Receive(_ context.Context, env mail.Envelope, r io.Reader) (mail.ID, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.tell()
	if d.fail > 0 {
		d.fail--
		return "", errors.New("the disk is full")
	}
	text := strings.TrimSpace(string(b[strings.Index(string(b), "\r\n\r\n")+4:]))
	d.taken[text]++
	d.envs[text], d.sizes[text] = env, len(b)
	if env.Oversize == 0 {
		d.settled[env.Place.UID] = true
	}
	return mail.ContentID(b), nil
}

func (d *desk) Point(context.Context, string, string) (Point, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.point, nil
}

func (d *desk) SetPoint(_ context.Context, _, _ string, p Point) error {
	d.server.mu.Lock()
	inbox, start := slices.Clone(d.server.inbox), d.server.validity
	d.server.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.tell()
	for _, m := range inbox {
		text := m.text[strings.Index(m.text, "\r\n\r\n")+4:]
		if p.Validity == start && m.uid <= p.UID && m.uid > d.point.UID && d.point != (Point{}) && d.taken[strings.TrimSpace(text)] == 0 && !d.skipped[m.uid] {
			d.t.Errorf("the point %+v is ahead of mail %d", p, m.uid)
		}
	}
	d.point = p
	return nil
}

func (d *desk) Settled(_ context.Context, _, _ string, _ uint32, limit int) (uids []uint32, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for uid := range d.settled {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	return uids[:min(len(uids), limit)], nil
}

func (d *desk) Finished(_ context.Context, _, _ string, _ uint32, uids []uint32) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.tell()
	for _, uid := range uids {
		delete(d.settled, uid)
	}
	return nil
}

// account is an account of the scripted server.
func (s *server) account() Account {
	return Account{Name: "buzon", Address: s.addr, TLS: TLSNone, User: "ana", Password: func() (string, error) { return "secreto", nil },
		Start: StartAll, Recipient: "soporte@mesa.example", Poll: 50 * time.Millisecond}
}

// poll runs a poller until cond holds.
func poll(t *testing.T, d *desk, a Account, change func(*Poller), cond func() bool) *Poller {
	t.Helper()
	p, err := NewPoller(d, Options{Accounts: []Account{a}, MaxSize: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	p.first, p.most, p.settling = time.Millisecond, 10*time.Millisecond, 2*time.Millisecond
	if change != nil {
		change(p)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	ended := make(chan struct{})
	go func() { _ = p.Run(ctx); close(ended) }()
	defer d.server.quiet()
	for holds := false; !holds; {
		select {
		case <-d.changed:
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			d.server.mu.Lock()
			t.Errorf("never came to pass; status %+v, log %v", p.Status(), d.server.log[max(0, len(d.server.log)-12):])
			d.server.mu.Unlock()
			holds = true
		}
		holds = holds || cond()
	}
	cancel()
	<-ended
	return p
}

// got returns the texts taken, in order of the alphabet, and how often more than
// once.
func (d *desk) got() (texts []string, twice int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for text, n := range d.taken {
		texts = append(texts, text)
		twice += n - 1
	}
	slices.Sort(texts)
	return texts, twice
}

// has waits for texts and for everything settled to be finished.
func (d *desk) has(want ...string) func() bool {
	return func() bool {
		texts, _ := d.got()
		d.mu.Lock()
		defer d.mu.Unlock()
		return slices.Equal(texts, want) && len(d.settled) == 0
	}
}

// TestMisbehaviour: whatever a server does, each mail is taken once, and the
// point is where it belongs.
func TestMisbehaviour(t *testing.T) {
	for name, wrong := range map[string]func(*server, *Account){
		"nothing":                                func(*server, *Account) {},
		"no IDLE":                                func(s *server, _ *Account) { s.caps = "IMAP4rev1 MOVE UIDPLUS" },
		"nothing but the minimum":                func(s *server, _ *Account) { s.caps = "IMAP4rev1" },
		"UID behind the body":                    func(s *server, _ *Account) { s.uidLast = true },
		"out of order":                           func(s *server, _ *Account) { s.backward = true },
		"news of a mail's flags before the mail": func(s *server, _ *Account) { s.flagsFirst = true },
		"a mail left out":                        func(s *server, _ *Account) { s.omit = true },
		"news between answers":                   func(s *server, _ *Account) { s.unasked = true },
		"NO to FETCH":                            func(s *server, _ *Account) { s.answers["UID FETCH"] = "NO later" },
		"BAD to FETCH":                           func(s *server, _ *Account) { s.answers["UID FETCH"] = "BAD what" },
		"NO to SEARCH":                           func(s *server, _ *Account) { s.answers["UID SEARCH"] = "NO later" },
		"NO to SELECT":                           func(s *server, _ *Account) { s.answers["SELECT"] = "NO later" },
		"NO to STORE":                            func(s *server, _ *Account) { s.answers["UID STORE"] = "NO later" },
		"BYE to FETCH":                           func(s *server, _ *Account) { s.answers["UID FETCH"] = "BYE" },
		"BYE to NOOP":                            func(s *server, _ *Account) { s.caps, s.answers["NOOP"] = "IMAP4rev1", "BYE" },
		"a literal cut short":                    func(s *server, _ *Account) { s.short = true },
		"unavailable":                            func(s *server, _ *Account) { s.answers["LOGIN"] = "NO [UNAVAILABLE] later" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.put("uno", "dos", "tres")
			a := s.account()
			s.with(func() { wrong(s, &a) })
			d := newDesk(t, s)
			poll(t, d, a, nil, d.has("dos", "tres", "uno"))
			if texts, _ := d.got(); len(texts) != 3 || d.point.UID != 3 || d.point.Validity != 7 {
				t.Errorf("%v, point %+v", texts, d.point)
			}
			for _, m := range s.inbox {
				if !slices.Contains(m.flags, "\\Seen") {
					t.Errorf("%d is not marked", m.uid)
				}
			}
		})
	}
}

// TestNews: what comes while the poller waits is taken, with IDLE and without.
func TestNews(t *testing.T) {
	for _, caps := range []string{"IMAP4rev1 IDLE", "IMAP4rev1"} {
		s := newServer(t)
		s.with(func() { s.caps = caps })
		s.put("uno")
		d := newDesk(t, s)
		a := s.account()
		if caps != "IMAP4rev1" {
			a.Poll = time.Minute // only IDLE can tell in time
		}
		sent := false
		poll(t, d, a, nil, func() bool {
			if d.has("uno")() && !sent {
				sent = true
				s.put("dos")
			}
			return d.has("dos", "uno")()
		})
	}
}

// TestStarts: what was there before is for the desk as far as the account says.
func TestStarts(t *testing.T) {
	for start, want := range map[Start][]string{
		StartAll: {"nuevo", "tercero", "viejo", "visto"}, StartNew: {"nuevo"}, StartUnseen: {"nuevo", "tercero", "viejo"}, StartSince: {"nuevo", "tercero", "visto"},
	} {
		t.Run(string(start), func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.put("viejo", "visto", "tercero")
			s.with(func() {
				s.inbox[0].at = time.Now().Add(-48 * time.Hour)
				s.inbox[1].flags = []string{"\\Seen"}
			})
			d := newDesk(t, s)
			d.skipped[1], d.skipped[2], d.skipped[3] = true, true, true
			a := s.account()
			a.Start, a.Since = start, time.Now().Add(-24*time.Hour)
			sent := false
			poll(t, d, a, nil, func() bool {
				if d.mu.Lock(); d.point != (Point{}) && !sent {
					sent = true
					d.mu.Unlock()
					s.put("nuevo")
				} else {
					d.mu.Unlock()
				}
				return d.has(want...)()
			})
			if texts, _ := d.got(); !slices.Equal(texts, want) {
				t.Errorf("%v, want %v", texts, want)
			}
		})
	}
}

// TestRestart: a poller goes on where the one before ended, and a mail that the
// desk refuses for a while is taken later, with those behind it.
func TestRestart(t *testing.T) {
	s := newServer(t)
	s.put("uno", "dos", "tres")
	d := newDesk(t, s)
	d.fail = 2
	poll(t, d, s.account(), nil, d.has("dos", "tres", "uno"))
	s.put("cuatro")
	poll(t, d, s.account(), nil, d.has("cuatro", "dos", "tres", "uno"))
	if n := d.taken["cuatro"]; n != 1 {
		t.Errorf("taken %d times", n)
	}
}

// TestNewNumbers: a folder whose mails have new numbers, or numbers that do not
// last, is read again, quietly; mails before the desk's time stay where they are.
func TestNewNumbers(t *testing.T) {
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
	if d.envs["uno"].Quiet {
		t.Error("a new mail is quiet")
	}
	s.mu.Lock()
	s.validity, s.next = 8, 10
	for i := range s.inbox {
		s.inbox[i].uid = s.next
		d.skipped[s.next] = s.inbox[i].at.Before(time.Now().Add(-time.Minute))
		s.next++
	}
	s.mu.Unlock()
	s.put("dos")
	poll(t, d, a, nil, func() bool { return d.has("dos", "uno")() && d.point.UID == 12 })
	if !d.envs["uno"].Quiet || d.taken["uno"] != 2 || d.taken["antes"] != 0 {
		t.Errorf("read again: %+v, %v", d.envs["uno"], d.taken)
	}
	s.mu.Lock()
	s.validity = 0
	s.mu.Unlock()
	poll(t, d, a, nil, func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.taken["uno"] == 3 && d.point.Validity == 0 })
	poll(t, d, a, nil, func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.taken["uno"] == 4 })
}

// anHourLater is when a poller runs, so that what came before is older than clocks
// may differ.
func anHourLater(p *Poller) { p.now = func() time.Time { return time.Now().Add(time.Hour) } }

// TestMadeAgain: a folder that was made again within a second, its numbers from
// one and its UIDVALIDITY the same, is read again.
func TestMadeAgain(t *testing.T) {
	s := newServer(t)
	s.put("uno", "dos")
	d := newDesk(t, s)
	poll(t, d, s.account(), nil, d.has("dos", "uno"))
	s.with(func() { s.inbox, s.next = nil, 1 })
	s.put("tres")
	poll(t, d, s.account(), nil, d.has("dos", "tres", "uno"))
}

// TestVanished: a mail that is expunged before it is fetched is behind us.
func TestVanished(t *testing.T) {
	s := newServer(t)
	s.put("uno", "dos", "tres")
	s.with(func() { s.vanish[2] = true })
	d := newDesk(t, s)
	d.skipped[2] = true
	poll(t, d, s.account(), nil, func() bool { return d.has("tres", "uno")() && d.point.UID == 3 })
}

// TestExpungedMeanwhile: a mail is expunged by somebody while mails are fetched, so that
// those behind it have other numbers: it is behind us, and they are taken.
func TestExpungedMeanwhile(t *testing.T) {
	for _, goes := range []uint32{1, 2, 3} {
		s := newServer(t)
		s.put("m1", "m2", "m3")
		s.with(func() { s.goes = goes })
		d := newDesk(t, s)
		d.skipped[goes] = true
		var want []string
		for uid := uint32(1); uid <= 3; uid++ {
			if uid != goes {
				want = append(want, fmt.Sprint("m", uid))
			}
		}
		poll(t, d, s.account(), nil, func() bool { return d.has(want...)() && d.at(3) })
		if _, twice := d.got(); twice != 0 || s.logins != 1 {
			t.Errorf("%v, %d logins", d.taken, s.logins)
		}
	}
}

// TestOversize: of a mail that is too large the header is taken, with a note, and
// it is neither marked nor moved.
func TestOversize(t *testing.T) {
	s := newServer(t)
	s.put("chico")
	s.mu.Lock()
	s.inbox = append(s.inbox, message{uid: 2, text: "Subject: grande\r\nMIME-Version: 1.0\r\nContent-Type: text/html;\r\n charset=x\r\n\r\n" + strings.Repeat("x\r\n", 2<<20), at: time.Now()})
	s.next = 3
	s.mu.Unlock()
	d := newDesk(t, s)
	d.skipped[2] = true
	const note = "[Este correo pesa 6,0 MB, más de los 4,0 MB que se reciben. No se trajo: está en la carpeta INBOX del buzón buzon.]"
	poll(t, d, s.account(), nil, d.has(note, "chico"))
	if env := d.envs[note]; env.Oversize != int64(len(s.inbox[1].text)) || len(s.inbox[1].flags) != 0 {
		t.Errorf("%+v, flags %v", env, s.inbox[1].flags)
	}
}

// TestMove: what is settled goes to another folder, and nothing else does.
func TestMove(t *testing.T) {
	for name, c := range map[string]struct {
		change      func(*server)
		left, moved int
	}{
		"MOVE":                    {func(*server) {}, 0, 2},
		"no MOVE":                 {func(s *server) { s.caps = "IMAP4rev1 UIDPLUS" }, 0, 2},
		"no UIDPLUS":              {func(s *server) { s.caps = "IMAP4rev1" }, 2, 2},
		"no folder":               {func(s *server) { s.noTarget = true }, 0, 2},
		"no MOVE, no folder":      {func(s *server) { s.caps, s.noTarget = "IMAP4rev1 UIDPLUS", true }, 0, 2},
		"a copy that fails":       {func(s *server) { s.caps, s.answers["UID COPY"] = "IMAP4rev1 UIDPLUS", "NO full" }, 0, 2},
		"an expunge that fails":   {func(s *server) { s.caps, s.answers["UID EXPUNGE"] = "IMAP4rev1 UIDPLUS", "NO later" }, 0, 2},
		"a move that is answered": {func(s *server) { s.answers["UID MOVE"] = "NO later" }, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.put("uno", "dos")
			s.with(func() { c.change(s) })
			d := newDesk(t, s)
			a := s.account()
			a.After, a.MoveTo = Move, "Hechos"
			poll(t, d, a, nil, d.has("dos", "uno"))
			if len(s.inbox) != c.left || len(s.target) != c.moved {
				t.Errorf("%d left, %d moved; log %v", len(s.inbox), len(s.target), s.log)
			}
			if _, twice := d.got(); twice != 0 {
				t.Errorf("%d taken again", twice)
			}
		})
	}
}

// TestLeave: a folder of which nothing is to be changed is only looked at.
func TestLeave(t *testing.T) {
	s := newServer(t)
	s.put("uno")
	d := newDesk(t, s)
	a := s.account()
	a.After = Leave
	poll(t, d, a, nil, d.has("uno"))
	if slices.Contains(s.log, "SELECT") || slices.Contains(s.log, "UID STORE") {
		t.Errorf("%v", s.log)
	}
}

// TestCut cuts the connection after every line that the server sends: nothing is
// lost, and nothing is moved that was not taken.
func TestCut(t *testing.T) {
	total := 0
	run := func(cut int) {
		s := newServer(t)
		s.put("uno", "dos", "tres")
		s.with(func() { s.cut = cut })
		d := newDesk(t, s)
		a := s.account()
		a.After, a.MoveTo = Move, "Hechos"
		taken := d.has("dos", "tres", "uno")
		poll(t, d, a, nil, func() bool {
			whole := cut == 0
			s.with(func() { whole = whole || s.cutTimes > 0 }) // it goes on until it is cut
			return whole && taken()
		})
		if cut == 0 {
			total = s.lines
		} else if s.cutTimes != 1 {
			t.Errorf("line %d: cut %d times", cut, s.cutTimes)
		}
		texts := map[string]bool{}
		for _, m := range append(slices.Clone(s.inbox), s.target...) {
			texts[m.text] = true
		}
		if len(texts) != 3 || len(s.inbox) != 0 {
			t.Errorf("line %d: %d mails left in the world, %d in the inbox", cut, len(texts), len(s.inbox))
		}
	}
	run(0)
	for cut := 1; cut < total-2; cut++ { // the last lines end the session
		run(cut)
	}
}

// TestDead: a server that says nothing any more is given up, and a refused
// password is not tried again at once.
func TestDead(t *testing.T) {
	s := newServer(t)
	s.put("uno")
	s.with(func() { s.dumb = true })
	d := newDesk(t, s)
	p := poll(t, d, s.account(), func(p *Poller) { p.patience = 30 * time.Millisecond }, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.logins >= 3 })
	if st := p.Status()[0]; st.Trouble == "" || st.Since.IsZero() {
		t.Errorf("%+v", st)
	}

	s = newServer(t)
	d = newDesk(t, s)
	a := s.account()
	a.Password = func() (string, error) { return "otra", nil }
	p = poll(t, d, a, nil, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.logins == 1 })
	waitFor(t, func() bool { return p.Status()[0].Trouble != "" })
	if st := p.Status()[0]; st.Trouble != errLogin.Error() || strings.Contains(st.Trouble, "otra") || s.logins != 1 {
		t.Errorf("%+v after %d logins", st, s.logins)
	}
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !cond(); {
		if time.Now().After(deadline) {
			t.Fatal("never came to pass")
		}
		time.Sleep(time.Millisecond)
	}
}

// TestAccounts: what makes no sense is refused; no way leaves a certificate
// unchecked or a password in the clear.
func TestAccounts(t *testing.T) {
	good := Account{Name: "x", Address: "imap.x.example:993", User: "u", Password: func() (string, error) { return "", nil }}
	for name, c := range map[string]struct {
		change func(*Account)
		want   string
	}{
		"good":     {func(*Account) {}, ""},
		"plain":    {func(a *Account) { a.TLS = TLSNone }, "without TLS only to this machine"},
		"tls":      {func(a *Account) { a.TLS = "auto" }, "none of tls"},
		"address":  {func(a *Account) { a.Address = "x" }, "address"},
		"user":     {func(a *Account) { a.User = "" }, "user"},
		"move":     {func(a *Account) { a.After = Move }, "no folder"},
		"circular": {func(a *Account) { a.After, a.MoveTo, a.Folders = Move, "A", []string{"A"} }, "again and again"},
	} {
		a := good
		c.change(&a)
		_, err := NewPoller(nil, Options{Accounts: []Account{a}})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c := good.tlsConfig(); c.InsecureSkipVerify || c.ServerName != "imap.x.example" {
		t.Errorf("%+v", c)
	}
}

// TestMany: many mails of many sizes, several at once, in batches.
func TestMany(t *testing.T) {
	s := newServer(t)
	var want []string
	for i := range 300 {
		text := fmt.Sprintf("%03d", i) + strings.Repeat("x", i*17%4000)
		if i%100 == 50 {
			text += strings.Repeat("y", 1<<20) // streamed
		}
		want = append(want, text)
		s.put(text)
	}
	d := newDesk(t, s)
	poll(t, d, s.account(), nil, d.has(want...))
	if _, twice := d.got(); twice != 0 {
		t.Errorf("%d taken again", twice)
	}
}
