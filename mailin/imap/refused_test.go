package imap

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRefusedForEver: a mail that the server never sends is asked for over several
// connections and then passed over with a note, which is not for marking; mails
// before it and behind it are taken at once, each once.
func TestRefusedForEver(t *testing.T) {
	const note = "[El servidor no entrega este correo por más que se le pide. No se trajo: está en la carpeta INBOX del buzón buzon, con el UID 2.]"
	for name, wrong := range map[string]func(*server){
		"NO":              func(s *server) { s.refuse = map[uint32]string{2: "NO [SERVERBUG] nunca"} },
		"BAD":             func(s *server) { s.refuse = map[uint32]string{2: "BAD nunca"} },
		"nor its header":  func(s *server) { s.refuse, s.noHeader = map[uint32]string{2: "NO nunca"}, true },
		"nor its size":    func(s *server) { s.undescribed, s.refuse = map[uint32]bool{2: true}, map[uint32]string{2: "NO nunca"} },
		"a huge literal":  func(s *server) { s.huge = map[uint32]int{2: 1 << 40} },
		"OK without mail": func(s *server) { s.refuse = map[uint32]string{2: "OK hecho"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.put("uno", "dos", "tres")
			s.with(func() { wrong(s) })
			d := newDesk(t, s)
			d.skipped[2] = true
			poll(t, d, s.account(), func(p *Poller) { p.refusing = 50 * time.Millisecond }, d.has(note, "tres", "uno"))
			if env := d.envs[note]; env.Oversize == 0 || env.Place.UID != 2 || d.taken[note] != 1 || slices.Contains(s.inbox[1].flags, "\\Seen") {
				t.Errorf("%+v, taken %v, flags %v", env, d.taken, s.inbox[1].flags)
			}
			if d.taken["uno"] != 1 || s.logins <= tries {
				t.Errorf("%v after %d logins", d.taken, s.logins)
			}
		})
	}
}

// TestRefusedForAWhile: what is refused for less long is taken like any other, and
// what comes meanwhile does not wait for it.
func TestRefusedForAWhile(t *testing.T) {
	s := newServer(t)
	s.put("uno", "dos", "tres")
	s.with(func() { s.refuse = map[uint32]string{2: "NO más tarde"} })
	d := newDesk(t, s)
	sent := false
	poll(t, d, s.account(), func(p *Poller) { p.refusing = time.Hour }, func() bool {
		if d.has("tres", "uno")() && !sent {
			sent = true
			s.put("cuatro")
		}
		if d.has("cuatro", "tres", "uno")() {
			if d.point.UID >= 2 {
				t.Errorf("the point %+v is behind the mail that is refused", d.point)
			}
			s.with(func() {
				if s.logins > 2*tries { // often enough, and not for long enough
					s.refuse = nil
				}
			})
		}
		return d.has("cuatro", "dos", "tres", "uno")() && d.point.UID == 4
	})
	if _, twice := d.got(); twice != 0 {
		t.Errorf("%v", d.taken)
	}
}

// TestAllRefused: a server that sends nothing at all is in trouble; no mail is
// passed over for that.
func TestAllRefused(t *testing.T) {
	for _, sizes := range []bool{false, true} {
		s := newServer(t)
		var want []string
		for i := range doubtful + 5 {
			want = append(want, fmt.Sprintf("%03d", i))
		}
		s.put(want...)
		s.with(func() {
			if s.refuse = map[uint32]string{}; !sizes {
				s.always["UID FETCH"] = "NO más tarde"
			}
			for _, m := range s.inbox {
				s.refuse[m.uid] = "NO más tarde"
			}
		})
		d := newDesk(t, s)
		poll(t, d, s.account(), func(p *Poller) { p.refusing = 0 }, func() bool {
			s.with(func() {
				if s.logins > 3*tries {
					delete(s.always, "UID FETCH")
					s.refuse = nil
				}
			})
			return d.has(want...)()
		})
		if texts, twice := d.got(); !slices.Equal(texts, want) || twice != 0 {
			t.Errorf("%v", texts)
		}
	}
}

