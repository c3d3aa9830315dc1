package oauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// codeTime is how long a login in a browser is waited for.
const codeTime = 10 * time.Minute

// LoginByCode lets a person log in with a browser, which comes back with a code to
// an address of this machine's loopback (RFC 6749 §4.1, RFC 8252 §7.3, with RFC
// 7636), and keeps the permission in the token file. tell is called once. Where
// the browser runs on another machine the page that it cannot reach has the code
// in its address: pasted takes that address, and may be nil.
func LoginByCode(ctx context.Context, a Account, now func() time.Time, tell func(Prompt), pasted <-chan string) error {
	if err := a.check(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c := comeback{state: nonce(), back: "http://" + l.Addr().String() + "/", codes: make(chan url.Values, 1)}
	server := &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	defer func() {
		closing, done := context.WithTimeout(context.Background(), time.Second) // the page is still being sent
		defer done()
		_ = server.Shutdown(closing)
	}()
	verifier := nonce()
	limited, done := context.WithTimeout(ctx, codeTime)
	defer done()
	tell(Prompt{Address: a.authorize(c, verifier), Within: codeTime})
	code, err := c.await(limited, pasted)
	if limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("oauth %q: nadie entró en %s; repita la orden", a.Name, codeTime)
	} else if err != nil {
		return loginError(a, err)
	}
	form, err := a.form()
	if err != nil {
		return err
	}
	form.Set("grant_type", "authorization_code")
	form.Set("code", code)
	form.Set("code_verifier", verifier)
	form.Set("redirect_uri", c.back)
	got, err := post(ctx, a.TokenURL, form)
	if err != nil {
		return loginError(a, err)
	}
	return a.keep(got, now())
}

// authorize is the address that the person opens. Google gives a refresh token
// only to who asks for access_type=offline, and anew only with prompt=consent.
func (a Account) authorize(c comeback, verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"response_type": {"code"}, "client_id": {a.ClientID}, "redirect_uri": {c.back}, "scope": {strings.Join(a.Scopes, " ")},
		"state": {c.state}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"access_type": {"offline"}, "prompt": {"consent"}}
	joint := "?"
	if strings.Contains(a.AuthorizeURL, "?") {
		joint = "&"
	}
	return a.AuthorizeURL + joint + q.Encode()
}

// nonce is what nobody can guess.
func nonce() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// comeback takes the browser that comes back.
type comeback struct {
	state string
	back  string
	codes chan url.Values
}

func (c comeback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	q := r.URL.Query()
	if r.URL.Path != "/" || !c.ours(q) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	select {
	case c.codes <- q:
	default: // a second time
	}
	_, _ = fmt.Fprint(w, "<!doctype html><title>Ventanilla</title><p>Ya puede cerrar esta página y volver a la terminal.</p>")
}

// ours says that an answer belongs to the question of this login.
func (c comeback) ours(q url.Values) bool {
	return subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(c.state)) == 1
}

var errPasted = errors.New("esa dirección no es la de la página a la que volvió el navegador")

// await waits for the code.
func (c comeback) await(ctx context.Context, pasted <-chan string) (string, error) {
	var q url.Values
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case q = <-c.codes:
	case line := <-pasted:
		u, err := url.Parse(strings.TrimSpace(line))
		if err != nil || !c.ours(u.Query()) {
			return "", errPasted
		}
		q = u.Query()
	}
	if said := q.Get("error"); said != "" {
		if !known(said) {
			said = "error"
		}
		return "", refusal(said)
	}
	if q.Get("code") == "" {
		return "", errPasted
	}
	return q.Get("code"), nil
}
