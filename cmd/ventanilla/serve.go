package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ventanilla/certs"
	"ventanilla/gateway"
	"ventanilla/mailin"
	"ventanilla/mailin/imap"
	"ventanilla/mailout"
	"ventanilla/web"
)

const (
	stopWithin = 20 * time.Second // from SIGTERM to the end
	doorWithin = 12 * time.Second // of it, for mails under way
)

// serveCmd is "ventanilla serve".
type serveCmd struct{}

// Run serves until ctx is done.
func (serveCmd) Run(ctx context.Context, t *terminal) error {
	c, err := LoadConfig(t.config)
	if err != nil {
		return err
	}
	if t.json {
		c.Log.Format = "json"
	}
	log := newLog(t.err, c.Log)
	h, err := openHouse(ctx, c, os.DirFS(c.folder), log)
	if err != nil {
		return err
	}
	s := &service{house: h}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGHUP)
	defer signal.Stop(told)
	s.reloads = told
	return s.run(ctx)
}

// newLog returns the log that the configuration asks for.
func newLog(w io.Writer, c LogConfig) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // checked with the configuration
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// service is a house whose doors are open.
type service struct {
	*house
	outbox  mailout.Outbox                  // nil means the house itself
	reloads <-chan os.Signal                // each reloads the admin's files
	ready   func(addresses)                 // called when all doors are open; may be nil
	pages   func(http.Handler) http.Handler // wraps the pages; may be nil
	smtp    net.Listener                    // nil means as configured
	web     net.Listener                    // nil means as configured

	began       time.Time
	authority   *certs.Authority // nil where no certificate is asked for
	stopping    atomic.Bool
	writable    writable
	metricsAt   string          // where metrics are served, "" if nowhere
	poll        *imap.Poller    // nil where no mailbox is configured
	send        *mailout.Sender // nil where no smarthost is configured
	smtpServers []*mailin.Server
	webServers  []*http.Server
	errs        chan error
	permission  chan struct{} // one has been given anew
}

// addresses are where a service listens.
type addresses struct{ smtp, web, metrics string }

// run opens the doors, works until ctx is done or something breaks, and closes
// them in the order in which mail flows.
func (s *service) run(ctx context.Context) error {
	s.errs, s.permission = make(chan error, 16), make(chan struct{}, 1)
	defer s.house.close()
	at, err := s.open()
	if err != nil {
		s.closeDoors(context.Background())
		return err
	}
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var workers sync.WaitGroup
	if s.authority != nil {
		workers.Go(func() { s.authority.Fetch(work) })
	}
	if s.send, err = s.sender(); err != nil {
		s.closeDoors(context.Background())
		return err
	}
	if s.poll, err = s.poller(); err != nil {
		s.closeDoors(context.Background())
		return err
	}
	workers.Go(func() { s.broke(s.Run(work)) })
	workers.Go(func() { s.Tidy(work) })
	workers.Go(func() { s.Probing(work) })
	workers.Go(func() { s.watch(work, s.reloads) })
	if x, err := s.openIndex(ctx, true); err != nil {
		s.slog.Error("nothing can be searched", "error", err) // nothing else depends on it
	} else {
		workers.Go(func() { s.Follow(work, x) })
	}
	if s.poll != nil {
		s.WhenCopied(s.poll.WakeCopies)
		workers.Go(func() { s.broke(s.poll.Run(work)) })
	}
	s.began = time.Now().UTC()
	s.answerCommands()
	workers.Go(func() { s.watchPermissions(work) })
	if s.send != nil {
		s.WhenSent(s.send.Wake)
		workers.Go(func() { s.broke(s.send.Run(work)) })
	}
	if held, err := s.Held(ctx); err != nil || held {
		s.slog.Warn("restored from a copy: what is to be sent is held until «ventanilla outbox release»", "error", err)
	}
	s.slog.Info("serving", "smtp", at.smtp, "web", at.web, "metrics", at.metrics)
	if s.ready != nil {
		s.ready(at)
	}
	select {
	case <-ctx.Done():
	case err = <-s.errs:
	case err = <-s.log.Fatal():
		err = fmt.Errorf("the intake log cannot be written: %w", err)
	}
	s.stopping.Store(true)
	s.slog.Info("stopping")
	closing, cancel := context.WithTimeout(context.Background(), doorWithin)
	defer cancel()
	s.closeDoors(closing)
	stopWork()
	ended := make(chan struct{})
	go func() { workers.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(stopWithin - doorWithin):
		s.slog.Error("a worker did not stop in time; what it did not finish is done at the next start")
	}
	return err
}

// answerCommands gives commands what only the process that serves has.
func (s *service) answerCommands() {
	add := s.tell
	s.house.report.Store(&add)
	tryNow := func() {
		if s.poll != nil {
			s.poll.Wake()
		}
		select {
		case s.permission <- struct{}{}:
		default:
		}
	}
	s.house.changed.Store(&tryNow)
}

