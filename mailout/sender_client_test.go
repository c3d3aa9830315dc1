package mailout

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// spoken runs fn on a client whose server answers each line that it hears with the
// next of the answers, the first before it hears any, and returns what it heard.
func spoken(t *testing.T, answers []string, fn func(*client)) (heard []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			in := bufio.NewReader(far)
			for i, a := range answers {
				if i > 0 {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					heard = append(heard, strings.TrimRight(line, "\r\n"))
				}
				if a != "" {
					io.WriteString(far, a)
				}
			}
			io.Copy(io.Discard, in)
		}()
		fn(newClient(near, near, time.Minute))
		near.Close()
		synctest.Wait()
	})
	return heard
}

// long is a token as those of Microsoft 365, which no command line of 512 bytes holds.
var long = strings.Repeat("eyJ0", 500)

// TestLongToken: an initial response that makes the command too long waits until the
// server asks for it (RFC 4954 §4); a short one goes with the command.
func TestLongToken(t *testing.T) {
	for token, want := range map[string]int{"short": 1, long: 2} {
		encoded := base64.StdEncoding.EncodeToString([]byte("user=mesa\x01auth=Bearer " + token + "\x01\x01"))
		answers := []string{"", "235 2.7.0 welcome\r\n"}
		if want == 2 {
			answers = []string{"", "334 \r\n", "235 2.7.0 welcome\r\n"}
		}
		var err error
		heard := spoken(t, answers, func(c *client) { err = c.auth(shown(token)) })
		lines := []string{"AUTH XOAUTH2 " + encoded}
		if want == 2 {
			lines = []string{"AUTH XOAUTH2", encoded}
		}
		if err != nil || strings.Join(heard, "\n") != strings.Join(lines, "\n") {
			t.Errorf("%v; heard %.80q in %d lines", err, heard, len(heard))
		}
	}
}

// TestReplyShapes: what is a reply and what is none. After what is none the connection
// is of no more use, and nothing makes us wait or keep without a bound.
func TestReplyShapes(t *testing.T) {
	for _, c := range []struct {
		said  string
		code  int // 0: none
		lines int
	}{
		{"250 ok\r\n", 250, 1},
		{"250 ok\n", 250, 1},
		{"250\r\n", 250, 1},
		{"250-one\r\n250-two\r\n250 three\r\n", 250, 3},
		{"250-one\r\n250\r\n", 250, 2},
		{"250 " + strings.Repeat("x", 4000) + "\r\n", 250, 1},
		{"250 " + strings.Repeat("x", 5000) + "\r\n", 0, 0},
		{"250-one\r\n550 two\r\n", 0, 0},
		{"25\r\n", 0, 0},
		{"2500 ok\r\n", 0, 0},
		{"250_ok\r\n", 0, 0},
		{"050 ok\r\n", 0, 0},
		{"\r\n", 0, 0},
		{"gibberish\r\n", 0, 0},
		{strings.Repeat("250-more\r\n", 199) + "250 end\r\n", 250, 200},
		{strings.Repeat("250-more\r\n", 300), 0, 0},
		{strings.Repeat("x", 100000), 0, 0},
	} {
		var lines []string
		var code int
		var err error
		var broken bool
		spoken(t, []string{c.said}, func(k *client) {
			lines, code, err = k.lines(time.Minute)
			broken = k.broken
		})
		if c.code == 0 && (err == nil || !broken) || c.code != 0 && (err != nil || broken || code != c.code || len(lines) != c.lines) {
			t.Errorf("%.40q: %d, %d lines, %v, broken %v", c.said, code, len(lines), err, broken)
		}
	}
}

// TestExtensions: what a server offers is read from the reply to EHLO alone, in any
// case; one that knows no EHLO offers nothing.
func TestExtensions(t *testing.T) {
	for _, c := range []struct {
		answers []string
		heard   string
		offers  string // each but those of names that are no extension
		login   bool
	}{
		{[]string{"220 x\r\n", "250-sink SMTPUTF8\r\n250-size 1000\r\n250-Pipelining\r\n250 AUTH plain LOGIN\r\n"}, "EHLO me", "SIZE PIPELINING AUTH", true},
		{[]string{"220 x\r\n", "250 sink\r\n"}, "EHLO me", "", false},
		{[]string{"220-x\r\n220 PIPELINING\r\n", "500 what?\r\n", "250 sink\r\n"}, "EHLO me\nHELO me", "", false},
		{[]string{"220 x\r\n", "502 what?\r\n", "250-sink\r\n250 PIPELINING\r\n"}, "EHLO me\nHELO me", "", false},
	} {
		var err error
		var k *client
		heard := spoken(t, c.answers, func(c *client) { k = c; err = c.greet("me") })
		if err != nil || strings.Join(heard, "\n") != c.heard || k.mechanism("LOGIN") != c.login {
			t.Errorf("%q: %v, heard %q, LOGIN %v", c.answers, err, heard, k.mechanism("LOGIN"))
		}
		for _, e := range []string{"SMTPUTF8", "SIZE", "PIPELINING", "AUTH"} {
			if k.offered(e) != strings.Contains(c.offers, e) {
				t.Errorf("%q: %s offered is %v", c.answers, e, k.offered(e))
			}
		}
	}
}

// FuzzReply: whatever a server says, a reply has a code that it began with and text in
// one line of bounded length, and the next command is not answered by what is left.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "550 5.1.1 no\r\n", "4", "\x00\xff", "250-\r\n", "421 4.3.2 bye\r\n250 ok\r\n", strings.Repeat("250-x\r\n", 300)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		near, far := net.Pipe()
		defer near.Close()
		go func() { io.Copy(far, bytes.NewReader(said)); far.Close() }()
		c := newClient(near, near, time.Minute)
		r, err := c.hear(2)
		if len(r.text) > 500 || strings.ContainsAny(r.text, "\r\n\x00") {
			t.Fatalf("text %q", r.text)
		}
		if err == nil && (r.code/100 != 2 || !bytes.HasPrefix(said, []byte{byte('0' + r.code/100)})) {
			t.Fatalf("%q is %+v", said, r)
		}
		if r.code == 0 && !c.broken {
			t.Fatalf("%q: no reply, and the connection goes on", said)
		}
	})
}
