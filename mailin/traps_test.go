package mailin

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/emersion/go-smtp"

	"ventanilla/mail"
)

// TestLibraryTraps shows what go-smtp 0.25.1 does by itself. Each row is the
// control of a script in testdata/smtp or of a test here, named beside it. When
// a row fails after an upgrade, a guard of ours has become unneeded.
func TestLibraryTraps(t *testing.T) {
	secret := fmt.Errorf("SECRET path: %w", &smtp.SMTPError{Code: 451, Message: "later"})
	tests := []struct {
		name    string
		change  func(*smtp.Server)
		backend bare
		send    []string
		want    string // the last answer
	}{
		{"a wrapped error is permanent and tells its text (codes)", nil, bare{err: secret},
			[]string{"DATA\r\n", "a\r\n.\r\n"}, "554 5.0.0 Error: transaction failed: SECRET *"},
		{"a long line ends the session (lines-long)", nil, bare{},
			[]string{"DATA\r\n", strings.Repeat("x", 2001) + "\r\n.\r\n"}, "554 5.0.0 *"},
		{"the size limit is off by one (size)", func(s *smtp.Server) { s.MaxMessageBytes = 20 }, bare{},
			[]string{"DATA\r\n", "123456789012345678\r\n.\r\n"}, "552 5.3.4 *"},
		{"an address beyond ASCII needs no SMTPUTF8 (smtputf8)", nil, bare{},
			[]string{"RCPT TO:<niño@desk.example.org>\r\n"}, "250 *"},
		{"two @ pass (addresses)", nil, bare{}, []string{"RCPT TO:<a@b@c>\r\n"}, "250 *"},
		{"postmaster needs a domain (postmaster)", nil, bare{}, []string{"RCPT TO:<postmaster>\r\n"}, "501 *"},
		{"a second MAIL is taken (order)", nil, bare{}, []string{"MAIL FROM:<b@example.org>\r\n"}, "250 *"},
		{"a bare CR in an address passes (controls)", nil, bare{}, []string{"RCPT TO:<\"a\rb\"@example.org>\r\n"}, "250 *"},
		{"an unreadable BDAT leaves its text to be read as commands (bdat-unreadable)", nil, bare{},
			[]string{"BDAT 6 LAST x\r\nNOOP\r\n", ""}, "250 2.0.0 I have *"},
		{"the LIMITS of RFC 9422 are announced unasked (simple)", func(s *smtp.Server) { s.MaxRecipients = 100 }, bare{},
			[]string{"EHLO a.example\r\n", "", "", "", "", "", ""}, "250 LIMITS RCPTMAX=100"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := serveBare(t, &test.backend, test.change)
			p := l.dial(t, "192.0.2.1")
			p.begin()
			got := ""
			for _, text := range test.send {
				if text != "" {
					p.send(text)
				}
				got = p.line()
			}
			prefix, open := strings.CutSuffix(test.want, "*")
			if got != test.want && !(open && strings.HasPrefix(got, prefix)) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestLibraryHang is the control of the script cr-before-end: the library
// alone waits for ever.
func TestLibraryHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serveBare(t, &bare{}, nil)
		p := l.dial(t, "192.0.2.1")
		p.begin()
		p.send("DATA\r\n")
		p.want("354 *")
		p.send("text\r\r\n.\r\n")
		p.want("<nothing more>") // in a day
	})
}

// TestLibraryNoCaps is the control of TestRecipientLimit and TestConnectionCaps.
func TestLibraryNoCaps(t *testing.T) {
	var b bare
	l := serveBare(t, &b, nil)
	for range 60 {
		p := l.dial(t, "192.0.2.1")
		p.want("220 *")
		p.conn.Close()
	}
	p := l.dial(t, "192.0.2.1")
	p.begin()
	for range 200 {
		p.send("RCPT TO:<a@desk.example.org>\r\n")
		p.want("250 *")
	}
}

// TestRecipientLimit: a hundred by default.
func TestRecipientLimit(t *testing.T) {
	var ledger ledger
	_, l := servePipes(t, &ledger, Options{})
	p := l.dial(t, "192.0.2.1")
	p.begin()
	for range 99 {
		p.send("RCPT TO:<a@desk.example.org>\r\n")
		p.want("250 *")
	}
	p.send("RCPT TO:<a@desk.example.org>\r\n")
	p.want("452 4.5.3 *")
	p.send("BDAT 1 LAST\r\nx")
	p.want("250 2.0.0 Ok: *")
	if got := len(ledger.all()[0].env.Rcpts); got != 100 {
		t.Errorf("%d recipients", got)
	}
}

