package ventanilla

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestArchitecture: the table of docs/architecture.md is the one that TestHouse
// enforces.
func TestArchitecture(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\| .* \\| (.*) \\|$")
	told := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(text(t, "docs/architecture.md"), -1) {
		told[m[1]] = m[2]
	}
	for dir, may := range house {
		want := may
		switch {
		case dir == "bench":
			continue // no part of the product
		case dir == "cmd/ventanilla":
			want = "all"
		case may == "":
			want = "–"
		}
		if told[dir] != want {
			t.Errorf("%s: docs say it may import %q, the house %q", dir, told[dir], want)
		}
		delete(told, dir)
	}
	for dir := range told {
		t.Errorf("%s: in the docs, not in the house", dir)
	}
}

// TestReadme: what the README tells to make can be made, and the tests that it
// names as proofs are there.
func TestReadme(t *testing.T) {
	readme, makefile := text(t, "README.md"), text(t, "Makefile")
	made := regexp.MustCompile("(?m)(?:^|`)make ([a-z]+)").FindAllStringSubmatch(readme, -1)
	if len(made) < 4 {
		t.Fatalf("the README tells to make %v", made)
	}
	for _, m := range made {
		if !regexp.MustCompile(`(?m)^` + m[1] + `:`).MatchString(makefile) {
			t.Errorf("make %s: not in the Makefile", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`go test ((?:-run )?[^`]*)`").FindAllStringSubmatch(readme, -1) {
		checkTests(t, strings.ReplaceAll(strings.ReplaceAll(m[1], `\|`, "|"), "'", ""))
	}
	for _, m := range regexp.MustCompile(`\]\(([^)h][^)]*)\)`).FindAllStringSubmatch(readme, -1) {
		if _, err := os.Stat(m[1]); err != nil {
			t.Errorf("link to %s: %v", m[1], err)
		}
	}
	for _, word := range []string{"make demo", "make test"} {
		if !strings.Contains(readme, "\n"+word+"\n") {
			t.Errorf("the README has no command %q of its own", word)
		}
	}
	if ci := text(t, ".ci/run"); !strings.Contains(ci, "make test") {
		t.Error(".ci/run does not call the README's test command")
	}
}

// checkTests wants the packages of a "go test" command to have tests, and those
// that -run names.
func checkTests(t *testing.T, command string) {
	t.Helper()
	words := strings.Fields(command)
	var pattern string
	if words[0] == "-run" {
		pattern, words = words[1], words[2:]
	}
	var tests []string
	for _, dir := range words {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("go test %s: no tests in %s", command, dir)
		}
		for _, f := range files {
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(text(t, f), -1) {
				tests = append(tests, m[1])
			}
		}
	}
	for _, one := range strings.Split(pattern, "|") {
		if one != "" && !slices.ContainsFunc(tests, regexp.MustCompile(one).MatchString) {
			t.Errorf("go test %s: no test is called %s", command, one)
		}
	}
}
