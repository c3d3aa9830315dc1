package templates

import (
	"testing"
	"testing/fstest"
)

// TestGreets: words that do not greet are the same for everybody, and whatever
// way to the name a template takes is found.
func TestGreets(t *testing.T) {
	s, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	some := 0
	for _, lang := range Languages() {
		for _, name := range Names() {
			one, other := Sample(name), Sample(name)
			one.Name, other.Name = "Ana", "Luis"
			a, errA := s.Render(name, lang, one)
			b, errB := s.Render(name, lang, other)
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			if s.Greets(name, lang) {
				some++
			} else if a != b {
				t.Errorf("%s/%s does not greet, and says %q and %q", lang, name, a.Text, b.Text)
			}
		}
	}
	if some == 0 || s.Greets("ticket-nuevo", "es") || !s.Greets("nothing of that name", "es") {
		t.Errorf("%d mails greet, ticket-nuevo: %v", some, s.Greets("ticket-nuevo", "es"))
	}
	for source, want := range map[string]bool{
		"{{.Number}} y {{.Requester}}, Name, .Name":  false,
		"{{range .Lines}}{{printf \"%s\" .}}{{end}}": true, // not known to be another dot
		"{{.Name}}":                                       true,
		"{{if eq .Name \"Ana\"}}Hola{{end}}":              true,
		"{{with $}}{{.Name}}{{end}}":                      true,
		"{{range $x := .Lines}}{{$.Name}}{{end}}":         true,
		"{{$all := . }}{{printf \"%v\" $all}}":            true,
		"{{printf \"%v\" .}}":                             true,
		"{{printf \"%v\" ($)}}":                           true,
		"{{.|printf \"%v\"}}":                             true,
		"{{- /* a remark */ -}}{{.Number}} {{.NameOfNo}}": false,
	} {
		if got := greets(source); got != want {
			t.Errorf("greets(%q) = %v", source, got)
		}
	}
	over := fstest.MapFS{"es/ticket-nuevo.md": {Data: []byte("Subject: [{{.Number}}] para {{.Name}}\n\nHola\n")}}
	if s, err = Load(over); err != nil || !s.Greets("ticket-nuevo", "es") || s.Greets("ticket-nuevo", "pt") {
		t.Errorf("the admin's file greets: %v, %v", s.Greets("ticket-nuevo", "es"), err)
	}
}

// TestIsClean: looking at bytes finds what looking at characters finds.
func TestIsClean(t *testing.T) {
	for r := rune(0); r <= 0x10ffff; r++ {
		if r >= 0xd800 && r < 0xe000 {
			continue
		}
		if want := r == '\n' || r == '\t' || !unseen(r); isClean("a"+string(r)+"b") != want {
			t.Fatalf("%U: clean %v", r, !want)
		}
	}
	if isClean("\xff") {
		t.Error("invalid UTF-8 is clean")
	}
}
