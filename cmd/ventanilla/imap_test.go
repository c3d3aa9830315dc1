package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ventanilla/gateway"
	"ventanilla/mailin/imap"
	"ventanilla/peers"
)

// mailboxDesk is a desk that reads a mailbox of a real Dovecot.
type mailboxDesk struct {
	t      *testing.T
	folder string
	box    *peers.Mailboxes
}

func newMailboxDesk(t *testing.T, capability, keys string) *mailboxDesk {
	t.Helper()
	return newDeskOf(t, peers.Dovecot(t, capability), "password_file = \"imap.password\"\n"+keys)
}

// newDeskOf makes a desk that reads a mailbox as the keys say.
func newDeskOf(t *testing.T, box *peers.Mailboxes, keys string) *mailboxDesk {
	t.Helper()
	m := &mailboxDesk{t: t, folder: filepath.Join(t.TempDir(), "mesa"), box: box}
	if err := writeInstallation(m.folder, answers{domain: "mesa.example", name: "Mesa", queueAddress: "soporte@mesa.example"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.folder, "imap.password"), []byte(m.box.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("[desk]\nname = \"Mesa\"\ndomain = \"mesa.example\"\n\n[[imap]]\nname = \"soporte\"\naddress = %q\nuser = %q\npoll_seconds = 5\n%s",
		m.box.TLS, m.box.User, keys)
	if err := os.WriteFile(filepath.Join(m.folder, "ventanilla.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

// serve runs the desk until cond holds, and ends it as SIGTERM does.
func (m *mailboxDesk) serve(cond func(h *house) bool) {
	m.t.Helper()
	c, err := LoadConfig(filepath.Join(m.folder, "ventanilla.toml"))
	if err != nil {
		m.t.Fatal(err)
	}
	c.rootCAs = m.box.Roots
	h, err := openHouse(m.t.Context(), c, osFiles(c), slog.New(slog.DiscardHandler))
	if err != nil {
		m.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(m.t.Context(), 30*time.Second)
	s := &service{house: h}
	ready := make(chan struct{})
	s.ready = func(addresses) { close(ready) }
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	<-ready
	for !cond(h) {
		select {
		case <-ctx.Done():
			subjects, told := m.tickets(h)
			m.t.Errorf("never came to pass: %d tickets, %d told, inbox %v, %+v", len(subjects), told, m.box.Files(m.t, ""), s.poll.Status())
			cancel()
			<-ended
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	if err := <-ended; err != nil {
		m.t.Fatal(err)
	}
}

// tickets returns how many tickets there are with each subject, and how many
// mails acknowledge them.
func (m *mailboxDesk) tickets(h *house) (subjects map[string]int, acknowledged int) {
	m.t.Helper()
	ts, err := h.Tickets(m.t.Context(), "", 0, 1000)
	if err != nil {
		m.t.Fatal(err)
	}
	subjects = map[string]int{}
	for _, ticket := range ts {
		subjects[ticket.Subject]++
	}
	os, err := h.Outbox(m.t.Context(), "", 0)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, o := range os {
		if strings.HasPrefix(o.Kind, "acuse") {
			acknowledged++
		}
	}
	return subjects, acknowledged
}

func (m *mailboxDesk) deliver(from, to int) {
	for i := from; i < to; i++ {
		m.box.Deliver(m.t, fmt.Sprintf("%d.m.x", 1000+i), fmt.Sprintf("From: Ana %d <ana%d@uni%d.example>\nTo: soporte@mesa.example\nSubject: Solicitud %03d\nMessage-ID: <%d@uni.example>\nDate: Mon, 9 Dec 2024 14:02:03 -0500\n\nNo imprime %d.\n", i, i, i%7, i, i, i))
	}
}

// TestDovecot: mails of a real mailbox become tickets, each one once and
// acknowledged once, over restarts in the middle and new UIDs, with and without
// what a server may be able to do.
func TestDovecot(t *testing.T) {
	const mails = 40
	for name, capability := range map[string]string{"all": "", "little": "IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN", "no MOVE": "IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS IDLE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMailboxDesk(t, capability, "start = \"all\"\nafter = \"move\"\nmove_to = \"Atendidos\"\n")
			m.deliver(0, mails)
			m.serve(func(h *house) bool { subjects, _ := m.tickets(h); return len(subjects) > mails/4 }) // in the middle
			m.deliver(mails, mails+5)
			marked := func() (n int) {
				for _, f := range m.box.Files(t, "") {
					if _, flags, _ := strings.Cut(f, ":2,"); !strings.Contains(flags, "T") {
						n++
					}
				}
				return n
			}
			m.serve(func(h *house) bool {
				subjects, _ := m.tickets(h)
				return len(subjects) == mails+5 && marked() == 0
			})
			if n := len(m.box.Files(t, "Atendidos")); n < mails+5 {
				t.Errorf("%d mails in the other folder", n)
			}
			m.box.Renumber(t)
			m.deliver(mails+5, mails+6)
			m.serve(func(h *house) bool {
				subjects, told := m.tickets(h)
				for subject, n := range subjects {
					if n != 1 {
						t.Errorf("%s: %d tickets", subject, n)
					}
				}
				if told > mails+6 {
					t.Errorf("%d acknowledgements", told)
				}
				return len(subjects) == mails+6 && told == mails+6 // what came while it was away too
			})
			if !m.box.Logged(t, "Login", "TLS") {
				t.Error("the server logged no login over TLS")
			}
		})
	}
}

// TestMailboxWithAPast: of a mailbox that has a past only what is new is taken,
// marked as seen when it is settled.
func TestMailboxWithAPast(t *testing.T) {
	m := newMailboxDesk(t, "", "")
	m.deliver(0, 10)
	m.serve(func(h *house) bool {
		p, err := gateway.Folders[imap.Point]{Gateway: h.Gateway}.Point(t.Context(), "soporte", "INBOX")
		return err == nil && p.UID == 10
	})
	m.deliver(10, 12)
	seen := func() (n int) {
		for _, f := range m.box.Files(t, "") {
			if _, flags, _ := strings.Cut(f, ":2,"); strings.Contains(flags, "S") {
				n++
			}
		}
		return n
	}
	m.serve(func(h *house) bool {
		subjects, _ := m.tickets(h)
		return len(subjects) == 2 && seen() == 2
	})
}
