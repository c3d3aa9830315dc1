package month

import (
	"io"
	"net"
	"net/smtp"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"ventanilla/evidence/month/books"
)

// sink is the smarthost of the desk, and the mailbox of everybody.
type sink struct {
	address string
	mu      sync.Mutex
	more    sync.Cond
	seen    map[string]bool   // local parts of Message-IDs
	returns map[string]string // where what cannot be delivered goes back to, by Message-ID
	fresh   []books.Letter
	fault   error
	count   int
}

func newSink(t testing.TB) *sink {
	t.Helper()
	s := &sink{seen: map[string]bool{}, returns: map[string]string{}}
	s.more.L = &s.mu
	server := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return &mailbox{sink: s}, nil }))
	server.Domain, server.MaxLineLength = "sink.example", 4000
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

type mailbox struct {
	*sink
	from, to string
}

func (m *mailbox) Mail(from string, _ *gosmtp.MailOptions) error { m.from = from; return nil }
func (m *mailbox) Rcpt(to string, _ *gosmtp.RcptOptions) error   { m.to = to; return nil }
func (m *mailbox) Reset()                                        {}
func (m *mailbox) Logout() error                                 { return nil }

func (m *mailbox) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	l, err := books.Read(raw)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil && m.fault == nil {
		m.fault = err
	}
	if l.To != m.to && m.fault == nil {
		m.fault = io.ErrUnexpectedEOF
	}
	local, _, _ := cutAt(l.ID)
	m.seen[local], m.returns[l.ID] = true, m.from
	m.fresh = append(m.fresh, l)
	m.count++
	m.more.Broadcast()
	return nil
}

func cutAt(id string) (local, domain string, ok bool) {
	for i := range id {
		if id[i] == '@' {
			return id[:i], id[i+1:], true
		}
	}
	return id, "", false
}

// wait waits until a mail has come, and reports whether it has in time.
func (s *sink) wait(id string) bool {
	late := time.AfterFunc(time.Minute, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fault = io.ErrNoProgress
		s.more.Broadcast()
	})
	defer late.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.seen[id] && s.fault == nil {
		s.more.Wait()
	}
	return s.seen[id]
}

// take returns what has come since the last time.
func (s *sink) take() ([]books.Letter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := s.fresh
	s.fresh = nil
	return fresh, s.fault
}

func (s *sink) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[id]
}

// submit gives mails to the desk, one after the other over one connection.
type submit struct{ client *smtp.Client }

func (s *submit) send(door string, m mail) error {
	if s.client == nil {
		c, err := smtp.Dial(door)
		if err != nil {
			return err
		}
		s.client = c
	}
	c := s.client
	if err := c.Mail(m.from); err != nil {
		return err
	}
	if err := c.Rcpt(m.to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(m.raw); err != nil {
		return err
	}
	return w.Close()
}

func (s *submit) hangUp() {
	if s.client != nil {
		_ = s.client.Quit()
		s.client = nil
	}
}
