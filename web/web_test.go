package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ventanilla/desk"
)

const goodToken = "dabc234"

// fakeDesk has one ticket, whose decision page and status page go by one token.
// It counts what it is asked.
type fakeDesk struct {
	mu       sync.Mutex
	decision Decision
	survey   Survey
	scored   []string // "4: comment" for each call of Score
	status   Status
	undo     Undo
	err      error // of every method
	refuse   bool  // Decide returns ErrRefused
	panics   bool
	stopped  bool            // the digest
	decided  []string        // "approve: comment" for each call of Decide
	watch    chan<- string   // if not nil, told of each call
	block    <-chan struct{} // if not nil, the methods wait for it or for their context
}

func newDesk() *fakeDesk {
	at := time.Date(2026, 11, 20, 20, 5, 0, 0, time.UTC)
	return &fakeDesk{
		decision: Decision{Desk: "Mesa de Ayuda CINOC", Language: "es", Number: "003181", Subject: "La impresora no imprime",
			Resolution: "Cambiamos el cable.\nYa imprime.", State: desk.Resolved, Open: true},
		survey: Survey{Desk: "Mesa de Ayuda CINOC", Language: "es", Number: "003181", Subject: "La impresora no imprime", Open: true},
		undo:   Undo{Desk: "Mesa de Ayuda CINOC", Language: "es", Number: "003181", Subject: "La impresora no imprime", State: desk.Closed},
		status: Status{Desk: "Mesa de Ayuda CINOC", Language: "es", Number: "003181", Subject: "La impresora no imprime",
			State: desk.Open, Queue: "Soporte técnico", Assignee: "Luis Pérez", OpenedAt: at, UpdatedAt: at.Add(26 * time.Hour)},
	}
}

func (f *fakeDesk) called(ctx context.Context, what string) error {
	if f.watch != nil {
		f.watch <- what
	}
	if f.panics {
		panic("the desk fell over")
	}
	if f.block != nil {
		select {
		case <-f.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f.err
}

func (f *fakeDesk) Decision(ctx context.Context, token string) (Decision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if token != goodToken {
		return Decision{}, ErrNotFound
	}
	return f.decision, f.called(ctx, "shown")
}

func (f *fakeDesk) Decide(ctx context.Context, token string, approve bool, comment string) (Decision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if token != goodToken {
		return Decision{}, ErrNotFound
	}
	what := map[bool]string{true: "approve", false: "reject"}[approve]
	f.decided = append(f.decided, what+": "+comment)
	if err := f.called(ctx, what); err != nil {
		return Decision{}, err
	}
	if f.refuse {
		return Decision{}, ErrRefused
	}
	if f.decision.waits() {
		f.decision.Decided, f.decision.Open = map[bool]string{true: Approved, false: Rejected}[approve], false
		f.decision.DecidedAt = time.Date(2026, 11, 21, 14, 2, 0, 0, time.UTC)
		f.decision.State = map[bool]desk.State{true: desk.Closed, false: desk.Open}[approve]
	}
	return f.decision, nil
}

func (f *fakeDesk) Survey(ctx context.Context, token string) (Survey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if token != goodToken {
		return Survey{}, ErrNotFound
	}
	return f.survey, f.called(ctx, "survey")
}

func (f *fakeDesk) Score(ctx context.Context, token string, score int, comment string) (Survey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if token != goodToken {
		return Survey{}, ErrNotFound
	}
	f.scored = append(f.scored, fmt.Sprint(score, ": ", comment))
	if err := f.called(ctx, "score"); err != nil {
		return Survey{}, err
	}
	if f.survey.Open {
		f.survey.Score, f.survey.Open = score, false
	}
	return f.survey, nil
}

func (f *fakeDesk) Undo(ctx context.Context, token string) (Undo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(ctx, "undo"); err != nil {
		return Undo{}, err
	}
	if token != goodToken {
		return Undo{}, ErrNotFound
	}
	return f.undo, nil
}

func (f *fakeDesk) TakeBack(ctx context.Context, token string) (Undo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(ctx, "take back"); err != nil {
		return Undo{}, err
	}
	if token != goodToken {
		return Undo{}, ErrNotFound
	}
	f.undo.Done = f.undo.waits()
	return f.undo, nil
}

func (f *fakeDesk) Status(ctx context.Context, token string) (Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if token != goodToken {
		return Status{}, ErrNotFound
	}
	return f.status, f.called(ctx, "status")
}

func (f *fakeDesk) Digest(ctx context.Context, token string) (Digest, error) {
	if err := f.called(ctx, "digest "+token); err != nil || token != "lgood" {
		return Digest{}, cmp.Or(err, ErrNotFound)
	}
	return Digest{Desk: "Mesa", Language: "es", Stopped: f.stopped}, nil
}

func (f *fakeDesk) StopDigest(ctx context.Context, token string) (Digest, error) {
	f.stopped = f.stopped || token == "lgood"
	return f.Digest(ctx, token)
}

func (f *fakeDesk) decisions() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.decided)
}

