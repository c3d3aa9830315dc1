package mailin

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"ventanilla/mail"
)

// TestConnectionCaps: too many connections, in all or from one address, are
// answered 421; those that go make room.
func TestConnectionCaps(t *testing.T) {
	relays := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	tests := []struct {
		name    string
		options Options
		from    func(i int) string
		room    int
		refusal string
	}{
		{"one address", Options{}, func(int) string { return "192.0.2.1" }, 50, "Too many connections from your address"},
		{"one address, limit 3", Options{MaxPerPeer: 3}, func(int) string { return "192.0.2.1" }, 3, "Too many connections from your address"},
		{"one IPv4 address within IPv6", Options{}, func(int) string { return "::ffff:192.0.2.1" }, 50, "Too many connections from your address"},
		{"one IPv6 network", Options{}, func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) }, 50, "Too many connections from your address"},
		{"many addresses", Options{MaxConnections: 120}, func(i int) string { return fmt.Sprintf("192.0.2.%d", i+1) }, 120, "Too many connections"},
		{"loopback", Options{MaxConnections: 120}, func(int) string { return "127.0.0.1" }, 120, "Too many connections"},
		{"a trusted relay", Options{MaxConnections: 120, TrustedRelays: relays}, func(int) string { return "198.51.100.9" }, 120, "Too many connections"},
		{"default", Options{}, func(i int) string { return fmt.Sprintf("10.0.%d.%d", i/200, i%200) }, 500, "Too many connections"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, l := servePipes(t, &ledger{}, test.options)
				var peers []*peer
				for i := range test.room {
					p := l.dial(t, test.from(i))
					p.want("220 *")
					peers = append(peers, p)
				}
				p := l.dial(t, test.from(test.room))
				p.want("421 4.7.0 desk.example.org " + test.refusal + ", try again later")
				p.want(closed)
				peers[0].conn.Close()
				synctest.Wait()
				l.dial(t, test.from(0)).want("220 *")
			})
		})
	}
}

// TestRelay: only a peer within TrustedRelays is one. Those, this machine and the
// FrontServers write true Authentication-Results; nobody else does.
func TestRelay(t *testing.T) {
	front := map[string]bool{"198.51.100.1": true, "::ffff:198.51.100.1": true, "198.51.101.1": true, "127.0.0.1": true, "2001:db8:1::7": true}
	relays := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8:1::/48")}
	for from, want := range map[string]bool{
		"198.51.100.1": true, "::ffff:198.51.100.1": true, "198.51.101.1": false, "127.0.0.1": false,
		"2001:db8:1::7": true, "2001:db8:2::7": false, "198.51.102.1": false,
	} {
		var mails ledger
		_, l := servePipes(t, &mails, Options{TrustedRelays: relays, FrontServers: []netip.Prefix{netip.MustParsePrefix("198.51.101.1/32")}})
		p := l.dial(t, from)
		p.begin()
		p.send("BDAT 1 LAST\r\nx")
		p.want("250 2.0.0 Ok: *")
		env := mails.all()[0].env
		if env.Auth != (mail.Auth{Relay: want, Front: front[from]}) {
			t.Errorf("%s: %+v", from, env.Auth)
		}
		if wantPeer := strings.TrimPrefix(from, "::ffff:"); env.Peer != wantPeer {
			t.Errorf("%s: peer %q", from, env.Peer)
		}
	}
}

// TestUnixSocket: LMTP from the machine's own MTA.
func TestUnixSocket(t *testing.T) {
	var mails ledger
	s, err := NewServer(&mails, Options{Hostname: "desk.example.org", LMTP: true})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "lmtp.sock")
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	conn, err := net.Dial("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p := newPeer(t, conn)
	p.send("LHLO localhost\r\nMAIL FROM:<>\r\nRCPT TO:<mesa@desk.example.org>\r\nBDAT 1 LAST\r\nxQUIT\r\n")
	for line := p.line(); !strings.HasPrefix(line, "221 "); line = p.line() {
		if line == closed {
			t.Fatal("no 221")
		}
	}
	shutDown(t, s)
	if err := <-served; err != nil {
		t.Error(err)
	}
	got := mails.all()
	if len(got) != 1 || got[0].env.Source != "lmtp" || got[0].env.Peer != "" || got[0].env.From != mail.NullPath {
		t.Fatalf("%+v", got)
	}
	if !strings.Contains(got[0].trace, "Received: from localhost (local)\r\n\tby desk.example.org with LMTP id ") {
		t.Errorf("%q", got[0].trace)
	}
}
