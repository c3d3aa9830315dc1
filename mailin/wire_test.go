package mailin

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ventanilla/certs"
	"ventanilla/mail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// taken is a mail that a ledger has.
type taken struct {
	env   mail.Envelope
	trace string // our own fields
	text  string // the rest
	id    mail.ID
}

// ledger is a Receiver that keeps what it gets. The local part of the first
// recipient says how it behaves.
type ledger struct {
	mu    sync.Mutex
	mails []taken
}

func (l *ledger) Accepts(env mail.Envelope, rcpt string) error {
	switch {
	case strings.HasPrefix(rcpt, "unknown"):
		return fmt.Errorf("look for %s: %w", rcpt, mail.ErrNoRecipient)
	case strings.HasPrefix(rcpt, "secret-rcpt"):
		return errors.New("SECRET of the recipients")
	case strings.HasPrefix(rcpt, "panic-rcpt"):
		panic("SECRET panic of the recipients")
	}
	return nil
}

func (l *ledger) Receive(_ context.Context, env mail.Envelope, r io.Reader) (mail.ID, error) {
	behaviour, _, _ := strings.Cut(env.Rcpts[0], "@")
	switch behaviour {
	case "unread":
		return "0123456789abcdef0123", nil
	case "full-early":
		return "", mail.ErrNoSpace
	case "panic":
		panic("SECRET panic")
	}
	whole, err := io.ReadAll(r)
	if err != nil && behaviour == "opaque" {
		return "", errors.New("SECRET, and nothing of the cause")
	}
	if err != nil {
		return "", fmt.Errorf("SECRET reading: %w", err)
	}
	switch behaviour {
	case "full":
		return "", fmt.Errorf("SECRET path: %w", mail.ErrNoSpace)
	case "secret":
		return "", errors.New("SECRET of the store")
	case "gone":
		return "", mail.ErrNoRecipient
	case "loop":
		return "", mail.ErrLoop
	case "large":
		return "", mail.ErrTooLarge
	}
	m := taken{env: env}
	m.trace, m.text = splitTrace(string(whole))
	sum := sha256.Sum256([]byte(m.text))
	m.id = mail.ID(hex.EncodeToString(sum[:]))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mails = append(l.mails, m)
	return m.id, nil
}

func (l *ledger) all() []taken {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]taken(nil), l.mails...)
}

// splitTrace cuts after the first two fields.
func splitTrace(whole string) (trace, text string) {
	fields := 0
	for i := 0; i < len(whole); {
		end := strings.Index(whole[i:], "\r\n") + 2
		if whole[i] != '\t' {
			if fields++; fields > 2 {
				return whole[:i], whole[i:]
			}
		}
		i += end
	}
	return whole, ""
}

// serve runs a server on a free port of 127.0.0.1 until the test ends.
func serve(t testing.TB, r Receiver, options Options, change ...func(*Server)) (*Server, string) {
	t.Helper()
	if options.Hostname == "" {
		options.Hostname = "desk.example.org"
	}
	s, err := NewServer(r, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if options.Verify != nil {
		l = elsewhere{l}
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		shutDown(t, s)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, address
}

func shutDown(t testing.TB, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// peer is the client's end of a connection.
type peer struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	wait time.Duration // for an answer
}

func dial(t testing.TB, address string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newPeer(t, conn)
}

func newPeer(t testing.TB, conn net.Conn) *peer {
	return &peer{t: t, conn: conn, in: bufio.NewReader(conn), wait: 10 * time.Second}
}

func (p *peer) send(text string) {
	p.t.Helper()
	p.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.t.Logf("send: %v", err) // what the server says counts
	}
}

const closed = "<closed>"

// line reads one line; closed when there is none.
func (p *peer) line() string {
	p.conn.SetReadDeadline(time.Now().Add(p.wait))
	line, err := p.in.ReadString('\n')
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return line + "<nothing more>"
	}
	if err != nil {
		return line + closed
	}
	return strings.TrimSuffix(line, "\r\n")
}

func (p *peer) want(expected string) {
	p.t.Helper()
	got := p.line()
	prefix, open := strings.CutSuffix(expected, "*")
	if got != expected && !(open && strings.HasPrefix(got, prefix)) {
		p.t.Fatalf("got  %q\nwant %q", got, expected)
	}
}

func (p *peer) startTLS(config *tls.Config) {
	p.t.Helper()
	client := tls.Client(p.conn, config)
	client.SetDeadline(time.Now().Add(10 * time.Second))
	if err := client.Handshake(); err != nil {
		p.t.Fatalf("handshake: %v", err)
	}
	p.conn, p.in = client, bufio.NewReader(client)
}

// greet says EHLO and reads past the answer.
func (p *peer) greet() {
	p.t.Helper()
	p.want("220 *")
	p.send("EHLO client.example\r\n")
	for {
		line := p.line()
		if strings.HasPrefix(line, "250 ") {
			return
		}
		if !strings.HasPrefix(line, "250-") {
			p.t.Fatalf("EHLO: %q", line)
		}
	}
}

// step is a line of a script.
type step struct {
	line int
	kind string
	text string
}

