package main

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"ventanilla/desk"
	"ventanilla/rules"
)

// load reads a whole installation as "check" and "serve" do.
func load(folder string) (*Config, *desk.World, *rules.Set, error) {
	c, err := LoadConfig(filepath.Join(folder, "ventanilla.toml"))
	if err != nil {
		return nil, nil, nil, err
	}
	world, err := rules.LoadWorld(os.DirFS(folder), c.world())
	if err != nil {
		return c, nil, nil, err
	}
	set, err := rules.Load(os.DirFS(folder), world)
	return c, world, set, err
}

func TestInitLoads(t *testing.T) {
	for _, command := range []initCmd{
		{Domain: "mesa.example", Name: "Mesa de ayuda"},
		{Domain: "Mesa.Universidad.edu", Name: `Mesa "TIC" \ de ayuda`, QueueAddress: "ayuda@universidad.edu"},
		{Domain: "desk.example", Name: "Señales … ñ 🎫"},
	} {
		folder := filepath.Join(t.TempDir(), "a", "b")
		command.Folder = folder
		var out bytes.Buffer
		if err := command.Run(&terminal{out: &out}); err != nil {
			t.Fatal(err)
		}
		c, world, set, err := load(folder)
		if err != nil {
			t.Fatalf("%+v: %v", command, err)
		}
		if len(c.warnings()) > 0 {
			t.Errorf("warnings: %q", c.warnings())
		}
		if world.Name != command.Name || world.Domain != strings.ToLower(command.Domain) || !world.Own(command.Domain) {
			t.Errorf("desk is %q at %q", world.Name, world.Domain)
		}
		address := command.QueueAddress
		if address == "" {
			address = "soporte@" + command.Domain
		}
		if q, ok := world.QueueAt(address); !ok || !q.Approval || len(q.Agents) != 2 {
			t.Errorf("queue at %s is %+v", address, q)
		}
		if set.Len() != 3 || !strings.Contains(out.String(), "ventanilla.toml check") {
			t.Errorf("%d rules; says %q", set.Len(), out.String())
		}
		if info, err := os.Stat(filepath.Join(folder, "desk", "agents.toml")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
}

func TestInitTwice(t *testing.T) {
	folder := t.TempDir()
	a := answers{domain: "mesa.example", name: "Mesa de ayuda", queueAddress: "soporte@mesa.example"}
	if err := writeInstallation(folder, a); err != nil {
		t.Fatal(err)
	}
	before := contents(t, folder)
	if len(before) < 6 {
		t.Fatalf("only %d files", len(before))
	}
	if err := writeInstallation(folder, a); err != nil {
		t.Errorf("the same again: %v", err)
	}
	rulesFile := filepath.Join(folder, "rules", "10-solicitudes.toml")
	if err := os.Remove(rulesFile); err != nil {
		t.Fatal(err)
	}
	a.domain = "otra.example"
	err := writeInstallation(folder, a)
	if !errors.Is(err, errInstalled) || !strings.Contains(err.Error(), filepath.Join(folder, "ventanilla.toml")) || strings.Contains(err.Error(), "20-incidentes") {
		t.Errorf("with other answers: %v", err)
	}
	if _, err := os.Stat(rulesFile); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a refused init wrote a file")
	}
	a.domain = "mesa.example"
	if err := writeInstallation(folder, a); err != nil {
		t.Errorf("with a file missing: %v", err)
	}
	if after := contents(t, folder); !maps.Equal(before, after) {
		t.Error("init changed something")
	}
}

func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestInitWrongAnswers(t *testing.T) {
	for want, a := range map[string]answers{
		"--domain":        {domain: "mesa", name: "x", queueAddress: "soporte"},
		"--domain: \"a b": {domain: "a b", name: "x", queueAddress: "soporte@mesa.example"},
		"--name":          {domain: "mesa.example", name: "x\ny", queueAddress: "soporte@mesa.example"},
		"--queue-address": {domain: "mesa.example", name: "x", queueAddress: "soporte+a@mesa.example"},
		"--queue-address: luis@mesa.example ya es de alguien": {domain: "mesa.example", name: "x", queueAddress: "luis@mesa.example"},
	} {
		if strings.HasPrefix(want, "--domain") && a.domain == "mesa" {
			a.domain = ""
		}
		folder := filepath.Join(t.TempDir(), "nueva")
		if err := writeInstallation(folder, a); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s…", a, err, want)
		}
		if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v: the folder was made", a)
		}
	}
}

