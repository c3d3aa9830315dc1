package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ventanilla/peers"
)

// TestMailboxByToken: a real server that takes no passwords lets the desk in by
// tokens, by both mechanisms and over both ways to a permission, also when they
// die, and when the server of tokens is away for a while.
func TestMailboxByToken(t *testing.T) {
	for _, auth := range []string{"xoauth2", "oauthbearer"} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			tokens := peers.NewTokens("soporte@mesa.example", time.Hour)
			t.Cleanup(tokens.Close)
			m := newDeskOf(t, peers.DovecotWithTokens(t, tokens), fmt.Sprintf("oauth = \"correo\"\nauth = %q\nstart = \"all\"\n\n%s", auth, permit(tokens)))
			if said := m.command(t, 1, "oauth", "status"); !strings.Contains(said, "ejecute ventanilla oauth login correo") {
				t.Errorf("%s", said)
			}
			m.login(t, tokens)
			if said := m.command(t, 0, "oauth", "status"); !strings.Contains(said, "hay permiso") {
				t.Errorf("%s", said)
			}
			m.deliver(0, 3)
			m.serve(func(h *house) bool { subjects, _ := m.tickets(h); return len(subjects) == 3 })
			tokens.Expire() // the desk has none any more either: it was started anew
			tokens.With(503, 0, time.Hour)
			down, asked := time.Now(), tokens.Asked()
			m.deliver(3, 5)
			m.serve(func(h *house) bool {
				if tokens.Asked() > asked+1 {
					tokens.With(0, 0, time.Hour)
				}
				subjects, _ := m.tickets(h)
				return len(subjects) == 5
			})
			if time.Since(down) < time.Second {
				t.Error("it did not wait")
			}
			if !m.box.Logged(t, "Login", "method="+strings.ToUpper(auth)) && !m.box.Logged(t, "Login", "method="+auth) {
				t.Error("the server logged no such login")
			}
		})
	}
}

// TestTokenDiesInASession: a token dies early, while the desk reads: the next
// connection shows another, and nothing is lost nor asked twice.
func TestTokenDiesInASession(t *testing.T) {
	tokens := peers.NewTokens("soporte@mesa.example", time.Hour)
	defer tokens.Close()
	m := newDeskOf(t, peers.DovecotWithTokens(t, tokens), "oauth = \"correo\"\nstart = \"all\"\n\n"+permit(tokens))
	m.login(t, tokens)
	m.deliver(0, 3)
	stage := 0
	m.serve(func(h *house) bool {
		subjects, told := m.tickets(h)
		switch {
		case stage == 0 && len(subjects) == 3:
			stage = 1
			tokens.Expire()
			m.box.Kick(t)
			m.deliver(3, 6)
		case len(subjects) == 6:
			if told > 6 {
				t.Errorf("%d acknowledgements", told)
			}
			return true
		}
		return false
	})
	if n := tokens.Asked(); n != 3 { // login, start, and after the refusal
		t.Errorf("%d requests for tokens", n)
	}
}

// TestRevoked: what the admin sees of a permission that was taken back, once by
// mail, and that a new login is used without a restart.
func TestRevoked(t *testing.T) {
	tokens := peers.NewTokens("soporte@mesa.example", time.Hour)
	defer tokens.Close()
	m := newDeskOf(t, peers.DovecotWithTokens(t, tokens), "oauth = \"correo\"\nstart = \"all\"\n\n"+permit(tokens))
	config := filepath.Join(m.folder, "ventanilla.toml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("[desk]\n"), []byte("[desk]\nadmin = \"jefa@mesa.example\"\n"), 1)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	m.login(t, tokens)
	tokens.Revoke()
	m.deliver(0, 2)
	again := make(chan string, 1)
	m.serve(func(h *house) bool {
		st, err := readStatus(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) == 0 && strings.Contains(strings.Join(st.Troubles, "\n"), "rechaza el permiso (invalid_grant)") {
			h.permissionChanged() // so that the minute need not pass
			os, err := h.Outbox(t.Context(), "", 0)
			if err != nil {
				t.Fatal(err)
			}
			written := 0
			for _, o := range os {
				if o.To == "jefa@mesa.example" {
					written++
				}
			}
			if written > 1 {
				t.Errorf("the admin was written to %d times", written)
			}
			if written == 1 {
				again <- m.login(t, tokens)
			}
		}
		subjects, _ := m.tickets(h)
		return len(subjects) == 2
	})
	select {
	case <-again:
	default:
		t.Error("the status never told")
	}
}

// permit is the [[oauth]] of a server of tokens.
func permit(tokens *peers.Tokens) string {
	return fmt.Sprintf("[[oauth]]\nname = \"correo\"\nclient_id = \"mesa\"\ntoken_url = \"%[1]s/token\"\ndevice_url = \"%[1]s/device\"\nscopes = [\"imap\"]\n", tokens.URL)
}

// command runs the program, which must end with a code.
func (m *mailboxDesk) command(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if got := run(ctx, append([]string{"-c", filepath.Join(m.folder, "ventanilla.toml")}, args...), strings.NewReader(""), &out, &out); got != code {
		t.Errorf("%v ended with %d: %s", args, got, &out)
	}
	return out.String()
}

// login gives the permission, as a person does.
func (m *mailboxDesk) login(t *testing.T, tokens *peers.Tokens) string {
	t.Helper()
	approved := make(chan error, 1)
	go func() { approved <- tokens.Approve(true) }()
	said := m.command(t, 0, "oauth", "login")
	if err := <-approved; err != nil {
		t.Error(err)
	}
	if !strings.Contains(said, tokens.URL+"/d") || !strings.Contains(said, "WDJB-") {
		t.Errorf("%s", said)
	}
	info, err := os.Stat(filepath.Join(m.folder, "estado", "oauth", "correo.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	return said
}
