// Package oauth gets the tokens with which a mailbox or a smarthost is entered
// where passwords are no longer taken: by a refresh token (RFC 6749 §6) that a
// person has given by logging in (RFC 8628, or RFC 6749 §4.1 with RFC 7636), or
// by client credentials (RFC 6749 §4.4).
package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
)

// ErrLasting marks what no further attempt mends: somebody has to act. Every
// other error of Token is temporary.
var ErrLasting = errors.New("hace falta que alguien intervenga")

const (
	early   = 5 * time.Minute     // a token is replaced so long before its end
	warning = 14 * 24 * time.Hour // and an end told so long before it comes
)

// Account says whose tokens a Source gets, and from where. Its addresses are
// https, or http on a loopback address.
type Account struct {
	Name          string // as admins know it
	TokenURL      string
	DeviceURL     string // where a login by device code begins (RFC 8628 §3.1); "" where there is none
	AuthorizeURL  string // where a login in a browser begins (RFC 6749 §3.1); "" where there is none
	ClientID      string
	Scopes        []string
	TokenFile     string        // of the refresh token; empty: client credentials
	SecretExpires time.Time     // zero: not known
	Idle          time.Duration // after which an unused refresh token dies; 0: never

	// Secret is that of the client, asked for at each request; nil where there is
	// none. It is neither kept nor logged.
	Secret func() (string, error)
}

// check refuses an address over which a secret could be overheard.
func (a Account) check() error {
	for _, address := range []string{a.TokenURL, a.DeviceURL, a.AuthorizeURL} {
		if address == "" && a.TokenURL != "" {
			continue
		}
		if err := SafeURL(address); err != nil {
			return fmt.Errorf("oauth %q: %w", a.Name, err)
		}
	}
	return nil
}

// Source gets the tokens of one account. It may be used by several goroutines.
type Source struct {
	account Account
	now     func() time.Time
	turn    chan struct{} // holds one while a token is looked at or asked for

	// Held by whoever has the turn.
	access  string
	expires time.Time
	file    tokenFile
	unsaved bool // file holds what the disk does not yet

	mu      sync.Mutex
	trouble string    // of the last request
	since   time.Time // of trouble
	lasting bool      // it needs somebody
}

// New makes the Source of an account, with the clock now. It refuses an address
// over which a secret could be overheard.
func New(a Account, now func() time.Time) (*Source, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	return &Source{account: a, now: now, turn: make(chan struct{}, 1)}, nil
}

// Token returns a token that is valid. It is asked for anew five minutes before
// the old one ends; when that fails, the old one serves while it is valid. One
// request runs at a time. ctx bounds the wait for it too.
func (s *Source) Token(ctx context.Context) (string, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	now := s.now()
	if now.Before(s.expires.Add(-early)) && !s.unsaved {
		return s.access, nil
	}
	err := s.renew(ctx)
	s.note(err)
	if s.now().Before(s.expires) && !s.unsaved {
		return s.access, nil
	}
	if err == nil {
		err = errors.New("el servidor dio un token ya vencido")
	}
	return "", fmt.Errorf("oauth %q: %w", s.account.Name, err)
}

// Refused says that a mail server did not take a token though it should be valid
// yet: the next call of Token gets another.
func (s *Source) Refused(token string) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if token == s.access {
		s.access, s.expires = "", time.Time{}
	}
}

// note keeps what came of a request, for Trouble.
func (s *Source) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.trouble, s.since, s.lasting = "", time.Time{}, false
		return
	}
	if s.trouble == "" {
		s.since = s.now()
	}
	s.trouble, s.lasting = err.Error(), errors.Is(err, ErrLasting)
}

// Trouble says in Spanish why the last request got no token, since when, and
// whether somebody has to act; "" if it got one.
func (s *Source) Trouble() (trouble string, since time.Time, lasting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble, s.since, s.lasting
}

