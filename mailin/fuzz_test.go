package mailin

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestRandomSessions sends mails of random odd text by DATA and BDAT in random
// pieces, with refused commands between, and compares what was taken.
func TestRandomSessions(t *testing.T) {
	t.Run("taken as they come", func(t *testing.T) { randomSessions(t, Options{MaxSize: 1 << 20}) })
	t.Run("held and verified", func(t *testing.T) {
		randomSessions(t, Options{MaxSize: 1 << 20, Verify: nothing, SpoolFolder: t.TempDir()})
	})
}

func randomSessions(t *testing.T, options Options) {
	var mails ledger
	_, address := serve(t, &mails, options, func(s *Server) {
		s.guards.lookalikes, s.guards.errors, s.guards.memory = false, 1<<30, 10000
	})
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		before := len(mails.all())
		script, want := randomSession(r)
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		answers := make(chan []byte, 1)
		go func() {
			all, _ := io.ReadAll(conn)
			answers <- all
		}()
		for rest := script; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(3000))
			if _, err := io.WriteString(conn, rest[:n]); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			rest = rest[n:]
		}
		got := <-answers
		conn.Close()
		if n := bytes.Count(got, []byte("250 2.0.0 Ok: ")); n != len(want) || !bytes.HasSuffix(got, []byte("221 2.0.0 Bye\r\n")) {
			t.Fatalf("seed %d: %d acknowledged, want %d: %q", seed, n, len(want), got)
		}
		for i, m := range mails.all()[before:] {
			if m.text != want[i] {
				t.Fatalf("seed %d, mail %d: got %q, want %q", seed, i, m.text, want[i])
			}
		}
	}
}

// randomSession makes up a session and what is to be taken of it.
func randomSession(r *rand.Rand) (script string, want []string) {
	var b strings.Builder
	b.WriteString("EHLO a.example\r\n")
	between := []string{"NOOP\r\n", "FOO\r\n", "BDAT 5\r\nQUIT\n", "RSET\r\n", "RCPT TO:<a@b>\r\n", "NOOP " + strings.Repeat("x", 3000) + "\r\n"}
	for range 1 + r.IntN(8) {
		for range r.IntN(3) {
			b.WriteString(between[r.IntN(len(between))])
		}
		b.WriteString("MAIL FROM:<ana@example.org>\r\nRCPT TO:<mesa@desk.example.org>\r\n")
		text := randomText(r)
		if r.IntN(2) == 0 {
			want = append(want, text)
			writeChunks(&b, r, text)
			continue
		}
		if !strings.HasSuffix(text, "\r\n") {
			text += "\r\n"
		}
		want = append(want, text)
		stuffed := strings.ReplaceAll(text, "\r\n.", "\r\n..")
		if strings.HasPrefix(text, ".") {
			stuffed = "." + stuffed
		}
		b.WriteString("DATA\r\n" + stuffed + ".\r\n")
	}
	b.WriteString("QUIT\r\n")
	return b.String(), want
}

func writeChunks(b *strings.Builder, r *rand.Rand, text string) {
	for r.IntN(4) > 0 {
		n := r.IntN(len(text) + 1)
		fmt.Fprintf(b, "BDAT %d\r\n%s", n, text[:n])
		text = text[n:]
	}
	fmt.Fprintf(b, "BDAT %d LAST\r\n%s", len(text), text)
}

// randomText begins with an empty line, so that nothing of it is a header.
func randomText(r *rand.Rand) string {
	pieces := []string{"\r\n", "\r", "\n", ".", "..", "\x00", "QUIT", "a", "\r\n.\r\n", "\n.\n", "\xff", strings.Repeat("long", 5000)}
	text := "\r\n"
	for range r.IntN(40) {
		text += pieces[r.IntN(len(pieces))]
	}
	return text
}

var acknowledgement = regexp.MustCompile(`(?m)^250 2\.0\.0 Ok: `)

// FuzzSession throws bytes at a session. Whatever they are, there is no panic,
// the session ends when the client has, and as many mails are acknowledged as
// were taken.
func FuzzSession(f *testing.F) {
	names, _ := filepath.Glob("../testdata/smtp/*.txt")
	for _, name := range names {
		var all strings.Builder
		for _, s := range readScript(f, name) {
			switch kind, _, _ := strings.Cut(s.kind, "*"); kind {
			case "C":
				all.WriteString(s.text + "\r\n")
			case "R":
				all.WriteString(unquote(f, s))
			}
		}
		if all.Len() < 64<<10 {
			f.Add([]byte(all.String()))
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if bytes.Contains(input, []byte("panic")) {
			t.Skip("the ledger would")
		}
		var (
			mails ledger
			log   logBuffer
		)
		s, err := NewServer(&mails, Options{Hostname: "desk.example.org", MaxSize: 10000, Log: log.logger()})
		if err != nil {
			t.Fatal(err)
		}
		l := newPipes()
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		socket := &memory{in: bytes.NewReader(input), done: make(chan struct{})}
		l.accept <- socket
		select {
		case <-socket.done:
		case <-time.After(10 * time.Second):
			t.Fatal("the session does not end")
		}
		shutDown(t, s)
		if err := <-served; err != nil {
			t.Error(err)
		}
		if n, taken := len(acknowledgement.FindAll(socket.out.Bytes(), -1)), len(mails.all()); n != taken {
			t.Errorf("%d acknowledged, %d taken", n, taken)
		}
		if strings.Contains(log.String(), "panic") || bytes.Contains(socket.out.Bytes(), []byte("SECRET")) {
			t.Errorf("%q\n%s", socket.out.Bytes(), log.String())
		}
	})
}

// memory is a connection whose client has said all it will.
type memory struct {
	net.Conn // none; what is not below is not called
	in       *bytes.Reader
	out      bytes.Buffer
	once     sync.Once
	done     chan struct{}
}

func (m *memory) Read(p []byte) (int, error)       { return m.in.Read(p) }
func (m *memory) Write(p []byte) (int, error)      { return m.out.Write(p) }
func (m *memory) SetReadDeadline(time.Time) error  { return nil }
func (m *memory) SetWriteDeadline(time.Time) error { return nil }
func (m *memory) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} }
func (m *memory) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

// brittle panics when it is read.
type brittle struct{ memory }

func (*brittle) Read([]byte) (int, error) { panic("SECRET panic of the socket") }

// TestPanicWhileReading: go-smtp recovers from panics in commands only; one
// between them must not end the process either.
func TestPanicWhileReading(t *testing.T) {
	var log logBuffer
	s, l := servePipes(t, &ledger{}, Options{Log: log.logger()})
	socket := &brittle{memory{done: make(chan struct{})}}
	l.accept <- socket
	<-socket.done
	if !strings.Contains(log.String(), "SECRET panic of the socket") || connections(s) != 0 {
		t.Errorf("%d connections, log %q", connections(s), log.String())
	}
	p := l.dial(t, "192.0.2.1")
	p.want("220 *")
}
