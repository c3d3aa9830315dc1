package rules

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"ventanilla/desk"
)

var update = flag.Bool("update", false, "write what the tests get into the golden files")

// standing is the desk of cases that bring none of their own.
var standing = map[string]string{
	"desk/queues.toml": "[[queue]]\nname = \"soporte\"\naddress = \"soporte@mesa.example\"\nagents = [\"luis\", \"ana\"]\n\n" +
		"[[queue]]\nname = \"redes\"\naddress = \"redes@mesa.example\"\n",
	"desk/agents.toml": "[[agent]]\nname = \"luis\"\naddress = \"luis@mesa.example\"\n\n[[agent]]\nname = \"ana\"\naddress = \"ana@mesa.example\"\n",
}

// installation makes a file system of a case's files.
func installation(files map[string]string) fstest.MapFS {
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// with returns the standing desk with a rule file.
func with(rules string) fstest.MapFS {
	tree := installation(standing)
	tree["rules/10.toml"] = &fstest.MapFile{Data: []byte(rules)}
	return tree
}

// loadAll loads a desk and its rules.
func loadAll(tree fs.FS) (*Set, error) {
	world, err := LoadWorld(tree, desk.World{Domain: "mesa.example"})
	if err != nil {
		return nil, err
	}
	return Load(tree, world)
}

// Every kind of mistake: a case is a file with the broken installation and the
// whole message that the admin gets to see.
func TestWrongFiles(t *testing.T) {
	cases, err := filepath.Glob("../testdata/rules/wrong/*.txtar")
	if err != nil || len(cases) < 20 {
		t.Fatalf("only %d cases: %v", len(cases), err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files, want := map[string]string{}, ""
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				files[f.Name] = string(f.Data)
			}
			if files["desk/queues.toml"] == "" {
				for k, v := range standing {
					files[k] = v
				}
			}
			got := checkText(installation(files))
			if got == "" {
				t.Fatal("loaded without a word")
			}
			if *update {
				writeWant(t, name, archive, got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("message differs (-want +got):\n%s", diff)
			}
		})
	}
}

// checkText is all that check says of an installation: its mistakes, or else what is odd in
// it and which of its tests fail.
func checkText(tree fs.FS) (text string) {
	world, err := LoadWorld(tree, desk.World{Domain: "mesa.example"})
	if err != nil {
		return err.Error() + "\n"
	}
	set, err := Load(tree, world)
	if err != nil {
		return err.Error() + "\n"
	}
	if _, err := LoadReports(tree, world); err != nil {
		text += err.Error() + "\n"
	}
	for _, w := range set.Warnings() {
		text += "aviso: " + w.Error() + "\n"
	}
	if err := set.Test(world); err != nil {
		text += err.Error() + "\n"
	}
	return text
}

