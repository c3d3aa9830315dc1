// Package recipes follows docs/instalacion.md to the letter: it types the commands
// and copies the blocks that stand there, with no more changed than ports and
// servers, onto small machines with the servers of Debian that the page names,
// and sees mails become tickets.
package recipes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program is the path of the program under test.
var program string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "recipes-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "ventanilla")
	if out, err := exec.Command("go", "build", "-o", program, "ventanilla/cmd/ventanilla").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// recipe is a section of the page.
type recipe struct {
	t    *testing.T
	text string
}

// read returns the section of that title.
func read(t *testing.T, title string) recipe {
	t.Helper()
	page, err := os.ReadFile("../docs/instalacion.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(page), "\n## "+title+"\n")
	if !ok {
		t.Fatalf("the page has no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return recipe{t, text}
}

// under returns the part of a section below a smaller title.
func (r recipe) under(title string) recipe {
	r.t.Helper()
	_, text, ok := strings.Cut(r.text, "\n### "+title+"\n")
	if !ok {
		r.t.Fatalf("the recipe has no %q", title)
	}
	text, _, _ = strings.Cut(text, "\n### ")
	return recipe{r.t, text}
}

var fence = regexp.MustCompile("(?ms)^( *)```[a-z]*\n(.*?)^ *```$")

// block returns the block that follows the first mention of a file or command,
// with pairs of what is written there and what stands in for it here.
func (r recipe) block(mention string, instead ...string) string {
	r.t.Helper()
	_, text, ok := strings.Cut(r.text, "`"+mention)
	if !ok {
		r.t.Fatalf("the recipe does not mention %q", mention)
	}
	return r.in(text, instead)
}

// command returns the words of the block's command that begins so.
func (r recipe) command(begins string, instead ...string) []string {
	r.t.Helper()
	for _, m := range fence.FindAllStringSubmatch(r.text, -1) {
		for line := range strings.Lines(strings.ReplaceAll(m[2], "\\\n", " ")) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, begins) {
				return strings.Fields(r.replace(line, instead))
			}
		}
	}
	r.t.Fatalf("the recipe has no command %q", begins)
	return nil
}

func (r recipe) in(text string, instead []string) string {
	r.t.Helper()
	m := fence.FindStringSubmatch(text)
	if m == nil {
		r.t.Fatalf("no block in %q", text)
	}
	return r.replace(regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[2], ""), instead)
}

func (r recipe) replace(text string, instead []string) string {
	r.t.Helper()
	for i := 0; i < len(instead); i += 2 {
		if !strings.Contains(text, instead[i]) {
			r.t.Fatalf("the recipe has no %q:\n%s", instead[i], text)
		}
		text = strings.ReplaceAll(text, instead[i], instead[i+1])
	}
	return text
}
