package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/mail"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/emersion/go-smtp"
	bolt "go.etcd.io/bbolt"
)

// serveFloor serves one of the two floors until it is told to end. It is what
// the benchmark runs in a child.
func serveFloor(kind, dir, smarthost string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var session func() smtp.Session
	switch kind {
	case "bare":
		session, err = newBare(dir)
	case "minimal":
		session, err = newMinimal(dir, smarthost)
	default:
		err = fmt.Errorf("there is no floor %q", kind)
	}
	if err != nil {
		return err
	}
	server := newSMTP(session)
	fmt.Printf("smtp://%s\n", l.Addr())
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-ended
		_ = server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// newSMTP returns a server of go-smtp with nothing around it.
func newSMTP(session func() smtp.Session) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return session(), nil }))
	server.Domain, server.MaxLineLength = "sink.example", 1<<16
	server.ErrorLog = log.New(io.Discard, "", 0) // clients that end without QUIT
	return server
}

// group shares one commit among all that wait for one: who comes first does it,
// who comes meanwhile waits for the next. It is the whole cleverness of both
// floors.
type group[T any] struct {
	commit func([]T) error

	turn sync.Mutex
	mu   sync.Mutex
	next *groupBatch[T]
}

type groupBatch[T any] struct {
	items []T
	err   error
	done  chan struct{}
}

func (g *group[T]) do(item T) error {
	g.mu.Lock()
	if b := g.next; b != nil {
		b.items = append(b.items, item)
		g.mu.Unlock()
		<-b.done
		return b.err
	}
	b := &groupBatch[T]{items: []T{item}, done: make(chan struct{})}
	g.next = b
	g.mu.Unlock()
	g.turn.Lock()
	g.mu.Lock()
	g.next = nil
	g.mu.Unlock()
	b.err = g.commit(b.items)
	g.turn.Unlock()
	close(b.done)
	return b.err
}

// floorSession takes a mail whole and hands it over.
type floorSession struct {
	from  string
	raw   bytes.Buffer
	taken func(from string, raw []byte) error
}

func (s *floorSession) Reset()                                      {}
func (s *floorSession) Logout() error                               { return nil }
func (s *floorSession) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (s *floorSession) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *floorSession) Data(r io.Reader) error {
	s.raw.Reset()
	if _, err := s.raw.ReadFrom(r); err != nil {
		return err
	}
	return s.taken(s.from, s.raw.Bytes())
}

// newBare is the floor of receiving: go-smtp, every mail appended to one file,
// a shared fdatasync before its 250.
func newBare(dir string) (func() smtp.Session, error) {
	f, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		return nil, err
	}
	g := &group[[]byte]{commit: func(mails [][]byte) error {
		for _, m := range mails {
			if _, err := f.Write(m); err != nil {
				return err
			}
		}
		return syscall.Fdatasync(int(f.Fd()))
	}}
	taken := func(_ string, raw []byte) error { return g.do(raw) }
	return func() smtp.Session { return &floorSession{taken: taken} }, nil
}

// minimal is the floor of a help desk: the mail is parsed by net/mail, mail,
// ticket and a fixed answer are stored in bbolt before the 250, and a sender
// delivers the answers and takes them out of the store. No rules, no threads, no
// duplicates, no trust, no templates, nobody else is told.
type minimal struct {
	db        *bolt.DB
	smarthost string
	answers   chan minimalAnswer
	take      group[minimalMail]
	done      group[uint64]
}

type minimalMail struct {
	raw    []byte
	ticket []byte
	to     string
	answer func(n uint64) []byte
}

type minimalAnswer struct {
	number uint64
	to     string
	text   []byte
}

func newMinimal(dir, smarthost string) (func() smtp.Session, error) {
	db, err := bolt.Open(filepath.Join(dir, "minimal.db"), 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType, InitialMmapSize: 4 << 30})
	if err != nil {
		return nil, err
	}
	m := &minimal{db: db, smarthost: smarthost, answers: make(chan minimalAnswer, 1<<20)}
	m.take.commit, m.done.commit = m.store, m.finish
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{"raw", "ticket", "out"} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	for range 8 {
		go m.send()
	}
	return func() smtp.Session { return &floorSession{taken: m.taken} }, err
}

func (m *minimal) taken(from string, raw []byte) error {
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil {
		subject = parsed.Header.Get("Subject")
	}
	ticket, err := json.Marshal(map[string]string{"from": from, "subject": subject, "id": parsed.Header.Get("Message-Id"), "state": "new"})
	if err != nil {
		return err
	}
	answer := func(n uint64) []byte {
		return fmt.Appendf(nil, "From: Mesa <soporte@mesa.example>\r\nTo: <%s>\r\nSubject: [#%06d] %s\r\nMessage-ID: <%d@mesa.example>\r\n"+
			"In-Reply-To: %s\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"+
			"Recibimos su solicitud y la registramos con el numero %06d.\r\n",
			from, n, mime.QEncoding.Encode("utf-8", subject), n, parsed.Header.Get("Message-Id"), n)
	}
	return m.take.do(minimalMail{raw: raw, ticket: ticket, to: from, answer: answer})
}

// store stores mails with their tickets and answers in one transaction.
func (m *minimal) store(mails []minimalMail) error {
	answers := make([]minimalAnswer, len(mails))
	err := m.db.Update(func(tx *bolt.Tx) error {
		raw, tickets, out := tx.Bucket([]byte("raw")), tx.Bucket([]byte("ticket")), tx.Bucket([]byte("out"))
		for i, mail := range mails {
			n, err := tickets.NextSequence()
			if err != nil {
				return err
			}
			answers[i] = minimalAnswer{n, mail.to, mail.answer(n)}
			key := fmt.Appendf(nil, "%010d", n)
			if err := errors.Join(raw.Put(key, mail.raw), tickets.Put(key, mail.ticket), out.Put(key, answers[i].text)); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		for _, a := range answers {
			m.answers <- a
		}
	}
	return err
}

// finish takes delivered answers out of the store.
func (m *minimal) finish(numbers []uint64) error {
	return m.db.Update(func(tx *bolt.Tx) error {
		for _, n := range numbers {
			if err := tx.Bucket([]byte("out")).Delete(fmt.Appendf(nil, "%010d", n)); err != nil {
				return err
			}
		}
		return nil
	})
}

// send delivers answers over one connection.
func (m *minimal) send() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "minimal pipeline:", err)
			os.Exit(1)
		}
	}
	client, err := smtp.Dial(m.smarthost)
	fail(err)
	for a := range m.answers {
		fail(client.SendMail("soporte@mesa.example", []string{a.to}, strings.NewReader(string(a.text))))
		fail(m.done.do(a.number))
	}
}