func newSite(t *testing.T, d Desk) *site {
	t.Helper()
	bogota := time.FixedZone("-05", -5*3600)
	return Handler(d, Options{Words: shippedWords(t), Name: "Mesa de Ayuda CINOC", Zone: bogota, PublicURL: "https://ayuda.example.org"}).(*site)
}

// ask sends a request straight to the handler. Headers come as "Name: value".
func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// scanners are programs that follow the links in mails, as they call themselves.
var scanners = []string{
	"",
	"Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.1; WOW64; Trident/6.0; SafeLinks)",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0",
	"Microsoft Office/16.0 (Microsoft Outlook 16.0.10730; Pro)",
	"Barracuda Sentinel (EE)",
	"Mozilla/5.0 (compatible; Proofpoint URL Defense)",
	"Mimecast URL Protect",
	"FortiMail-URLCheck",
	"Symantec Email Security.cloud LinkFollowing",
	"TrendMicro WRS",
	"Sophos Time-of-Click",
	"CheckPoint-Harmony",
	"GoogleImageProxy (via ggpht.com)",
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
	"WhatsApp/2.23.20.0",
	"TelegramBot (like TwitterBot)",
	"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
	"facebookexternalhit/1.1",
	"curl/8.5.0",
	"python-requests/2.31.0",
}

// TestLooksChangeNothing is promise 5: no link acts on anything but the form.
func TestLooksChangeNothing(t *testing.T) {
	marks := []string{"Accept: */*", "Purpose: prefetch", "Sec-Purpose: prefetch;prerender", "X-Moz: prefetch", "X-Purpose: preview"}
	methods := []string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "PROPFIND", "post"}
	d := newDesk()
	s := newSite(t, d)
	for _, agent := range scanners {
		for _, mark := range marks {
			for _, method := range methods {
				for _, target := range []string{"/d/" + goodToken, "/d/" + goodToken + "?decision=approve&comment=x"} {
					w := ask(s, method, target, "decision=approve", "User-Agent: "+agent, mark, "Content-Type: application/x-www-form-urlencoded")
					want := http.StatusMethodNotAllowed
					if method == "GET" || method == "HEAD" {
						want = http.StatusOK
					}
					if w.Code != want {
						t.Fatalf("%s %s by %q: %d, want %d", method, target, agent, w.Code, want)
					}
				}
			}
			if w := ask(s, "POST", "/d/"+goodToken, "decision=approve", mark, "User-Agent: "+agent); mark != marks[0] && w.Code != http.StatusForbidden {
				t.Fatalf("POST with %q: %d, want 403", mark, w.Code)
			} else if mark == marks[0] {
				// The control: the form itself, by whatever name the browser goes, acts.
				if got := d.decisions(); len(got) != 1 || w.Code != http.StatusSeeOther {
					t.Fatalf("POST by %q: %d and %d decisions, want 303 and 1", agent, w.Code, len(got))
				}
				d.mu.Lock()
				d.decided, d.decision = nil, newDesk().decision
				d.mu.Unlock()
			}
		}
	}
	if got := d.decisions(); len(got) != 0 {
		t.Errorf("decided %q, want nothing", got)
	}
}

