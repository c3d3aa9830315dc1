package mailout

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// codes are those that RFC 5321 §4.2.2, RFC 4954 §6 and RFC 7504 know as refusals,
// and the first and the last that there can be.
var codes = []int{400, 421, 450, 451, 452, 454, 455, 499, 500, 501, 502, 503, 504, 521, 530, 534, 535, 538, 550, 551, 552, 553, 554, 555, 556, 599}

// book says what is to come of a mail to which a server always says a code at a
// stage: what becomes of it, whether an attempt is charged to it, and whether the
// server counts as being in trouble. It is written apart from the code under test.
func book(stage string, code int) (want Outcome, charged, trouble bool) {
	switch {
	case stage == "RSET" || stage == "QUIT": // the mail is long settled
		return Sent, true, false
	case stage == "EHLO" && (code == 500 || code == 502): // HELO does
		return Sent, true, false
	case stage == "greeting" || stage == "EHLO":
		return Again, false, true
	case code == 530 || code == 535: // whoever the mail is to
		return Again, false, true
	case code < 500:
		return Again, true, false
	case stage == "MAIL" && code != 552: // what one sender is refused others may not be
		return Again, true, false
	}
	return Failed, true, false
}

// TestCodes: each refusal after each command, with and without pipelining.
func TestCodes(t *testing.T) {
	for _, extensions := range [][]string{nil, together} {
		for _, stage := range []string{"greeting", "EHLO", "MAIL", "RCPT", "DATA", "end", "RSET", "QUIT"} {
			for _, code := range codes {
				synctest.Test(t, func(t *testing.T) {
					refuse := once("RCPT", "550 5.1.1 nobody") // so that there is a RSET
					h := &host{extensions: extensions, answer: func(at, line string) string {
						switch {
						case at == stage:
							return fmt.Sprintf("%d no", code)
						case stage == "RSET":
							return refuse(at, line)
						}
						return ""
					}}
					mails := letters(1, time.Now())
					if stage == "RSET" {
						mails = letters(2, time.Now())
					}
					o := newRows(mails...)
					s := start(h, o, func(s *Sender) { s.routes[0].workers = 1 })
					time.Sleep(2 * time.Second)
					trouble := s.Status().Trouble != ""
					s.stop()
					results := o.recorded()
					if len(results) != len(mails) {
						t.Fatalf("%s %d: %+v", stage, code, results)
					}
					got := results[len(results)-1]
					want, charged, inTrouble := book(stage, code)
					if got.Outcome != want || got.Attempts == 1 != charged || trouble != inTrouble {
						t.Errorf("%s %d %v: %s, %d attempts, trouble %v; the book says %s, %v, %v", stage, code, extensions,
							got.Outcome, got.Attempts, trouble, want, charged, inTrouble)
					}
					if want != Sent && got.Code != code || (want == Sent) != (len(h.mails()) == 1) {
						t.Errorf("%s %d: recorded %d; %d mails arrived", stage, code, got.Code, len(h.mails()))
					}
					if slices.Contains([]string{"MAIL", "RCPT", "DATA", "end"}, stage) && code != 421 && h.connections() != 1 {
						t.Errorf("%s %d: %d connections", stage, code, h.connections())
					}
				})
			}
		}
	}
}
