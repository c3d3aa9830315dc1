package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// scripted answers requests by the last part of their path, one answer after the
// other, the last again and again; time passes as the bubble of synctest wants.
type scripted struct {
	t       *testing.T
	answers map[string][]string // "200 {…}"
	forms   map[string][]url.Values
	at      []time.Time // of questions for the token
}

// RoundTrip needs no network: nothing in the bubble waits for one.
func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.ParseForm()
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if name == "token" {
		s.at = append(s.at, time.Now())
	}
	s.forms[name] = append(s.forms[name], r.PostForm)
	all := s.answers[name]
	if len(all) == 0 {
		return nil, errors.New("the network is down")
	}
	if len(all) > 1 {
		s.answers[name] = all[1:]
	}
	code := 0
	text := all[0]
	if _, err := fmt.Sscanf(text, "%d", &code); err != nil {
		s.t.Fatal(err)
	}
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text[4:])), Request: r}, nil
}

// devices runs a login by device code in a bubble.
func devices(t *testing.T, s *scripted) (prompt Prompt, file tokenFile, spent time.Duration, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deeper", "x.json")
	synctest.Test(t, func(t *testing.T) {
		s.t, s.forms = t, map[string][]url.Values{}
		before := client.Transport
		client.Transport = s
		defer func() { client.Transport = before }()
		begun := time.Now()
		a := Account{Name: "x", TokenURL: "https://login.example/token", DeviceURL: "https://login.example/device", ClientID: "id", Scopes: []string{"a", "b"}, TokenFile: path}
		err = LoginByDevice(t.Context(), a, time.Now, func(p Prompt) { prompt = p })
		spent = time.Since(begun)
	})
	if err == nil {
		if file, err = readToken(path); err != nil {
			t.Fatal(err)
		}
	}
	return prompt, file, spent, err
}

const begun = `200 {"device_code":"dc","user_code":"WDJB-MJHT","verification_uri":"https://login.example/d","expires_in":900,"interval":5}`

// TestDeviceLogin: it asks as often as it may until the person has logged in, over
// trouble that passes.
func TestDeviceLogin(t *testing.T) {
	s := &scripted{answers: map[string][]string{"device": {begun}, "token": {
		`400 {"error":"authorization_pending"}`, `400 {"error":"slow_down"}`, `503 `, `400 {"error":"authorization_pending"}`,
		`200 {"access_token":"a","expires_in":3600,"refresh_token":"r"}`}}}
	prompt, file, spent, err := devices(t, s)
	if err != nil || file.RefreshToken != "r" || prompt.Code != "WDJB-MJHT" || prompt.Address != "https://login.example/d" || prompt.Within != 15*time.Minute {
		t.Fatalf("%+v, %+v, %v", prompt, file, err)
	}
	if want := 5 + 5 + 10 + 20 + 20; spent != time.Duration(want)*time.Second {
		t.Errorf("after %s, want %d s", spent, want)
	}
	if f := s.forms["device"][0]; f.Get("scope") != "a b" || f.Get("client_id") != "id" {
		t.Errorf("%v", f)
	}
	if f := s.forms["token"][0]; f.Get("device_code") != "dc" || f.Get("grant_type") != "urn:ietf:params:oauth:grant-type:device_code" {
		t.Errorf("%v", f)
	}
}

func TestDeviceLoginThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		device, token []string
		want          string
		lasting       bool
	}{
		"refused":           {[]string{begun}, []string{`400 {"error":"access_denied"}`}, "no dio el permiso", true},
		"too late":          {[]string{begun}, []string{`400 {"error":"expired_token"}`}, "repita la orden", false},
		"nobody":            {[]string{begun}, []string{`400 {"error":"authorization_pending"}`}, "nadie escribió el código en 15m0s", false},
		"server dies":       {[]string{begun}, nil, "nadie escribió el código", false},
		"no refresh token":  {[]string{begun}, []string{`200 {"access_token":"a","expires_in":3600}`}, "offline_access", false},
		"unknown client":    {[]string{`401 {"error":"invalid_client"}`}, nil, "revise client_id", true},
		"wrong scope":       {[]string{`400 {"error":"invalid_scope"}`}, nil, "revise scopes", true},
		"no code":           {[]string{`200 {"device_code":"dc"}`}, nil, "sin un código que sirva", false},
		"page in the clear": {[]string{strings.Replace(begun, "https", "http", 1)}, nil, "sin un código que sirva", false},
		"strange words":     {[]string{`400 {"error":"secreto"}`}, nil, "respondió 400", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, _, err := devices(t, &scripted{answers: map[string][]string{"device": c.device, "token": c.token}})
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrLasting) != c.lasting || strings.Contains(err.Error(), "secreto") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestBrowserLogin: a browser that comes back to this machine, or the address to
// which it came back; whoever brings another state is nobody.
func TestBrowserLogin(t *testing.T) {
	for name, way := range map[string]func(t *testing.T, back, state string, paste chan string){
		"browser": func(t *testing.T, back, state string, _ chan string) {
			for query, code := range map[string]int{"?code=falso&state=otro": 404, "?code=c0de&state=" + state: 200} {
				r, err := http.Get(back + query)
				if err != nil || r.StatusCode != code {
					t.Errorf("%s: %v, %v", query, r, err)
				}
			}
		},
		"pasted": func(_ *testing.T, back, state string, paste chan string) {
			paste <- back + "?code=c0de&state=" + state + "\n"
		},
		"pasted nonsense": func(_ *testing.T, back, _ string, paste chan string) {
			paste <- back + "?code=c0de&state=otro"
		},
		"refused": func(_ *testing.T, back, state string, paste chan string) {
			paste <- back + "?error=access_denied&state=" + state
		},
	} {
		t.Run(name, func(t *testing.T) {
			var asked url.Values
			mux := http.NewServeMux()
			mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				asked = r.PostForm
				_, _ = fmt.Fprint(w, `{"access_token":"a","expires_in":3600,"refresh_token":"r"}`)
			})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: mux}
			go func() { _ = server.Serve(l) }()
			defer server.Close()
			file := filepath.Join(t.TempDir(), "x.json")
			base := "http://" + l.Addr().String()
			paste := make(chan string, 1)
			a := Account{Name: "x", TokenURL: base + "/token", AuthorizeURL: base + "/authorize?x=1", ClientID: "id", Scopes: []string{"m"}, TokenFile: file}
			err = LoginByCode(t.Context(), a, time.Now, func(p Prompt) {
				u, _ := url.Parse(p.Address)
				q := u.Query()
				if q.Get("code_challenge_method") != "S256" || q.Get("x") != "1" || q.Get("scope") != "m" {
					t.Errorf("%s", p.Address)
				}
				go way(t, q.Get("redirect_uri"), q.Get("state"), paste)
			}, paste)
			if name == "pasted nonsense" || name == "refused" {
				if err == nil || asked != nil {
					t.Errorf("%v, asked %v", err, asked)
				}
				return
			}
			f, wrong := readToken(file)
			if err != nil || wrong != nil || f.RefreshToken != "r" || asked.Get("code") != "c0de" || asked.Get("code_verifier") == "" {
				t.Errorf("%v, %v, %+v, asked %v", err, wrong, f, asked)
			}
		})
	}
}

// TestLoginEnds: who is told to stop does so.
func TestLoginEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := Account{Name: "x", TokenURL: "http://127.0.0.1:1/token", AuthorizeURL: "http://127.0.0.1:1/a", TokenFile: filepath.Join(t.TempDir(), "x")}
	if err := LoginByCode(ctx, a, time.Now, func(Prompt) { cancel() }, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