func TestDecide(t *testing.T) {
	tests := []struct {
		name, form, want string
		title            string // of the page afterwards
	}{
		{"approve", "decision=approve", "approve: ", "Solución aprobada"},
		{"approve with thanks", "decision=approve&comment=Mil+gracias", "approve: Mil gracias", "Solución aprobada"},
		{"reject", "decision=reject&comment=Sigue+fallando", "reject: Sigue fallando", "Solución rechazada"},
		{"reject without a word", "decision=reject&comment=", "reject: ", "Solución rechazada"},
		{"line ends and controls", "decision=reject&comment=%20uno%0D%0Ados%00%1B%0Dtres%FF%0A", "reject: uno\ndos\ntres\uFFFD", "Solución rechazada"},
		{"as long as it may be", "decision=reject&comment=" + strings.Repeat("x%0D%0A", MaxComment/2-1) + "xy", "reject: " + strings.Repeat("x\n", MaxComment/2-1) + "xy", "Solución rechazada"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk()
			s := newSite(t, d)
			w := ask(s, "POST", "/d/"+goodToken, tt.form)
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != goodToken {
				t.Fatalf("%d to %q, want 303 to %q", w.Code, w.Header().Get("Location"), goodToken)
			}
			if got := d.decisions(); !slices.Equal(got, []string{tt.want}) {
				t.Fatalf("decided %q, want %q", got, tt.want)
			}
			page := ask(s, "GET", "/d/"+goodToken, "").Body.String()
			if !strings.Contains(page, "<h1>"+tt.title+"</h1>") || !strings.Contains(page, "21/11/2026, 09:02") || strings.Contains(page, "<form") {
				t.Errorf("page afterwards:\n%s", page)
			}
			// A second press of the same button is no mistake to complain of.
			if w := ask(s, "POST", "/d/"+goodToken, tt.form); w.Code != http.StatusSeeOther {
				t.Errorf("again: %d, want 303", w.Code)
			}
		})
	}
}

// TestDecideTooLate: who presses a button in vain is told what is recorded.
func TestDecideTooLate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*fakeDesk)
		title  string
	}{
		{"the other button was first", func(d *fakeDesk) { d.decision.Decided = Rejected }, "Solución rechazada"},
		{"refused", func(d *fakeDesk) { d.refuse, d.decision.Open = true, false }, "Ya no hay nada que decidir"},
		{"not open", func(d *fakeDesk) { d.decision.Open = false }, "Ya no hay nada que decidir"},
		{"expired", func(d *fakeDesk) { d.decision.Expired = true }, "Este enlace venció"},
		{"expired, so not open", func(d *fakeDesk) { d.decision.Expired, d.decision.Open = true, false }, "Este enlace venció"},
		{"decided, then expired", func(d *fakeDesk) { d.decision.Expired, d.decision.Decided = true, Rejected }, "Solución rechazada"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk()
			tt.change(d)
			s := newSite(t, d)
			if w := ask(s, "GET", "/d/"+goodToken, ""); w.Code != http.StatusOK {
				t.Errorf("shown: %d", w.Code)
			}
			w := ask(s, "POST", "/d/"+goodToken, "decision=approve&comment=hola")
			page := w.Body.String()
			if w.Code != http.StatusConflict || !strings.Contains(page, "<h1>"+tt.title+"</h1>") || !strings.Contains(page, "no se registró") {
				t.Errorf("%d\n%s", w.Code, page)
			}
			if strings.Contains(page, "<form") {
				t.Error("the page offers the form again")
			}
		})
	}
}

