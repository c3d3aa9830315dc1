package reports

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write into the guide what the tests get")

// TestGuide: the guide of the head says of every figure what reports say of it, and
// names every dimension.
func TestGuide(t *testing.T) {
	const file = "../docs/guia-del-jefe.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var figures strings.Builder
	figures.WriteString("| cifra | en `reports/*.toml` | qué significa |\n|---|---|---|\n")
	for _, c := range Columns {
		fmt.Fprintf(&figures, "| **%s**%s | `%s` | %s |\n", c.Title, map[Unit]string{Percent: " (%)", Hours: " (h)"}[c.Unit], c.Name, c.Meaning)
	}
	var dimensions []string
	for _, d := range Dimensions {
		dimensions = append(dimensions, strings.ToLower(d.Title))
	}
	guide := string(data)
	for mark, want := range map[string]string{"<!-- cifras -->": "\n" + figures.String(), "<!-- dimensiones -->": strings.Join(dimensions, ", ")} {
		before, rest, found := strings.Cut(guide, mark)
		got, after, closed := strings.Cut(rest, "<!-- fin -->")
		if !found || !closed {
			t.Fatalf("the guide has no %s … <!-- fin -->", mark)
		}
		if got != want {
			if guide = before + mark + want + "<!-- fin -->" + after; !*update {
				t.Errorf("%s: the guide says %q, reports say %q (go test ./reports -update)", mark, got, want)
			}
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(guide), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
