package mailin

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ventanilla/mail"
)

// The proxy of these tests is 198.51.100.9, and a trusted relay by its address.
const proxyAddress = "198.51.100.9"

func proxyOptions() Options {
	return Options{
		ProxyFrom:     []netip.Prefix{netip.MustParsePrefix("198.51.100.9/32"), netip.MustParsePrefix("127.0.0.1/32")},
		TrustedRelays: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
		FrontServers:  []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
	}
}

// binaryHeader is one of version 2.
func binaryHeader(command, family byte, length int, block string) string {
	b := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), command, family)
	return string(binary.BigEndian.AppendUint16(b, uint16(length))) + block
}

func addresses4(from string) string {
	a := netip.MustParseAddr(from).As4()
	return string(a[:]) + "\xc6\x33\x64\x09" + "\x04\x01\x00\x19"
}

func addresses6(from string) string {
	a := netip.MustParseAddr(from).As16()
	return string(a[:]) + string(make([]byte, 16)) + "\x04\x01\x00\x19"
}

// TestProxy: what a proxy says of a client, and nothing of its own, is the peer
// and what is trusted.
func TestProxy(t *testing.T) {
	noise := strings.Repeat("\x04\x00\x05noise", 100) // TLVs that nobody needs
	for name, c := range map[string]struct {
		from, header, peer string
		auth               mail.Auth
	}{
		"control: no proxy":            {"198.51.100.8", "", "198.51.100.8", mail.Auth{Relay: true, Front: true}},
		"text, stranger":               {proxyAddress, "PROXY TCP4 192.0.2.7 198.51.100.9 40000 25\r\n", "192.0.2.7", mail.Auth{}},
		"text, relay":                  {proxyAddress, "PROXY TCP4 198.51.100.77 198.51.100.9 40000 25\r\n", "198.51.100.77", mail.Auth{Relay: true, Front: true}},
		"text, front":                  {proxyAddress, "PROXY TCP4 203.0.113.5 198.51.100.9 40000 25\r\n", "203.0.113.5", mail.Auth{Front: true}},
		"text, IPv6":                   {proxyAddress, "PROXY TCP6 2001:db8::7 2001:db8::1 40000 25\r\n", "2001:db8::7", mail.Auth{}},
		"text, IPv4 in IPv6":           {proxyAddress, "PROXY TCP6 ::ffff:192.0.2.7 ::1 40000 25\r\n", "192.0.2.7", mail.Auth{}},
		"text, unknown":                {proxyAddress, "PROXY UNKNOWN\r\n", proxyAddress, mail.Auth{}},
		"text, unknown on loopback":    {"127.0.0.1", "PROXY UNKNOWN\r\n", "127.0.0.1", mail.Auth{}},
		"text, the proxy's loopback":   {proxyAddress, "PROXY TCP4 127.0.0.1 198.51.100.9 40000 25\r\n", "127.0.0.1", mail.Auth{}},
		"text, this loopback":          {"127.0.0.1", "PROXY TCP4 127.0.0.1 127.0.0.1 40000 25\r\n", "127.0.0.1", mail.Auth{Front: true}},
		"binary, stranger":             {proxyAddress, binaryHeader(0x21, 0x11, 12, addresses4("192.0.2.7")), "192.0.2.7", mail.Auth{}},
		"binary, relay":                {proxyAddress, binaryHeader(0x21, 0x11, 12, addresses4("198.51.100.77")), "198.51.100.77", mail.Auth{Relay: true, Front: true}},
		"binary, IPv6 and more":        {proxyAddress, binaryHeader(0x21, 0x21, 36+len(noise), addresses6("2001:db8::7")+noise), "2001:db8::7", mail.Auth{}},
		"binary, as long as may be":    {proxyAddress, binaryHeader(0x21, 0x11, 4096, addresses4("192.0.2.7")+strings.Repeat("x", 4084)), "192.0.2.7", mail.Auth{}},
		"binary, LOCAL":                {proxyAddress, binaryHeader(0x20, 0x00, 0, ""), proxyAddress, mail.Auth{}},
		"binary, LOCAL with addresses": {proxyAddress, binaryHeader(0x20, 0x11, 12, addresses4("198.51.100.77")), proxyAddress, mail.Auth{}},
		"binary, a Unix socket":        {"127.0.0.1", binaryHeader(0x21, 0x31, 216, strings.Repeat("/", 216)), "127.0.0.1", mail.Auth{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mails ledger
				_, l := servePipes(t, &mails, proxyOptions())
				p := l.dial(t, c.from)
				if c.header != "" {
					p.send(c.header)
				}
				p.begin()
				p.send("BDAT 1 LAST\r\nx")
				p.want("250 2.0.0 Ok: *")
				got := mails.all()[0]
				if got.env.Peer != c.peer || got.env.Auth != c.auth {
					t.Errorf("peer %q, %+v", got.env.Peer, got.env.Auth)
				}
				if !strings.Contains(got.trace, c.peer+"])\r\n") {
					t.Errorf("%q", got.trace)
				}
			})
		})
	}
}

