package rules

import (
	"strings"
	"testing"

	"ventanilla/desk"
)

// TestListHelp: what #ayuda tells of lists is understood, in each language, and names
// every filter.
func TestListHelp(t *testing.T) {
	w := testWorld()
	w.Clients = []desk.Client{{Name: "acme"}}
	for _, language := range []string{"es", "en", "pt"} {
		lines := ListHelp(language)
		for _, line := range lines[:2] {
			text, _, _ := strings.Cut(line, ": ")
			if _, p, ok := readList(text, w, desk.Agent{Name: "luis"}); !ok || p.Reason != "" {
				t.Errorf("%s: %q is no list: %+v", language, text, p)
			}
		}
		search, rest, _ := strings.Cut(lines[2], ": ")
		if l, p, ok := readList(search, w, desk.Agent{Name: "luis"}); !ok || p.Reason != "" || l.Client != "acme" || len(l.Words) != 1 {
			t.Errorf("%s: %q: %+v %+v", language, search, l, p)
		}
		_, told, _ := strings.Cut(rest, ": ")
		for _, name := range strings.FieldsFunc(told, func(r rune) bool { return r == ' ' || r == ',' }) {
			if key, ok := strings.CutSuffix(name, ":"); ok {
				if _, known := findFilter(key); !known {
					t.Errorf("%s: there is no filter %s", language, name)
				}
			}
		}
		if n := strings.Count(told, ":"); n != len(filters)-1 {
			t.Errorf("%s: %d filters are told of, there are %d", language, n, len(filters)-1)
		}
	}
}
