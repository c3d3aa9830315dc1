package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"ventanilla/desk"
)

// site is the handler. Every request becomes one answer, which one place
// writes: so no page can lack a header, and nothing is half written when
// something breaks.
type site struct {
	desk Desk
	Options
	newID     func() string
	crossSite func(*http.Request, string) bool // tests switch it off
}

// answer is what a request gets.
type answer struct {
	status   int
	body     []byte // HTML, or plain text if plain
	plain    bool
	kind     string // its media type where it is neither HTML nor plain text
	location string // of a redirection, relative to the page
	allow    string // of a 405
}

// errForm says that a form is none that the page makes.
var errForm = errors.New("not a form of ours")

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.Patience)
	defer cancel()
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	s.write(w, s.answer(r.WithContext(ctx)))
}

// answer routes a request. A panic becomes a 500, as any error does that has no
// status of its own.
func (s *site) answer(r *http.Request) (a answer) {
	route, token := route(r.URL.Path)
	defer func() {
		if p := recover(); p != nil {
			a = s.failed(r, route, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if a, wrong := wrongMethod(route, r.Method); wrong {
		return a
	}
	if s.desk == nil && route != "/healthz" && route != "/readyz" {
		return answer{status: http.StatusNotFound, plain: true, body: []byte("not found\n")}
	}
	var err error
	switch {
	case route == "/healthz":
		return answer{status: http.StatusOK, plain: true, body: []byte("ok\n")}
	case route == "/readyz":
		return s.ready(r)
	case route == "/d/" && r.Method == http.MethodPost:
		a, err = s.decide(r, token)
	case route == "/d/":
		a, err = s.decision(r, token)
	case route == "/e/" && r.Method == http.MethodPost:
		a, err = s.score(r, token)
	case route == "/e/":
		a, err = s.survey(r, token)
	case route == "/u/" && r.Method == http.MethodPost:
		a, err = s.takeBack(r, token)
	case route == "/u/":
		a, err = s.undo(r, token)
	case route == "/t/":
		a, err = s.status(r, token)
	case route == "/l/":
		a, err = s.digest(r, token)
	default:
		err = ErrNotFound
	}
	if err != nil {
		return s.failure(r, route, err)
	}
	return a
}

// route splits a path. The token is "" where it cannot be one, so that the
// answer to a malformed token is made in the same place as that to an unknown
// one.
func route(path string) (route, token string) {
	if path == "/healthz" || path == "/readyz" {
		return path, ""
	}
	for _, prefix := range []string{"/d/", "/e/", "/t/", "/u/", "/l/"} {
		if token, ok := strings.CutPrefix(path, prefix); ok {
			if !tokenLike(token) {
				token = ""
			}
			return prefix, token
		}
	}
	return "", ""
}

func tokenLike(s string) bool {
	return s != "" && len(s) <= maxToken && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

func wrongMethod(route, method string) (answer, bool) {
	allow := "GET, HEAD"
	switch {
	case route == "", method == http.MethodGet, method == http.MethodHead:
		return answer{}, false
	case acts(route) && method == http.MethodPost:
		return answer{}, false
	case acts(route):
		allow += ", POST"
	}
	return answer{status: http.StatusMethodNotAllowed, plain: true, body: []byte("method not allowed\n"), allow: allow}, true
}

// acts says whether the pages of a route have a form.
func acts(route string) bool {
	return route == "/d/" || route == "/e/" || route == "/u/" || route == "/l/"
}

// decision shows what is to be decided, or what was.
func (s *site) decision(r *http.Request, token string) (answer, error) {
	d, err := s.ask(r.Context(), token)
	if err != nil {
		return answer{}, err
	}
	return s.decisionPage(http.StatusOK, d, "", "")
}

func (s *site) ask(ctx context.Context, token string) (Decision, error) {
	if token == "" {
		return Decision{}, ErrNotFound
	}
	d, err := s.desk.Decision(ctx, token)
	if err != nil {
		return Decision{}, fmt.Errorf("show decision: %w", err)
	}
	return d, nil
}

// decide acts, and sends the visitor to the page that shows what is recorded
// now, so that reloading it repeats nothing.
func (s *site) decide(r *http.Request, token string) (answer, error) {
	if s.crossSite(r, s.PublicURL) || prefetch(r) {
		return s.message(r, http.StatusForbidden, "page-forbidden-title", "page-forbidden", ""), nil
	}
	approve, comment, problem, err := readForm(r)
	if err != nil {
		return answer{}, err
	}
	if problem != "" {
		d, err := s.ask(r.Context(), token)
		if err != nil {
			return answer{}, err
		}
		return s.decisionPage(http.StatusBadRequest, d, problem, comment)
	}
	if token == "" {
		return answer{}, ErrNotFound
	}
	d, err := s.desk.Decide(r.Context(), token, approve, comment)
	if errors.Is(err, ErrRefused) {
		if d, err = s.ask(r.Context(), token); err != nil {
			return answer{}, err
		}
		return s.decisionPage(http.StatusConflict, d, "page-not-taken", "")
	}
	if err != nil {
		return answer{}, fmt.Errorf("decide: %w", err)
	}
	if (d.Decided == Approved) != approve || d.Decided == "" {
		return s.decisionPage(http.StatusConflict, d, "page-not-taken", "")
	}
	return answer{status: http.StatusSeeOther, location: token}, nil
}

// readForm reads the form of the decision page. problem is the word that tells
// the visitor what to mend; err is errForm or *http.MaxBytesError.
func readForm(r *http.Request) (approve bool, comment, problem string, err error) {
	comment, problem, err = readComment(r)
	if err != nil || problem != "" {
		return false, comment, problem, err
	}
	switch r.PostForm.Get("decision") {
	case "approve":
		return true, comment, "", nil
	case "reject":
		return false, comment, "", nil
	}
	return false, comment, "page-choose", nil
}

// readComment reads a form, and the comment in it.
func readComment(r *http.Request) (comment, problem string, err error) {
	if err := r.ParseForm(); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return "", "", err
		}
		return "", "", errForm
	}
	comment = plainText(r.PostForm.Get("comment"))
	if utf8.RuneCountInString(comment) > MaxComment || len(comment) > desk.MaxReason {
		return comment, "page-comment-too-long", nil
	}
	return comment, "", nil
}

// plainText returns s with LF line ends and without what is no text.
func plainText(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r != '\n' && r != '\t' && unicode.IsControl(r):
			return -1
		}
		return r
	}, s))
}

