// Package web serves the pages behind the links in mails: the page of a
// decision, the page of a survey, the page of a ticket's status, and the answers to
// health checks.
//
// A link shows, a button acts. GET and HEAD change nothing, since mail scanners
// and browsers follow links that nobody clicked; only the POST of the page's
// own form calls [Desk.Decide] or [Desk.Score].
//
// The token in the path is all that a visitor needs and has: there are no
// cookies, no accounts and no parameters. A token is therefore never logged,
// never sent on as a referrer, and pages are never cached, framed or indexed.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"ventanilla/desk"
)

// Desk is what the pages ask of the help desk. Each method returns
// [ErrNotFound] alike for a token that is unknown, malformed or made for another
// purpose. Any error but the two of this package is taken for temporary.
type Desk interface {
	// Decision returns what is to be decided, or what was. It changes nothing.
	Decision(ctx context.Context, token string) (Decision, error)

	// Decide records a decision. A second or late call changes nothing and
	// returns what is recorded. comment is plain text, at most MaxComment
	// characters and desk.MaxReason bytes, and may be empty. [ErrRefused] says
	// that the ticket no longer waits for a decision.
	Decide(ctx context.Context, token string, approve bool, comment string) (Decision, error)

	// Survey returns what the requester is asked about a closed ticket, or has
	// answered. It changes nothing.
	Survey(ctx context.Context, token string) (Survey, error)

	// Score records an answer, from 1 to MaxScore. A second or late call changes
	// nothing and returns what is recorded. comment is as for Decide.
	Score(ctx context.Context, token string, score int, comment string) (Survey, error)

	// Status returns where a ticket stands. It changes nothing.
	Status(ctx context.Context, token string) (Status, error)

	// Undo returns what an agent can take back. It changes nothing.
	Undo(ctx context.Context, token string) (Undo, error)

	// TakeBack takes it back. A second or late call changes nothing.
	TakeBack(ctx context.Context, token string) (Undo, error)

	// Digest says whether a digest is still sent to whom the token was given to.
	Digest(ctx context.Context, token string) (Digest, error)

	// StopDigest stops it. A second call changes nothing.
	StopDigest(ctx context.Context, token string) (Digest, error)
}

// What a [Desk] answers when it does not do as asked.
var (
	ErrNotFound = errors.New("no such page")                     // 404
	ErrRefused  = errors.New("the ticket waits for no decision") // 409
)

// Digest is what the page that stops a digest shows.
type Digest struct {
	Desk     string
	Language string
	Stopped  bool
}

// What can be recorded of a decision.
const (
	Approved = "approved"
	Rejected = "rejected"
)

// Decision is a resolution that its requester approves or rejects. Its strings
// are plain text; those that people wrote are shown and never interpreted.
type Decision struct {
	Desk       string // name of the desk
	Language   string // "es", "en" or "pt"; anything else is read as the desk's own
	Number     string // of the ticket, without "#"
	Subject    string
	Resolution string // the agent's last words
	Consent    bool   // it is no resolution: an agent asks for a consent, in the words of Resolution
	State      desk.State
	Decided    string // Approved, Rejected, or "" while nothing is recorded
	DecidedAt  time.Time
	Expired    bool // the link is too old to decide with
	Open       bool // the ticket waits for this decision
}

// waits says that the page offers the buttons.
func (d Decision) waits() bool { return d.Open && !d.Expired && d.Decided == "" }

// Survey is how the requester of a closed ticket was served, in his own eyes.
type Survey struct {
	Desk       string
	Language   string
	Number     string // without "#"
	Subject    string
	Score      int // 1 (worst) to MaxScore; 0 while nothing is recorded
	AnsweredAt time.Time
	Open       bool // it can be answered
}

// MaxScore is the best score.
const MaxScore = desk.MaxScore

// Status is where a ticket stands, as its requester may know it.
type Status struct {
	Desk      string
	Language  string
	Number    string // without "#"
	Subject   string
	State     desk.State
	Queue     string // as people read it; may be empty
	Assignee  string // as people read it; may be empty
	OpenedAt  time.Time
	UpdatedAt time.Time
}

// Undo is what an agent's commands did to a ticket, and can be taken back for a while.
type Undo struct {
	Desk     string
	Language string
	Number   string // without "#"
	Subject  string
	State    desk.State
	Done     bool   // it has been taken back
	Reason   string // key of the word that says why it cannot be, "" if it can
}

// waits says that the page offers the button.
func (u Undo) waits() bool { return !u.Done && u.Reason == "" }

// Options are what [Handler] needs besides the desk.
type Options struct {
	// Words returns a word of the pages: (*templates.Set).Word. It is asked
	// anew for every page, so that a reload shows. Required.
	Words func(lang, key string) string

	Name      string                       // of the desk, for pages that belong to no ticket
	Language  string                       // of who asks for none that there is; "" means "es"
	PublicURL string                       // what links begin with, such as https://ayuda.example.org
	Zone      *time.Location               // of the times shown; nil means UTC
	Log       *slog.Logger                 // nil means none
	Ready     func(context.Context) Health // asked by /readyz; nil means always
	Patience  time.Duration                // how long the desk may take for a page; 0 means 10 s
}

// Limits of what a visitor may send.
const (
	MaxComment = 4000     // characters of a comment
	maxForm    = 64 << 10 // bytes of a form
	maxToken   = 64       // characters, as of desk.Keys.Check
)

// Handler serves GET and HEAD of /d/{token}, /e/{token}, /t/{token}, /u/{token},
// /healthz and /readyz, and POST of /d/{token}, /e/{token} and /u/{token}. Without a
// desk it serves /healthz and /readyz alone. Any other path is 404. It answers 200, 303 after a decision,
// 400 (a form that the page does not make), 403 (a form of another site), 404,
// 405, 503 (not ready), 409 (nothing waits for this decision), 413, or 500 with an id that
// stands in the log too.
func Handler(d Desk, o Options) http.Handler {
	if o.Language == "" {
		o.Language = languages[0]
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	return &site{desk: d, Options: o, newID: randomID, crossSite: crossSite}
}

// Onward sends every visitor to the same page at publicURL, from a door that has no
// pages of its own. Without a publicURL nothing is there.
func Onward(publicURL string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if publicURL == "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Referrer-Policy", "no-referrer")
		http.Redirect(w, r, publicURL+r.URL.EscapedPath(), http.StatusPermanentRedirect)
	})
}

// NewServer returns a server for h with time-outs that no slow visitor outlasts
// and with room for small requests only.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	if log != nil {
		s.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	}
	return s
}