func writeWant(t *testing.T, name string, archive *txtar.Archive, got string) {
	t.Helper()
	var files []txtar.File
	for _, f := range archive.Files {
		if f.Name != "want" {
			files = append(files, f)
		}
	}
	archive.Files = append(files, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A file that the cases above could break is taken as it is when nothing is
// wrong with it; otherwise they would prove nothing.
func TestRightFiles(t *testing.T) {
	set, err := loadAll(with("\ufeff[[rule]]\r\nname = \"una\"\r\nsubject = [\r\n  \"solicitud\", # la de siempre\r\n]\r\nqueue = \"Soporte\"\r\nowner = \"LUIS\"\r\npriority = \"Muy Urgente\"\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Route{Queue: "soporte", Owner: "luis", Priority: 1, Matched: []string{"una"}}
	if diff := cmp.Diff(want, set.route(Routing{Subject: "Solicitud"})); diff != "" {
		t.Error(diff)
	}
}

func TestFolderMissing(t *testing.T) {
	_, err := loadAll(installation(standing))
	if err == nil || !strings.Contains(err.Error(), "rules: falta esta carpeta") {
		t.Errorf("got %v", err)
	}
}

func TestNotUTF8(t *testing.T) {
	_, err := loadAll(with("[[rule]]\nname = \"petici\xf3n\"\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "rules/10.toml:2:15: el archivo no está en UTF-8") {
		t.Errorf("got %v", err)
	}
}

func TestWorld(t *testing.T) {
	tree := installation(map[string]string{
		"desk/queues.toml": "[[queue]]\nname = \"redes\"\naddress = \"Redes@mesa.example\"\napproval = false\n\n" +
			"[[queue]]\nname = \"soporte\"\ntitle = \"Mesa de ayuda\"\naddress = \"soporte@mesa.example\"\nfurther = [\"ayuda@mesa.example\"]\n" +
			"agents = [\"luis\"]\nlanguage = \"pt\"\ntype = \"incidente\"\nprivacy = \"\"\"\nSus datos…\n\"\"\"\ndefault = true\n",
		"desk/agents.toml": "[[agent]]\nname = \"luis\"\ntitle = \"Luis Pérez\"\naddress = \"luis@mesa.example\"\nfurther = [\"lperez@gmail.example\"]\nlanguage = \"en\"\n",
	})
	got, err := LoadWorld(tree, desk.World{Name: "Mesa", Domain: "mesa.example", Queues: []desk.Queue{{Name: "old"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := &desk.World{
		Name: "Mesa", Domain: "mesa.example",
		Queues: []desk.Queue{
			{Name: "soporte", Title: "Mesa de ayuda", Address: "soporte@mesa.example", Further: []string{"ayuda@mesa.example"},
				Agents: []string{"luis"}, Approval: true, Language: "pt", Type: "incidente", Privacy: "Sus datos…"},
			{Name: "redes", Title: "redes", Address: "Redes@mesa.example"},
		},
		Agents: []desk.Agent{{Name: "luis", Title: "Luis Pérez", Address: "luis@mesa.example", Further: []string{"lperez@gmail.example"}, Language: "en"}},
	}
	if got.Calendar == nil {
		t.Error("no calendar")
	}
	got.Calendar = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The hash changes with every byte of the rule files and with their names, and
// with nothing else.
func TestHash(t *testing.T) {
	hash := func(tree fs.FS) string {
		t.Helper()
		set, err := loadAll(tree)
		if err != nil {
			t.Fatal(err)
		}
		if len(set.Hash()) != 64 {
			t.Fatalf("hash %q", set.Hash())
		}
		return set.Hash()
	}
	const rule = "[[rule]]\nname = \"una\"\ntype = \"incidente\"\n"
	base := hash(with(rule))
	if hash(with(rule)) != base {
		t.Error("two readings of the same files differ")
	}
	if hash(with(rule+" ")) == base {
		t.Error("a byte more is not seen")
	}
	renamed := installation(standing)
	renamed["rules/11.toml"] = &fstest.MapFile{Data: []byte(rule)}
	if hash(renamed) == base {
		t.Error("another name is not seen")
	}
	littered := with(rule)
	for _, name := range []string{"rules/.#10.toml", "rules/10.toml~", "rules/LEAME.md", "rules/viejas/10.toml"} {
		littered[name] = &fstest.MapFile{Data: []byte("no es TOML")}
	}
	if hash(littered) != base {
		t.Error("files that are no rules count")
	}
}

func TestNearest(t *testing.T) {
	valid := []string{"subject", "to", "from", "from_domain", "priority", "quarantine", "continue", "owner"}
	for word, want := range map[string]string{
		"subjct": "subject", "sujbect": "subject", "Subject": "subject", "subj": "subject", "form": "from", "proirity": "priority",
		"cuarantine": "quarantine", "asunto": "", "x": "", "": "", "tto": "to", "dueño": "",
	} {
		if got := nearest(word, valid); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, right := range map[string]bool{
		"a@b": true, "luis.pérez+x@mesa.example": true, "o'neil@x-y.example": true,
		"": false, "a": false, "@b": false, "a@": false, "a@b@c": false, ".a@b": false, "a.@b": false, "a..b@c": false,
		"a b@c": false, "a@b c": false, "a@-b": false, "a@b.": false, "a\r\n@b": false, "Luis <a@b>": false,
		strings.Repeat("a", 65) + "@b": false, "a@" + strings.Repeat("b", 64): false,
	} {
		if got := WrongAddress(address) == ""; got != right {
			t.Errorf("%q: right is %v, want %v", address, got, right)
		}
	}
}
