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
		"\n\n\n\n": {},
		"5\nmesa.universidad.edu\nimap.x.edu:993\nana@x.edu\n\ncorreo.x.edu:587\nana\n": {Recipe: "imap", IMAP: "imap.x.edu:993", IMAPUser: "ana@x.edu", IMAPStart: "new", Smarthost: "correo.x.edu:587", SmarthostUser: "ana"},
		"\n\nimap.x.edu:993\nana\nunseen":                                               {IMAP: "imap.x.edu:993", IMAPUser: "ana", IMAPStart: "unseen"},
		"1\nana@x.edu\n\nabc\nall\n":                                                    {Recipe: "microsoft365", IMAPUser: "ana@x.edu", ClientID: "abc", IMAPStart: "all"},
		"google\nana@x.edu\nabc\n\n":                                                    {Recipe: "google", IMAPUser: "ana@x.edu", ClientID: "abc", IMAPStart: "new"},
		"3\nmesa.universidad.edu\n":                                                     {Recipe: "postfix"},
		"4\nmesa.universidad.edu\ncorreo.x.edu:587\n\n":                                 {Recipe: "mx", Smarthost: "correo.x.edu:587"},
		"9\n\n\n": {Recipe: "9"},
	} {
		var got initWays
		var out bytes.Buffer
		domain := "mesa.example"
		if err := got.question(bufio.NewReader(strings.NewReader(typed)), &out, &domain); err != nil || got != want {
			t.Errorf("%q: %+v, %v", typed, got, err)
		}
		if asked := strings.Contains(typed, "mesa."); (domain == "mesa.universidad.edu") != asked {
			t.Errorf("%q: domain %s", typed, domain)
		}
		if !strings.Contains(out.String(), "5  en otro buzón") {
			t.Errorf("asked: %s", &out)
		}
	}
}