// trouble says what keeps mail from going out, "" if nothing does.
func (s *service) trouble() string {
	if s.send == nil {
		return "no hay smarthost"
	}
	trouble := s.send.Status().Trouble
	if trouble == "" {
		return ""
	}
	if len(s.config.Backups) > 0 {
		return "ningún smarthost acepta correo; el primero, " + s.config.Smarthost.Address + ": " + trouble
	}
	return "el smarthost " + s.config.Smarthost.Address + ": " + trouble
}

// broke notes an error that ends the process.
func (s *service) broke(err error) {
	if err != nil {
		select {
		case s.errs <- err:
		default:
		}
	}
}

// open opens the doors: SMTP, LMTP, pages, metrics, command socket.
func (s *service) open() (at addresses, err error) {
	c := s.config
	if s.authority, err = c.authority(s.slog); err != nil {
		return at, err
	}
	if s.authority != nil && c.ACME.Listen != "" {
		if err := s.openACME(); err != nil {
			return at, err
		}
	}
	if s.smtp != nil || c.SMTP.Listen != "" {
		if at.smtp, err = s.openSMTP(); err != nil {
			return at, err
		}
	}
	if c.LMTP.Listen != "" {
		if err := s.openLMTP(); err != nil {
			return at, err
		}
	}
	if s.web != nil || c.Web.Listen != "" {
		if at.web, err = s.openPages(); err != nil {
			return at, err
		}
	}
	if c.Metrics.Listen != "" {
		if at.metrics, err = s.openMetrics(); err != nil {
			return at, err
		}
	}
	return at, s.openSockets()
}

// openPages opens the door of the pages.
func (s *service) openPages() (string, error) {
	c := s.config
	shows, err := s.shows(c.Web.Certificate, c.Web.Key)
	if err != nil {
		return "", err
	}
	h := web.Handler(gateway.Pages{Gateway: s.Gateway}, web.Options{Words: s.word, Name: c.Desk.Name, Language: c.Desk.Language,
		PublicURL: c.Desk.PublicURL, Zone: c.zone, Log: s.slog, Ready: s.health})
	if s.pages != nil {
		h = s.pages(h)
	}
	l := s.web
	if l == nil {
		if l, err = listen("tcp", c.Web.Listen, "[web] listen"); err != nil {
			return "", err
		}
	}
	server := web.NewServer(h, s.slog)
	if shows != nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: shows, NextProtos: []string{"h2", "http/1.1", certs.Protocol}}
	}
	s.serveHTTP(l, server)
	return l.Addr().String(), nil
}

// openACME opens the door where an authority checks our names. Visitors are sent on
// to the pages.
func (s *service) openACME() error {
	l, err := listen("tcp", s.config.ACME.Listen, "[acme] listen")
	if err != nil {
		return err
	}
	s.slog.Info("names are checked here", "acme", l.Addr().String())
	s.serveHTTP(l, web.NewServer(s.authority.Handler(web.Onward(s.config.Desk.PublicURL)), s.slog))
	return nil
}

// word looks a page's word up in the words in force.
func (s *service) word(language, key string) string { return s.Setup().Words.Word(language, key) }

// listen opens a port, or says what is in the way and what to do.
func listen(network, address, key string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, configError{fmt.Errorf("%s = %q: otro programa ya usa ese puerto; ciérrelo («ss -ltnp» dice cuál es) o escriba otro", key, address)}
	case errors.Is(err, syscall.EACCES):
		return nil, configError{fmt.Errorf("%s = %q: sin permiso para ese puerto; use uno de 1024 en adelante o dé CAP_NET_BIND_SERVICE", key, address)}
	case err != nil:
		return nil, configError{fmt.Errorf("%s = %q: no se puede escuchar ahí: %w", key, address, err)}
	}
	return l, nil
}

func (s *service) mailOptions(lmtp bool) mailin.Options {
	c := s.config.SMTP
	o := mailin.Options{Hostname: c.Hostname, MaxSize: int64(c.MaxSize), MaxRecipients: c.MaxRecipients, MaxConnections: c.MaxConnections,
		MaxPerPeer: c.MaxPerPeer, TrustedRelays: s.config.relays, FrontServers: s.config.servers, ProxyFrom: s.config.smtpProxies, LMTP: lmtp, Log: s.slog}
	if lmtp {
		o.ProxyFrom, o.ProxySocket = s.config.lmtpProxies, s.config.proxySocket
	}
	if s.verifier != nil && !lmtp {
		o.Verify, o.SpoolFolder, o.SpoolReserve = s.verifier.Check, s.config.path(s.config.State), int64(s.config.Disk.Reserve)
	}
	return o
}

func (s *service) openSMTP() (string, error) {
	l := s.smtp
	if l == nil {
		var err error
		if l, err = listen("tcp", s.config.SMTP.Listen, "[smtp] listen"); err != nil {
			return "", err
		}
	}
	return l.Addr().String(), s.serveMail(l, false)
}

