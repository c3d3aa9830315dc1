package mailin

import (
	"net"
	"sync"
	"testing"
	"time"
)

// pipes is a listener without a network, for tests under synctest and for
// peers with addresses of our choice.
type pipes struct {
	accept chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newPipes() *pipes {
	return &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects from an address.
func (l *pipes) dial(t testing.TB, from string) *peer {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	select {
	case l.accept <- pipeEnd{server, &net.TCPAddr{IP: net.ParseIP(from), Port: 1025}}:
	case <-l.closed:
		t.Fatal("not listening")
	}
	p := newPeer(t, client)
	p.wait = 24 * time.Hour
	return p
}

type pipeEnd struct {
	net.Conn
	remote net.Addr
}

func (e pipeEnd) RemoteAddr() net.Addr { return e.remote }

// servePipes runs a server on pipes until the test ends.
func servePipes(t testing.TB, r Receiver, options Options, change ...func(*Server)) (*Server, *pipes) {
	t.Helper()
	options.Hostname = "desk.example.org"
	s, err := NewServer(r, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(s)
	}
	l := newPipes()
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		shutDown(t, s)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, l
}
