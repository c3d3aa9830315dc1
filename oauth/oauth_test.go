package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// host is a token server whose tokens live an hour and whose refresh tokens
// serve once.
type host struct {
	*httptest.Server
	mu      sync.Mutex
	refresh string
	issued  int
	trouble http.HandlerFunc // answers instead, when set
	asked   atomic.Int32
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked.Add(1)
	if h.trouble != nil {
		h.trouble(w, r)
		return
	}
	if r.PostFormValue("grant_type") == "refresh_token" && r.PostFormValue("refresh_token") != h.refresh {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	h.issued++
	h.refresh = fmt.Sprint("refresh", h.issued)
	_, _ = fmt.Fprintf(w, `{"access_token":"access%d","expires_in":3600,"refresh_token":%q}`, h.issued, h.refresh)
}

func (h *host) set(trouble http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trouble = trouble
}

type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(c.at.Load(), 0) }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d / time.Second)) }
func status(code int, s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); _, _ = w.Write([]byte(s)) }
}

func start(t *testing.T) (*host, *clock, *Source) {
	t.Helper()
	h, c := &host{refresh: "refresh0"}, &clock{}
	c.at.Store(1_800_000_000)
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	file := filepath.Join(t.TempDir(), "buzon.json")
	if err := writeToken(file, tokenFile{"refresh0", c.now()}); err != nil {
		t.Fatal(err)
	}
	s, err := New(Account{Name: "buzon", TokenURL: h.URL, ClientID: "id", TokenFile: file, Idle: 90 * 24 * time.Hour}, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return h, c, s
}

func want(t *testing.T, s *Source, token string) {
	t.Helper()
	if got, err := s.Token(context.Background()); got != token || err != nil {
		t.Fatalf("token %q, error %v; want %q", got, err, token)
	}
}

func TestTokenIsRenewedEarlyAndRotated(t *testing.T) {
	h, c, s := start(t)
	want(t, s, "access1")
	c.pass(54 * time.Minute)
	want(t, s, "access1")
	c.pass(time.Minute)
	want(t, s, "access2")
	if f, err := readToken(s.account.TokenFile); err != nil || f.RefreshToken != "refresh2" {
		t.Errorf("file %v, error %v", f, err)
	}
	again, _ := New(s.account, c.now) // after a restart
	want(t, again, "access3")
	_ = h
}

func TestOneRequestAtATime(t *testing.T) {
	h, _, s := start(t)
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if token, err := s.Token(context.Background()); token != "access1" || err != nil {
				t.Errorf("token %q, error %v", token, err)
			}
		})
	}
	wait.Wait()
	if n := h.asked.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestTroubles(t *testing.T) {
	elsewhere := httptest.NewServer(status(200, `{"access_token":"stolen","expires_in":3600}`))
	defer elsewhere.Close()
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		lasting bool
	}{
		"500":           {status(500, `{"error":"invalid_grant"}`), false},
		"invalid_grant": {status(400, `{"error":"invalid_grant"}`), true},
		"slow_down":     {status(400, `{"error":"slow_down"}`), false},
		"no JSON":       {status(200, `<html>`), false},
		"no token":      {status(200, `{"expires_in":3600}`), false},
		"control":       {status(200, `{"access_token":"a\u0001b","expires_in":3600}`), false},
		"no life":       {status(200, `{"access_token":"a"}`), false},
		"overlong life": {status(200, `{"access_token":"a","expires_in":9223372036854775807}`), false},
		"huge":          {status(200, `{"access_token":"a","expires_in":3600,"x":"`+strings.Repeat("x", maxAnswer)+`"}`), false},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h, clock, s := start(t)
			want(t, s, "access1")
			h.set(c.answer)
			clock.pass(56 * time.Minute)
			want(t, s, "access1") // still valid
			clock.pass(5 * time.Minute)
			token, err := s.Token(context.Background())
			if token != "" || err == nil || errors.Is(err, ErrLasting) != c.lasting {
				t.Fatalf("token %q, error %v; want lasting %v", token, err, c.lasting)
			}
			if c.lasting && !strings.Contains(err.Error(), "ejecute ventanilla oauth login buzon") {
				t.Errorf("%v has no remedy", err)
			}
			h.set(nil)
			want(t, s, "access2")
		})
	}
}

// A server of tokens that does not answer keeps nobody longer than he waits, and the
// old token serves while it is valid.
func TestSlowServer(t *testing.T) {
	h, c, s := start(t)
	want(t, s, "access1")
	hang := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(hang)
	s.account.TokenURL = slow.URL
	c.pass(56 * time.Minute)
	soon := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	if token, err := s.Token(soon()); token != "access1" || err != nil {
		t.Errorf("token %q, error %v", token, err)
	}
	c.pass(5 * time.Minute)
	for range 2 {
		if token, err := s.Token(soon()); token != "" || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrLasting) {
			t.Errorf("token %q, error %v", token, err)
		}
	}
	s.account.TokenURL = h.URL
	want(t, s, "access2")
}