// readScript reads a dialogue:
//
//	option: Name value     (before the first other line)
//	C: text                sent with CRLF; lines in a row are sent in one write
//	R: "text"              sent as it is, a Go string; R*100: repeats it
//	TLS:                   the handshake
//	S: text                expected; a * at the end matches anything
//	mails: 2               how many mails were taken in the end
//	text: "text"           of the last mail, without our fields
//	rcpts: a b             of the last mail
//	from: a                of the last mail
//	log: text              occurs in the log
func readScript(t testing.TB, name string) []step {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	for i, line := range strings.Split(string(content), "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		kind, text, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("%s:%d: no colon", name, i+1)
		}
		steps = append(steps, step{i + 1, kind, strings.TrimPrefix(text, " ")})
	}
	return steps
}

func unquote(t testing.TB, s step) string {
	t.Helper()
	text, err := strconv.Unquote(s.text)
	if err != nil {
		t.Fatalf("line %d: %v", s.line, err)
	}
	if _, times, ok := strings.Cut(s.kind, "*"); ok {
		n, err := strconv.Atoi(times)
		if err != nil {
			t.Fatalf("line %d: %v", s.line, err)
		}
		text = strings.Repeat(text, n)
	}
	return text
}

func scriptOptions(t testing.TB, steps []step) Options {
	var options Options
	for _, s := range steps {
		if s.kind != "option" {
			continue
		}
		name, value, _ := strings.Cut(s.text, " ")
		n, _ := strconv.Atoi(value)
		switch name {
		case "MaxSize":
			options.MaxSize = int64(n)
		case "MaxRecipients":
			options.MaxRecipients = n
		case "LMTP":
			options.LMTP = true
		case "TLS":
			certificate, key := certificateFiles(t, t.TempDir(), 1)
			options.GetCertificate = files(t, certificate, key, time.Now, nil)
		default:
			t.Fatalf("line %d: unknown option", s.line)
		}
	}
	return options
}

// play runs a script against a server. It returns what differs, or "".
func play(p *peer, steps []step, roots *tls.Config) string {
	var unsent bytes.Buffer
	for _, s := range steps {
		switch kind, _, _ := strings.Cut(s.kind, "*"); kind {
		case "C":
			unsent.WriteString(s.text + "\r\n")
		case "R":
			unsent.WriteString(unquote(p.t, s))
		case "TLS":
			p.startTLS(roots)
		case "S":
			if unsent.Len() > 0 {
				p.send(unsent.String())
				unsent.Reset()
			}
			got := p.line()
			prefix, open := strings.CutSuffix(s.text, "*")
			if got != s.text && !(open && strings.HasPrefix(got, prefix)) {
				return fmt.Sprintf("line %d\ngot  %q\nwant %q", s.line, got, s.text)
			}
		}
	}
	return ""
}

func TestScripts(t *testing.T) {
	names, err := filepath.Glob("../testdata/smtp/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			t.Parallel()
			runScript(t, readScript(t, name), Options{})
		})
	}
}

func runScript(t *testing.T, steps []step, more Options, change ...func(*Server)) {
	var (
		l   ledger
		log logBuffer
	)
	options := scriptOptions(t, steps)
	options.Log = log.logger()
	options.Verify, options.SpoolFolder = more.Verify, more.SpoolFolder
	server, address := serve(t, &l, options, change...)
	p := dial(t, address)
	if difference := play(p, steps, &tls.Config{InsecureSkipVerify: true}); difference != "" {
		t.Fatalf("%s\nlog:\n%s", difference, log.String())
	}
	p.conn.Close()
	shutDown(t, server)
	mails, last := l.all(), taken{}
	if len(mails) > 0 {
		last = mails[len(mails)-1]
	}
	for _, s := range steps {
		got, want := "", s.text
		switch kind, _, _ := strings.Cut(s.kind, "*"); kind {
		case "mails":
			got = strconv.Itoa(len(mails))
		case "text":
			got, want = last.text, unquote(t, s)
		case "rcpts":
			got = strings.Join(last.env.Rcpts, " ")
		case "from":
			got = last.env.From
		case "helo":
			got = last.env.Helo
		case "log":
			if strings.Contains(log.String(), want) {
				got = want
			}
		case "C", "R", "S", "TLS", "option":
			continue
		default:
			t.Fatalf("line %d: unknown word %q", s.line, s.kind)
		}
		if got != want {
			t.Errorf("line %d: %s is %.300q, want %.300q\nlog:\n%s", s.line, s.kind, got, want, log.String())
		}
	}
}

// certificateFiles writes a self-signed certificate and its key.
func certificateFiles(t testing.TB, folder string, serial int64) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "desk.example.org"},
		DNSNames: []string{"desk.example.org"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	writePEM(t, certificate, "CERTIFICATE", der)
	writePEM(t, key, "PRIVATE KEY", keyDER)
	return certificate, key
}

// files is what shows a pair of files, as Options want it.
func files(t testing.TB, certificate, key string, now func() time.Time, log *slog.Logger) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	t.Helper()
	f, err := certs.Load(certificate, key, now, log)
	if err != nil {
		t.Fatal(err)
	}
	return f.Get
}

func writePEM(t testing.TB, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