// TestProxyWithoutHeader: a proxy that sends no good header in five seconds hears
// nothing, not even a greeting.
func TestProxyWithoutHeader(t *testing.T) {
	for name, c := range map[string]struct {
		send string
		late bool
	}{
		"nothing":                {"", true},
		"half a text":            {"PROX", true},
		"half a binary":          {"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00", true},
		"a command":              {"EHLO a.example\r\n", false},
		"in lower case":          {"proxy TCP4 192.0.2.7 198.51.100.9 40000 25\r\n", false},
		"no CRLF":                {"PROXY TCP4 192.0.2.7 198.51.100.9 40000 25\n", false},
		"too long":               {"PROXY UNKNOWN " + strings.Repeat("x", 120) + "\r\n", false},
		"no address":             {"PROXY TCP4 somewhere 198.51.100.9 40000 25\r\n", false},
		"a zone":                 {"PROXY TCP6 fe80::1%eth0 ::1 40000 25\r\n", false},
		"another family":         {"PROXY TCP4 2001:db8::7 2001:db8::1 40000 25\r\n", false},
		"UDP":                    {binaryHeader(0x21, 0x12, 12, addresses4("192.0.2.7")), false},
		"binary, no family":      {binaryHeader(0x21, 0x00, 0, ""), false},
		"binary, version 3":      {binaryHeader(0x31, 0x11, 12, addresses4("192.0.2.7")), false},
		"binary, too short":      {binaryHeader(0x21, 0x21, 12, addresses4("192.0.2.7")), false},
		"binary, too long":       {binaryHeader(0x21, 0x11, 4097, addresses4("192.0.2.7")+strings.Repeat("x", 4085)), false},
		"binary, LOCAL too long": {binaryHeader(0x20, 0x00, 65535, ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, l := servePipes(t, &ledger{}, proxyOptions())
				p := l.dial(t, proxyAddress)
				began := time.Now()
				go func() { _, _ = io.WriteString(p.conn, c.send) }() // the server need not read all
				p.want(closed)
				if took := time.Since(began); c.late && took != headerTime || !c.late && took != 0 {
					t.Errorf("closed after %s", took)
				}
				synctest.Wait()
				if s.mu.Lock(); len(s.conns) != 0 {
					t.Errorf("%d connections are left", len(s.conns))
				}
				s.mu.Unlock()
			})
		})
	}
}

// TestProxyOfAStranger: from a peer that is not listed a header is a command that
// nobody knows, and its own address counts.
func TestProxyOfAStranger(t *testing.T) {
	var mails ledger
	_, l := servePipes(t, &mails, proxyOptions())
	p := l.dial(t, "192.0.2.66")
	p.want("220 *")
	p.send("PROXY TCP4 198.51.100.77 198.51.100.9 40000 25\r\n")
	p.want("500 5.5.1 Command not recognised")
	p.send("HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<mesa@desk.example.org>\r\nBDAT 1 LAST\r\nx")
	for range 3 {
		p.want("250 *")
	}
	p.want("250 2.0.0 Ok: *")
	if env := mails.all()[0].env; env.Peer != "192.0.2.66" || env.Auth != (mail.Auth{}) {
		t.Errorf("%+v", env)
	}
	p = l.dial(t, "192.0.2.66")
	p.want("220 *")
	p.send(binaryHeader(0x21, 0x11, 12, addresses4("198.51.100.77")))
	for _, code := range []string{"500 *", "500 *", "500 *", "221 *"} { // the signature ends in QUIT
		p.want(code)
	}
}

// TestProxyCaps: the client's connections are counted, not the proxy's.
func TestProxyCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := proxyOptions()
		options.MaxPerPeer, options.MaxConnections = 3, 9
		options.TrustedRelays = nil // which nobody counts
		s, l := servePipes(t, &ledger{}, options)
		dial := func(client string) *peer {
			p := l.dial(t, proxyAddress)
			p.send("PROXY TCP4 " + client + " 198.51.100.9 40000 25\r\n")
			return p
		}
		var peers []*peer
		for _, client := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.2"} {
			p := dial(client)
			p.want("220 *")
			peers = append(peers, p)
		}
		p := dial("192.0.2.1")
		p.want("421 4.7.0 desk.example.org Too many connections from your address, try again later")
		p.want(closed)
		peers[0].conn.Close()
		synctest.Wait()
		dial("192.0.2.1").want("220 *")
		for range 3 { // which say nothing yet
			l.dial(t, proxyAddress)
		}
		l.dial(t, proxyAddress).want("421 4.7.0 desk.example.org Too many connections, try again later")
		time.Sleep(headerTime)
		synctest.Wait()
		if s.mu.Lock(); len(s.conns) != 6 || len(s.peers) != 2 || s.peers[netip.MustParsePrefix("192.0.2.1/32")] != 3 {
			t.Errorf("%d connections, %v", len(s.conns), s.peers)
		}
		s.mu.Unlock()
	})
}