func (s *Source) renew(ctx context.Context) error {
	if s.unsaved {
		if err := s.save(); err != nil {
			return err
		}
		if s.now().Before(s.expires.Add(-early)) {
			return nil
		}
	}
	form, err := s.form()
	if err != nil {
		return err
	}
	asked := s.now()
	answer, err := post(ctx, s.account.TokenURL, form)
	if err != nil {
		return s.remedy(err)
	}
	if !answer.usable() {
		return errNoToken
	}
	s.access, s.expires = answer.AccessToken, asked.Add(time.Duration(answer.ExpiresIn)*time.Second)
	if s.account.TokenFile == "" {
		return nil
	}
	// The new refresh token is on disk before the access token is used: the
	// server may already have forgotten the old one.
	if answer.RefreshToken != "" {
		s.file.RefreshToken = answer.RefreshToken
	}
	s.file.Used, s.unsaved = asked.UTC(), true
	return s.save()
}

func (s *Source) save() error {
	if err := writeToken(s.account.TokenFile, s.file); err != nil {
		return err
	}
	s.unsaved = false
	return nil
}

func (s *Source) form() (url.Values, error) {
	form, err := s.account.form()
	if err != nil {
		return nil, err
	}
	if s.account.TokenFile == "" {
		form.Set("grant_type", "client_credentials")
		return form, nil
	}
	// Read each time, so that a new login serves without a restart.
	file, err := readToken(s.account.TokenFile)
	if err != nil {
		return nil, s.remedy(err)
	}
	s.file = file
	form.Set("grant_type", "refresh_token")
	form.Set("refresh_token", file.RefreshToken)
	return form, nil
}

// form is what every request to the server says.
func (a Account) form() (url.Values, error) {
	form := url.Values{"client_id": {a.ClientID}, "scope": {strings.Join(a.Scopes, " ")}}
	if a.Secret != nil {
		secret, err := a.Secret()
		if err != nil {
			return nil, err
		}
		form.Set("client_secret", secret)
	}
	return form, nil
}

// remedy adds to a lasting error what the admin has to do.
func (s *Source) remedy(err error) error {
	switch {
	case !errors.Is(err, ErrLasting):
		return err
	case s.account.TokenFile == "" || errors.Is(err, errClient):
		return fmt.Errorf("%w; revise client_id, client_secret_file y la caducidad del secreto", err)
	}
	return fmt.Errorf("%w; ejecute ventanilla oauth login %s", err, s.account.Name)
}

// Warning says in Spanish what ends within fourteen days of now, or has ended;
// empty when nothing does.
func (s *Source) Warning(now time.Time) string {
	var told []string
	if end := s.account.SecretExpires; !end.IsZero() && now.After(end.Add(-warning)) {
		told = append(told, fmt.Sprintf("oauth %q: el secreto del cliente %s el %s; cree otro y cambie client_secret_file y client_secret_expires", s.account.Name, ends(end, now), end.Format(time.DateOnly)))
	}
	if s.account.TokenFile != "" && s.account.Idle > 0 {
		if file, err := readToken(s.account.TokenFile); err == nil {
			if end := file.Used.Add(s.account.Idle); now.After(end.Add(-warning)) {
				told = append(told, fmt.Sprintf("oauth %q: el permiso sin uso %s el %s; ejecute ventanilla oauth login %s", s.account.Name, ends(end, now), end.Format(time.DateOnly), s.account.Name))
			}
		}
	}
	return strings.Join(told, "\n")
}

func ends(end, now time.Time) string {
	if now.After(end) {
		return "venció"
	}
	return "vence"
}

// State is what is known of an account's permission without asking anybody.
type State struct {
	LoggedIn      bool      `json:"logged_in"`     // a refresh token is there
	Used          time.Time `json:"used,omitzero"` // when the server last took it
	Dies          time.Time `json:"dies,omitzero"` // when it does if nobody uses it before
	SecretExpires time.Time `json:"secret,omitzero"`
	Trouble       string    `json:"trouble,omitempty"` // in Spanish
}

// State looks at the token file.
func (s *Source) State() (st State) {
	st.SecretExpires = s.account.SecretExpires
	if s.account.TokenFile == "" {
		return st
	}
	file, err := readToken(s.account.TokenFile)
	if err != nil {
		st.Trouble = s.remedy(err).Error()
		return st
	}
	st.LoggedIn, st.Used = true, file.Used
	if s.account.Idle > 0 {
		st.Dies = file.Used.Add(s.account.Idle)
	}
	return st
}
