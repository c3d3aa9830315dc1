package certs

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ventanilla/peers"
)

const name = "mesa.universidad.example"

// door shows what an authority gets, and returns where.
func door(t *testing.T, a *Authority, l net.Listener, protocols ...string) {
	t.Helper()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = tls.Server(c, &tls.Config{GetCertificate: a.Get, NextProtos: protocols}).Handshake()
			}()
		}
	}()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestAuthority: a name is checked by http-01 or by tls-alpn-01; what was issued is
// shown to who asks for it, by another name or by none, and by the next process too,
// when the authority is gone.
func TestAuthority(t *testing.T) {
	t.Parallel()
	for way, byTLS := range map[string]bool{"http-01": false, "tls-alpn-01": true} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			web, pages := listen(t), listen(t)
			p := peers.NewPebble(t, web.Addr().String(), pages.Addr().String(), name)
			cache := filepath.Join(t.TempDir(), "acme")
			o := Options{Directory: p.Directory, Roots: p.Roots, Email: "admin@universidad.example", Hosts: []string{name}, Cache: cache}
			a := New(o)
			if byTLS {
				web.Close()
				door(t, a, pages, Protocol)
			} else {
				server := &http.Server{Handler: a.Handler(http.NotFoundHandler())}
				go func() { _ = server.Serve(web) }()
				t.Cleanup(func() { server.Close() })
				door(t, a, pages)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			a.Fetch(ctx)
			roots := p.Issued()
			p.End()
			show := func(when, asked string) {
				t.Helper()
				c, err := tls.Dial("tcp", pages.Addr().String(), &tls.Config{RootCAs: roots, ServerName: asked, InsecureSkipVerify: asked != name})
				if err != nil {
					t.Fatalf("%s: %v", when, err)
				}
				defer c.Close()
				if err := c.ConnectionState().PeerCertificates[0].VerifyHostname(name); err != nil {
					t.Errorf("%s: %v", when, err)
				}
			}
			show("its name", name)
			show("no name", "")
			show("another name", "otra.example")
			if info, err := os.Stat(cache); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the folder: %v, %v", info, err)
			}
			pages.Close()
			pages = listen(t)
			door(t, New(o), pages, Protocol)
			show("the next process", name)
		})
	}
}

// TestNoAuthority: a failure is no certificate, and no name but those configured is
// asked for.
func TestNoAuthority(t *testing.T) {
	t.Parallel()
	a := New(Options{Directory: "https://127.0.0.1:1/dir", Hosts: []string{name}, Cache: filepath.Join(t.TempDir(), "acme")})
	if c, err := a.Get(&tls.ClientHelloInfo{ServerName: name}); err == nil {
		t.Errorf("%v", c)
	}
}

func TestFilesRefused(t *testing.T) {
	if _, err := Load("/nonexistent/cert.pem", "/nonexistent/key.pem", time.Now, nil); err == nil {
		t.Error("no files, no error")
	}
}
