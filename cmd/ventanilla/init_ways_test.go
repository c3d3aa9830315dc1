package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
)

// TestQuestions: what is typed at a terminal is what the flags would have said, and
// an empty answer is the one that is offered.
func TestQuestions(t *testing.T) {
	for typed, want := range map[string]initWays{
		"\n\n\n": {},
		"mesa.universidad.edu\nimap.x.edu:993\nana@x.edu\n\ncorreo.x.edu:587\nana\n": {IMAP: "imap.x.edu:993", IMAPUser: "ana@x.edu", IMAPStart: "new", Smarthost: "correo.x.edu:587", SmarthostUser: "ana"},
		"\nimap.x.edu:993\nana\nunseen":                                              {IMAP: "imap.x.edu:993", IMAPUser: "ana", IMAPStart: "unseen"},
	} {
		var got initWays
		var out bytes.Buffer
		domain := "mesa.example"
		if err := got.question(bufio.NewReader(strings.NewReader(typed)), &out, &domain); err != nil || got != want {
			t.Errorf("%q: %+v, %v", typed, got, err)
		}
		if asked := strings.HasPrefix(typed, "mesa."); (domain == "mesa.universidad.edu") != asked {
			t.Errorf("%q: domain %s", typed, domain)
		}
		if !strings.Contains(out.String(), "Buzón") {
			t.Errorf("asked: %s", &out)
		}
	}
}
