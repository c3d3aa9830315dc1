package imap

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
)

// tokens gives one after the other, the last again and again; "" is an error.
type tokens struct {
	mechanism string

	mu      sync.Mutex
	given   []string
	refused []string
}

type shown struct{ mechanism, token string }

func (s shown) Start() (string, []byte, error) {
	if s.mechanism == "OAUTHBEARER" {
		return s.mechanism, []byte("n,a=ana,\x01auth=Bearer " + s.token + "\x01\x01"), nil
	}
	return s.mechanism, []byte("user=ana\x01auth=Bearer " + s.token + "\x01\x01"), nil
}
func (shown) Next([]byte) ([]byte, error) { return []byte{}, nil }

func (t *tokens) Client(context.Context) (sasl.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	token := t.given[0]
	if len(t.given) > 1 {
		t.given = t.given[1:]
	}
	if token == "" {
		return nil, errors.New("ejecute ventanilla oauth login")
	}
	return shown{t.mechanism, token}, nil
}

func (t *tokens) Refused(c sasl.Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused = append(t.refused, c.(shown).token)
}

// TestLogins: each way in that a server may offer, with the initial response in the
// command and without; the best that is there is used.
func TestLogins(t *testing.T) {
	for name, c := range map[string]struct {
		caps, mechanism, want string
	}{
		"LOGIN":                  {"IMAP4rev1", "", "LOGIN"},
		"PLAIN at once":          {"IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN", "", "PLAIN"},
		"PLAIN, LOGIN disabled":  {"IMAP4rev1 AUTH=PLAIN LOGINDISABLED", "", "PLAIN"},
		"XOAUTH2 at once":        {"IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2", "XOAUTH2", "XOAUTH2"},
		"XOAUTH2 when asked":     {"IMAP4rev1 AUTH=XOAUTH2", "XOAUTH2", "XOAUTH2"},
		"OAUTHBEARER at once":    {"IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER", "OAUTHBEARER", "OAUTHBEARER"},
		"OAUTHBEARER when asked": {"IMAP4rev1 AUTH=OAUTHBEARER", "OAUTHBEARER", "OAUTHBEARER"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.put("uno")
			s.with(func() { s.caps = c.caps })
			a := s.account()
			if c.mechanism != "" {
				a.Password, a.Auth = nil, &tokens{mechanism: c.mechanism, given: []string{"t0ken"}}
			}
			d := newDesk(t, s)
			poll(t, d, a, nil, d.has("uno"))
			if !slices.Equal(s.ways, []string{c.want}) {
				t.Errorf("logged in by %v", s.ways)
			}
		})
	}
}

// TestTokens: a token that died early is replaced at once; one that dies in a session
// costs a connection and no mail; a server that does not take any, and a token that is
// not to be had, are shown and no token with them.
func TestTokens(t *testing.T) {
	for name, c := range map[string]struct {
		caps    string
		given   []string
		kick    bool
		refused []string
		trouble string // "" if the mail is taken
	}{
		"died early":        {"IMAP4rev1 AUTH=XOAUTH2", []string{"alt", "t0ken"}, false, []string{"alt"}, ""},
		"dies in a session": {"IMAP4rev1 SASL-IR AUTH=XOAUTH2", []string{"t0ken", "alt", "t0ken"}, true, []string{"alt"}, ""},
		"refused":           {"IMAP4rev1 AUTH=XOAUTH2", []string{"falsch"}, false, []string{"falsch", "falsch"}, "the server refuses user and token"},
		"none":              {"IMAP4rev1 AUTH=XOAUTH2", []string{""}, false, nil, "no token: ejecute ventanilla oauth login"},
		"not offered":       {"IMAP4rev1 AUTH=PLAIN", []string{"t0ken"}, false, nil, "login: the server does not offer XOAUTH2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.put("uno", "dos")
			s.with(func() { s.caps, s.kick = c.caps, c.kick })
			from := &tokens{mechanism: "XOAUTH2", given: c.given}
			a := s.account()
			a.Password, a.Auth = nil, from
			d := newDesk(t, s)
			var p *Poller
			begun := time.Now()
			if c.trouble == "" {
				poll(t, d, a, nil, d.has("dos", "uno"))
			} else {
				p = poll(t, d, a, func(q *Poller) { p = q }, func() bool { return p.Status()[0].Trouble != "" })
				if got := p.Status()[0].Trouble; got != c.trouble {
					t.Errorf("trouble %q", got)
				}
			}
			if !slices.Equal(from.refused, c.refused) || time.Since(begun) > 10*time.Second {
				t.Errorf("refused %v, after %s", from.refused, time.Since(begun))
			}
		})
	}
}

// TestWake: after a new login what waits for a permission does not wait any longer.
func TestWake(t *testing.T) {
	s := newServer(t)
	s.put("uno")
	s.with(func() { s.caps = "IMAP4rev1 AUTH=XOAUTH2" })
	from := &tokens{mechanism: "XOAUTH2", given: []string{"falsch", "falsch", "t0ken"}}
	a := s.account()
	a.Password, a.Auth = nil, from
	d := newDesk(t, s)
	var p *Poller
	poll(t, d, a, func(q *Poller) { p = q }, func() bool {
		if strings.Contains(p.Status()[0].Trouble, "refuses") { // it waits for a minute
			p.Wake()
		}
		return d.has("uno")()
	})
}