// TestUndoPage: the link shows, the button acts, once, and only from our own page.
func TestUndoPage(t *testing.T) {
	d := newDesk()
	s := newSite(t, d)
	for range 3 { // scanners follow links
		if w := ask(s, "GET", "/u/"+goodToken, ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<button") || d.undo.Done {
			t.Fatalf("%d, %v\n%s", w.Code, d.undo.Done, w.Body)
		}
	}
	r := httptest.NewRequest("POST", "/u/"+goodToken, strings.NewReader("undo=yes"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != http.StatusForbidden || d.undo.Done {
		t.Fatalf("another site's form: %d", w.Code)
	}
	if w := ask(s, "POST", "/u/"+goodToken, "undo=yes"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != goodToken || !d.undo.Done {
		t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	if page := ask(s, "GET", "/u/"+goodToken, "").Body.String(); !strings.Contains(page, "<h1>Se deshizo</h1>") || strings.Contains(page, "<form") {
		t.Errorf("afterwards\n%s", page)
	}
	d.undo = Undo{Language: "es", Number: "1", State: desk.Open, Reason: "reason-changed-since"}
	if page := ask(s, "GET", "/u/"+goodToken, "").Body.String(); !strings.Contains(page, "alguien hizo algo más") || strings.Contains(page, "<form") {
		t.Errorf("too late\n%s", page)
	}
}

// TestConsentPage: a consent is asked for in words of its own.
func TestConsentPage(t *testing.T) {
	d := newDesk()
	d.decision.Consent, d.decision.Resolution = true, "¿Compramos el tóner?"
	s := newSite(t, d)
	if page := ask(s, "GET", "/d/"+goodToken, "").Body.String(); !strings.Contains(page, "<h1>¿Da su visto bueno?</h1>") || !strings.Contains(page, "¿Compramos el tóner?") || strings.Contains(page, "Si rechaza, cuéntenos") {
		t.Errorf("asked\n%s", page)
	}
	ask(s, "POST", "/d/"+goodToken, "decision=reject")
	if page := ask(s, "GET", "/d/"+goodToken, "").Body.String(); !strings.Contains(page, "<h1>Visto bueno negado</h1>") {
		t.Errorf("refused\n%s", page)
	}
}

// TestMendForm: a form with a mistake comes back with what was written.
func TestMendForm(t *testing.T) {
	tests := []struct{ name, form, notice, kept string }{
		{"no button", "comment=uno+dos", "Falta un paso", "uno dos</textarea>"},
		{"unknown button", "decision=yes&comment=uno", "Falta un paso", "uno</textarea>"},
		{"too long", "decision=approve&comment=" + strings.Repeat("x", MaxComment+1), "demasiado largo", strings.Repeat("x", MaxComment+1)},
		{"too many bytes", "decision=approve&comment=" + strings.Repeat("%C3%B1", desk.MaxReason/2+1), "demasiado largo", "ñññ"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk()
			w := ask(newSite(t, d), "POST", "/d/"+goodToken, tt.form)
			page := w.Body.String()
			if w.Code != http.StatusBadRequest || !strings.Contains(page, tt.notice) || !strings.Contains(page, tt.kept) {
				t.Errorf("%d\n%s", w.Code, page)
			}
			if got := d.decisions(); len(got) != 0 {
				t.Errorf("decided %q", got)
			}
		})
	}
}

// TestErrors is the table of errors and statuses.
func TestErrors(t *testing.T) {
	const secret = "disk /var/lib/x is broken"
	tests := []struct {
		name, method, target, body string
		change                     func(*fakeDesk)
		want                       int
	}{
		{"decision", "GET", "/d/" + goodToken, "", nil, 200},
		{"decision, head", "HEAD", "/d/" + goodToken, "", nil, 200},
		{"status", "GET", "/t/" + goodToken, "", nil, 200},
		{"health", "GET", "/healthz", "", nil, 200},
		{"decide", "POST", "/d/" + goodToken, "decision=approve", nil, 303},
		{"survey", "GET", "/e/" + goodToken, "", nil, 200},
		{"survey, head", "HEAD", "/e/" + goodToken, "", nil, 200},
		{"score", "POST", "/e/" + goodToken, "score=4", nil, 303},
		{"no score", "POST", "/e/" + goodToken, "comment=x", nil, 400},
		{"score of none", "POST", "/e/" + goodToken, "score=6", nil, 400},
		{"score, no form", "POST", "/e/" + goodToken, "score=%zz", nil, 400},
		{"score, too large", "POST", "/e/" + goodToken, "score=4&comment=" + strings.Repeat("x", maxForm), nil, 413},
		{"unknown token, survey", "GET", "/e/ezzz", "", nil, 404},
		{"unknown token, score", "POST", "/e/ezzz", "score=4", nil, 404},
		{"no token, score", "POST", "/e/", "score=4", nil, 404},
		{"survey, put", "PUT", "/e/" + goodToken, "score=4", nil, 405},
		{"unknown error, score", "POST", "/e/" + goodToken, "score=4", func(d *fakeDesk) { d.err = errors.New(secret) }, 500},
		{"undo", "GET", "/u/" + goodToken, "", nil, 200},
		{"take back", "POST", "/u/" + goodToken, "undo=yes", nil, 303},
		{"take back, no button", "POST", "/u/" + goodToken, "", nil, 400},
		{"take back, too late", "POST", "/u/" + goodToken, "undo=yes", func(f *fakeDesk) { f.undo.Reason = "reason-changed-since" }, 409},
		{"no token, undo", "GET", "/u/", "", nil, 404},
		{"no token, take back", "POST", "/u/", "undo=yes", nil, 404},
		{"unknown token, undo", "GET", "/u/uzzz", "", nil, 404},
		{"unknown token, take back", "POST", "/u/uzzz", "undo=yes", nil, 404},
		{"root", "GET", "/", "", nil, 404},
		{"no token", "GET", "/d/", "", nil, 404},
		{"no token, decide", "POST", "/d/", "decision=approve", nil, 404},
		{"unknown token", "GET", "/d/dzzz", "", nil, 404},
		{"unknown token, decide", "POST", "/d/dzzz", "decision=approve", nil, 404},
		{"unknown token, no button", "POST", "/d/dzzz", "", nil, 404},
		{"unknown token, status", "GET", "/t/szzz", "", nil, 404},
		{"below a page", "GET", "/d/" + goodToken + "/x", "", nil, 404},
		{"path to be cleaned", "GET", "//evil.example/d/" + goodToken, "", nil, 404},
		{"status takes no form", "POST", "/t/" + goodToken, "decision=approve", nil, 405},
		{"health takes no form", "POST", "/healthz", "", nil, 405},
		{"wrapped not found", "GET", "/d/" + goodToken, "", func(d *fakeDesk) { d.err = fmt.Errorf("x: %w", ErrNotFound) }, 404},
		{"refused to show", "GET", "/t/" + goodToken, "", func(d *fakeDesk) { d.err = fmt.Errorf("x: %w", ErrRefused) }, 409},
		{"unknown error", "GET", "/d/" + goodToken, "", func(d *fakeDesk) { d.err = errors.New(secret) }, 500},
		{"unknown error, decide", "POST", "/d/" + goodToken, "decision=approve", func(d *fakeDesk) { d.err = errors.New(secret) }, 500},
		{"unknown error, status", "GET", "/t/" + goodToken, "", func(d *fakeDesk) { d.err = errors.New(secret) }, 500},
		{"panic", "GET", "/d/" + goodToken, "", func(d *fakeDesk) { d.panics = true }, 500},
		{"panic, decide", "POST", "/d/" + goodToken, "decision=reject", func(d *fakeDesk) { d.panics = true }, 500},
		{"form too large", "POST", "/d/" + goodToken, "decision=approve&comment=" + strings.Repeat("x", maxForm), nil, 413},
		{"no form", "POST", "/d/" + goodToken, "decision=%zz", nil, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk()
			if tt.change != nil {
				tt.change(d)
			}
			s := newSite(t, d)
			var logged bytes.Buffer
			s.Log = slog.New(slog.NewTextHandler(&logged, nil))
			s.newID = func() string { return "request-7" }
			w := ask(s, tt.method, tt.target, tt.body)
			if w.Code != tt.want {
				t.Fatalf("%d, want %d\n%s", w.Code, tt.want, w.Body)
			}
			checkHeaders(t, w.Header())
			if strings.Contains(w.Body.String(), "disk") || strings.Contains(w.Body.String(), "fell over") {
				t.Errorf("the page tells the cause:\n%s", w.Body)
			}
			inPage, inLog := strings.Contains(w.Body.String(), "request-7"), strings.Contains(logged.String(), "request-7")
			if want := tt.want == 500; inPage != want || inLog != want {
				t.Errorf("id in page %v, in log %v, want %v", inPage, inLog, want)
			}
			if strings.Contains(logged.String(), goodToken) {
				t.Errorf("the log holds the token: %s", logged.String())
			}
			if tt.want == 500 && !strings.Contains(logged.String(), "disk") && !strings.Contains(logged.String(), "fell over") {
				t.Errorf("the log lacks the cause: %s", logged.String())
			}
		})
	}
}

func checkHeaders(t *testing.T, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Cache-Control":          "no-store",
		"Referrer-Policy":        "no-referrer",
		"X-Content-Type-Options": "nosniff",
		"X-Frame-Options":        "DENY",
		"X-Robots-Tag":           "noindex, nofollow, noarchive",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "style-src 'sha256-", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("Content-Security-Policy lacks %s: %s", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") || len(h.Values("Set-Cookie")) > 0 {
		t.Errorf("unsafe policy or a cookie: %v", h)
	}
}

// TestTokensLookAlike: an answer does not tell an unknown token from one that
// cannot be a token, byte for byte.
func TestTokensLookAlike(t *testing.T) {
	d := newDesk()
	server := httptest.NewServer(newSite(t, d))
	defer server.Close()
	tokens := []string{"dabc235", "kabc234", "sabc234", "a", "", "%00", "..", "%2e%2e%2fhealthz", "d%20abc234", "dabc234%0a", "ñandú",
		"dabc234/", "dabc234/x", strings.Repeat("a", maxToken), strings.Repeat("a", maxToken+1), strings.Repeat("a", 5000)}
	for _, prefix := range []string{"/d/", "/t/"} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			if prefix == "/t/" && method == "POST" {
				continue
			}
			var first string
			for _, token := range tokens {
				got := dump(t, server, method, prefix+token)
				if first == "" {
					first = got
				}
				if got != first || !strings.HasPrefix(got, "404") {
					t.Errorf("%s %s%s answers\n%s\nbut %s%s answers\n%s", method, prefix, token, got, prefix, tokens[0], first)
				}
			}
			if got := dump(t, server, method, prefix+goodToken); got == first { // the control
				t.Errorf("%s %s: a good token answers as a bad one", method, prefix)
			}
		}
	}
}

