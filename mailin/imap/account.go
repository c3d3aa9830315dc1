package imap

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"
)

// TLSMode says how the way to a server is encrypted. There is no mode that
// encrypts only if the server happens to offer it.
type TLSMode string

// The modes.
const (
	TLSImplicit TLSMode = "tls"      // from the first byte (RFC 8314 §3.2); the default
	TLSStart    TLSMode = "starttls" // STARTTLS is required
	TLSNone     TLSMode = "none"     // plain text, to this machine only
)

// After says what becomes of a mail on the server once it is settled.
type After string

// What may become of it.
const (
	Leave After = "leave" // nothing
	Seen  After = "seen"  // it is marked as seen; the default
	Move  After = "move"  // it goes to another folder
)

// Start says which mails of a folder that is read for the first time are for
// the desk.
type Start string

// The starts.
const (
	StartNew    Start = "new"    // those that come from now on; the default
	StartUnseen Start = "unseen" // and those that nobody has seen
	StartSince  Start = "since"  // those that arrived at Account.Since or later
	StartAll    Start = "all"
)

// Account is a mailbox on a server.
type Account struct {
	Name       string // our own name for it
	Address    string // host:port
	TLS        TLSMode
	ServerName string         // that the certificate must carry; "" means the host of Address
	RootCAs    *x509.CertPool // nil means the system's
	User       string

	// Password is asked for at each connection. It is neither kept nor logged.
	Password func() (string, error)

	// Auth proves in place of Password who we are, where it is set.
	Auth Authenticator

	Folders     []string // none means INBOX
	After       After
	MoveTo      string // folder, for Move
	SentFolder  string // has copies of what Options.Sent tells; "" means no folder
	Start       Start
	Since       time.Time     // for StartSince
	Recipient   string        // the desk's address that mails of this mailbox are for
	Provider    string        // goes into the envelope's evidence: see mail.Auth
	Connections int           // at once; folders beyond take turns on the last; 0 means 4
	Poll        time.Duration // between two looks, also beside IDLE; at most 9 min; 0 means 2 min
}

// setDefaults fills in what is not given.
func (a *Account) setDefaults() {
	if a.TLS == "" {
		a.TLS = TLSImplicit
	}
	if a.After == "" {
		a.After = Seen
	}
	if a.Start == "" {
		a.Start = StartNew
	}
	if len(a.Folders) == 0 {
		a.Folders = []string{"INBOX"}
	}
	if a.Poll <= 0 {
		a.Poll = 2 * time.Minute
	}
	if a.Connections <= 0 {
		a.Connections = 4
	}
	a.Poll = min(a.Poll, 9*time.Minute) // below the 10 min after which silence is death
}

// check says what makes no sense in an account.
func (a *Account) check() error {
	host, _, err := net.SplitHostPort(a.Address)
	if err != nil {
		return fmt.Errorf("account %s: address: %w", a.Name, err)
	}
	switch {
	case a.TLS == TLSNone && !isLoopback(host):
		return fmt.Errorf("account %s: without TLS only to this machine, and %s is another", a.Name, host)
	case a.TLS != TLSNone && a.TLS != TLSStart && a.TLS != TLSImplicit:
		return fmt.Errorf("account %s: tls %q is none of tls, starttls, none", a.Name, a.TLS)
	case a.User == "" || a.Password == nil && a.Auth == nil:
		return fmt.Errorf("account %s: a user and a password are needed", a.Name)
	case a.After == Move && a.MoveTo == "":
		return fmt.Errorf("account %s: no folder to move to", a.Name)
	}
	for _, f := range a.Folders {
		if f == a.MoveTo && a.After == Move {
			return fmt.Errorf("account %s: %s would be read again and again", a.Name, f)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// tlsConfig never leaves the certificate unchecked.
func (a *Account) tlsConfig() *tls.Config {
	name := a.ServerName
	if name == "" {
		name, _, _ = net.SplitHostPort(a.Address)
	}
	return &tls.Config{ServerName: name, RootCAs: a.RootCAs, MinVersion: tls.VersionTLS12}
}

// errLogin says that the server does not let us in.
var errLogin = errors.New("the server refuses user and password")
