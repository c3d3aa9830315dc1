package mailout

import (
	"regexp"
	"strings"
	"testing"

	"ventanilla/mail"
	"ventanilla/templates"
)

// What people write above our mails is told from our own words, which come back
// beneath: in the text part by the marker line, in the HTML by the attribute.
// Without the two our words do come back as theirs.
func TestOurWordsAreKnownWhenTheyComeBack(t *testing.T) {
	set, err := templates.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	const answer = "Muchas gracias, ya funciona."
	unmarked := regexp.MustCompile(` data-ventanilla="[^"]*"|##[^#]*##`)
	ours := regexp.MustCompile(`Mesa de ayuda|#003181|impresora`)
	for _, lang := range templates.Languages() {
		for _, name := range templates.Names() {
			w, err := set.Render(name, lang, templates.Sample(name))
			if err != nil {
				t.Fatal(err)
			}
			_, body, _ := strings.Cut(w.HTML, "<body")
			body = "<div><div" + strings.TrimSuffix(strings.TrimSpace(body), "</body></html>") + "</div></div>"
			drafts := map[string]string{
				"text": "Content-Type: text/plain; charset=utf-8\n\n" + answer + "\n\n" + w.Text,
				"html": "Content-Type: text/html; charset=utf-8\n\n<p>" + answer + "</p>" + body,
			}
			for kind, draft := range drafts {
				raw := "From: ana@x.example\nMIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\n" + draft
				if got := mail.Parse([]byte(raw)).Reply; strings.TrimSpace(got) != answer {
					t.Errorf("%s/%s as %s: the answer is read as %q", lang, name, kind, got)
				}
				got := mail.Parse([]byte(unmarked.ReplaceAllString(raw, ""))).Reply
				if !ours.MatchString(got) {
					t.Errorf("%s/%s as %s: without the marks it is read as %q all the same", lang, name, kind, got)
				}
			}
		}
	}
}
