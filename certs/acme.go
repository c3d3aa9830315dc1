// Package certs has the certificates that our doors show: a pair of files that is
// read again when it changes, or what an ACME authority (RFC 8555) issues when it
// is first asked for and renews a month before it ends.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// Options say where certificates come from and for which names.
type Options struct {
	Directory string         // URL of the authority's directory; "" means Let's Encrypt's
	Roots     *x509.CertPool // that the directory's own certificate comes from; nil means the system's
	Email     string         // of whom the authority may write to; may be empty
	Hosts     []string       // names, in lower case; the first is shown to clients that ask for none of them
	Cache     string         // folder of account, keys and certificates; made 0700 if need be
	Log       *slog.Logger   // nil means none
}

// Authority gets certificates. Its methods may be called from many goroutines.
// Whoever makes one accepts the authority's terms.
type Authority struct {
	manager *autocert.Manager
	hosts   []string
	log     *slog.Logger
}

// New returns an authority; nothing is asked of it yet.
func New(o Options) *Authority {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	client := &acme.Client{DirectoryURL: o.Directory, HTTPClient: &http.Client{Transport: transport, Timeout: time.Minute}, UserAgent: "ventanilla"}
	return &Authority{hosts: o.Hosts, log: o.Log, manager: &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(o.Cache),
		HostPolicy: only(o.Hosts), Email: o.Email, Client: client}}
}

// only lets certificates be asked for names of ours, also if a request names the port.
func only(hosts []string) autocert.HostPolicy {
	listed := autocert.HostWhitelist(hosts...)
	return func(ctx context.Context, host string) error {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		return listed(ctx, host)
	}
}

// Get is a tls.Config's GetCertificate. The first handshake for a name waits until
// the certificate is there. It answers tls-alpn-01 too (RFC 8737), if the
// configuration's NextProtos has [Protocol].
func (a *Authority) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if !slices.Contains(a.hosts, name) && !slices.Contains(hello.SupportedProtos, Protocol) {
		named := *hello
		named.ServerName = a.hosts[0] // many mail servers name none, or the MX by another name
		hello = &named
	}
	return a.manager.GetCertificate(hello)
}

// Protocol is what a server must offer so that a name can be checked at it.
const Protocol = acme.ALPNProto

// Handler answers http-01 (RFC 8555 §8.3), and hands on all other requests.
func (a *Authority) Handler(others http.Handler) http.Handler { return a.manager.HTTPHandler(others) }

// Fetch gets a certificate for each name, so that nobody waits for it later. It
// returns when all are there, have failed, or ctx is done.
func (a *Authority) Fetch(ctx context.Context) {
	var all sync.WaitGroup
	for _, host := range a.hosts {
		all.Go(func() {
			c, err := a.manager.GetCertificate(&tls.ClientHelloInfo{ServerName: host, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
				SupportedCurves: []tls.CurveID{tls.CurveP256}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}})
			if err != nil {
				a.log.Error("no certificate; the next handshake asks again", "host", host, "error", err)
				return
			}
			a.log.Info("certificate at hand", "host", host, "until", c.Leaf.NotAfter)
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
