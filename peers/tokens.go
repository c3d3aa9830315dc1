package peers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"time"
)

// Tokens is an OAuth2 server for tests (RFC 6749, RFC 8628, RFC 7662). Its
// access tokens die, and a refresh token is good once.
type Tokens struct {
	*httptest.Server

	mu      sync.Mutex
	user    string
	life    time.Duration
	answer  int           // code that every request for a token gets instead; 0: none
	slow    time.Duration // that such a request takes
	count   int
	refresh string               // the one that is good; "" after Revoke
	access  map[string]time.Time // → its end
	devices map[string]bool      // user code → approved
	asked   int                  // requests for a token
	told    chan struct{}        // closed at each change, and made anew
}

// NewTokens starts a server whose tokens are a user's and live so long.
func NewTokens(user string, life time.Duration) *Tokens {
	s := &Tokens{user: user, life: life, access: map[string]time.Time{}, devices: map[string]bool{}, told: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /device", s.device)
	mux.HandleFunc("GET /authorize", s.authorize)
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("POST /introspect", s.introspect)
	s.Server = httptest.NewServer(mux)
	return s
}

// With changes what the server is like.
func (s *Tokens) With(answer int, slow, life time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.slow, s.life = answer, slow, life
}

// Revoke makes all that was given worthless.
func (s *Tokens) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh = ""
	clear(s.access)
}

// Expire ends the access tokens of now before their time.
func (s *Tokens) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.access)
}

// Asked is how often a token was asked for.
func (s *Tokens) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Good says whether an access token is good, and of whom.
func (s *Tokens) Good(token string) (user string, good bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user, time.Now().Before(s.access[token])
}

// Approve says yes, or no, to the logins by device code that wait, at least to
// one within ten seconds.
func (s *Tokens) Approve(yes bool) error {
	for deadline := time.After(10 * time.Second); ; {
		s.mu.Lock()
		waiting, told := 0, s.told
		for code := range s.devices {
			waiting++
			if s.devices[code] = yes; !yes {
				delete(s.devices, code)
			}
		}
		s.mu.Unlock()
		if waiting > 0 {
			return nil
		}
		select {
		case <-told:
		case <-deadline:
			return fmt.Errorf("nobody logs in")
		}
	}
}

func (s *Tokens) device(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer != 0 {
		w.WriteHeader(s.answer)
		return
	}
	if r.PostFormValue("client_id") != "mesa" {
		refuse(w, "invalid_client")
		return
	}
	s.count++
	code := fmt.Sprintf("WDJB-%04d", s.count)
	s.devices[code] = false
	close(s.told)
	s.told = make(chan struct{})
	give(w, map[string]any{"device_code": "d" + code, "user_code": code, "verification_uri": s.URL + "/d", "expires_in": 300, "interval": 1})
}

// authorize is a browser's user who always agrees.
func (s *Tokens) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"state": {q.Get("state")}, "code": {"c0de"}}.Encode(), http.StatusFound)
}

func (s *Tokens) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	slow := s.slow
	s.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-r.Context().Done():
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.answer != 0 {
		w.WriteHeader(s.answer)
		return
	}
	if why := s.unfit(r); why != "" {
		refuse(w, why)
		return
	}
	s.count++
	token := fmt.Sprintf("access-%d", s.count)
	s.access[token] = time.Now().Add(s.life)
	said := map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": max(int(s.life/time.Second), 1)}
	if r.PostFormValue("grant_type") != "client_credentials" {
		s.refresh = fmt.Sprintf("refresh-%d", s.count)
		said["refresh_token"] = s.refresh
	}
	give(w, said)
}

// unfit says why a request gets no token, "" if it gets one.
func (s *Tokens) unfit(r *http.Request) string {
	switch r.PostFormValue("grant_type") {
	case "client_credentials":
		if r.PostFormValue("client_secret") != "secreto" {
			return "invalid_client"
		}
	case "refresh_token":
		if s.refresh == "" || r.PostFormValue("refresh_token") != s.refresh {
			return "invalid_grant"
		}
	case "authorization_code":
		if r.PostFormValue("code") != "c0de" || r.PostFormValue("code_verifier") == "" {
			return "invalid_grant"
		}
	case "urn:ietf:params:oauth:grant-type:device_code":
		code := r.PostFormValue("device_code")[1:]
		approved, waits := s.devices[code]
		switch {
		case !waits:
			return "access_denied"
		case !approved:
			return "authorization_pending"
		}
		delete(s.devices, code)
	default:
		return "unsupported_grant_type"
	}
	return ""
}

// introspect tells a mail server whether a token is good.
func (s *Tokens) introspect(w http.ResponseWriter, r *http.Request) {
	user, good := s.Good(r.PostFormValue("token"))
	give(w, map[string]any{"active": good, "username": user})
}

func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}

func give(w http.ResponseWriter, what map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(what)
}