var (
	keyLine       = regexp.MustCompile(`^(\[\[?)?([a-z_]+)(\]\]?| = )`)
	commentedLine = regexp.MustCompile(`(?m)^#(\[?\[?[a-z_.]+(\]\]?|\b = ))`)
)

// exampleTree returns the example with its commented keys made real, so that
// they are checked too.
func exampleTree(t *testing.T) fstest.MapFS {
	t.Helper()
	files, err := installationFiles(answers{domain: "mesa.example", name: "Mesa de ayuda", queueAddress: "soporte@mesa.example"})
	if err != nil {
		t.Fatal(err)
	}
	tree := fstest.MapFS{}
	for name, text := range files {
		if filepath.Ext(name) == ".toml" {
			text = commentedLine.ReplaceAll(text, []byte("$1"))
		}
		tree[filepath.ToSlash(name)] = &fstest.MapFile{Data: text}
	}
	return tree
}

// loadTree reads an installation without looking at the files that its
// configuration names.
func loadTree(tree fstest.MapFS) error {
	c, _, err := decodeConfig("ventanilla.toml", tree["ventanilla.toml"].Data)
	if err != nil {
		return err
	}
	world, err := rules.LoadWorld(tree, c.world())
	if err != nil {
		return err
	}
	_, err = rules.Load(tree, world)
	_, err2 := rules.LoadReports(tree, world)
	return errors.Join(err, err2)
}

// Every key and section of the example, also those in comments, misspelt in
// turn: each one is found, at its place, with the right word.
func TestEveryKeyMisspelt(t *testing.T) {
	tree := exampleTree(t)
	if err := loadTree(tree); err != nil {
		t.Fatalf("the example with all its keys: %v", err)
	}
	seen := map[string]bool{}
	for name, file := range tree {
		if filepath.Ext(name) != ".toml" {
			continue
		}
		lines := strings.Split(string(file.Data), "\n")
		for i, l := range lines {
			m := keyLine.FindStringSubmatchIndex(l)
			if m == nil {
				continue
			}
			word := l[m[4]:m[5]]
			seen[name+" "+word] = true
			broken := slices.Clone(lines)
			broken[i] = l[:m[4]] + misspell(word) + l[m[5]:]
			changed := maps.Clone(tree)
			changed[name] = &fstest.MapFile{Data: []byte(strings.Join(broken, "\n"))}
			err := loadTree(changed)
			var f *rules.FileError
			if !errors.As(err, &f) || f.File != name || f.Line != i+1 || f.Column != m[4]+1 || !strings.Contains(f.Message, `¿quiso decir "`+word+`"?`) {
				t.Errorf("%s:%d: %s misspelt gave: %v", name, i+1, word, err)
			}
		}
	}
	for _, s := range append(rules.Describe("ventanilla.toml", defaultConfig()), rules.Reference()...) {
		for _, k := range s.Keys {
			if name := s.File + " " + k.Name; !seen[name] && !seen["rules/10-solicitudes.toml "+k.Name] && !seen[strings.Replace(name, "*", "mensual", 1)] && k.Name != "default" {
				t.Errorf("the example does not show %s in %s %s", k.Name, s.File, s.Title)
			}
		}
	}
}

// misspell swaps the last two letters, or doubles the last.
func misspell(word string) string {
	n := len(word)
	if n > 2 && word[n-1] != word[n-2] {
		return word[:n-2] + word[n-1:] + word[n-2:n-1]
	}
	return word + word[n-1:]
}