func (s *site) status(r *http.Request, token string) (answer, error) {
	if token == "" {
		return answer{}, ErrNotFound
	}
	st, err := s.desk.Status(r.Context(), token)
	if err != nil {
		return answer{}, fmt.Errorf("show status: %w", err)
	}
	return s.statusPage(st)
}

// undo shows what can be taken back.
func (s *site) undo(r *http.Request, token string) (answer, error) {
	if token == "" {
		return answer{}, ErrNotFound
	}
	u, err := s.desk.Undo(r.Context(), token)
	if err != nil {
		return answer{}, fmt.Errorf("show undo: %w", err)
	}
	return s.undoPage(http.StatusOK, u)
}

// takeBack takes it back, and sends the visitor to the page that shows how it is now.
func (s *site) takeBack(r *http.Request, token string) (answer, error) {
	if s.crossSite(r, s.PublicURL) || prefetch(r) {
		return s.message(r, http.StatusForbidden, "page-forbidden-title", "page-forbidden", ""), nil
	}
	if err := r.ParseForm(); err != nil || r.PostForm.Get("undo") == "" {
		return answer{}, errForm
	}
	if token == "" {
		return answer{}, ErrNotFound
	}
	u, err := s.desk.TakeBack(r.Context(), token)
	if err != nil {
		return answer{}, fmt.Errorf("undo: %w", err)
	}
	if !u.Done {
		return s.undoPage(http.StatusConflict, u)
	}
	return answer{status: http.StatusSeeOther, location: token}, nil
}