func dump(t *testing.T, server *httptest.Server, method, path string) string {
	t.Helper()
	r, err := http.NewRequest(method, server.URL, strings.NewReader("decision=approve"))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = path // as it stands, with no cleaning by the client
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	res.Header.Del("Date")
	var b strings.Builder
	fmt.Fprintln(&b, res.Status)
	_ = res.Header.Write(&b)
	b.Write(body)
	return b.String()
}

func TestCrossSite(t *testing.T) {
	tests := []struct {
		name    string
		headers []string
		refused bool
	}{
		{"neither header: an old browser, a mail program's window", nil, false},
		{"our own page", []string{"Sec-Fetch-Site: same-origin", "Origin: null"}, false},
		{"typed or reloaded", []string{"Sec-Fetch-Site: none"}, false},
		{"our own page over plain HTTP", []string{"Origin: null"}, false},
		{"our own page, referrer policy ignored", []string{"Origin: http://ayuda.example.org"}, false},
		{"behind a proxy that changes Host", []string{"Origin: https://ayuda.example.org", "Host: 10.0.0.7:8080"}, false},
		{"the host asked for", []string{"Origin: http://10.0.0.7:8080", "Host: 10.0.0.7:8080"}, false},
		{"another site", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, true},
		{"another site that hides", []string{"Sec-Fetch-Site: cross-site", "Origin: null"}, true},
		{"a neighbour", []string{"Sec-Fetch-Site: same-site", "Origin: https://blog.example.org"}, true},
		{"what a browser does not send", []string{"Sec-Fetch-Site: yes"}, true},
		{"another site, old browser", []string{"Origin: https://evil.example"}, true},
		{"another port, old browser", []string{"Origin: https://ayuda.example.org:8443"}, true},
		{"no origin at all", []string{"Origin: ://"}, true},
		{"a file", []string{"Origin: file://"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk()
			s := newSite(t, d)
			status := post(s, tt.headers)
			if want := map[bool]int{true: 403, false: 303}[tt.refused]; status != want {
				t.Errorf("%d, want %d", status, want)
			}
			if want := map[bool]int{true: 0, false: 1}[tt.refused]; len(d.decisions()) != want {
				t.Errorf("%d decisions, want %d", len(d.decisions()), want)
			}
			// The control: with the guard off every one of them acts.
			d = newDesk()
			s = newSite(t, d)
			s.crossSite = func(*http.Request, string) bool { return false }
			if status := post(s, tt.headers); status != 303 || len(d.decisions()) != 1 {
				t.Errorf("with the guard off: %d and %d decisions", status, len(d.decisions()))
			}
		})
	}
}

