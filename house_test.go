// Package ventanilla holds what concerns the house as a whole: the test that
// its packages keep to their places.
package ventanilla

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "ventanilla/"

// house says which packages of ours each package may import. docs/architecture.md
// says what each is for.
var house = map[string]string{
	"mail":                 "",
	"desk":                 "",
	"templates":            "",
	"reports":              "desk",
	"rules":                "desk mail reports",
	"mailout":              "desk mail templates",
	"store":                "desk mail mailout",
	"store/mem":            "store",
	"store/bolt":           "store",
	"store/storetest":      "store",
	"store/intake":         "mail",
	"mailin":               "mail",
	"mailin/imap":          "mail",
	"mailin/verify":        "mail",
	"oauth":                "",
	"certs":                "",
	"search":               "",
	"dossier":              "",
	"peers":                "",
	"web":                  "desk templates",
	"gateway":              "desk dossier mail mailout reports rules search store store/intake templates web",
	"metrics":              "",
	"demo":                 "mail mailin",
	"bench":                "",
	"corpus":               "mail",
	"testdata/desks":       "",
	"evidence/month/books": "",
	"evidence/month/diary": "evidence/month/books",
	"cmd/ventanilla":       "certs demo desk dossier gateway mail mailin mailin/imap mailin/verify mailout metrics oauth reports rules search store store/bolt store/intake templates testdata/desks web",
}

// pure packages may not import what reads or writes the world, nor ask for the
// time, nor start goroutines. Of mailout only the sender may.
var (
	pure    = []string{"mail", "desk", "reports", "rules", "templates", "mailout"}
	world   = []string{"os", "os/exec", "net", "net/http", "net/smtp", "database/sql", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand", "syscall"}
	outside = "mailout/sender"
)

// caged modules may be imported by these packages alone.
var caged = map[string]string{
	"golang.org/x/crypto/acme":            "certs",
	"github.com/emersion/go-smtp":         "mailin mailout bench",
	"github.com/emersion/go-imap":         "mailin/imap",
	"github.com/emersion/go-msgauth":      "mailin/verify",
	"github.com/pires/go-proxyproto":      "mailin",
	"blitiri.com.ar/go/spf":               "mailin/verify",
	"github.com/blevesearch/bleve":        "search",
	"github.com/emersion/go-ical":         "mail",
	"github.com/emersion/go-message":      "mail",
	"github.com/jhillyerd/enmime":         "mail",
	"go.etcd.io/bbolt":                    "store/bolt bench",
	"github.com/yuin/goldmark":            "templates",
	"github.com/prometheus/client_golang": "metrics",
	"github.com/alecthomas/kong":          "cmd/ventanilla",
	"github.com/pelletier/go-toml":        "rules",
	"github.com/rickar/cal":               "rules",
	"github.com/expr-lang/expr":           "rules",
	"github.com/microcosm-cc/bluemonday":  "mail",
	"github.com/JohannesKaufmann/html-to": "mail",
}

// TestHouse parses the files itself: a test that runs "go list" is answered from
// the test cache when only the files listed have changed.
func TestHouse(t *testing.T) {
	for _, fault := range inspect(t, os.DirFS(".")) {
		t.Error(fault)
	}
}

// TestHouseSees breaks each rule once: the inspection must see it.
func TestHouseSees(t *testing.T) {
	for name, c := range map[string]struct{ path, source, want string }{
		"import":    {"desk/x.go", `import _ "ventanilla/store"`, "may not import ventanilla/store"},
		"world":     {"rules/x.go", `import _ "os"`, "is pure and may not import os"},
		"sender":    {"mailout/render.go", `import _ "net"`, "is pure and may not import net"},
		"stranger":  {"util/x.go", ``, "has no place in the house"},
		"caged":     {"gateway/x.go", `import _ "go.etcd.io/bbolt"`, "go.etcd.io/bbolt belongs to store/bolt bench"},
		"clock":     {"desk/x.go", "import \"time\"\nfunc f() { _ = time.Now() }", "asks for the time"},
		"goroutine": {"mail/x.go", "func f() { go f() }", "starts a goroutine"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := inspect(t, fstest.MapFS{c.path: {Data: []byte("package p\n" + c.source)}})
			if len(faults) != 1 || !strings.Contains(faults[0], c.want) {
				t.Errorf("faults %q, want one with %q", faults, c.want)
			}
		})
	}
	fine := fstest.MapFS{"mailout/sender.go": {Data: []byte("package p\nimport _ \"net\"")}, "store/bolt/x.go": {Data: []byte("package p\nimport _ \"ventanilla/store\"")}}
	if faults := inspect(t, fine); len(faults) != 0 {
		t.Errorf("faults %q in what is fine", faults)
	}
}

func inspect(t *testing.T, tree fs.FS) (faults []string) {
	err := fs.WalkDir(tree, ".", func(p string, _ fs.DirEntry, err error) error {
		dir := path.Dir(p)
		if err != nil || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || dir == "." || strings.Contains(p, "testdata/") || strings.HasPrefix(p, "scripts/") {
			return err
		}
		source, err := fs.ReadFile(tree, p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		faults = append(faults, inspectFile(p, dir, f)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

func inspectFile(p, dir string, f *ast.File) (faults []string) {
	fault := func(what string) { faults = append(faults, p+": "+what) }
	may, ok := house[dir]
	if !ok {
		fault(dir + " has no place in the house")
	}
	isPure := slices.Contains(pure, dir) && !strings.HasPrefix(p, outside)
	for _, s := range f.Imports {
		i, _ := strconv.Unquote(s.Path.Value)
		if ours, ok := strings.CutPrefix(i, module); ok && !slices.Contains(strings.Fields(may), ours) {
			fault(dir + " may not import " + i)
		}
		if isPure && slices.Contains(world, i) {
			fault(dir + " is pure and may not import " + i)
		}
		for m, by := range caged {
			if strings.HasPrefix(i, m) && !slices.Contains(strings.Fields(by), dir) {
				fault(m + " belongs to " + by)
			}
		}
	}
	if isPure {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				fault("starts a goroutine")
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && (n.Sel.Name == "Now" || n.Sel.Name == "Since") {
					fault("asks for the time")
				}
			}
			return true
		})
	}
	return faults
}