func (s *service) openLMTP() error {
	network, address := "tcp", s.config.LMTP.Listen
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
		if err := removeSocket(path); err != nil {
			return err
		}
	}
	l, err := listen(network, address, "[lmtp] listen")
	if err != nil {
		return err
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o660); err != nil {
			return err
		}
	}
	return s.serveMail(l, true)
}

func (s *service) serveMail(l net.Listener, lmtp bool) error {
	o := s.mailOptions(lmtp)
	var err error
	if o.GetCertificate, err = s.shows(s.config.SMTP.Certificate, s.config.SMTP.Key); err != nil {
		l.Close()
		return err
	}
	server, err := mailin.NewServer(s.Gateway, o)
	if err != nil {
		l.Close()
		return configError{err}
	}
	s.smtpServers = append(s.smtpServers, server)
	go func() { s.broke(server.Serve(l)) }()
	return nil
}

// serveHTTP serves pages or commands.
func (s *service) serveHTTP(l net.Listener, server *http.Server) {
	s.webServers = append(s.webServers, server)
	go func() {
		serve := server.Serve
		if server.TLSConfig != nil {
			serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
		}
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.broke(err)
		}
	}()
}

// openSockets opens the command socket, for this user, and the one that only
// delivers, for the group of the mail server.
func (s *service) openSockets() error {
	state := s.config.path(s.config.State)
	for _, socket := range []struct {
		name string
		mode os.FileMode
		h    http.Handler
	}{{"admin.sock", 0o600, adminHandler(s.house)}, {"deliver.sock", 0o660, deliverHandler(s.house)}} {
		path := filepath.Join(state, socket.name)
		if len(path) > 107 { // sockaddr_un
			return configError{fmt.Errorf("la ruta %s es demasiado larga para un socket: 107 letras como mucho", path)}
		}
		if err := removeSocket(path); err != nil {
			return err
		}
		l, err := listenHidden(state, socket.name, socket.mode)
		if err != nil {
			return err
		}
		// an export takes as long as it takes: no time-out for the whole
		s.serveHTTP(l, &http.Server{Handler: socket.h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute})
	}
	return nil
}

// listenHidden binds a socket in a folder that only this user may enter, and moves
// it to its place once it has its mode: nobody can connect to it before. (The umask
// would be that of all files that are written meanwhile.)
func listenHidden(state, name string, mode os.FileMode) (net.Listener, error) {
	hidden := filepath.Join(state, ".sock") // shorter than any name
	if err := os.RemoveAll(hidden); err != nil {
		return nil, err
	}
	if err := os.Mkdir(hidden, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(hidden)
	made := filepath.Join(hidden, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // the name is another one then
	if err = os.Chmod(made, mode); err == nil {
		err = os.Rename(made, filepath.Join(state, name))
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return placed{l, filepath.Join(state, name)}, nil
}

// placed is a socket that was moved after it was bound.
type placed struct {
	*net.UnixListener
	path string
}

// Close removes the socket too.
func (p placed) Close() error { return errors.Join(os.Remove(p.path), p.UnixListener.Close()) }

// removeSocket removes the socket that a process which did not end well left.
// The store's lock says that no other process is serving.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	if info.Mode()&os.ModeSocket == 0 {
		return configError{fmt.Errorf("%s no es un socket: quítelo de ahí", path)}
	}
	return os.Remove(path)
}

// sender returns the way out, or nil where none is configured.
func (s *service) sender() (*mailout.Sender, error) {
	c := s.config.Smarthost
	if c.Address == "" {
		return nil, nil
	}
	keys, err := s.config.dkimKeys()
	if err != nil {
		return nil, err
	}
	outbox := s.outbox
	if outbox == nil {
		outbox = s.Gateway
	}
	o := mailout.SenderOptions{DKIM: keys, Log: s.slog, Now: s.config.now, Smarthost: s.config.out(c)}
	for _, b := range s.config.Backups {
		o.Backups = append(o.Backups, s.config.out(b))
	}
	return mailout.NewSender(outbox, o), nil
}

// poller returns what reads mailboxes, or nil where none is configured.
func (s *service) poller() (*imap.Poller, error) {
	accounts, err := s.config.imapAccounts(s.Setup().World)
	if err == nil {
		err = s.KeepCopies(context.Background(), slices.Collect(maps.Values(s.Setup().Copies)))
	}
	if err != nil || len(accounts) == 0 {
		return nil, err
	}
	desk := foldersOf(s.house)
	p, err := imap.NewPoller(desk, imap.Options{Accounts: accounts, Sent: desk, MaxSize: int64(s.config.SMTP.MaxSize), Log: s.slog})
	if err != nil {
		return nil, configError{err}
	}
	return p, nil
}

// closeDoors lets mails under way come in and closes everything.
func (s *service) closeDoors(ctx context.Context) {
	var wg sync.WaitGroup
	for _, m := range s.smtpServers {
		wg.Go(func() { _ = m.Shutdown(ctx) })
	}
	for _, h := range s.webServers {
		wg.Go(func() {
			if h.Shutdown(ctx) != nil {
				_ = h.Close()
			}
		})
	}
	wg.Wait()
}
