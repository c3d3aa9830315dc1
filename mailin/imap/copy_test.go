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
)

// sentMails are those that are still to be copied.
type sentMails struct {
	mu   sync.Mutex
	left []Copy
	fail int // so many times they are not told
}

func (s *sentMails) add(p *Poller, at time.Time, texts ...string) {
	s.mu.Lock()
	for _, text := range texts {
		whole := fmt.Sprintf("Message-ID: <%s@mesa.example>\r\nSubject: %s\r\n\r\n%s\r\n", text, text, strings.Repeat("Hola.\r\n", 1000))
		s.left = append(s.left, Copy{Key: fmt.Sprintf("%03d", len(s.left)) + text, MessageID: text + "@mesa.example", At: at, Size: int64(len(whole)),
			Write: func(w io.Writer) error {
				if text == "perdido" {
					return errors.New("it is not in the log")
				}
				_, err := io.WriteString(w, whole)
				return err
			}})
	}
	s.mu.Unlock()
	p.WakeCopies()
}

func (s *sentMails) Copies(_ context.Context, _, after string, limit int) (all []Copy, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail > 0 {
		s.fail--
		return nil, errors.New("the disk is slow")
	}
	for _, c := range s.left {
		if c.Key > after && len(all) < limit {
			all = append(all, c)
		}
	}
	return all, nil
}

func (s *sentMails) Copied(_ context.Context, _, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = slices.DeleteFunc(s.left, func(c Copy) bool { return c.Key == key })
	return nil
}

func (s *sentMails) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.left)
}

// subjects of the mails in the folder.
func (s *server) subjects() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range s.sent {
		_, subject, _ := strings.Cut(text, "Subject: ")
		subject, _, _ = strings.Cut(subject, "\r\n")
		all = append(all, subject)
	}
	return all
}

// TestCopies: what was sent lies in the folder, each mail once, whatever the server
// does; mails are taken from the mailbox meanwhile.
func TestCopies(t *testing.T) {
	for name, wrong := range map[string]func(*server, *sentMails){
		"nothing":                     func(*server, *sentMails) {},
		"no such folder":              func(s *server, _ *sentMails) { s.noSent = true },
		"LITERAL-":                    func(s *server, _ *sentMails) { s.caps += " LITERAL-" },
		"cut behind APPEND":           func(s *server, _ *sentMails) { s.cutAppend = 2 },
		"NO to SELECT":                func(s *server, _ *sentMails) { s.answers["EXAMINE"] = "NO later" },
		"NO to SEARCH":                func(s *server, _ *sentMails) { s.answers["UID SEARCH"] = "NO later" },
		"BYE to APPEND":               func(s *server, _ *sentMails) { s.answers["APPEND"] = "BYE" },
		"the desk fails for a moment": func(_ *server, m *sentMails) { m.fail = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := newServer(t), &sentMails{}
			s.put("uno")
			a := s.account()
			a.After, a.SentFolder = Leave, "Enviados"
			s.with(func() { wrong(s, m) })
			d := newDesk(t, s)
			want := []string{"a", "b", "c", "d"}
			poll(t, d, a, func(p *Poller) {
				p.sent = m
				p.arrange()
				m.add(p, time.Now(), "a", "b")
				time.AfterFunc(50*time.Millisecond, func() { m.add(p, time.Now(), "c", "d") })
			},
				func() bool { return d.has("uno")() && m.waiting() == 0 && len(s.subjects()) >= len(want) })
			got := s.subjects()
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("the folder has %v", got)
			}
		})
	}
}

// TestCopyRefused: a copy that the server will not have, and one that cannot be read,
// do not keep the others; they are shown, and given up after a week.
func TestCopyRefused(t *testing.T) {
	for at, left := range map[time.Time]int{time.Now(): 2, time.Now().Add(-8 * 24 * time.Hour): 0} {
		s, m := newServer(t), &sentMails{}
		s.with(func() { s.unwanted = "enorme" })
		a := s.account()
		a.SentFolder = "Enviados"
		d := newDesk(t, s)
		var p *Poller
		poll(t, d, a, func(q *Poller) { p = q; p.sent = m; p.arrange(); m.add(p, at, "a", "enorme", "perdido", "b") }, func() bool {
			return len(s.subjects()) == 2 && m.waiting() == left && (left == 0 || p.Status()[1].Trouble != "")
		})
		if got := s.subjects(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%v", got)
		}
		if st := p.Status()[1]; !st.Copies || left > 0 && st.Trouble == "" {
			t.Errorf("%+v", st)
		}
	}
}

// TestCopiesAfterRestart: a copy that was appended and not noted is not made again.
func TestCopiesAfterRestart(t *testing.T) {
	s, m := newServer(t), &sentMails{}
	a := s.account()
	a.SentFolder = "Enviados"
	for range 2 {
		poll(t, newDesk(t, s), a, func(p *Poller) { p.sent = m; p.arrange(); m.left = nil; m.add(p, time.Now(), "a") }, func() bool { return m.waiting() == 0 })
	}
	if got := s.subjects(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v", got)
	}
}