// digest shows the button that stops a digest, or stops it: by the button, or by the
// one click of a mail program (RFC 8058 §3.1), whose server sends no cookie and no Origin.
func (s *site) digest(r *http.Request, token string) (a answer, err error) {
	if r.Method == http.MethodPost && (s.crossSite(r, s.PublicURL) || prefetch(r)) {
		return s.message(r, http.StatusForbidden, "page-forbidden-title", "page-forbidden", ""), nil
	}
	if token == "" {
		return answer{}, ErrNotFound
	}
	act := s.desk.Digest
	if r.Method == http.MethodPost {
		act = s.desk.StopDigest
	}
	d, err := act(r.Context(), token)
	if err != nil {
		return answer{}, fmt.Errorf("digest: %w", err)
	}
	return s.digestPage(d)
}

// failure is the table of errors and statuses. What is not in it is 500.
func (s *site) failure(r *http.Request, route string, err error) answer {
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case errors.Is(err, ErrNotFound):
		return s.message(r, http.StatusNotFound, "page-not-found-title", "page-not-found", "")
	case errors.Is(err, ErrRefused):
		return s.message(r, http.StatusConflict, "page-conflict-title", "page-conflict", "")
	case errors.Is(err, errForm):
		return s.message(r, http.StatusBadRequest, "page-bad-form-title", "page-bad-form", "")
	case errors.As(err, &tooLarge):
		return s.message(r, http.StatusRequestEntityTooLarge, "page-bad-form-title", "page-comment-too-long", "")
	}
	return s.failed(r, route, err)
}

// failed logs the cause under an id and shows the id alone. The path is not
// logged: it holds the token.
func (s *site) failed(r *http.Request, route string, cause error) answer {
	id := s.newID()
	s.Log.Error("page failed", "request", id, "method", r.Method, "route", route, "error", cause)
	return s.message(r, http.StatusInternalServerError, "page-failed-title", "page-failed", id)
}

func randomID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// write sends an answer with the headers that every answer has.
func (s *site) write(w http.ResponseWriter, a answer) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	if a.location != "" {
		h.Set("Location", a.location)
	}
	if a.allow != "" {
		h.Set("Allow", a.allow)
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	if a.plain {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if a.kind != "" {
		h.Set("Content-Type", a.kind)
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a visitor who has left is no error
}

// crossSite says that another site's page sent this form.
//
// The token in the path is what gives power here, and no cookie: a page that
// can make a browser send this form already knows the token and could send it
// by itself. The check is there for the mail that carries the form instead of
// the link, so that nobody decides without having seen the page.
//
// Sec-Fetch-Site decides where there is one: a browser sets it, and no page can.
// It is missing in old browsers, in some mail programs' own windows, and always
// over plain HTTP (Fetch Metadata §2). There the Origin must be ours, if it
// names any. "null" names none: it is what a browser sends from our own page,
// because of its Referrer-Policy (Fetch §3.2), so refusing it would refuse
// everybody who comes over plain HTTP.
func crossSite(r *http.Request, publicURL string) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
	default:
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" {
		return false
	}
	o, err := url.Parse(origin)
	if err != nil || o.Host == "" {
		return true
	}
	if public, err := url.Parse(publicURL); err == nil && strings.EqualFold(public.Host, o.Host) {
		return false
	}
	return !strings.EqualFold(o.Host, r.Host)
}

// prefetch says that no person asked for this: a program fetches ahead.
func prefetch(r *http.Request) bool {
	for _, name := range []string{"Purpose", "Sec-Purpose", "X-Purpose", "X-Moz"} {
		v := strings.ToLower(r.Header.Get(name))
		if strings.Contains(v, "prefetch") || strings.Contains(v, "prerender") || strings.Contains(v, "preview") {
			return true
		}
	}
	return false
}
