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

// answer is that of a token endpoint (RFC 6749 §5.1 and §5.2).
type answer struct {
	AccessToken  string `json:"access_token"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	Error        string `json:"error"`
}

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
		return answer{}, err
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
	case response.StatusCode == http.StatusOK && wrong == nil:
		return a, nil
	case response.StatusCode/100 == 4 && wrong == nil && lasting(a.Error):
		return answer{}, fmt.Errorf("el servidor rechaza el permiso (%s): %w", a.Error, ErrLasting)
	default:
		return answer{}, fmt.Errorf("el servidor respondió %d, que no es un token", response.StatusCode)
	}
}

// lasting are the errors of RFC 6749 §5.2 that stay until somebody acts.
func lasting(code string) bool {
	return code == "invalid_grant" || code == "invalid_client" || code == "unauthorized_client"
}

func safeURL(s string) error {
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