func post(s *site, headers []string) int {
	r := httptest.NewRequest("POST", "http://ayuda.example.org/d/"+goodToken, strings.NewReader("decision=approve"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

// TestNoOpenRedirect: nothing that a visitor sends decides where he is sent.
func TestNoOpenRedirect(t *testing.T) {
	for _, query := range []string{"?next=https://evil.example", "?redirect=//evil.example", "?url=evil.example&return=/x"} {
		w := ask(newSite(t, newDesk()), "POST", "/d/"+goodToken+query, "decision=approve&next=https://evil.example",
			"X-Forwarded-Host: evil.example", "Referer: https://evil.example/")
		if got := w.Header().Get("Location"); got != goodToken {
			t.Errorf("%s: sent to %q, want %q", query, got, goodToken)
		}
		if strings.Contains(w.Body.String(), "evil") {
			t.Errorf("%s: echoed", query)
		}
	}
}

// TestTextIsData: what people wrote is shown as written.
func TestTextIsData(t *testing.T) {
	const nasty = `</p><script>alert(1)</script><img src=x onerror=alert(1)>"'&{{.Desk}}`
	d := newDesk()
	d.decision.Subject, d.decision.Resolution, d.decision.Desk = nasty, nasty, nasty
	d.status.Subject, d.status.Assignee, d.status.Queue = nasty, nasty, nasty
	s := newSite(t, d)
	for _, page := range []string{
		ask(s, "GET", "/d/"+goodToken, "").Body.String(),
		ask(s, "GET", "/t/"+goodToken, "").Body.String(),
		ask(s, "POST", "/d/"+goodToken, "comment="+url.QueryEscape(nasty)).Body.String(),
	} {
		if strings.Contains(page, "<script") || strings.Contains(page, "<img") || !strings.Contains(page, "&lt;script&gt;") {
			t.Errorf("not escaped:\n%s", page)
		}
	}
}

func TestLanguages(t *testing.T) {
	d := newDesk()
	s := newSite(t, d)
	for lang, title := range map[string]string{
		"es": "¿Quedó resuelta su solicitud?", "en": "Has your request been resolved?", "pt": "Sua solicitação foi resolvida?",
		"pt-BR": "Sua solicitação foi resolvida?", "fr": "¿Quedó resuelta su solicitud?", "": "¿Quedó resuelta su solicitud?",
	} {
		d.decision.Language = lang
		page := ask(s, "GET", "/d/"+goodToken, "", "Accept-Language: en").Body.String()
		if !strings.Contains(page, "<h1>"+title+"</h1>") {
			t.Errorf("%q: no %q in\n%s", lang, title, page)
		}
	}
	for accepted, lang := range map[string]string{
		"": "es", "en-US,en;q=0.9": "en", "fr;q=1, pt-BR;q=0.5, en;q=0.4": "pt", "de": "es", "en;q=x, pt;q=0.1": "pt", ";;,,=": "es", "en;q=0": "es",
	} {
		page := ask(s, "GET", "/d/none", "", "Accept-Language: "+accepted).Body.String()
		if !strings.Contains(page, `<html lang="`+lang+`">`) {
			t.Errorf("%q: not in %s", accepted, lang)
		}
	}
}

func TestStatus(t *testing.T) {
	page := ask(newSite(t, newDesk()), "GET", "/t/"+goodToken, "").Body.String()
	for _, want := range []string{"#003181", "La impresora no imprime", "Soporte técnico", "Luis Pérez", "20/11/2026, 15:05", "21/11/2026, 17:05", `datetime="2026-11-20T20:05:00Z"`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

// TestDigest: looking at the page stops nothing; its button does, and so does the one
// click of a mail program (RFC 8058 §3.1), which other sites and prefetching cannot make.
func TestDigest(t *testing.T) {
	d := newDesk()
	s := newSite(t, d)
	form := "Content-Type: application/x-www-form-urlencoded"
	for _, method := range []string{"GET", "HEAD"} {
		if w := ask(s, method, "/l/lgood", ""); w.Code != http.StatusOK || d.stopped {
			t.Errorf("%s: %d, stopped %v", method, w.Code, d.stopped)
		}
	}
	if w := ask(s, "GET", "/l/lgood", ""); !strings.Contains(w.Body.String(), "<form method=\"post\">") {
		t.Errorf("no button in\n%s", w.Body)
	}
	for _, header := range []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example", "Sec-Purpose: prefetch"} {
		if w := ask(s, "POST", "/l/lgood", "List-Unsubscribe=One-Click", form, header); w.Code != http.StatusForbidden || d.stopped {
			t.Errorf("POST with %s: %d, stopped %v", header, w.Code, d.stopped)
		}
	}
	for _, token := range []string{"lbad", "l/good", "", goodToken} {
		if w := ask(s, "POST", "/l/"+token, "List-Unsubscribe=One-Click", form); w.Code != http.StatusNotFound || d.stopped {
			t.Errorf("POST /l/%s: %d, stopped %v", token, w.Code, d.stopped)
		}
	}
	for range 2 { // a second click is no error
		w := ask(s, "POST", "/l/lgood", "List-Unsubscribe=One-Click", form)
		if w.Code != http.StatusOK || !d.stopped || strings.Contains(w.Body.String(), "<form") {
			t.Errorf("one click: %d, stopped %v\n%s", w.Code, d.stopped, w.Body)
		}
	}
	if w := ask(s, "PUT", "/l/lgood", ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("PUT: %d %q", w.Code, w.Header().Get("Allow"))
	}
}

// TestPatience: a desk that hangs costs the visitor a 500, not his evening.
func TestPatience(t *testing.T) {
	d := newDesk()
	d.block = make(chan struct{})
	s := newSite(t, d)
	s.Patience = time.Millisecond
	if w := ask(s, "GET", "/d/"+goodToken, ""); w.Code != 500 {
		t.Errorf("%d, want 500", w.Code)
	}
	server := NewServer(s, slog.New(slog.DiscardHandler))
	for name, d := range map[string]time.Duration{"header": server.ReadHeaderTimeout, "read": server.ReadTimeout, "write": server.WriteTimeout, "idle": server.IdleTimeout} {
		if d <= 0 || d > 2*time.Minute {
			t.Errorf("%s time-out is %s", name, d)
		}
	}
}

// TestWords: every word that the pages use is there in every language.
func TestWords(t *testing.T) {
	words := shippedWords(t)
	keys := map[string]bool{}
	for _, file := range []string{"page.html", "page.go", "site.go"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"(page-[a-z-]+)"`).FindAllSubmatch(b, -1) {
			keys[string(m[1])] = true
		}
	}
	for _, outcome := range []string{"page-approved", "page-rejected", "page-not-open", "page-expired"} {
		keys[outcome+"-title"] = true
	}
	for _, s := range []desk.State{desk.New, desk.Open, desk.Pending, desk.Resolved, desk.Closed, desk.Merged, desk.Cancelled} {
		keys["state-"+string(s)] = true
	}
	if len(keys) < 35 {
		t.Fatalf("found %d keys only", len(keys))
	}
	for key := range keys {
		for _, lang := range languages {
			if w := words(lang, key); w == "" || strings.Contains(w, key) {
				t.Errorf("%s: %s is %q", lang, key, w)
			}
		}
	}
}

// FuzzRequest: whatever is asked, the answer is one of the table, has the
// headers, and only the form of the page decides.
func FuzzRequest(f *testing.F) {
	for _, seed := range []struct{ method, path, body, site, origin string }{
		{"GET", "/d/" + goodToken, "", "", ""},
		{"POST", "/d/" + goodToken, "decision=approve&comment=x", "same-origin", "null"},
		{"POST", "/d/" + goodToken, "decision=approve", "cross-site", "https://evil.example"},
		{"HEAD", "/t/" + goodToken, "", "", ""},
		{"OPTIONS", "/../d//%2e", "%", "", ":"},
	} {
		f.Add(seed.method, seed.path, seed.body, seed.site, seed.origin)
	}
	words := shippedWords(f)
	f.Fuzz(func(t *testing.T, method, path, body, from, origin string) {
		d := newDesk()
		s := Handler(d, Options{Words: words}).(*site)
		r := &http.Request{Method: method, URL: &url.URL{Path: path}, Header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {from}, "Origin": {origin}}, Body: io.NopCloser(strings.NewReader(body))}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if !slices.Contains([]int{200, 303, 400, 403, 404, 405, 409, 413}, w.Code) {
			t.Errorf("status %d", w.Code)
		}
		checkHeaders(t, w.Header())
		if n := len(d.decisions()); n > 0 && (n > 1 || method != "POST" || path != "/d/"+goodToken || w.Code != 303) {
			t.Errorf("%d decisions by %s %s", n, method, path)
		}
	})
}

// TestOnward: a door without pages of its own sends visitors to the same page where
// the pages are, whatever host they asked for, and nobody anywhere without one.
func TestOnward(t *testing.T) {
	for _, c := range []struct {
		public, method, target, want string
		code                         int
	}{
		{"https://mesa.example", "GET", "http://evil.example/t/abc?x=1", "https://mesa.example/t/abc", http.StatusPermanentRedirect},
		{"https://mesa.example", "HEAD", "/", "https://mesa.example/", http.StatusPermanentRedirect},
		{"https://mesa.example", "GET", "http://mesa.example//evil.example/", "https://mesa.example//evil.example/", http.StatusPermanentRedirect},
		{"https://mesa.example", "POST", "/d/abc", "", http.StatusNotFound},
		{"", "GET", "/t/abc", "", http.StatusNotFound},
	} {
		w := httptest.NewRecorder()
		Onward(c.public).ServeHTTP(w, httptest.NewRequest(c.method, c.target, nil))
		if w.Code != c.code || w.Header().Get("Location") != c.want {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.target, w.Code, w.Header().Get("Location"), c.code, c.want)
		}
	}
}
