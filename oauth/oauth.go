// Package oauth gets the tokens with which a mailbox or a smarthost is entered
// where passwords are no longer taken: by a refresh token (RFC 6749 §6) or by
// client credentials (RFC 6749 §4.4).
package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// ErrLasting marks what no further attempt mends: somebody has to act. Every
// other error of Token is temporary.
var ErrLasting = errors.New("hace falta que alguien intervenga")

const (
	early   = 5 * time.Minute     // a token is replaced so long before its end
	warning = 14 * 24 * time.Hour // and an end told so long before it comes
)

// Account says whose tokens a Source gets, and from where.
type Account struct {
	Name          string // as admins know it
	TokenURL      string // https, or http on a loopback address
	ClientID      string
	ClientSecret  string // may be empty where a refresh token is used
	Scopes        []string
	TokenFile     string        // of the refresh token; empty: client credentials
	SecretExpires time.Time     // zero: not known
	Idle          time.Duration // after which an unused refresh token dies; 0: never
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
}

// New makes the Source of an account, with the clock now. It refuses a
// TokenURL over which a secret could be overheard.
func New(a Account, now func() time.Time) (*Source, error) {
	if err := safeURL(a.TokenURL); err != nil {
		return nil, fmt.Errorf("oauth %q: %w", a.Name, err)
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
	if s.now().Before(s.expires) && !s.unsaved {
		return s.access, nil
	}
	if err == nil {
		err = errors.New("el servidor dio un token ya vencido")
	}
	return "", fmt.Errorf("oauth %q: %w", s.account.Name, err)
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
	if answer.AccessToken == "" || answer.ExpiresIn <= 0 || answer.ExpiresIn > maxLife || strings.ContainsAny(answer.AccessToken, "\x00\x01\r\n") {
		return errors.New("el servidor respondió sin un token que sirva")
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
	form := url.Values{"client_id": {s.account.ClientID}, "scope": {strings.Join(s.account.Scopes, " ")}}
	if s.account.ClientSecret != "" {
		form.Set("client_secret", s.account.ClientSecret)
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

// remedy adds to a lasting error what the admin has to do.
func (s *Source) remedy(err error) error {
	if !errors.Is(err, ErrLasting) {
		return err
	}
	if s.account.TokenFile == "" {
		return fmt.Errorf("%w; revise client_id y client_secret_file", err)
	}
	return fmt.Errorf("%w; ejecute ventanilla oauth login %s", err, s.account.Name)
}

// Warning says in Spanish what ends within fourteen days of now, or has ended;
// empty when nothing does.
func (s *Source) Warning(now time.Time) string {
	var told []string
	if end := s.account.SecretExpires; !end.IsZero() && now.After(end.Add(-warning)) {
		told = append(told, fmt.Sprintf("oauth %q: el secreto del cliente vence el %s; cree otro y cambie client_secret_file y client_secret_expires", s.account.Name, end.Format(time.DateOnly)))
	}
	if s.account.TokenFile != "" && s.account.Idle > 0 {
		if file, err := readToken(s.account.TokenFile); err == nil {
			if end := file.Used.Add(s.account.Idle); now.After(end.Add(-warning)) {
				told = append(told, fmt.Sprintf("oauth %q: el permiso sin uso vence el %s; ejecute ventanilla oauth login %s", s.account.Name, end.Format(time.DateOnly), s.account.Name))
			}
		}
	}
	return strings.Join(told, "\n")
}
