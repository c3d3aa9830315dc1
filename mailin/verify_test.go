package mailin

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ventanilla/mail"
)

// elsewhere makes peers of this machine into strangers.
type elsewhere struct{ net.Listener }

func (l elsewhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return pipeEnd{c, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1025}}, nil
}

// nothing is a Verify that reads a mail and finds nothing out.
func nothing(_ context.Context, _ mail.Envelope, text io.Reader) *mail.Checked {
	_, _ = io.Copy(io.Discard, text)
	return &mail.Checked{}
}

// TestScriptsVerified: whoever is verified first hears the same answers, and his
// mail is the same.
func TestScriptsVerified(t *testing.T) {
	names, err := filepath.Glob("../testdata/smtp/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range names {
		for _, memory := range []int{1 << 20, 7} {
			t.Run(fmt.Sprintf("%s/%d", strings.TrimSuffix(filepath.Base(name), ".txt"), memory), func(t *testing.T) {
				t.Parallel()
				runScript(t, readScript(t, name), Options{Verify: nothing, SpoolFolder: t.TempDir()}, func(s *Server) { s.guards.memory = memory })
			})
		}
	}
}

// verifier is a Verify that keeps what it was asked.
type verifier struct {
	mu    sync.Mutex
	asked []taken
	held  []string // the files that were open meanwhile
	part  int64    // bytes that it reads; 0: all
}

func (v *verifier) verify(_ context.Context, env mail.Envelope, r io.Reader) *mail.Checked {
	if v.part > 0 {
		r = io.LimitReader(r, v.part)
	}
	text, err := io.ReadAll(r)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		v.held = append(v.held, err.Error())
	}
	v.asked = append(v.asked, taken{env: env, text: string(text)})
	names, _ := filepath.Glob("/proc/self/fd/*")
	for _, name := range names {
		if to, _ := os.Readlink(name); strings.Contains(to, "/incoming-") {
			v.held = append(v.held, to)
		}
	}
	return &mail.Checked{Domain: "uni.example", Pass: true}
}

// TestVerify: a stranger's mail is verified, whole and as it was sent, and what
// was found out is in the envelope that the receiver gets. A large one lies in a
// file without a name meanwhile, and not in memory.
func TestVerify(t *testing.T) {
	for _, size := range []int{0, 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 5<<20 + 3} {
		for _, part := range []int64{0, 100} {
			t.Run(fmt.Sprintf("%d bytes, %d read", size, part), func(t *testing.T) {
				var mails ledger
				v := verifier{part: part}
				folder := t.TempDir()
				_, address := serve(t, &mails, Options{Verify: v.verify, SpoolFolder: folder})
				p := dial(t, address)
				p.begin()
				text := "\r\n" + strings.Repeat("0123456789", size/10+1)
				text = text[:max(size, 2)]
				if size < 2 {
					text = text[:size]
				}
				p.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(text), text))
				p.want("250 2.0.0 Ok: *")
				got := mails.all()
				if len(got) != 1 || got[0].text != text || !strings.HasPrefix(got[0].trace, "Return-Path: <ana@example.org>\r\nReceived: ") {
					t.Fatalf("taken: %d mails", len(got))
				}
				if k := got[0].env.Auth.Checked; k == nil || !k.Pass || k.Domain != "uni.example" {
					t.Errorf("checked: %+v", k)
				}
				want := text
				if part > 0 {
					want = text[:min(len(text), int(part))]
				}
				if len(v.asked) != 1 || v.asked[0].text != want || v.asked[0].env.From != "ana@example.org" || v.asked[0].env.Peer != "192.0.2.1" || v.asked[0].env.Helo != "client.example" {
					t.Errorf("asked %d times", len(v.asked))
				}
				if large := size > 1<<20; large != (len(v.held) == 1) || large && (!strings.HasPrefix(v.held[0], folder) || !strings.HasSuffix(v.held[0], "(deleted)")) {
					t.Errorf("held: %q", v.held)
				}
				if left, _ := os.ReadDir(folder); len(left) != 0 {
					t.Errorf("%s is left", left[0].Name())
				}
			})
		}
	}
}