// A refresh token that could not be written is neither lost nor used unwritten.
func TestRotationThatCannotBeWritten(t *testing.T) {
	h, _, s := start(t)
	dir := filepath.Dir(s.account.TokenFile)
	h.set(func(w http.ResponseWriter, _ *http.Request) {
		_ = os.Rename(dir, dir+".away")
		_, _ = fmt.Fprint(w, `{"access_token":"one","expires_in":3600,"refresh_token":"rotated"}`)
	})
	if token, err := s.Token(context.Background()); token != "" || err == nil || errors.Is(err, ErrLasting) {
		t.Fatalf("token %q, error %v", token, err)
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	want(t, s, "one")
	if f, err := readToken(s.account.TokenFile); err != nil || f.RefreshToken != "rotated" || h.asked.Load() != 1 {
		t.Errorf("file %v, error %v, %d requests", f, err, h.asked.Load())
	}
}

func TestTokenFileModes(t *testing.T) {
	h, _, s := start(t)
	want(t, s, "access1")
	if info, err := os.Stat(s.account.TokenFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	_ = os.Chmod(s.account.TokenFile, 0o640)
	again, _ := New(s.account, s.now)
	if _, err := again.Token(context.Background()); err == nil || !strings.Contains(err.Error(), "chmod 600") || h.asked.Load() != 1 {
		t.Errorf("error %v, %d requests", err, h.asked.Load())
	}
}

func TestAddresses(t *testing.T) {
	for address, fine := range map[string]bool{
		"https://login.example/token": true, "http://127.0.0.1:1/token": true, "http://login.example/token": false,
		"http://127.0.0.1.example/": false, "https://user@login.example/": false, "": false,
	} {
		if _, err := New(Account{TokenURL: address}, time.Now); (err == nil) != fine {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestClientCredentials(t *testing.T) {
	h, c, s := start(t)
	h.set(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("client_secret") != "secret" || r.PostFormValue("scope") != "a b" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprint(w, `{"access_token":"mine","expires_in":3600}`)
	})
	a := Account{Name: "x", TokenURL: s.account.TokenURL, ClientID: "id", Secret: func() (string, error) { return "secret", nil }, Scopes: []string{"a", "b"}}
	credentials, _ := New(a, c.now)
	want(t, credentials, "mine")
}

func TestWarning(t *testing.T) {
	_, c, s := start(t)
	day := 24 * time.Hour
	s.account.SecretExpires = c.now().Add(30 * day)
	for days, n := range map[int]int{15: 0, 17: 1, 77: 2} {
		told := s.Warning(c.now().Add(time.Duration(days) * day))
		if got := strings.Count(told, " venc"); got != n {
			t.Errorf("after %d days: %q", days, told)
		}
	}
}

// TestRefused: a token that a mail server did not take is not shown again; one
// that is no longer ours is nothing.
func TestRefused(t *testing.T) {
	h, _, s := start(t)
	want(t, s, "access1")
	c := Credentials{Source: s}
	client, _ := c.Client(t.Context())
	c.Refused(client)
	want(t, s, "access2")
	c.Refused(client)
	want(t, s, "access2")
	if n := h.asked.Load(); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// TestTroubleIsKnown: what a status says of a permission.
func TestTroubleIsKnown(t *testing.T) {
	h, c, s := start(t)
	h.set(status(503, ""))
	_, _ = s.Token(t.Context())
	c.pass(time.Minute)
	_, _ = s.Token(t.Context())
	if trouble, since, lasting := s.Trouble(); trouble == "" || lasting || !since.Equal(c.now().Add(-time.Minute)) {
		t.Errorf("%q since %v, %t", trouble, since, lasting)
	}
	h.set(status(400, `{"error":"invalid_grant"}`))
	_, _ = s.Token(t.Context())
	if trouble, _, lasting := s.Trouble(); !lasting || !strings.Contains(trouble, "oauth login buzon") {
		t.Errorf("%q, %t", trouble, lasting)
	}
	h.set(nil)
	want(t, s, "access1")
	if trouble, since, _ := s.Trouble(); trouble != "" || !since.IsZero() {
		t.Errorf("%q since %v", trouble, since)
	}
	if st := s.State(); !st.LoggedIn || !st.Dies.Equal(st.Used.Add(90*day)) || st.Trouble != "" {
		t.Errorf("%+v", st)
	}
	_ = os.Remove(s.account.TokenFile)
	if st := s.State(); st.LoggedIn || !strings.Contains(st.Trouble, "oauth login buzon") {
		t.Errorf("%+v", st)
	}
}

func TestBearer(t *testing.T) {
	_, _, s := start(t)
	for mechanism, want := range map[Mechanism][2]string{
		XOAUTH2:     {"user=me,sa@example.org\x01auth=Bearer access1\x01\x01", ""},
		OAUTHBEARER: {"n,a=me=2Csa@example.org,\x01auth=Bearer access1\x01\x01", "\x01"},
	} {
		client, err := Credentials{s, "me,sa@example.org", mechanism}.Client(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		name, first, err := client.Start()
		if name != string(mechanism) || string(first) != want[0] || err != nil {
			t.Errorf("%q %q %v", name, first, err)
		}
		if next, err := client.Next([]byte(`{"status":"400"}`)); next == nil || string(next) != want[1] || err != nil {
			t.Errorf("%q %v", next, err)
		}
	}
}
