package mailout

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const secret = "c0ntraseña muy secreta"

// secure sends one mail to a host over a real connection, and returns the
// sender's status and log at the end.
func secure(t *testing.T, h *host, change func(*Smarthost)) (SenderStatus, *rows, *logbook) {
	t.Helper()
	address := h.listen(t)
	_, port, _ := net.SplitHostPort(address)
	o := newRows(letter(1, 300, time.Now()))
	settled := make(chan struct{}, 100)
	log := &logbook{}
	smarthost := Smarthost{Address: net.JoinHostPort("127.0.0.1", port), ServerName: "smtp.example", Hello: "desk.example"}
	change(&smarthost)
	s := NewSender(&told{o, settled}, SenderOptions{Smarthost: smarthost, Log: log.log()})
	r := runIt(s, log)
	select {
	case <-settled:
	case <-time.After(20 * time.Second):
		t.Error("no result in 20 s")
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	return s.Status(), o, log
}

func TestTLS(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	ours, theirs := newAuthority(t), newAuthority(t)
	tomorrow := time.Now().Add(24 * time.Hour)
	for _, c := range []struct {
		name    string
		host    *host
		mode    TLSMode
		trouble string // "" means that the mail arrives
	}{
		{"starttls", &host{identity: ours.issue(t, "smtp.example", tomorrow)}, TLSStart, ""},
		{"default is starttls", &host{identity: ours.issue(t, "smtp.example", tomorrow)}, "", ""},
		{"implicit", &host{identity: ours.issue(t, "smtp.example", tomorrow), implicit: true}, TLSImplicit, ""},
		{"none to this machine", &host{}, TLSNone, ""},

		{"starttls not offered", &host{}, TLSStart, "STARTTLS: el servidor no lo ofrece"},
		{"starttls refused", &host{identity: ours.issue(t, "smtp.example", tomorrow), answer: always("STARTTLS", "454 4.7.0 not now")}, TLSStart, "STARTTLS: el servidor no lo empieza"},
		{"starttls cut", &host{identity: ours.issue(t, "smtp.example", tomorrow), answer: always("STARTTLS", hangUp)}, TLSStart, "STARTTLS: se cortó la conexión"},
		{"words behind the 220", &host{identity: ours.issue(t, "smtp.example", tomorrow), answer: always("STARTTLS", "220 go\n250 injected")}, TLSStart, "STARTTLS: llegó algo sin cifrar después de STARTTLS: alguien está en medio"},
		{"other authority", &host{identity: theirs.issue(t, "smtp.example", tomorrow)}, TLSStart, "TLS: el certificado del servidor no vale"},
		{"other authority, implicit", &host{identity: theirs.issue(t, "smtp.example", tomorrow), implicit: true}, TLSImplicit, "TLS: el certificado del servidor no vale"},
		{"other name", &host{identity: ours.issue(t, "other.example", tomorrow)}, TLSStart, "TLS: el certificado del servidor no vale"},
		{"expired", &host{identity: ours.issue(t, "smtp.example", time.Now().Add(-time.Hour))}, TLSStart, "TLS: el certificado del servidor no vale"},
		{"plain server behind implicit", &host{}, TLSImplicit, "TLS: no se pudo acordar un cifrado"},
		{"TLS 1.1 at most", &host{identity: ours.issue(t, "smtp.example", tomorrow), old: true}, TLSStart, "TLS: no se pudo acordar un cifrado"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, o, log := secure(t, c.host, func(h *Smarthost) { h.TLS, h.RootCAs = c.mode, ours.pool() })
			if status.Trouble != c.trouble {
				t.Errorf("trouble %q, want %q; log %q", status.Trouble, c.trouble, log.with("WARN"))
			}
			arrived := len(c.host.mails())
			if c.trouble == "" && arrived != 1 || c.trouble != "" && arrived != 0 {
				t.Errorf("%d mails arrived", arrived)
			}
			if r := o.recorded()[0]; c.trouble != "" && (r.Outcome != Again || r.Attempts != 0) {
				t.Errorf("%+v", r)
			}
			if n := c.host.count("EHLO localhost"); n != 0 {
				t.Error("we called ourselves localhost")
			}
		})
	}
}