// TestVerifyWhom: nobody but strangers by SMTP.
func TestVerifyWhom(t *testing.T) {
	for _, test := range []struct {
		name, from string
		lmtp       bool
		verified   bool
	}{
		{"a stranger", "192.0.2.1", false, true},
		{"a stranger by IPv6", "2001:db8::1", false, true},
		{"a stranger by LMTP", "192.0.2.1", true, false},
		{"this machine", "127.0.0.1", false, false},
		{"this machine by IPv6", "::1", false, false},
		{"a trusted relay", "198.51.100.7", false, false},
		{"a server of the site's own", "203.0.113.7", false, false},
		{"its neighbour", "203.0.113.8", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var mails ledger
			var v verifier
			_, l := servePipes(t, &mails, Options{Verify: v.verify, SpoolFolder: t.TempDir(), LMTP: test.lmtp,
				TrustedRelays: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, FrontServers: []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}})
			p := l.dial(t, test.from)
			hello := "EHLO"
			if test.lmtp {
				hello = "LHLO"
			}
			p.want("220 *")
			p.send(hello + " c.example\r\n")
			for line := p.line(); !strings.HasPrefix(line, "250 "); line = p.line() {
			}
			p.send("MAIL FROM:<ana@example.org>\r\n")
			p.want("250 *")
			p.send("RCPT TO:<mesa@desk.example.org>\r\n")
			p.want("250 *")
			p.send("BDAT 1 LAST\r\nx")
			p.want("250 *")
			if got := mails.all(); len(v.asked) == 1 != test.verified || (got[0].env.Auth.Checked != nil) != test.verified {
				t.Errorf("verified %d times, %+v", len(v.asked), got[0].env.Auth)
			}
		})
	}
}

// TestVerifyRefused: a mail that is not taken is not verified, and one that the
// receiver does not take is not acknowledged.
func TestVerifyRefused(t *testing.T) {
	large := fmt.Sprintf("BDAT %d LAST\r\n%s", 3<<20, strings.Repeat("x", 3<<20))
	for _, test := range []struct {
		name, rcpt, send, want string
		change                 func(*Options)
		guard                  func(*Server)
		asked                  int
	}{
		{"too large", "mesa", large, "552 5.3.4 *", func(o *Options) { o.MaxSize = 2 << 20 }, nil, 0},
		{"no room for a large one", "mesa", large, "452 4.3.1 *", func(o *Options) { o.SpoolReserve = 1 << 62 }, nil, 0},
		{"no room, and a small one", "mesa", "BDAT 1 LAST\r\nx", "250 *", func(o *Options) { o.SpoolReserve = 1 << 62 }, nil, 1},
		{"no folder for a large one", "mesa", large, "451 4.3.0 *", func(o *Options) { o.SpoolFolder += "/gone" }, nil, 0},
		{"a loop", "mesa", "DATA\r\n" + strings.Repeat("Received: x\r\n", 51) + ".\r\n", "354 *", nil, nil, 0},
		{"given up between chunks", "mesa", "BDAT 1\r\nxRSET\r\n", "250 2.0.0 Go on", nil, nil, 0},
		{"no room with the receiver", "full-early", large, "452 4.3.1 *", nil, nil, 1},
		{"not read to the end", "unread", large, "451 4.3.0 *", nil, nil, 1},
		{"not read to the end, without the guard", "unread", large, "250 *", nil, func(s *Server) { s.guards.complete = false }, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var mails ledger
			var v verifier
			o := Options{Verify: v.verify, SpoolFolder: t.TempDir()}
			if test.change != nil {
				test.change(&o)
			}
			_, address := serve(t, &mails, o, func(s *Server) {
				if test.guard != nil {
					test.guard(s)
				}
			})
			p := dial(t, address)
			p.greet()
			p.send("MAIL FROM:<ana@example.org>\r\nRCPT TO:<" + test.rcpt + "@desk.example.org>\r\n" + test.send)
			p.want("250 *")
			p.want("250 *")
			p.want(test.want)
			p.send("NOOP\r\nQUIT\r\n")
			last := ""
			for line := p.line(); line != closed; line = p.line() {
				last = line
			}
			if !strings.HasPrefix(last, "221 ") {
				t.Errorf("the session ends with %q", last)
			}
			if taken := len(mails.all()); taken == 1 != (test.name == "no room, and a small one") || len(v.asked) != test.asked {
				t.Errorf("%d taken, %d verified", taken, len(v.asked))
			}
		})
	}
}

// TestVerifyNeedsFolder: large mails must have a place.
func TestVerifyNeedsFolder(t *testing.T) {
	if _, err := NewServer(&ledger{}, Options{Hostname: "desk.example.org", Verify: nothing}); err == nil {
		t.Error("a server that would keep large mails nowhere")
	}
}
