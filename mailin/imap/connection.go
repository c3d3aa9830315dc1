package imap

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

const (
	connectTime = 30 * time.Second // for all that comes before the first folder
	farewell    = 3 * time.Second  // to end a session in good order
)

// watched is a connection that dies of silence. The library knows of no time-out
// where it waits for a server that says nothing. It reads much at once: the library
// reads 4 KiB, and a mail is rarely less.
type watched struct {
	net.Conn
	in *bufio.Reader
}

const readBytes = 64 << 10

func watch(c net.Conn, patience time.Duration) *watched {
	return &watched{c, bufio.NewReaderSize(&impatient{Conn: c, patience: patience}, readBytes)}
}

func (w *watched) Read(p []byte) (int, error) { return w.in.Read(p) }

// impatient is a connection that is read no more once a read has failed: the library
// asks one that was silent for ten minutes three times more, for ten minutes each.
type impatient struct {
	net.Conn
	patience time.Duration
	dead     error
}

func (c *impatient) Read(p []byte) (n int, err error) {
	if c.dead != nil {
		return 0, c.dead
	}
	if err = c.Conn.SetReadDeadline(time.Now().Add(c.patience)); err == nil {
		n, err = c.Conn.Read(p)
	}
	c.dead = err
	return n, err
}

func (w *watched) Write(p []byte) (int, error) {
	if err := w.Conn.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}

// SetReadDeadline leaves the deadline to Read.
func (*watched) SetReadDeadline(time.Time) error { return nil }

// connection is a session in which one folder at a time is selected.
type connection struct {
	*imapclient.Client
	socket   net.Conn
	client   sasl.Client // that shows a token
	account  *Account
	patience time.Duration
	largest  int64       // bytes of a mail that is fetched; 0: any
	can      imap.CapSet // after the login; the library no longer knows it once the connection is broken
	data     *imap.SelectData
	strays   strays
	news     chan struct{}       // the server has told of a new mail
	secured  tls.ConnectionState // its zero where nothing is encrypted
	stop     func() bool
	once     sync.Once
}

// connect opens a session. When ctx ends the connection breaks. A token that the
// server refuses may have died early: another is tried once.
func (p *Poller) connect(ctx context.Context, a *Account) (*connection, error) {
	c, err := p.connectOnce(ctx, a)
	if errors.Is(err, refusedToken{}) {
		c, err = p.connectOnce(ctx, a)
	}
	return c, err
}

func (p *Poller) connectOnce(ctx context.Context, a *Account) (*connection, error) {
	limited, done := context.WithTimeout(ctx, connectTime)
	defer done()
	c := &connection{account: a, patience: p.patience, largest: p.maxSize, news: make(chan struct{}, 1)}
	if err := c.token(limited); err != nil {
		return nil, err
	}
	socket, err := p.dial(limited, "tcp", a.Address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c.socket = socket
	inTime := context.AfterFunc(limited, func() { socket.Close() })
	err = c.begin()
	if !inTime() && err == nil {
		err = limited.Err()
	}
	if err != nil {
		c.close()
		if limited.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("no answer in %s: %w", connectTime, err)
		}
		return nil, err
	}
	c.stop = context.AfterFunc(ctx, func() { time.AfterFunc(farewell, func() { socket.Close() }) })
	return c, nil
}

// begin does what comes before the folders: TLS and login.
func (c *connection) begin() (err error) {
	options := &imapclient.Options{TLSConfig: c.account.tlsConfig(), UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Fetch: c.stray,
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				select {
				case c.news <- struct{}{}:
				default:
				}
			}
		}}}
	options.TLSConfig.VerifyConnection = func(state tls.ConnectionState) error { c.secured = state; return nil } // the chain is checked before
	switch c.account.TLS {
	case TLSNone:
		c.Client = imapclient.New(watch(c.socket, c.patience), options)
	case TLSStart:
		if c.Client, err = imapclient.NewStartTLS(watch(c.socket, c.patience), options); err != nil {
			return fmt.Errorf("STARTTLS: %w", err)
		}
	default:
		secured, err := secure(watch(c.socket, c.patience), options.TLSConfig)
		if err != nil {
			return fmt.Errorf("TLS: %w", err)
		}
		c.Client = imapclient.New(secured, options)
	}
	if err := c.WaitGreeting(); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if err := c.login(); err != nil {
		return err
	}
	if c.can = c.Caps(); c.can == nil {
		return errors.New("the server does not say what it can do")
	}
	return nil
}

// login proves who we are: by a token, by PLAIN where the server offers it, else
// by LOGIN.
func (c *connection) login() error {
	if c.account.Auth != nil {
		return c.showToken()
	}
	password, err := c.account.Password()
	if err != nil {
		return fmt.Errorf("password: %w", err)
	}
	if c.Caps().Has(imap.AuthCap("PLAIN")) {
		err = c.Authenticate(sasl.NewPlainClient("", c.account.User, password))
	} else {
		err = c.Login(c.account.User, password).Wait()
	}
	return loginError(err)
}

// loginError tells a refusal from other trouble.
func loginError(err error) error {
	var refused *imap.Error
	switch {
	case errors.As(err, &refused) && refused.Type == imap.StatusResponseTypeNo && refused.Code != imap.ResponseCodeUnavailable:
		return errLogin // the server's words may repeat what was sent
	case errors.As(err, &refused): // nor are these shown
		return fmt.Errorf("login: the server answers %s", refused.Type)
	case err != nil:
		return fmt.Errorf("login: %w", err)
	}
	return nil
}

// open selects the folder, and only looks at it where nothing is to be changed.
func (c *connection) open(folder string) (err error) {
	c.data, err = c.Select(folder, &imap.SelectOptions{ReadOnly: c.account.After == Leave}).Wait()
	if err != nil {
		c.data = nil
		return fmt.Errorf("open %s: %w", folder, err)
	}
	return nil
}

// wait returns when the server has news, at the latest after a time. Without
// IDLE it only waits.
func (c *connection) wait(ctx context.Context, most time.Duration) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	var idle *imapclient.IdleCommand
	if c.can.Has(imap.CapIdle) {
		var err error
		if idle, err = c.Idle(); err != nil {
			return fmt.Errorf("IDLE: %w", err)
		}
	}
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-c.news:
	case <-c.Closed():
	}
	if idle == nil {
		return c.Noop().Wait()
	}
	if err := idle.Close(); err != nil {
		return fmt.Errorf("end IDLE: %w", err)
	}
	return idle.Wait()
}

// cutOff lets all that is read or written fail. Unlike close it waits for nobody:
// the library's reader may be waiting for who calls it.
func (c *connection) cutOff() { c.socket.Close() }

// close breaks the connection off.
func (c *connection) close() {
	c.once.Do(func() {
		if c.stop != nil {
			c.stop()
		}
		c.socket.Close()
		if c.Client != nil {
			c.Client.Close()
		}
	})
}

// quit ends a session in good order.
func (c *connection) quit() {
	_ = c.Logout().Wait()
	c.close()
}
