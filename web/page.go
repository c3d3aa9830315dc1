package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var styleSource string

// The two are read once and never change.
var (
	pageTemplate = template.Must(template.New("page").Parse(pageSource))

	// policy lets a page have its own style and its own form, and nothing else.
	policy = "default-src 'none'; style-src 'sha256-" + digest(styleSource) + "'; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// languages are those that there are words for; the first serves where nothing
// else is said.
var languages = []string{"es", "en", "pt"}

// page is what the template shows. Exactly one of Decision, Survey, Status, Undo,
// Digest and Message is set.
type page struct {
	site     *site
	Lang     string
	Desk     string
	Title    string
	Style    template.CSS
	Decision *Decision
	Survey   *Survey
	Status   *Status
	Undo     *Undo
	Digest   *Digest
	Message  string // a whole answer in one sentence or two
	Request  string // id of a failed request
	Notice   string // what went wrong with the form
	Comment  string // what the visitor had written
	Chosen   int    // the score that he had chosen
}

// Word returns a word in the page's language.
func (p page) Word(key string) string { return p.site.Words(p.Lang, key) }

// Time returns a time as the page's readers write it.
func (p page) Time(t time.Time) string {
	return t.In(p.site.Zone).Format(p.Word("page-time-layout"))
}

// Machine returns a time for the attribute datetime.
func (p page) Machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Waits says that the page offers the buttons.
func (p page) Waits() bool {
	return p.Decision != nil && p.Decision.waits() || p.Undo != nil && p.Undo.waits()
}

// Outcome is the key of the word that says where a decision stands that the
// page offers no buttons for.
func (p page) Outcome() string {
	switch d := p.Decision; {
	case d.Consent && d.Decided == Approved:
		return "page-consent-given"
	case d.Consent && d.Decided == Rejected:
		return "page-consent-refused"
	case d.Decided == Approved:
		return "page-approved"
	case d.Decided == Rejected:
		return "page-rejected"
	case d.Expired:
		return "page-expired"
	}
	return "page-not-open"
}

// MaxComment is for the form.
func (p page) MaxComment() int { return MaxComment }

func (s *site) decisionPage(status int, d Decision, problem, comment string) (answer, error) {
	p := page{site: s, Lang: s.language(d.Language), Desk: d.Desk, Decision: &d, Comment: comment}
	p.Title = p.Word("page-decision-title")
	if d.Consent {
		p.Title = p.Word("page-consent-title")
	}
	if !d.waits() {
		p.Title = p.Word(p.Outcome() + "-title")
	}
	if problem != "" {
		p.Notice = p.Word(problem)
	}
	return p.answer(status)
}

func (s *site) undoPage(status int, u Undo) (answer, error) {
	p := page{site: s, Lang: s.language(u.Language), Desk: u.Desk, Undo: &u, Title: ""}
	switch {
	case u.Done:
		p.Title = p.Word("page-undone-title")
	case u.Reason != "":
		p.Title = p.Word("page-undo-late-title")
	default:
		p.Title = p.Word("page-undo-title")
	}
	return p.answer(status)
}

func (s *site) statusPage(st Status) (answer, error) {
	p := page{site: s, Lang: s.language(st.Language), Desk: st.Desk, Status: &st}
	p.Title = p.Word("page-status-title")
	return p.answer(http.StatusOK)
}

func (s *site) digestPage(d Digest) (answer, error) {
	p := page{site: s, Lang: s.language(d.Language), Desk: d.Desk, Digest: &d}
	p.Title = p.Word("page-digest-title")
	if d.Stopped {
		p.Title = p.Word("page-digest-stopped-title")
	}
	return p.answer(http.StatusOK)
}

// message is a page of words alone. It must not fail: it is what failures show.
func (s *site) message(r *http.Request, status int, title, text, request string) answer {
	p := page{site: s, Lang: s.language(r.Header.Get("Accept-Language")), Desk: s.Name, Request: request}
	p.Title, p.Message = p.Word(title), p.Word(text)
	a, err := p.answer(status)
	if err != nil {
		s.Log.Error("page of an error failed", "request", request, "error", err)
		return answer{status: status, plain: true, body: []byte(http.StatusText(status) + "\n")}
	}
	return a
}

func (p page) answer(status int) (answer, error) {
	p.Style = template.CSS(styleSource)
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return answer{}, fmt.Errorf("make page: %w", err)
	}
	return answer{status: status, body: b.Bytes()}, nil
}

// language returns the best that there are words for, of a language tag or of a
// list of them with weights (RFC 9110 §12.5.4); else the desk's.
func (s *site) language(accepted string) string {
	best, weight := s.Language, 0.0
	for item := range strings.SplitSeq(accepted, ",") {
		tag, parameters, _ := strings.Cut(item, ";")
		tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if !slices.Contains(languages, tag) {
			continue
		}
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(parameters), "q="); ok {
			q, _ = strconv.ParseFloat(v, 64) // unreadable counts for nothing
		}
		if q > weight {
			best, weight = tag, q
		}
	}
	return best
}
