package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// telling are the calls that tell an admin of a mistake or an oddity.
var telling = []string{"fault", "Fault", "wrong", "warn", "faultWithin"}

// elsewhere are messages that no file of the cases can bring about: why.
var elsewhere = map[string]string{
	"no se conoce esta clave":              "the library's last word: the walk before it finds all unknown keys",
	"falta la clave":                       "a file that ends right behind «[», which a file of a case does not",
	"no sirve: %v":                         "the last word of desk.NewCalendar: what it refuses is found before",
	"%s va entre corchetes simples: [%s]":  "only ventanilla.toml has such sections: TestDecodeMistakes",
	"la sección %s ya está en la línea %d": "only ventanilla.toml has such sections: cmd/ventanilla's testdata/rules/config",
}

// TestEveryMistakeHasACase lists the messages in the code of this package and looks for
// each in what the broken installations of testdata/rules/wrong show.
func TestEveryMistakeHasACase(t *testing.T) {
	var shown strings.Builder
	cases, _ := filepath.Glob("../testdata/rules/wrong/*.txtar")
	for _, name := range cases {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, want, _ := strings.Cut(string(text), "-- want --\n")
		shown.WriteString(want)
	}
	all := messages(t)
	if len(all) < 120 {
		t.Fatalf("only %d messages were found in the code", len(all))
	}
	for _, m := range all {
		if elsewhere[m] == "" && !shownAs(m).MatchString(shown.String()) {
			t.Errorf("no broken file shows: %s", m)
		}
	}
}

// verbs are what fmt fills in.
var formatVerbs = regexp.MustCompile(`%(?:\[\d+\])?[a-z]`)

// shownAs fits what a message becomes when its verbs are filled in.
func shownAs(message string) *regexp.Regexp {
	var parts []string
	for _, p := range formatVerbs.Split(message, -1) {
		parts = append(parts, regexp.QuoteMeta(strings.ReplaceAll(p, "%%", "%")))
	}
	return regexp.MustCompile(strings.Join(parts, ".*"))
}

// texts returns the texts in a node.
func texts(t *testing.T, n ast.Node) (all []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			text, err := strconv.Unquote(l.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, text)
		}
		return true
	})
	return all
}

// messages returns the texts that telling are called with, and those that functions
// return which say what is wrong.
func messages(t *testing.T) (all []string) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	keep := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if c, ok := n.(*ast.CompositeLit); ok && c.Type == nil && len(c.Elts) == 2 {
				all = append(all, texts(t, c.Elts[1])...) // what a library says, and what we say
				return false
			}
			l, ok := n.(*ast.BasicLit)
			if !ok || l.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(l.Value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Count(text, " ") >= 2 && !strings.Contains(text, "%w") {
				all = append(all, text)
			}
			return true
		})
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			whole := fn.Name.Name != "write" && (strings.HasPrefix(fn.Name.Name, "Wrong") || strings.HasSuffix(fn.Name.Name, "InSpanish") || fn.Name.Name == "inSpanish" || fn.Name.Name == "expressionMessage" ||
				slices.Contains([]string{"readWeekHours", "readHours", "readDays", "readSheet"}, fn.Name.Name))
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					called := ""
					switch f := n.Fun.(type) {
					case *ast.Ident:
						called = f.Name
					case *ast.SelectorExpr:
						if called = f.Sel.Name; called == "wrong" {
							called = "" // what is wrong with a mail
						}
					}
					if slices.Contains(telling, called) {
						for _, a := range n.Args {
							keep(a)
						}
					}
				case *ast.CompositeLit:
					if id, ok := n.Type.(*ast.Ident); ok && id.Name == "FileError" || whole {
						keep(n)
					}
				case *ast.ReturnStmt:
					if whole {
						keep(n)
					}
				}
				return true
			})
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