// TestProxyShutdown: a connection whose client is not known yet ends at once.
func TestProxyShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := servePipes(t, &ledger{}, proxyOptions())
		p := l.dial(t, proxyAddress)
		p.send("PROXY T")
		synctest.Wait()
		began := time.Now()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(t.Context()) }()
		p.want(closed)
		if err := <-done; err != nil || time.Since(began) > time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// TestProxySocket: LMTP behind a proxy of this machine.
func TestProxySocket(t *testing.T) {
	for name, c := range map[string]struct {
		socket bool
		header string
		peer   string
		auth   mail.Auth
	}{
		"control: no proxy": {false, "", "", mail.Auth{Front: true}},
		"a client":          {true, "PROXY TCP4 192.0.2.7 192.0.2.1 40000 24\r\n", "192.0.2.7", mail.Auth{}},
		"no client":         {true, binaryHeader(0x20, 0, 0, ""), "", mail.Auth{}},
	} {
		t.Run(name, func(t *testing.T) {
			var mails ledger
			s, err := NewServer(&mails, Options{Hostname: "desk.example.org", LMTP: true, ProxySocket: c.socket})
			if err != nil {
				t.Fatal(err)
			}
			socket := filepath.Join(t.TempDir(), "lmtp.sock")
			l, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- s.Serve(l) }()
			conn, err := net.Dial("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			p := newPeer(t, conn)
			p.send(c.header + "LHLO localhost\r\nMAIL FROM:<>\r\nRCPT TO:<mesa@desk.example.org>\r\nBDAT 1 LAST\r\nxQUIT\r\n")
			for line := ""; !strings.HasPrefix(line, "221 "); {
				if line = p.line(); line == closed {
					t.Fatal("no 221")
				}
			}
			shutDown(t, s)
			if err := <-served; err != nil {
				t.Error(err)
			}
			if env := mails.all()[0].env; env.Peer != c.peer || env.Auth != c.auth {
				t.Errorf("%+v", env)
			}
		})
	}
}

// FuzzProxy: whatever a proxy sends, the session ends or goes on, and the peer is
// an address or none.
func FuzzProxy(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.7 198.51.100.9 40000 25\r\nQUIT\r\n"))
	f.Add([]byte("PROXY UNKNOWN x\r\nQUIT\r\n"))
	f.Add([]byte(binaryHeader(0x21, 0x21, 36, addresses6("2001:db8::7")) + "QUIT\r\n"))
	f.Add([]byte(binaryHeader(0x20, 0x11, 0, "") + "QUIT\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := NewServer(&ledger{}, Options{Hostname: "desk.example.org"})
		if err != nil {
			t.Fatal(err)
		}
		s.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("198.51.100.9/32")}
		end := &heard{Reader: bytes.NewReader(data)}
		c := newConn(s, end)
		if !c.nameless {
			t.Fatal("no header wanted")
		}
		if why := s.admit(c); why != "" {
			t.Fatal(why)
		}
		_, _ = c.Write([]byte("220 hello\r\n"))
		_, err = c.Read(make([]byte, 4096))
		known := bytes.HasPrefix(data, []byte("PROXY ")) || bytes.HasPrefix(data, []byte("\r\n\r\n\x00\r\nQUIT\n"))
		if !known && (err != io.EOF || end.said.Len() > 0) {
			t.Errorf("%q and %v to no header", end.said.String(), err)
		}
		if a, bad := netip.ParseAddr(c.peerName); bad != nil || a != c.peer || a.Zone() != "" {
			t.Errorf("peer %q", c.peerName)
		}
		c.Close()
		if len(s.conns) != 0 || len(s.peers) != 0 {
			t.Errorf("%d connections, %v", len(s.conns), s.peers)
		}
	})
}

// heard is a connection from the proxy that remembers what it was told.
type heard struct {
	net.Conn
	io.Reader
	said bytes.Buffer
}

func (h *heard) Read(p []byte) (int, error)       { return h.Reader.Read(p) }
func (h *heard) Write(p []byte) (int, error)      { return h.said.Write(p) }
func (h *heard) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.ParseIP(proxyAddress), Port: 1} }
func (h *heard) Close() error                     { return nil }
func (h *heard) SetReadDeadline(time.Time) error  { return nil }
func (h *heard) SetWriteDeadline(time.Time) error { return nil }
