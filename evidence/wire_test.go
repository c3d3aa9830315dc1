package evidence

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// sender sends mails by SMTP. It knows no more of it than RFC 5321 says.
type sender struct {
	conn net.Conn
	in   *bufio.Reader
}

const patience = 30 * time.Second

func dial(ctx context.Context, address string) (*sender, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	s := &sender{conn, bufio.NewReader(conn)}
	if err = s.expect("220"); err == nil {
		err = s.say("EHLO sender.example", "250")
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// refused is an answer other than the one wished for.
type refused string

func (r refused) Error() string { return string(r) }

func (s *sender) expect(code string) error {
	_ = s.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return err
		}
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		if !strings.HasPrefix(line, code) {
			return refused(strings.TrimSpace(line))
		}
		return nil
	}
}

func (s *sender) say(line, code string) error {
	_ = s.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(s.conn, line+"\r\n"); err != nil {
		return err
	}
	return s.expect(code)
}

// send sends a mail. Without an error the desk has said 250 to it.
func (s *sender) send(m sample) error {
	if err := s.say("MAIL FROM:<"+m.from+">", "250"); err != nil {
		return err
	}
	if err := s.say("RCPT TO:<"+desk+">", "250"); err != nil {
		return err
	}
	if err := s.say("DATA", "354"); err != nil {
		return err
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := s.conn.Write(stuffed(m.data)); err != nil {
		return err
	}
	return s.expect("250")
}

// stuffed returns a mail with its dots doubled and the end of data behind it
// (RFC 5321 §4.5.2).
func stuffed(data []byte) []byte {
	out := bytes.ReplaceAll(data, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(data, []byte(".")) {
		out = append([]byte("."), out...)
	}
	return append(bytes.Clone(out), ".\r\n"...)
}

// sent is what came of a load.
type sent struct {
	accepted  int
	redeliver int // mails sent again, since the connection ended before an answer
	refused   []string
	took      time.Duration
}

// load sends every mail until it is answered, over several connections, and
// calls tick after each 250. A mail that has an answer is never sent again.
func load(d *instance, mails []sample, tick func(accepted int)) sent {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	queue := make(chan sample, len(mails))
	for _, m := range mails {
		queue <- m
	}
	close(queue)
	var (
		result sent
		mu     sync.Mutex
		wg     sync.WaitGroup
	)
	began := time.Now()
	for range connections {
		wg.Go(func() {
			w := worker{desk: d}
			defer w.hangUp()
			for m := range queue {
				again, err := w.deliver(ctx, m)
				mu.Lock()
				result.redeliver += again
				if err == nil {
					result.accepted++
					tick(result.accepted)
				} else {
					result.refused = append(result.refused, fmt.Sprintf("%s: %v", m.name, err))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	result.took = time.Since(began)
	return result
}

// worker is one of the connections.
type worker struct {
	desk   *instance
	sender *sender
	start  int // which process it is connected to
	broken int // which process it lost the connection to
}

func (w *worker) hangUp() {
	if w.sender != nil {
		w.sender.conn.Close()
		w.sender = nil
	}
}

// deliver sends a mail until it is answered, over a new connection whenever one
// ends, and returns how often it was sent again.
func (w *worker) deliver(ctx context.Context, m sample) (again int, err error) {
	for ; ; again++ {
		if err := w.connect(ctx); err != nil {
			return again, err
		}
		err := w.sender.send(m)
		var no refused
		if err == nil {
			return again, nil
		}
		w.hangUp()
		if errors.As(err, &no) && !strings.HasPrefix(string(no), "421") {
			return again, err
		}
		w.broken = w.start
	}
}

func (w *worker) connect(ctx context.Context) error {
	for w.sender == nil {
		address, start, err := w.desk.where(ctx, w.broken)
		if err != nil {
			return err
		}
		w.start = start
		if w.sender, err = dial(ctx, address); err != nil {
			w.broken = start
		}
	}
	return nil
}

// sink takes what the desk sends.
type sink struct {
	address string

	mu    sync.Mutex
	mails []arrival
}

// arrival is a mail that the desk has sent.
type arrival struct {
	to  string
	sum sum
	fields
}

func newSink(t *testing.T) *sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{address: l.Addr().String()}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &sinkSession{sink: s}, nil }))
	server.Domain, server.EnableSMTPUTF8 = "sink.example", true
	server.ErrorLog = log.New(io.Discard, "", 0) // a desk that is killed hangs up
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return s
}

type sinkSession struct {
	sink *sink
	to   string
}

func (s *sinkSession) Reset()                                    { s.to = "" }
func (s *sinkSession) Logout() error                             { return nil }
func (s *sinkSession) Mail(string, *smtp.MailOptions) error      { return nil }
func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }

func (s *sinkSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	a := arrival{to: strings.ToLower(s.to), sum: sha256.Sum256(data), fields: readFields(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.mails = append(s.sink.mails, a)
	return nil
}

func (s *sink) arrivals() []arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]arrival(nil), s.mails...)
}
