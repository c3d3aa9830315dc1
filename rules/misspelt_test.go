package rules

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"ventanilla/desk"
	"ventanilla/testdata/desks"
)

// keyPlace finds the keys of a TOML file: at the beginning of a line, and in tables.
var keyPlace = regexp.MustCompile(`(?m)(?:^|[{,] *)([a-z_]+) =`)

// TestEveryKeyMisspelt leaves a letter out of every key of every file of good examples,
// one at a time: each is found, in its file and line.
func TestEveryKeyMisspelt(t *testing.T) {
	examples := map[string]fs.FS{"init": os.DirFS("../cmd/ventanilla/installation")}
	for _, d := range desks.All {
		files, err := fs.Sub(desks.Files, d.Name)
		if err != nil {
			t.Fatal(err)
		}
		examples[d.Name] = files
	}
	keys := map[string]bool{}
	for name, files := range examples {
		tree := copied(t, files)
		if _, err := loadAll(tree); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for file, f := range tree {
			if path.Ext(file) != ".toml" || path.Dir(file) == "." {
				continue
			}
			good := f.Data
			for _, m := range keyPlace.FindAllSubmatchIndex(good, -1) {
				key := string(good[m[2]:m[3]])
				line := 1 + strings.Count(string(good[:m[2]]), "\n")
				if comment(good, m[2]) {
					continue
				}
				keys[path.Dir(file)+" "+key] = true
				bad := key + "x"
				if len(key) > 3 {
					bad = key[:2] + key[3:]
				}
				f.Data = []byte(string(good[:m[2]]) + bad + string(good[m[3]:]))
				world, err := LoadWorld(tree, desk.World{Domain: "mesa.example"})
				if err == nil {
					_, err = Load(tree, world)
				}
				if err == nil {
					_, err = LoadReports(tree, world)
				}
				if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s:%d:", file, line)) {
					t.Errorf("%s/%s:%d: %s for %s: %v", name, file, line, bad, key, err)
				}
			}
			f.Data = good
		}
	}
	if len(keys) < 60 {
		t.Errorf("only %d different keys were tried", len(keys))
	}
}

// comment says whether a place stands in a line of comment.
func comment(text []byte, at int) bool {
	start := strings.LastIndexByte(string(text[:at]), '\n') + 1
	return strings.HasPrefix(strings.TrimSpace(string(text[start:])), "#")
}

func copied(t *testing.T, files fs.FS) fstest.MapFS {
	t.Helper()
	tree := fstest.MapFS{}
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		tree[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