func TestAuth(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	ours := newAuthority(t)
	identity := ours.issue(t, "smtp.example", time.Now().Add(24*time.Hour))
	wanted := func(mechanisms ...string) *host {
		return &host{identity: identity, user: "mesa", password: secret, logins: mechanisms}
	}
	broken := wanted("PLAIN")
	broken.answer = always("AUTH", hangUp)
	right := func() (string, error) { return secret, nil }
	wrong := func() (string, error) { return secret + "!", nil }
	for _, c := range []struct {
		name     string
		host     *host
		mode     TLSMode
		password func() (string, error)
		trouble  string
	}{
		{"plain", wanted("PLAIN", "LOGIN"), TLSStart, right, ""},
		{"login", wanted("LOGIN"), TLSStart, right, ""},
		{"this machine", &host{user: "mesa", password: secret, logins: []string{"PLAIN"}}, TLSNone, right, ""},
		{"plain, wrong", wanted("PLAIN"), TLSStart, wrong, "AUTH: 535 5.7.8"},
		{"login, wrong", wanted("LOGIN"), TLSStart, wrong, "AUTH: 535 5.7.8"},
		{"cut", broken, TLSStart, right, "AUTH: se interrumpió la autenticación"},
		{"no mechanism of ours", wanted("CRAM-MD5"), TLSStart, right, "AUTH: el servidor no ofrece PLAIN ni LOGIN"},
		{"no password", wanted("PLAIN"), TLSStart, func() (string, error) { return "", errors.New("no such file") }, "AUTH: no se puede leer la contraseña"},
		{"none given", wanted("PLAIN"), TLSStart, nil, "MAIL: 530 5.7.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, o, log := secure(t, c.host, func(h *Smarthost) {
				h.TLS, h.RootCAs = c.mode, ours.pool()
				if c.password != nil {
					h.User, h.Password = "mesa", c.password
				}
			})
			if status.Trouble != c.trouble {
				t.Errorf("trouble %q, want %q; log %q", status.Trouble, c.trouble, log.with("WARN"))
			}
			arrived := len(c.host.mails())
			if c.trouble == "" && arrived != 1 || c.trouble != "" && arrived != 0 {
				t.Errorf("%d mails arrived", arrived)
			}
			if r := o.recorded()[0]; c.trouble != "" && (r.Outcome != Again || r.Attempts != 0) {
				t.Errorf("%+v", r)
			}
			if got := secrets(fmt.Sprintf("%q %+v %+v", log.lines, o.recorded(), status)); got != "" {
				t.Errorf("%s stands in the log, a result or the status", got)
			}
			if c.trouble == "AUTH: 535 5.7.8" && secrets(c.host.heard()+c.host.said()) == "" {
				t.Error("the host did not repeat the password: the test proves nothing")
			}
		})
	}
}

// secrets returns the form in which the password stands in a text.
func secrets(text string) string {
	for _, password := range []string{secret, secret + "!"} {
		for name, form := range map[string]string{
			"the password":             password,
			"the password, quoted":     strings.Trim(fmt.Sprintf("%q", password), `"`),
			"the password in base64":   strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(password)), "="),
			"the credential in base64": base64.StdEncoding.EncodeToString([]byte("\x00mesa\x00" + password)),
		} {
			if strings.Contains(text, form) {
				return name
			}
		}
	}
	return ""
}

// No password goes over a network in plain text, even where plain text is
// allowed; nor does mail where it is not.
func TestPlainTextToOtherMachine(t *testing.T) {
	for _, c := range []struct {
		allowed bool
		user    string
		trouble string
	}{
		{true, "", ""},
		{true, "mesa", "AUTH: la contraseña no se envía sin cifrar"},
		{false, "", "conexión: sin cifrar solo se envía a esta misma máquina"},
	} {
		h := &host{}
		if c.user != "" {
			h.user, h.password, h.logins = "mesa", secret, []string{"PLAIN"}
		}
		settled := make(chan struct{}, 100)
		o := newRows(letter(1, 300, time.Now()))
		s := NewSender(&told{o, settled}, SenderOptions{Smarthost: Smarthost{
			Address: "localhost:25", TLS: TLSNone, PlainText: c.allowed, User: c.user, Password: func() (string, error) { return secret, nil },
		}})
		s.dial = h.dial // a pipe is not the loopback interface
		r := runIt(s, nil)
		<-settled
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		if got := s.Status().Trouble; got != c.trouble {
			t.Errorf("%+v: trouble %q", c, got)
		}
		if h.count("AUTH") != 0 || len(h.mails()) == 1 != (c.trouble == "") {
			t.Errorf("%+v: the host saw %q", c, h.heard())
		}
	}
}

func TestSettingsThatMakeNoSense(t *testing.T) {
	password := func() (string, error) { return "", nil }
	for _, c := range []struct {
		smarthost Smarthost
		want      string // "" means that it runs
	}{
		{Smarthost{Address: "smtp.example:587"}, ""},
		{Smarthost{Address: "smtp.example:465", TLS: TLSImplicit, User: "mesa", Password: password}, ""},
		{Smarthost{Address: "127.0.0.1:25", TLS: TLSNone}, ""},
		{Smarthost{Address: "[::1]:25", TLS: TLSNone}, ""},
		{Smarthost{Address: "localhost:25", TLS: TLSNone}, ""},
		{Smarthost{Address: "10.1.2.3:25", TLS: TLSNone, PlainText: true}, ""},
		{Smarthost{Address: "10.1.2.3:25", TLS: TLSNone}, "this machine only"},
		{Smarthost{Address: "smtp.example:25", TLS: TLSNone}, "this machine only"},
		{Smarthost{Address: "smtp.example"}, "address"},
		{Smarthost{Address: "smtp.example:587", TLS: "maybe"}, "none of starttls"},
		{Smarthost{Address: "smtp.example:587", Hello: "desk\r\nMAIL"}, "no host name"},
		{Smarthost{Address: "smtp.example:587", User: "mesa"}, "without a password"},
	} {
		s := start(&host{}, newRows(), func(s *Sender) { s.routes[0].host = c.smarthost })
		err := s.stop()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v", c.smarthost, err)
		}
	}
}