// TestLongHeader: of the header of a mail that is too large no more is read than
// mail reads of one, and not half a line.
func TestLongHeader(t *testing.T) {
	s := newServer(t)
	s.put("chico")
	s.with(func() {
		s.inbox = append(s.inbox, message{uid: 2, text: "Subject: grande\r\n" + strings.Repeat("X-Relleno: 0123456789\r\n", 300<<10/23) + "\r\n" + strings.Repeat("x\r\n", 2<<20), at: time.Now()})
		s.next = 3
	})
	d := newDesk(t, s)
	d.skipped[2] = true
	const note = "[Este correo pesa 6,3 MB, más de los 4,0 MB que se reciben. No se trajo: está en la carpeta INBOX del buzón buzon.]"
	poll(t, d, s.account(), nil, d.has(note, "chico"))
	if d.sizes[note] > headerBytes+1024 || d.sizes[note] < headerBytes-1024 {
		t.Errorf("a note of %d bytes", d.sizes[note])
	}
}

// TestConnections: folders beyond the cap take turns on the last connection; one
// that cannot be opened does not keep the others.
func TestConnections(t *testing.T) {
	s := newServer(t)
	d := newDesk(t, s)
	a := s.account()
	a.Folders, a.Connections, a.Poll = []string{"A", "B", "C", "Falta", "D"}, 2, 2*time.Millisecond
	var p *Poller
	turns := func() (n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, f := range s.selects {
			if strings.Contains(f, "D") {
				n++
			}
		}
		return n
	}
	s.with(func() { s.missing = "Falta" })
	poll(t, d, a, func(q *Poller) { p = q }, func() bool { return turns() >= 3 })
	if s.most != 2 || s.logins != 2 {
		t.Errorf("%d connections, %d logins", s.most, s.logins)
	}
	for _, st := range p.Status() {
		if missing := st.Folder == "Falta"; missing != strings.Contains(st.Trouble, "Falta") || missing != st.Looked.IsZero() {
			t.Errorf("%+v", st)
		}
	}
}

// TestNoSTARTTLS: a server that does not offer STARTTLS is told no password.
func TestNoSTARTTLS(t *testing.T) {
	s := newServer(t)
	s.with(func() { s.always["STARTTLS"] = "BAD no sé" })
	a := s.account()
	a.TLS = TLSStart
	d := newDesk(t, s)
	var p *Poller
	poll(t, d, a, func(q *Poller) { p = q }, func() bool { return p.Status()[0].Trouble != "" })
	if st := p.Status()[0]; !strings.Contains(st.Trouble, "STARTTLS") || s.logins != 0 {
		t.Errorf("%q after %d logins", st.Trouble, s.logins)
	}
}

// TestWrongCertificate: a certificate of nobody that is known, or for another name,
// is the end; not a byte of the login is sent.
func TestWrongCertificate(t *testing.T) {
	certificate, roots := madeFor(t, "imap.otra.example")
	for name, c := range map[string]struct {
		server string
		roots  *x509.CertPool
		want   string
	}{
		"another name": {"imap.mesa.example", roots, "imap.mesa.example"},
		"of nobody":    {"imap.otra.example", x509.NewCertPool(), "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
			if err != nil {
				t.Fatal(err)
			}
			got := make(chan int, 100)
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					n, _ := io.Copy(io.Discard, conn)
					got <- int(n)
					conn.Close()
				}
			}()
			defer l.Close()
			s := newServer(t)
			a := s.account()
			a.Address, a.TLS, a.ServerName, a.RootCAs = l.Addr().String(), TLSImplicit, c.server, c.roots
			var p *Poller
			poll(t, newDesk(t, s), a, func(q *Poller) { p = q }, func() bool { return p.Status()[0].Trouble != "" })
			if st := p.Status()[0]; !strings.Contains(st.Trouble, c.want) {
				t.Errorf("%q", st.Trouble)
			}
			if n := <-got; n != 0 {
				t.Errorf("%d bytes were sent", n)
			}
		})
	}
}

// madeFor makes a certificate for a name that vouches for itself.
func madeFor(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
