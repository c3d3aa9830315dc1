package mailin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"ventanilla/mail"
)

// Options say how a [Server] behaves. Zero values stand for the defaults; only
// Hostname is needed.
type Options struct {
	Hostname       string         // our name, in the greeting and in Received
	MaxSize        int64          // bytes of a mail as sent; 25 MiB; below 4 GiB
	MaxRecipients  int            // of one mail; 100; the rest is answered 452
	MaxConnections int            // at once; 500
	MaxPerPeer     int            // at once from one IPv4 address or IPv6 /64; 50; loopback and TrustedRelays are not counted
	TrustedRelays  []netip.Prefix // peers that let out only mail of people they have authenticated
	FrontServers   []netip.Prefix // peers that are servers of ours and write Authentication-Results; loopback and TrustedRelays are
	ProxyFrom      []netip.Prefix // peers that must say with the PROXY protocol whose connection they bring
	ProxySocket    bool           // peers on Unix sockets are such
	// GetCertificate is a [tls.Config]'s; with it STARTTLS is available.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	ReadTimeout    time.Duration // for a whole command, and for each read of a mail's text; 5 min
	DataTimeout    time.Duration // for the whole text of a mail; 30 min
	LMTP           bool          // speak LMTP (RFC 2033) instead of SMTP
	Verify         Verify        // finds out about senders; nil: nobody does
	SpoolFolder    string        // for large mails while Verify reads them; needed with Verify
	SpoolReserve   int64         // bytes that are left free there
	Log            *slog.Logger  // nil: no log
	Now            func() time.Time
}

// Server receives mails by SMTP or LMTP and hands them to its [Receiver].
type Server struct {
	Options
	receiver Receiver
	smtp     *smtp.Server
	tls      *tls.Config // nil without a certificate
	guards   guards

	ctx    context.Context // of all Receive calls
	cancel context.CancelFunc

	serving sync.WaitGroup // calls of Serve

	mu        sync.Mutex
	stopping  bool
	listeners []net.Listener
	conns     map[*conn]struct{}
	peers     map[netip.Prefix]int
}

// guards are the limits that no installation needs to change.
type guards struct {
	command    int  // bytes of a command line with its end
	errors     int  // 5xx answers in a session, then 421
	chatter    int  // commands without a mail (NOOP, RSET …) in a row, then 421
	received   int  // Received fields of a mail, more are a loop
	lookalikes bool // refuse what looks like an end of data
	plaintext  bool // refuse what was sent in the clear behind STARTTLS
	controls   bool // refuse control characters in a command
	complete   bool // refuse when the receiver did not read to the end
	memory     int  // bytes of a mail that are held in memory for Verify
}

// NewServer checks the options and reads the certificate. It does not listen.
func NewServer(receiver Receiver, options Options) (*Server, error) {
	options.setDefaults()
	if !validDomain(options.Hostname, false) {
		return nil, fmt.Errorf("host name %q is no domain name", options.Hostname)
	}
	if options.MaxSize > math.MaxUint32 {
		return nil, fmt.Errorf("largest mail of %d bytes: must be below 4 GiB", options.MaxSize)
	}
	s := &Server{
		Options:  options,
		receiver: receiver,
		guards: guards{command: 2000, errors: 10, chatter: 100, received: 50,
			lookalikes: true, plaintext: true, controls: true, complete: true, memory: 1 << 20},
		conns: make(map[*conn]struct{}),
		peers: make(map[netip.Prefix]int),
	}
	if options.Verify != nil && options.SpoolFolder == "" {
		return nil, errors.New("senders are to be verified, and there is no folder for large mails")
	}
	if options.GetCertificate != nil {
		s.tls = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: options.GetCertificate}
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.newSession))
	s.smtp.Domain = options.Hostname
	s.smtp.LMTP = options.LMTP
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.MaxMessageBytes = options.MaxSize // announced, and checked at MAIL
	s.smtp.MaxLineLength = 0                 // conn sees to it
	s.smtp.ErrorLog = libraryLog{options.Log}
	return s, nil
}