// TestGuards: what a script shows with the guard on is otherwise with it off.
func TestGuards(t *testing.T) {
	tests := []struct {
		name string
		off  func(*guards)
		send string // behind MAIL and RCPT
		on   string // answers with the guard
		none string // answers without it
	}{
		{"errors", func(g *guards) { g.errors = 1000 }, strings.Repeat("FOO\r\n", 10) + "QUIT\r\n",
			strings.Repeat("500 ", 10) + "421 ", strings.Repeat("500 ", 10) + "221 "},
		{"chatter", func(g *guards) { g.chatter = 1000 }, strings.Repeat("NOOP\r\n", 100) + "QUIT\r\n",
			strings.Repeat("250 ", 100) + "421 ", strings.Repeat("250 ", 100) + "221 "},
		{"command", func(g *guards) { g.command = 5000 }, "NOOP " + strings.Repeat("x", 2000) + "\r\nQUIT\r\n", "500 221 ", "250 221 "},
		{"controls", func(g *guards) { g.controls = false }, "NOOP \x01\r\nQUIT\r\n", "500 221 ", "250 221 "},
		{"received in one line", func(g *guards) { g.received = 100 }, "BDAT 561 LAST\r\n" + strings.Repeat("Received: x", 51) + "QUIT\r\n", "250 221 ", "250 221 "},
		{"received", func(g *guards) { g.received = 100 }, "BDAT 612 LAST\r\n" + strings.Repeat("Received: x\n", 51) + "QUIT\r\n", "554 221 ", "250 221 "},
		{"complete", func(g *guards) { g.complete = false }, "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<unread@b>\r\nBDAT 1 LAST\r\nxQUIT\r\n",
			"250 250 250 451 221 ", "250 250 250 250 221 "},
	}
	for _, test := range tests {
		for _, off := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/off=%v", test.name, off), func(t *testing.T) {
				_, address := serve(t, &ledger{}, Options{}, func(s *Server) {
					if off {
						test.off(&s.guards)
					}
				})
				p := dial(t, address)
				p.begin()
				p.send(test.send)
				codes, want := "", test.on
				if off {
					want = test.none
				}
				for line := p.line(); line != closed; line = p.line() {
					codes += line[:4]
				}
				if codes != want {
					t.Errorf("got %q, want %q", codes, want)
				}
			})
		}
	}
}

// TestRefusal is the table of codes, for errors as they come: wrapped.
func TestRefusal(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"unknown":   {errors.New("SECRET"), "451 4.3.0"},
		"time-out":  {fmt.Errorf("SECRET: %w", errTimeout{}), "451 4.3.0"},
		"smtp":      {&smtp.SMTPError{Code: 554, Message: "SECRET"}, "451 4.3.0"},
		"newlines":  {errNewlines, "550 5.5.2"},
		"unread":    {errUnread, "451 4.3.0"},
		"given up":  {errAborted, "451 4.3.0"},
		"recipient": {fmt.Errorf("SECRET: %w", mail.ErrNoRecipient), "550 5.1.1"},
		"size":      {fmt.Errorf("SECRET: %w", mail.ErrTooLarge), "552 5.3.4"},
		"space":     {fmt.Errorf("SECRET: %w", mail.ErrNoSpace), "452 4.3.1"},
		"loop":      {fmt.Errorf("SECRET: %w", mail.ErrLoop), "554 5.4.6"},
	} {
		got := refusal(test.err)
		codes := fmt.Sprintf("%d %d.%d.%d", got.Code, got.EnhancedCode[0], got.EnhancedCode[1], got.EnhancedCode[2])
		if codes != test.want || strings.Contains(got.Message, "SECRET") {
			t.Errorf("%s: %s %q, want %s", name, codes, got.Message, test.want)
		}
	}
}

type errTimeout struct{}

func (errTimeout) Error() string { return "SECRET" }
func (errTimeout) Timeout() bool { return true }
