package mailout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
)

// tokens gives one after the other; "" is an error.
type tokens struct {
	mu      sync.Mutex
	given   []string
	refused []string
}

// shown is XOAUTH2 as a mail server sees it.
type shown string

func (s shown) Start() (string, []byte, error) {
	return "XOAUTH2", []byte("user=mesa\x01auth=Bearer " + string(s) + "\x01\x01"), nil
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
		return nil, errors.New("ejecute ventanilla oauth login correo")
	}
	return shown(token), nil
}

func (t *tokens) Refused(c sasl.Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused = append(t.refused, string(c.(shown)))
}

// TestToken: a token is shown in place of a password; one that is refused is
// replaced once over the same connection, and none stands in what is told.
func TestToken(t *testing.T) {
	ours := newAuthority(t)
	identity := ours.issue(t, "smtp.example", time.Now().Add(24*time.Hour))
	for _, c := range []struct {
		name, trouble string
		given         []string
		refused       []string
		logins        []string
	}{
		{"good", "", []string{"t0ken"}, nil, []string{"XOAUTH2"}},
		{"died early", "", []string{"alt", "t0ken"}, []string{"alt"}, []string{"XOAUTH2"}},
		{"refused", "AUTH: 535 5.7.3", []string{"alt", "falsch"}, []string{"alt", "falsch"}, []string{"XOAUTH2"}},
		{"none to be had", "AUTH: ejecute ventanilla oauth login correo", []string{""}, nil, []string{"XOAUTH2"}},
		{"not offered", "AUTH: el servidor no ofrece XOAUTH2", []string{"t0ken"}, nil, []string{"PLAIN"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := &tokens{given: c.given}
			h := &host{identity: identity, user: "mesa", password: "t0ken", logins: c.logins}
			status, o, log := secure(t, h, func(s *Smarthost) { s.RootCAs, s.User, s.Auth = ours.pool(), "mesa", from })
			if status.Trouble != c.trouble {
				t.Errorf("trouble %q, want %q", status.Trouble, c.trouble)
			}
			if arrived := len(h.mails()); arrived == 1 != (c.trouble == "") {
				t.Errorf("%d mails arrived", arrived)
			}
			from.mu.Lock()
			defer from.mu.Unlock()
			if len(from.refused) < len(c.refused) || !slices.Equal(from.refused[:len(c.refused)], c.refused) {
				t.Errorf("refused %q", from.refused)
			}
			told := fmt.Sprintf("%q %+v %+v", log.lines, o.recorded(), status)
			for _, token := range []string{"t0ken", "alt", "falsch"} {
				if strings.Contains(told, token) {
					t.Errorf("%s is told: %s", token, told)
				}
			}
		})
	}
}
