package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// everything has each kind of field that a file can be read into.
type everything struct {
	Top    string `toml:"top"`
	Nested struct {
		Text string   `toml:"text" values:"uno dos"`
		List []string `toml:"list"`
	} `toml:"nested"`
	Many []struct {
		Name   string `toml:"name"`
		Number int    `toml:"number"`
		Truth  *bool  `toml:"truth"`
		Any    any    `toml:"any"`
	} `toml:"many"`
}

// leaves returns the mistakes joined in an error.
func leaves(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, leaves(e)...)
		}
		return all
	}
	return []error{err}
}

func TestDecodeForms(t *testing.T) {
	for _, text := range []string{
		"top = \"x\"\n[nested]\ntext = \"uno\"\nlist = [\"a\", \"b\"]\n[[many]]\nname = \"n\"\nnumber = 2\ntruth = true\nany = \"z\"\n[[many]]\nname = \"m\"\nany = 3\n",
		"top = 'x'\nnested = { text = \"uno\", list = [\"a\", \"b\"] }\nmany = [ { name = \"n\", number = 2, truth = true, any = \"z\" }, { name = \"m\", any = 3 } ]\n",
		"top = \"\"\"x\"\"\"\nnested.text = \"uno\"\nnested.list = [\n\"a\", # uno\n\"b\" ]\nmany = [ { name = \"n\", number = 2, truth = true, any = \"z\" }, { name = \"m\", any = 3 } ]\n",
	} {
		var v everything
		d, err := Read("f.toml", []byte(text), &v)
		if err != nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		if v.Top != "x" || v.Nested.Text != "uno" || !cmp.Equal(v.Nested.List, []string{"a", "b"}) || len(v.Many) != 2 ||
			v.Many[0].Number != 2 || !*v.Many[0].Truth || v.Many[0].Any != "z" || v.Many[1].Truth != nil || v.Many[1].Any != int64(3) {
			t.Errorf("%s\ngave %+v", text, v)
		}
		for path, value := range map[string]string{"nested.list[1]": `"b"`, "many[1].any": "3", "many[0].truth": "true"} {
			f := d.Fault(path, "aquí")
			if !d.Has(path) || !strings.HasPrefix(string([]rune(f.Source)[f.Column-1:]), value) {
				t.Errorf("%s\n%s is at %v", text, path, f)
			}
		}
	}
}

func TestDecodeMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"[nested.deep]\nx = 1":      "f.toml:1:9: no se conoce la sección [nested.deep]",
		"[top]":                     "f.toml:1:2: top no es una sección: escriba top = …",
		"[[nested]]":                "f.toml:1:3: [[nested]] va entre corchetes simples: [nested]",
		"top.x = 1":                 "f.toml:1:1: top no es una sección: sobra lo que sigue al punto",
		"hidden = \"x\"":            "f.toml:1:1: no se conoce la clave \"hidden\"; claves: top",
		"Top = \"x\"":               "f.toml:1:1: no se conoce la clave \"Top\"; ¿quiso decir \"top\"?",
		"top = \"x\"\ntop = \"y\"":  "f.toml:2:1: la clave top ya está en la línea 1",
		"nested.text = \"tres\"":    "f.toml:1:15: text no puede ser \"tres\"; valores: uno, dos",
		"many = [{ name = 1 }]":     "f.toml:1:18: name espera un texto entre comillas, y aquí hay un número",
		"many = [{ nmae = \"x\" }]": "f.toml:1:11: no se conoce la clave \"nmae\"; ¿quiso decir \"name\"?",
		"many = 1":                  "f.toml:1:8: many espera una lista, como [\"uno\", \"dos\"], y aquí hay un número",
		"[[many]]\nnumber = 99999999999999999999": "f.toml:2:10: el número es demasiado grande",
		"\ttop = 'ñandú' 'x'":                     "f.toml:1:16: sobra texto después del valor: va una sola clave por línea",
		"top = \"a\x00b\"":                        "f.toml:1:9: hay un carácter de control; bórrelo",
		"\xff\xfet\x00":                           "f.toml:1:1: el archivo no está en UTF-8: guárdelo con esa codificación",
	} {
		err := Decode("f.toml", []byte(text), new(everything))
		if err == nil {
			t.Errorf("%q: no mistake", text)
			continue
		}
		if first, _, _ := strings.Cut(err.Error(), "\n"); !strings.HasPrefix(first, want) {
			t.Errorf("%q:\n got %s\nwant %s", text, first, want)
		}
	}
}

// The mark stands under the column, whatever letters and tabs come before.
func TestMark(t *testing.T) {
	err := Decode("f.toml", []byte("\t top = 7 # ñandú"), new(everything))
	want := "f.toml:1:9: top espera un texto entre comillas, y aquí hay un número\n    \t top = 7 # ñandú\n    \t       ^"
	if err == nil || err.Error() != want {
		t.Errorf("got  %q\nwant %q", err, want)
	}
}

// A secret that was written into the wrong file is not carried into messages.
func TestSecretsNotRepeated(t *testing.T) {
	for _, text := range []string{
		"password = \"hunter2\"", "Contraseña = \"hunter2\"", "\"contraseña\" = \"hunter2\"", "clave = hunter2", "api_token = [\"hunter2\"]",
		"[nested]\nsmtp_passwd = \"hunter2", "secret = \"hunter2\" x",
	} {
		err := Decode("f.toml", []byte(text), new(everything))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q gave %v", text, err)
		}
	}
	if err := Decode("f.toml", []byte("pista = \"hunter2\""), new(everything)); err == nil || !strings.Contains(err.Error(), "hunter2") {
		t.Errorf("other lines are shown: %v", err)
	}
}

// Whatever a file holds, reading it ends, and every mistake has its place.
func FuzzRead(f *testing.F) {
	cases, err := filepath.Glob("../testdata/rules/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range cases {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(text).Files {
			f.Add(file.Data)
		}
	}
	for _, s := range []string{"top = \"x\"", "rule = []\n[[rule]]", "[[rule]]\nname = { a.b = 1 }", "rule = [{}]\n[[rule]]\nname='x'", "[rule.name]\n[[rule.name]]", "priority.x = 1", "[[rule]]\n[rule.name]\nx=1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, into := range []any{new(ruleFile), new(everything)} {
			d, err := Read("f.toml", data, into)
			if err == nil {
				continue
			}
			lines := strings.Split(string(d.data), "\n")
			for _, e := range leaves(err) {
				mistake, ok := e.(*FileError)
				if !ok {
					t.Fatalf("%q gave %T: %v", data, e, e)
				}
				if mistake.Line == 0 && mistake.Message != "" {
					continue
				}
				if mistake.Line < 1 || mistake.Line > len(lines) || mistake.Column < 1 ||
					mistake.Column > utf8.RuneCountInString(lines[mistake.Line-1])+1 || !utf8.ValidString(mistake.Error()) {
					t.Fatalf("%q gave %+v", data, mistake)
				}
			}
		}
	})
}
