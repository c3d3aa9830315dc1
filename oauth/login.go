package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"
)

// Prompt is what a person has to do to log in: open an address, and type a code
// there if there is one.
type Prompt struct {
	Address string        // of a page
	Code    string        // "" where none has to be typed
	Within  time.Duration // so long it is waited for
}

const (
	interval = 5 * time.Second  // between two questions where the server says none (RFC 8628 §3.2)
	longest  = time.Minute      // and the most
	mostTime = 30 * time.Minute // that a code is waited for
)

// LoginByDevice lets a person log in on any device (RFC 8628), waits until that
// is done, and keeps the permission in the token file. tell is called once.
func LoginByDevice(ctx context.Context, a Account, now func() time.Time, tell func(Prompt)) error {
	if err := a.check(); err != nil {
		return err
	}
	form, err := a.form()
	if err != nil {
		return err
	}
	begun, err := post(ctx, a.DeviceURL, form)
	if err != nil {
		return loginError(a, err)
	}
	page := begun.VerificationURI
	if page == "" {
		page = begun.VerificationURL
	}
	if u, err := url.Parse(page); begun.DeviceCode == "" || begun.UserCode == "" || err != nil || u.Scheme != "https" && SafeURL(page) != nil || begun.ExpiresIn <= 0 {
		return fmt.Errorf("oauth %q: el servidor respondió sin un código que sirva", a.Name)
	}
	within := min(time.Duration(min(begun.ExpiresIn, int64(mostTime/time.Second)))*time.Second, mostTime)
	tell(Prompt{Address: page, Code: begun.UserCode, Within: within})
	limited, done := context.WithTimeout(ctx, within)
	defer done()
	form.Del("scope")
	form.Set("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
	form.Set("device_code", begun.DeviceCode)
	got, err := a.await(limited, form, pace(begun.Interval))
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("oauth %q: nadie escribió el código en %s; repita la orden", a.Name, within)
	case err != nil:
		return loginError(a, err)
	}
	return a.keep(got, now())
}

func pace(seconds int64) time.Duration {
	if seconds <= 0 {
		return interval
	}
	return min(time.Duration(min(seconds, 60))*time.Second, longest)
}

// await asks until the person has logged in (RFC 8628 §3.4 and §3.5).
func (a Account) await(ctx context.Context, form url.Values, pause time.Duration) (answer, error) {
	for {
		select {
		case <-ctx.Done():
			return answer{}, ctx.Err()
		case <-time.After(pause):
		}
		got, err := post(ctx, a.TokenURL, form)
		switch {
		case err == nil:
			return got, nil
		case errors.Is(err, refusal("authorization_pending")):
		case errors.Is(err, refusal("slow_down")):
			pause = min(pause+interval, longest)
		case errors.As(err, new(refusal)):
			return answer{}, err
		case ctx.Err() == nil: // it may be well again before the code dies
			pause = min(2*pause, longest)
		}
	}
}

// keep writes the permission that a login has given.
func (a Account) keep(got answer, now time.Time) error {
	if !got.usable() {
		return fmt.Errorf("oauth %q: %w", a.Name, errNoToken)
	}
	if got.RefreshToken == "" {
		return fmt.Errorf("oauth %q: el servidor no dio un permiso que dure (refresh_token); en scopes falta offline_access, o lo que pida ese servidor", a.Name)
	}
	if err := makeFolder(filepath.Dir(a.TokenFile)); err != nil {
		return err
	}
	return writeToken(a.TokenFile, tokenFile{RefreshToken: got.RefreshToken, Used: now.UTC()})
}

// loginError says what a refusal of a login means.
func loginError(a Account, err error) error {
	remedy := ""
	var refused refusal
	if errors.As(err, &refused) {
		switch refused {
		case "access_denied":
			remedy = "; la persona no dio el permiso, o su institución no lo permite"
		case "expired_token":
			remedy = "; el código venció: repita la orden"
		case "invalid_scope":
			remedy = "; revise scopes"
		case "invalid_grant":
			remedy = "; el código ya no vale: repita la orden"
		case "invalid_client", "unauthorized_client":
			remedy = "; revise client_id y client_secret_file, y que la aplicación permita este modo de entrar"
		}
	}
	return fmt.Errorf("oauth %q: %w%s", a.Name, err, remedy)
}
