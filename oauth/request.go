package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxAnswer = 64 << 10         // bytes of an answer that are read
	maxLife   = 7 * 24 * 60 * 60 // seconds that a token may claim to live
	patience  = 30 * time.Second // for one request
)

// answer is that of a token endpoint (RFC 6749 §5.1 and §5.2), or of the endpoint
// where a login by device code begins (RFC 8628 §3.2).
type answer struct {
	AccessToken  string `json:"access_token"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	Error        string `json:"error"`

	DeviceCode      string `json:"device_code"`
	UserCode        string `json:"user_code"`
	VerificationURI string `json:"verification_uri"`
	VerificationURL string `json:"verification_url"` // as Google spells it
	Interval        int64  `json:"interval"`
}

// usable says that there is a token which may be shown to a mail server.
func (a answer) usable() bool {
	return a.AccessToken != "" && a.ExpiresIn > 0 && a.ExpiresIn <= maxLife && !strings.ContainsAny(a.AccessToken, "\x00\x01\r\n")
}

var errNoToken = errors.New("el servidor respondió sin un token que sirva")

// refusal is an error of RFC 6749 §5.2 or RFC 8628 §3.5 that a server has
// answered.
type refusal string

func (r refusal) Error() string { return "el servidor rechaza el permiso (" + string(r) + ")" }

// Unwrap says which of them stay until somebody acts.
func (r refusal) Unwrap() error {
	switch r {
	case "invalid_client", "unauthorized_client":
		return errClient
	case "invalid_grant", "invalid_scope", "access_denied", "interaction_required", "consent_required":
		return ErrLasting
	}
	return nil
}

// errClient is a lasting error that no login mends.
var errClient = fmt.Errorf("el cliente no vale: %w", ErrLasting)

// client follows no redirect: a secret goes to the configured address only.
var client = &http.Client{
	Timeout:       patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// post sends a form and reads the answer. No error of it quotes what the server
// wrote, which may hold secrets.
func post(ctx context.Context, to string, form url.Values) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("no se llega al servidor de tokens: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return answer{}, err
	}
	if len(body) > maxAnswer {
		return answer{}, fmt.Errorf("la respuesta del servidor pasa de %d bytes", maxAnswer)
	}
	var a answer
	wrong := json.Unmarshal(body, &a)
	switch {
	case response.StatusCode == http.StatusOK && wrong == nil && a.Error == "":
		return a, nil
	case response.StatusCode/100 == 4 && wrong == nil && known(a.Error):
		return answer{}, refusal(a.Error)
	default:
		return answer{}, fmt.Errorf("el servidor respondió %d, que no es un token", response.StatusCode)
	}
}

// known are the error codes that mean something here. Others are not repeated:
// they are a stranger's words.
func known(code string) bool {
	switch code {
	case "authorization_pending", "slow_down", "expired_token":
		return true
	}
	return errors.Is(refusal(code), ErrLasting)
}

// SafeURL refuses an address over which a secret could be overheard: it is https,
// or http on a loopback address.
func SafeURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("la dirección del servidor de tokens no es una URL")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s: hace falta https", u.Host)
}
