package mailout

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// stage is how far a delivery got.
type stage int

const (
	stageNone      stage = iota // nothing was done
	stageConnect                // up to and including AUTH: the mail has not been mentioned
	stageSender                 // MAIL
	stageRecipient              // RCPT
	stageData                   // DATA
	stageBody                   // the mail itself, before the final dot
	stageEnd                    // the final dot is out
)

func (s stage) String() string {
	return [...]string{"nada", "conexión", "MAIL", "RCPT", "DATA", "los datos", "el punto final"}[s]
}

// reply is what a server says (RFC 5321 §4.2).
type reply struct {
	code     int
	enhanced string
	text     string
}

// fault is why a mail was not delivered.
type fault struct {
	stage stage
	reply        // the zero code says that there was none; text may be ours
	own   bool   // found on our side: neither the server nor the way to it is at fault
	lost  bool   // the connection is of no more use
	cause error  // for the log; never shown
	step  string // of stageConnect: "STARTTLS", "AUTH", …
}

// again says whether a new connection may cure it at once. After the final dot
// it may not: the mail may have been taken.
func (f *fault) again() bool {
	return f.lost && !f.own && (f.stage < stageEnd || f.code == 421)
}

// blame says who is to be blamed for a fault.
type blame int

const (
	blameNobody    blame = iota // temporary: the mail is tried again
	blameMail                   // this mail will never be taken
	blameSmarthost              // no mail would have been taken
	blameEither                 // the smarthost's, if it happens to others too
)

// blamed is the one place that weighs a fault. What it does not know is
// temporary.
func (f *fault) blamed() blame {
	permanent := f.code >= 500 && f.code <= 599
	switch {
	case f.own && permanent:
		return blameMail
	case f.own:
		return blameNobody
	case f.stage == stageConnect, f.code == 530, f.code == 535:
		return blameSmarthost // 530, 535: authentication is wanted (RFC 4954 §6)
	case f.stage == stageSender && (f.code == 552 || f.enhanced == "5.3.4"):
		return blameMail // too large (RFC 1870 §6.1)
	case f.stage == stageSender, f.lost:
		return blameEither
	case permanent:
		return blameMail
	}
	return blameNobody
}

// trouble describes a fault of the smarthost in one line without secrets.
func (f *fault) trouble() string {
	at := f.stage.String()
	if f.step != "" {
		at = f.step
	}
	if f.code != 0 {
		return strings.TrimSpace(fmt.Sprintf("%s: %d %s", at, f.code, f.enhanced))
	}
	return at + ": " + f.text
}

// judge makes the result of an attempt, and keeps the circuit. f is nil if the
// mail was taken with the words said.
func (r *route) judge(m Outgoing, said reply, f *fault) (result Result) {
	now := r.sender.now()
	result = Result{ID: m.ID, At: now, Attempts: m.Attempts + 1, Outcome: Sent, Code: said.code, Enhanced: said.enhanced, Text: said.text}
	if f == nil {
		r.works()
		r.sender.log.Info("mail sent", "mail", LogID(m.ID), "smarthost", r.host.Address, "code", said.code)
		return result
	}
	r.sender.log.Debug("mail not delivered", "mail", LogID(m.ID), "at", f.stage.String(), "code", f.code, "cause", f.cause)
	defer func() { r.logged(m, f, result) }()
	result.Code, result.Enhanced, result.Text = f.code, f.enhanced, f.text
	blame := f.blamed()
	if f.stage > stageSender && (blame == blameMail || blame == blameNobody) {
		r.works()
	}
	switch blame {
	case blameMail:
		result.Outcome = Failed
		return result
	case blameSmarthost:
		result.Outcome, result.Due, result.Attempts = Again, r.outage(now, f), m.Attempts
		if r.sender.other(r, m.Detour) {
			result.Due = now
		}
		return result
	case blameEither:
		r.troubled(f, r.circuit.refuse(now, m.ID, f.trouble()))
	}
	due, giveUp := Backoff(result.Attempts, m.Created, now)
	result.Outcome, result.Due = Again, due
	if giveUp {
		result.Outcome, result.Due = Failed, time.Time{}
	}
	return result
}

// logged logs what came of a mail that was not taken: what the server said of it
// may name people, so that is in the outbox alone.
func (r *route) logged(m Outgoing, f *fault, result Result) {
	log := r.sender.log.With("mail", LogID(m.ID), "smarthost", r.host.Address, "at", f.stage.String(), "code", f.code, "status", f.enhanced, "attempts", result.Attempts)
	if result.Outcome == Failed {
		log.Warn("mail given up: see the outbox")
		return
	}
	log.Info("mail to be tried again", "due", result.Due)
}

// LogID is how the log names a mail of ours: its ID without what makes its token
// valid, so that nobody can answer to a mail by reading the log.
func LogID(id string) string {
	token, rest, found := strings.Cut(id, ".")
	if len(token) > macLetters {
		token = token[:len(token)-macLetters] + "~"
	}
	if found {
		token += "." + rest
	}
	return token
}

// macLetters is how many letters at a token's end its MAC has at least: 80 bits.
const macLetters = 16

// other says whether another route than r takes mails now.
func (s *Sender) other(r *route, detour bool) bool {
	for i, o := range s.routes {
		if open, _ := o.circuit.open(); !open && o != r && !(detour && i == 0) {
			return true
		}
	}
	return false
}

// outage keeps mail off the smarthost because of a fault, and returns the time of
// the next probe.
func (r *route) outage(now time.Time, f *fault) (next time.Time) {
	news, next := r.circuit.fail(now, f.trouble())
	r.troubled(f, news)
	return next
}

// troubled logs that the smarthost is in trouble, once.
func (r *route) troubled(f *fault, news bool) {
	if !news {
		return
	}
	message := "smarthost takes no mail, all mail waits"
	if r.sender.other(r, false) {
		message = "smarthost takes no mail, another one does"
	}
	log := r.sender.log.With("smarthost", r.host.Address, "trouble", f.trouble())
	if f.stage <= stageConnect { // no mail has been mentioned: nothing that the server says names people
		log = log.With("words", f.text, "cause", f.cause)
	}
	log.Warn(message)
	r.pool.dropIdle()
	r.sender.Wake()
}

// works notes that the smarthost takes mail.
func (r *route) works() {
	if r.circuit.well() {
		r.sender.log.Info("smarthost takes mail again", "smarthost", r.host.Address)
		r.sender.Wake()
	}
}

// faultOf makes a fault of an error of the SMTP client.
func faultOf(at stage, err error) *fault {
	if refused, ok := errors.AsType[refusal](err); ok {
		code := refused.code
		return &fault{stage: at, reply: refused.reply, lost: code == 421 || code < 400 || code > 599, cause: fmt.Errorf("%s: %w", at, err)}
	}
	text := "se cortó la conexión"
	if isTimeout(err) {
		text = "no respondió a tiempo"
	}
	if at == stageEnd {
		text += " cuando el correo ya había salido entero; quizá lo aceptó"
	}
	return &fault{stage: at, reply: reply{text: text}, lost: true, cause: fmt.Errorf("%s: %w", at, err)}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// oneLineOf makes a server's words fit to be kept: no control characters, valid
// UTF-8, at most 500 bytes.
func oneLineOf(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= 500 {
		return s
	}
	end := 500
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
