package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ventanilla/demo"
	"ventanilla/mail"
	"ventanilla/mailin"
)

// TestSentCopies: what goes out on the tickets of a queue lies in a folder of its
// mailbox, each mail once and to the byte, over a restart in the middle; that the
// mailbox is away keeps no mail back.
func TestSentCopies(t *testing.T) {
	inbox, address := takesAll(t)
	m := newMailboxDesk(t, "", fmt.Sprintf("start = \"all\"\nsent_folder = \"Enviados\"\n\n[smarthost]\naddress = %q\ntls = \"none\"\n", address))
	const mails = 12
	m.deliver(0, mails)
	kept := func() int { return len(m.box.Files(t, "Enviados")) }
	m.serve(func(*house) bool { return kept() > mails/3 }) // it ends in the middle
	sent := func() (all []string) {
		for _, c := range inbox.Mails() {
			all = append(all, ourPart(string(c.Raw)))
		}
		slices.Sort(all)
		return slices.Compact(all) // one may have gone twice, cut off before it was noted
	}
	m.serve(func(h *house) bool {
		subjects, _ := m.tickets(h)
		return len(subjects) == mails && m.waits(h) == 0 && kept() == len(sent())
	})
	if got := m.texts("Enviados"); !slices.Equal(sent(), got) || len(got) < mails {
		t.Errorf("%d mails were sent, %d are kept, or they differ", len(sent()), len(got))
	}

	// The mailbox is away: mail goes out all the same, and the copy waits.
	there, away := fmt.Sprintf("address = %q", m.box.TLS), "address = \"127.0.0.1:1\"\ntls = \"none\""
	m.replace(there, away)
	before, given := len(inbox.Mails()), false
	m.serve(func(h *house) bool {
		if !given {
			given = true
			m.give(h, "From: Eva <eva@otra.example>\nTo: soporte@mesa.example\nSubject: Otra\nMessage-ID: <o@otra.example>\n\nHola.\n")
		}
		return len(inbox.Mails()) > before && m.waits(h) == m.copiesLeft(h) && m.copiesLeft(h) > 0
	})
	m.replace(away, there)
	m.serve(func(h *house) bool { return kept() == len(sent()) && m.waits(h) == 0 })

	// The folder is no longer wanted: nothing is kept for it.
	m.replace(there, away)
	given = false
	m.serve(func(h *house) bool {
		if !given {
			given = true
			m.give(h, "From: Leo <leo@otra.example>\nTo: soporte@mesa.example\nSubject: Una\nMessage-ID: <u@otra.example>\n\nHola.\n")
		}
		return m.copiesLeft(h) > 0
	})
	m.replace("sent_folder = \"Enviados\"\n", "")
	m.serve(func(h *house) bool { return m.copiesLeft(h) == 0 })
}

// takesAll is a mail server that takes all, and where it is.
func takesAll(t *testing.T) (*demo.Inbox, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inbox := &demo.Inbox{}
	server, err := mailin.NewServer(inbox, mailin.Options{Hostname: "smarthost.example"})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	})
	return inbox, l.Addr().String()
}

// ourPart is a mail without the trace of those who took it, and with lines that end
// as in a maildir.
func ourPart(raw string) string {
	raw = strings.ReplaceAll(raw, "\r\n", "\n")
	return raw[strings.Index("\n"+raw, "\nFrom: "):]
}

func (m *mailboxDesk) copiesLeft(h *house) int {
	m.t.Helper()
	left, err := h.Copies(m.t.Context(), "soporte", "", 0)
	if err != nil {
		m.t.Fatal(err)
	}
	return len(left)
}

// waits counts the mails to be sent and the copies to be made.
func (m *mailboxDesk) waits(h *house) int {
	m.t.Helper()
	os, err := h.Outbox(m.t.Context(), "", 0)
	if err != nil {
		m.t.Fatal(err)
	}
	return len(os) + m.copiesLeft(h)
}

// texts returns the mails of a folder, sorted.
func (m *mailboxDesk) texts(folder string) (all []string) {
	m.t.Helper()
	for _, raw := range m.box.Texts(m.t, folder) {
		all = append(all, ourPart(raw))
	}
	slices.Sort(all)
	return all
}

// replace changes the configuration.
func (m *mailboxDesk) replace(what, by string) {
	m.t.Helper()
	path := filepath.Join(m.folder, "ventanilla.toml")
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), what) != 1 {
		m.t.Fatalf("%q is not once in %s: %v", what, text, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), what, by, 1)), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// give hands a mail over as a mail server does.
func (m *mailboxDesk) give(h *house, raw string) {
	m.t.Helper()
	env := mail.Envelope{Source: "pipe", From: "x@otra.example", Rcpts: []string{"soporte@mesa.example"}, Auth: mail.Auth{Front: true}}
	if _, err := h.Receive(m.t.Context(), env, strings.NewReader(raw)); err != nil {
		m.t.Fatal(err)
	}
}
