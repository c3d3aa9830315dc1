package mailin

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a clock that the test turns.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// secure connects and does STARTTLS with a configuration.
func secure(t *testing.T, address string, config *tls.Config) (*tls.Conn, error) {
	t.Helper()
	p := dial(t, address)
	p.greet()
	p.send("STARTTLS\r\n")
	p.want("220 *")
	client := tls.Client(p.conn, config)
	client.SetDeadline(time.Now().Add(10 * time.Second))
	return client, client.Handshake()
}

// TestCertificateReload: a renewed certificate serves at the next handshake,
// but the files are looked at once a second at most; a pair that does not fit
// leaves the old one in force.
func TestCertificateReload(t *testing.T) {
	var log logBuffer
	now := &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	folder := t.TempDir()
	certificate, key := certificateFiles(t, folder, 1)
	_, address := serve(t, &ledger{}, Options{GetCertificate: files(t, certificate, key, now.Now, log.logger()), Now: now.Now, Log: log.logger()})
	serial := func() int64 {
		t.Helper()
		c, err := secure(t, address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	want := func(expected int64, when string) {
		t.Helper()
		if got := serial(); got != expected {
			t.Errorf("%s: certificate %d, want %d", when, got, expected)
		}
	}
	want(1, "at first")
	certificateFiles(t, folder, 2)
	want(1, "within the second")
	now.turn(time.Second)
	want(2, "after a second")

	oldKey, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	certificateFiles(t, folder, 3)
	newKey, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, key, append([]byte("\n"), oldKey...)) // in the middle of a renewal
	now.turn(time.Second)
	want(2, "with a key that does not fit")
	if !strings.Contains(log.String(), "the new certificate cannot be used") {
		t.Error("the log says nothing")
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	now.turn(time.Second)
	want(2, "without a key")
	replace(t, key, newKey)
	now.turn(time.Second)
	want(3, "when the key has come")
	if strings.Contains(log.String(), string(newKey[30:60])) {
		t.Error("the key is in the log")
	}
}

func replace(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTLSVersions(t *testing.T) {
	certificate, key := certificateFiles(t, t.TempDir(), 1)
	_, address := serve(t, &ledger{}, Options{GetCertificate: files(t, certificate, key, time.Now, nil)})
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := secure(t, address, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		c.Close()
	}
}

// TestPlaintextInjection: what was sent in the clear behind STARTTLS must not
// be read as said within TLS (CVE-2011-0411 and its kin).
func TestPlaintextInjection(t *testing.T) {
	certificate, key := certificateFiles(t, t.TempDir(), 1)
	for _, guarded := range []bool{true, false} {
		var mails ledger
		_, address := serve(t, &mails, Options{GetCertificate: files(t, certificate, key, time.Now, nil)}, func(s *Server) { s.guards.plaintext = guarded })
		p := dial(t, address)
		p.greet()
		p.send("STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@example.org>\r\n")
		if guarded {
			p.want("501 5.5.4 Nothing may follow STARTTLS before the handshake")
			p.want(closed)
			continue
		}
		// the control: without the guard the sender is the injected one
		p.want("220 *")
		p.startTLS(&tls.Config{InsecureSkipVerify: true})
		p.send("RCPT TO:<mesa@desk.example.org>\r\nBDAT 1 LAST\r\nx")
		for line := p.line(); !strings.HasPrefix(line, "250 2.0.0 Ok"); line = p.line() {
			if line == closed {
				t.Fatal("closed")
			}
		}
		if got := mails.all()[0].env.From; got != "evil@example.org" {
			t.Errorf("the control has sender %q", got)
		}
	}
}

// TestHandshakeGarbage: who does not speak TLS after STARTTLS hears nothing
// more in the clear.
func TestHandshakeGarbage(t *testing.T) {
	certificate, key := certificateFiles(t, t.TempDir(), 1)
	_, address := serve(t, &ledger{}, Options{GetCertificate: files(t, certificate, key, time.Now, nil)})
	p := dial(t, address)
	p.greet()
	p.send("STARTTLS\r\n")
	p.want("220 *")
	p.send("MAIL FROM:<evil@example.org>\r\n")
	p.conn.(*net.TCPConn).CloseWrite()
	rest, _ := io.ReadAll(p.in)
	if strings.Contains(string(rest), "250") {
		t.Errorf("answered %q", rest)
	}
}

func TestOptionsRefused(t *testing.T) {
	for name, options := range map[string]Options{
		"no host name":     {},
		"bad host name":    {Hostname: "a b"},
		"header injection": {Hostname: "a\r\nBcc: b"},
		"too large":        {Hostname: "a.example", MaxSize: 1 << 32},
	} {
		if _, err := NewServer(&ledger{}, options); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
