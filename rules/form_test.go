package rules

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"ventanilla/desk"
)

// formFields are those that the cases of testdata/forms ask for.
var formFields = []desk.FieldKind{
	{Name: "nombre", Title: "Nombre"},
	{Name: "dependencia", Title: "Dependencia", Labels: []string{"oficina", "área", "departamento"}, Example: "Contabilidad"},
	{Name: "contacto", Title: "Número de contacto", Labels: []string{"teléfono", "tel.", "celular"}, Pattern: "[+0-9 ()-]{3,25}( ?ext\\.? ?[0-9]+)?"},
	{Name: "sede", Title: "Sede", Values: []string{"Norte", "Centro", "Sur"}},
	{Name: "detalle", Title: "Detalle"},
}

// TestReadForm: a case is a text as somebody wrote it, and what must be read.
func TestReadForm(t *testing.T) {
	cases, err := filepath.Glob("../testdata/forms/*.txtar")
	if err != nil || len(cases) < 12 {
		t.Fatalf("only %d cases: %v", len(cases), err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil || len(a.Files) != 2 {
				t.Fatal(err, len(a.Files))
			}
			want := map[string]string{}
			for line := range strings.Lines(string(a.Files[1].Data)) {
				k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
				want[k] = v
			}
			if diff := cmp.Diff(want, ReadForm(string(a.Files[0].Data), formFields)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFormRoundTrip: what a person writes behind the lines of our block is read
// from his answer, however the block was quoted.
func TestFormRoundTrip(t *testing.T) {
	w := desk.World{Fields: formFields}
	lines := w.FormLines([]string{"dependencia", "contacto", "sede"})
	for i, value := range []string{" Archivo central", " 311 000 1122", " sur"} {
		lines[i] += value
	}
	want := map[string]string{"dependencia": "Archivo central", "contacto": "311 000 1122", "sede": "Sur"}
	for _, mark := range []string{"", "> ", ">> ", "| ", "* ", "\u00a0"} {
		if diff := cmp.Diff(want, ReadForm(mark+strings.Join(lines, "\r\n"+mark), formFields)); diff != "" {
			t.Errorf("%q: %s", mark, diff)
		}
	}
	if got := ReadForm(strings.Join(w.FormLines([]string{"dependencia", "contacto", "sede"}), "\n"), formFields); len(got) > 0 {
		t.Errorf("our own empty block is read as %v", got)
	}
}

func FuzzReadForm(f *testing.F) {
	for _, s := range []string{"Dependencia: x", "1) Tel. - 123\nSede|sur", "Nombre:\n\nAna", "Sede (", "Número\u00a0de contacto:3 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, value := range ReadForm(text, formFields) {
			if value == "" || len(value) > valueMost || strings.Contains(value, "\n") {
				t.Errorf("%s: %q", name, value)
			}
		}
	})
}