func (o *Options) setDefaults() {
	setDefault(&o.MaxSize, 25<<20)
	setDefault(&o.MaxRecipients, 100)
	setDefault(&o.MaxConnections, 500)
	setDefault(&o.MaxPerPeer, 50)
	setDefault(&o.ReadTimeout, 5*time.Minute)
	setDefault(&o.DataTimeout, 30*time.Minute)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

func setDefault[T ~int | ~int64](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// Serve takes connections from l until Shutdown, and then returns nil. It may
// be called for several listeners, TCP or Unix sockets. It closes l.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return l.Close()
	}
	s.listeners = append(s.listeners, l)
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()

	err := s.smtp.Serve(&listener{Listener: l, server: s})
	l.Close() // a second close does no harm
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil
	}
	return fmt.Errorf("serve %s: %w", l.Addr(), err)
}

// Shutdown takes no more connections, sends the idle ones away with 421, and
// waits for the mails under way. When ctx ends first, it cuts them off (they
// were not acknowledged, their senders come again) and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	for _, l := range s.listeners {
		l.Close() // a second close does no harm
	}
	for c := range s.conns {
		c.stop()
	}
	s.mu.Unlock()
	s.serving.Wait()

	err := s.smtp.Shutdown(ctx)
	s.cancel()
	s.mu.Lock()
	for c := range s.conns {
		c.Conn.Close()
	}
	s.mu.Unlock()
	if errors.Is(err, smtp.ErrServerClosed) {
		return nil // by an earlier Shutdown
	}
	return ctxError(ctx, err)
}

// ctxError is ctx's error if err is that one. Other errors of the library's
// Shutdown tell only that we had closed the listeners before.
func ctxError(ctx context.Context, err error) error {
	if err != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("wait for mails under way: %w", err)
	}
	return nil
}

// listener lets in as many connections as the options allow.
type listener struct {
	net.Listener
	server *Server
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		socket, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := newConn(l.server, socket)
		why := l.server.admit(c)
		if why == "" {
			return c, nil
		}
		l.server.Log.Warn("connection refused", "peer", c.peerName, "why", why)
		socket.SetWriteDeadline(time.Now().Add(time.Second))
		fmt.Fprintf(socket, "421 4.7.0 %s %s, try again later\r\n", l.server.Hostname, why)
		socket.Close()
	}
}

const tooManyOfPeer = "Too many connections from your address"

// admit counts a new connection, or says why there is no room for it.
func (s *Server) admit(c *conn) (why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return "Shutting down"
	case len(s.conns) >= s.MaxConnections:
		return "Too many connections"
	case c.counted.IsValid() && s.peers[c.counted] >= s.MaxPerPeer:
		return tooManyOfPeer
	}
	s.conns[c] = struct{}{}
	if c.counted.IsValid() {
		s.peers[c.counted]++
	}
	return ""
}

// leave uncounts a connection. Calling it again does nothing.
func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.conns[c]; !there {
		return
	}
	delete(s.conns, c)
	if !c.counted.IsValid() {
		return
	}
	s.peers[c.counted]--
	if s.peers[c.counted] == 0 {
		delete(s.peers, c.counted)
	}
}

// Auth says what is known of a mail's sender because of the peer that brings it.
func (o *Options) Auth(peer netip.Addr) mail.Auth {
	return mail.Auth{Relay: o.trusted(peer), Front: o.front(peer)}
}

// trusted says whether a peer is one of the TrustedRelays.
func (o *Options) trusted(peer netip.Addr) bool {
	return contains(o.TrustedRelays, peer)
}

// front says whether a peer is a server of the site's own, which takes forged
// Authentication-Results away: one of this machine, of the TrustedRelays or of
// the FrontServers.
func (o *Options) front(peer netip.Addr) bool {
	if !peer.IsValid() || peer.IsLoopback() || o.trusted(peer) {
		return true // without an address it came over a socket of this machine
	}
	return contains(o.FrontServers, peer)
}

// countedAs is what a peer's connections are counted under; the zero Prefix
// where they are not.
func (s *Server) countedAs(peer netip.Addr) netip.Prefix {
	if !peer.IsValid() || peer.IsLoopback() || s.trusted(peer) {
		return netip.Prefix{}
	}
	bits := 32
	if peer.Is6() {
		bits = 64
	}
	prefix, _ := peer.Prefix(bits) // fails only for too many bits
	return prefix
}

// libraryLog brings the library's messages, panics of a session among them,
// into our log.
type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(format string, args ...any) {
	level := slog.LevelWarn
	if strings.HasPrefix(format, "panic") {
		level = slog.LevelError
	}
	l.log.Log(context.Background(), level, fmt.Sprintf(format, args...))
}

func (l libraryLog) Println(args ...any) {
	l.log.Warn(strings.TrimSpace(fmt.Sprintln(args...)))
}
