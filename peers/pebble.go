package peers

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Pebble is an ACME authority (RFC 8555) for tests, Debian's pebble, on a machine of
// its own.
type Pebble struct {
	*Machine
	Directory  string         // URL
	Roots      *x509.CertPool // that the directory's own certificate comes from
	CA         string         // the same, PEM
	management string
	running    *Running
}

// NewPebble returns an authority that checks these names on the loopback: by HTTP and
// by TLS at the addresses' ports.
func NewPebble(t testing.TB, http, tls string, names ...string) *Pebble {
	t.Helper()
	p := &Pebble{Machine: NewMachine(t, "pebble"), management: Free(t)}
	at := Free(t)
	p.Directory = "https://" + at + "/dir"
	p.Write("/etc/hosts", "127.0.0.1 localhost "+strings.Join(names, " ")+"\n")
	_, _, p.Roots = certificate(t, p.Root)
	p.CA = p.Read("/cert.pem")
	p.Write("/pebble.json", fmt.Sprintf(`{"pebble": {"listenAddress": %q, "managementListenAddress": %q, "certificate": "/cert.pem",
"privateKey": "/key.pem", "httpPort": %s, "tlsPort": %s, "ocspResponderURL": "", "externalAccountBindingRequired": false}}`, at, p.management, Port(http), Port(tls)))
	c := p.Command("root", "/usr/bin/pebble", "-config", "/pebble.json")
	c.Env = append(c.Env, "PEBBLE_VA_NOSLEEP=1")
	p.running = Start(t, "pebble.log", c)
	Await(t, "tcp", at)
	Await(t, "tcp", p.management)
	return p
}

// End ends it: nothing is issued any more.
func (p *Pebble) End() { p.running.End() }

// Issued returns what the certificates that it has issued come from.
func (p *Pebble) Issued() *x509.CertPool {
	p.t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.Roots}}}
	defer client.CloseIdleConnections()
	r, err := client.Get("https://" + p.management + "/roots/0")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(text) {
		p.t.Fatalf("%v: %s", err, text)
	}
	return roots
}
