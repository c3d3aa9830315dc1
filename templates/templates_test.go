package templates

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// set loads the shipped words with an admin's files over them.
func set(t testing.TB, over fs.FS) *Set {
	t.Helper()
	s, err := Load(over)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func render(t testing.TB, s *Set, name, lang string, d Data) Words {
	t.Helper()
	w, err := s.Render(name, lang, d)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// everyMail calls f with each mail in each language.
func everyMail(f func(name, lang string)) {
	for _, lang := range Languages() {
		for _, name := range Names() {
			f(name, lang)
		}
	}
}

func TestEveryMailIsFitToBeSent(t *testing.T) {
	s := set(t, nil)
	if p := s.Problems(); len(p) > 0 {
		t.Fatalf("the shipped words have problems: %v", p)
	}
	everyMail(func(name, lang string) {
		for kind, d := range map[string]Data{"full": Sample(""), "usual": Sample(name), "empty": {}} {
			d.Body.Text = strings.ReplaceAll(d.Body.Text, "salieron los trabajos", "salieron\nlos trabajos")
			w := render(t, s, name, lang, d)
			where := fmt.Sprintf("%s/%s with %s data", lang, name, kind)
			checkText(t, where, w)
			checkHTML(t, where, lang, w)
			if strings.Contains(w.HTML, "{{") || strings.Contains(w.HTML, "[[") {
				t.Errorf("%s: an action is left in the HTML", where)
			}
			if kind != "empty" && (w.Subject == "" || strings.ContainsAny(w.Subject, "\r\n")) {
				t.Errorf("%s: subject %q", where, w.Subject)
			}
			if !strings.HasPrefix(w.Text, s.Word(lang, "marker")+"\n") {
				t.Errorf("%s: the text does not begin with the marker", where)
			}
			if d.Number != "" && !strings.Contains(w.Text, "["+d.Number+"]") {
				t.Errorf("%s: nothing in the text leads back to the ticket", where)
			}
		}
	})
}

// checkText looks for what does not belong into plain text.
func checkText(t *testing.T, where string, w Words) {
	t.Helper()
	for _, noise := range []string{"**", "](", "<", "{{", "&amp;", verbatim, "\n\n\n", " \n", "%!", "()"} {
		if strings.Contains(w.Text, noise) {
			t.Errorf("%s: the text contains %q:\n%s", where, noise, w.Text)
		}
	}
	for line := range strings.Lines(w.Text) {
		if strings.HasPrefix(line, ">") {
			continue // as its writer made it
		}
		if utf8.RuneCountInString(line)-1 > columns && strings.Contains(strings.Trim(line, " -\n"), " ") {
			t.Errorf("%s: long line %q", where, line)
		}
	}
}

// checkHTML looks at the elements of a document: each closed where it must be,
// and the language and the marks told.
func checkHTML(t *testing.T, where, lang string, w Words) {
	t.Helper()
	var open []string
	z := html.NewTokenizer(strings.NewReader(w.HTML))
	marks := 0
	for {
		kind := z.Next()
		token := z.Token()
		switch kind {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("%s: not closed: %v", where, open)
			}
			if marks != 2 || !strings.Contains(w.HTML, `<html lang="`+lang+`">`) {
				t.Errorf("%s: %d marks, or no language", where, marks)
			}
			return
		case html.StartTagToken:
			for _, a := range token.Attr {
				if a.Key == "data-ventanilla" {
					marks++
				}
			}
			if !slices.Contains([]string{"meta", "br", "hr", "img"}, token.Data) {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("%s: </%s> closes %v", where, token.Data, open)
			}
			open = open[:len(open)-1]
		case html.TextToken:
			if strings.Contains(token.Data, "ZgotmplZ") {
				t.Errorf("%s: %q", where, token.Data)
			}
		}
	}
}

// tags counts the elements of a document and notes where its links lead.
func tags(document string) map[string]int {
	count := map[string]int{}
	z := html.NewTokenizer(strings.NewReader(document))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return count
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			count[token.Data]++
			for _, a := range token.Attr {
				if a.Key == "href" || a.Key == "src" {
					scheme, _, _ := strings.Cut(strings.ToLower(a.Val), ":")
					count[a.Key+" "+scheme]++
				}
				if strings.HasPrefix(a.Key, "on") {
					count[a.Key]++
				}
			}
		}
	}
}

const hostile = "<script>alert(1)</script><img src=x onerror=alert(2)> [a](javascript:alert(3)) ![b](https://x.example/b.png) " +
	"**fuerte** # título {{.Desk}} `c` | \"'> \\ &lt; <!-- -->"

// fill puts a value into every field of text.
func fill(d Data, text string) Data {
	for _, v := range d.lines() {
		if !safeLink(*v) {
			*v = text
		}
	}
	for i := range d.Numbers {
		d.Numbers[i] = text
	}
	for i := range d.Lines {
		d.Lines[i] = text
	}
	d.Body, d.Reason, d.Privacy = Body{Text: text}, text, text
	return d
}

// Values are data: whatever they hold, the mail has the same elements as with a
// plain word, and shows the value as it was written.
func TestValuesAreNeverMarkup(t *testing.T) {
	s := set(t, nil)
	everyMail(func(name, lang string) {
		plain, odd := render(t, s, name, lang, fill(Sample(""), "palabra")), render(t, s, name, lang, fill(Sample(""), hostile))
		if a, b := tags(plain.HTML), tags(odd.HTML); !maps.Equal(a, b) {
			t.Errorf("%s/%s: a hostile value changed the elements from %v to %v", lang, name, a, b)
		}
		if name != "acuse-fijo" && !strings.Contains(html.UnescapeString(odd.HTML), oneLine(hostile)) {
			t.Errorf("%s/%s: the value is not shown as it was written", lang, name)
		}
		checkHTML(t, lang+"/"+name, lang, odd)
	})
	w := render(t, s, "acuse", "es", Sample(""))
	broken := strings.Replace(w.HTML, "Ana", hostile, 1)
	if maps.Equal(tags(w.HTML), tags(broken)) {
		t.Error("the check would not notice markup")
	}
}

func TestLinksOfDataMustBeSafe(t *testing.T) {
	s := set(t, nil)
	d := Sample("")
	for _, link := range []string{"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "//x.example", "vbscript:x", "file:///etc/passwd"} {
		d.Link, d.DecisionLink, d.ApproveLink, d.RejectLink, d.UndoLink, d.UndoPage, d.StopLink = link, link, link, link, link, link, link
		everyMail(func(name, lang string) {
			for key := range tags(render(t, s, name, lang, d).HTML) {
				if strings.HasPrefix(key, "href ") && key != "href https" && key != "href mailto" {
					t.Errorf("%s/%s: with link %q: %s", lang, name, link, key)
				}
			}
		})
	}
}

func TestControlCharactersAreGone(t *testing.T) {
	s := set(t, nil)
	odd := "uno\r\nBcc: x\x00\x01\x1b[31m\u202edos\u2066\xff tres"
	everyMail(func(name, lang string) {
		w := render(t, s, name, lang, fill(Sample(""), odd))
		if strings.ContainsAny(w.Subject, "\r\n") {
			t.Errorf("%s/%s: subject %q", lang, name, w.Subject)
		}
		for _, part := range []string{w.Subject, w.Text, w.HTML} {
			if strings.ContainsAny(part, "\r\x00\x01\x1b\u202e\u2066") || !utf8.ValidString(part) {
				t.Errorf("%s/%s: control characters in %q", lang, name, part)
			}
		}
	})
}

// A mail to an unverified sender says nothing that he has chosen, whatever the
// template asks for. The same words in another mail's file do show it.
func TestUnverifiedSendersReadNoneOfTheirWords(t *testing.T) {
	greedy := "Subject: {{.Subject}} {{.Name}}\n\n{{.Body}} {{.Subject}} {{.Name}} {{.Author}} {{.Requester}} {{.RequesterAddress}} " +
		"{{.Reason}} {{.AuthorAddress}} {{.Recipient}} {{.Diagnostic}} {{.Suggestion}} {{.Type}} {{lista .Lines}} {{lista .Numbers}} {{.Link}} {{.DecisionLink}}\n"
	over := fstest.MapFS{"es/acuse-fijo.md": {Data: []byte(greedy)}, "es/acuse.md": {Data: []byte(greedy)}}
	d := fill(Sample(""), "PROMOCIÓN")
	d.Desk, d.Number, d.Queue, d.Privacy, d.Marker = "Mesa", "#1", "Soporte", "", ""
	shows := func(w Words) bool {
		all := w.Subject + w.Text + w.HTML
		return strings.Contains(all, "PROMOCIÓN") || strings.Contains(w.Text+strings.ReplaceAll(w.HTML, "https://www.w3.org", ""), "https://")
	}
	for _, s := range []*Set{set(t, nil), set(t, over)} {
		if p := s.Problems(); len(p) > 0 {
			t.Fatal(p)
		}
		for _, lang := range Languages() {
			if w := render(t, s, "acuse-fijo", lang, d); shows(w) {
				t.Errorf("%s: %+v", lang, w)
			}
		}
	}
	if !shows(render(t, set(t, over), "acuse", "es", d)) {
		t.Error("the check would not notice the words")
	}
}

func TestRenderChoosesTheLanguage(t *testing.T) {
	s := set(t, nil)
	for lang, want := range map[string]string{"es": "Recibimos", "es-CO": "Recibimos", "EN": "We received", "en_US": "We received",
		"pt-BR": "Recebemos", "": "Recibimos", "de": "Recibimos", "english": "Recibimos"} {
		if w := render(t, s, "acuse", lang, Sample("acuse")); !strings.Contains(w.Text, want) {
			t.Errorf("language %q: %s", lang, w.Text)
		}
	}
	if _, err := s.Render("no-such", "es", Data{}); err == nil {
		t.Error("a mail that does not exist was rendered")
	}
	if got := s.Word("pt-BR", "state-open"); got != "em andamento" {
		t.Errorf("Word = %q", got)
	}
	if s.HasWord("no-such") || !s.HasWord("state-open") || s.Word("es", "no-such") != "no-such" || s.Has("no-such") || !s.Has("acuse") {
		t.Error("Has, HasWord or Word is wrong about what there is")
	}
}

func TestMailsReadAsIntended(t *testing.T) {
	s := set(t, nil)
	for _, name := range Names() {
		w := render(t, s, name, "es", Sample(name))
		got, file := "Subject: "+w.Subject+"\n\n"+w.Text, filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("%s (%v): got\n%s\nwant\n%s", file, err, got, want)
		}
	}
}

func TestValuesThatAreEmptyLeaveNoTrace(t *testing.T) {
	s := set(t, nil)
	d := Data{Desk: "Mesa", Number: "#7", Subject: ""}
	w := render(t, s, "acuse", "es", d)
	for _, unwanted := range []string{"Ver la solicitud", "queda en manos", "Hola,", "----", "href"} {
		if strings.Contains(w.Text+w.HTML, unwanted) {
			t.Errorf("%q stands in a mail that has no value for it:\n%s", unwanted, w.Text)
		}
	}
	if w.Subject != "[#7] (sin asunto)" {
		t.Errorf("subject %q", w.Subject)
	}
	d = Sample("resuelto")
	d.DecisionLink = ""
	if w := render(t, s, "resuelto", "es", d); strings.Count(w.HTML, "href=\"mailto:") != 2 || strings.Contains(w.Text, "https://mesa.example/d/") {
		t.Errorf("a desk without pages still decides by mail:\n%s", w.Text)
	}
	d = Sample("estado")
	d.OldState, d.OldAssignee, d.OldPriority, d.OldType = "", "", "", ""
	if w := render(t, s, "estado", "es", d); !strings.Contains(w.Text, "Área: Mesa de ayuda → Soporte técnico\n\nSi tiene") {
		t.Errorf("only the queue changed:\n%s", w.Text)
	}
}

func TestAdminFilesLieOverTheShipped(t *testing.T) {
	over := fstest.MapFS{
		"es/acuse.md": {Data: []byte("Subject: {{.Number}}: gracias\r\nPreheader: oiga\r\n\r\n# ¡Hola!\r\n\r\nSe llama **{{.Number}}** y está *{{.State}}*.\r\n" +
			"{{/* una nota: \"}}\" */}}\r\n{{if .Link}}\r\n[aquí]({{.Link}})\r\n{{else}}\r\nsin enlace\r\n{{end}}\r\n{{range $i, $n := .Numbers}}\r\n- {{$i}} {{$n}}\r\n{{end}}\r\n" +
			"`{{word \"state-open\"}}` {{printf \"%q .Body\" .Queue}}\r\n\r\n{{with .Reason}}> {{.}}{{end}}\r\n")},
		"es/words.txt":  {Data: []byte("# las mías\nstate-open: trabajando en ello\n\nmarker: ## Escriba arriba ##\n")},
		"LEAME.md":      {Data: []byte("así se usa")},
		"es/.acuse.swp": {Data: []byte("x")},
		"es/acuse.md~":  {Data: []byte("x")},
	}
	s := set(t, over)
	if p := s.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	w := render(t, s, "acuse", "es", Sample(""))
	want := "## Escriba arriba ##\n\n¡Hola!\n\nSe llama #003181 y está en curso.\n\naquí (https://mesa.example/t/s4m2k7q)\n\n" +
		"- 0 #003181 No imprime la impresora\n\n- 1 #003182 Clave olvidada\n\n- 2 #003183 Acceso a la red\n\n" +
		"trabajando en ello \"Soporte técnico\" .Body\n\n> Todavía no imprime a doble cara.\n\nMesa de ayuda · [#003181] · m4m2k7q5xw\n"
	if w.Subject != "#003181: gracias" || w.Text != want {
		t.Errorf("subject %q, text\n%s\nwant\n%s", w.Subject, w.Text, want)
	}
	checkHTML(t, "the admin's acuse", "es", w)
	if !strings.Contains(w.HTML, "Escriba arriba") || !strings.Contains(w.HTML, ">oiga<") {
		t.Error("the admin's marker or preheader is not in the HTML")
	}
	if got := s.Word("es", "state-new"); got != "nuevo" {
		t.Errorf("a word that the admin left alone is %q", got)
	}
	if w := render(t, s, "acuse", "en", Sample("")); !strings.Contains(w.Text, "We received") {
		t.Error("the admin's Spanish file serves in English")
	}
}

func TestBrokenAdminFilesAreToldAndDoNotServe(t *testing.T) {
	const head = "Subject: [{{.Number}}] x\n\n"
	tests := []struct{ file, source, want string }{
		{"es/acuse.md", head + "uno\n{{.Numer}}\n", `es/acuse.md:4: no hay un valor que se llame «.Numer»; ¿quiso decir "Number"?`},
		{"es/acuse.md", head + "{{if .Link}}{{else}}{{if eq .State \"x\"}}\n{{$.Subjet}}{{end}}{{end}}", `es/acuse.md:4: no hay un valor que se llame «.Subjet»; ¿quiso decir "Subject"?`},
		{"es/acuse.md", head + "{{.Body.Text}}", `es/acuse.md:3: no hay un valor que se llame «.Body.Text»`},
		{"es/acuse.md", head + "{{botn \"x\" .Link}}", `es/acuse.md:3: function "botn" not defined`},
		{"es/acuse.md", head + "{{if .Link}}sin fin", `es/acuse.md:3: unexpected EOF`},
		{"es/acuse.md", head + "{{.Link", `es/acuse.md:3: unclosed action`},
		{"es/acuse.md", head + "uno\n{{word \"state-opn\"}}", `es/acuse.md:4: <word "state-opn">`},
		{"es/acuse.md", head + "{{index .Numbers 7}}", `es/acuse.md:3: <index .Numbers 7>`},
		{"es/acuse.md", head + "{{ficha \"uno\"}}", `es/acuse.md:3: <ficha "uno">`},
		{"es/acuse.md", "Subjet: x\n\nhola", `es/acuse.md:1: no conozco el encabezado "Subjet"; ¿quiso decir "Subject"?`},
		{"es/acuse.md", "Preheader: x\n\nhola", `es/acuse.md:1: falta la línea «Subject: …»`},
		{"es/acuse.md", "Subject: x\nSubject: y\n\nhola", `es/acuse.md:2: el encabezado "Subject" está dos veces`},
		{"es/acuse.md", "hola\n", `es/acuse.md:1: antes de la primera línea vacía solo van líneas como «Subject: …»`},
		{"es/acuse.md", "", `es/acuse.md:1: antes de la primera línea vacía`},
		{"es/acuce.md", head, `es/acuce.md: ningún correo se llama así; ¿quiso decir "es/acuse.md"?`},
		{"acuse.md", head, `acuse.md: ningún correo se llama así; ¿quiso decir "es/acuse.md"?`},
		{"fr/words.txt", "a: b", `fr/words.txt: ningún correo se llama así`},
		{"es/words.txt", "state-open: x\nstate-opn: y\n", `es/words.txt:2: no conozco la clave "state-opn"; ¿quiso decir "state-open"?`},
		{"es/words.txt", "\nstate-open\n", `es/words.txt:2: cada línea dice «clave: palabra»`},
		{"es/words.txt", "state-new: x\nstate-new: y\n", `es/words.txt:2: la clave "state-new" está dos veces`},
	}
	shippedText := render(t, set(t, nil), "acuse", "es", Sample("")).Text
	for _, test := range tests {
		s := set(t, fstest.MapFS{test.file: {Data: []byte(test.source)}})
		p := s.Problems()
		if len(p) != 1 || !strings.HasPrefix(p[0].String(), test.want) {
			t.Errorf("%s with %q: problems %v, want %s", test.file, test.source, p, test.want)
		}
		if strings.HasSuffix(test.file, ".md") && render(t, s, "acuse", "es", Sample("")).Text != shippedText {
			t.Errorf("%s with %q: the shipped mail does not serve", test.file, test.source)
		}
	}
}

// A template that fails only with some values must not stop a mail either.
func TestTemplateThatFailsLater(t *testing.T) {
	source := "Subject: propio\n\n{{if eq .Number \"#13\"}}{{index .Numbers 99}}{{end}}hola\n"
	s := set(t, fstest.MapFS{"es/acuse.md": {Data: []byte(source)}})
	if p := s.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	if w := render(t, s, "acuse", "es", Data{Number: "#12"}); w.Subject != "propio" {
		t.Errorf("the admin's template does not serve: %q", w.Subject)
	}
	if w := render(t, s, "acuse", "es", Data{Number: "#13", Subject: "x"}); w.Subject != "[#13] x" {
		t.Errorf("the shipped template does not serve: %q", w.Subject)
	}
}

// failing is a folder that cannot be read.
type failing struct{}

func (failing) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func TestFolderThatCannotBeRead(t *testing.T) {
	s := set(t, failing{})
	if p := s.Problems(); len(p) == 0 || !strings.Contains(p[0].Message, "no se puede leer") {
		t.Errorf("problems %v", p)
	}
	render(t, s, "acuse", "es", Sample(""))
	if p := set(t, os.DirFS(filepath.Join(t.TempDir(), "none"))).Problems(); len(p) > 0 {
		t.Errorf("a folder that does not exist has problems: %v", p)
	}
}

func TestSetWithAHoleDoesNotLoad(t *testing.T) {
	whole := func() fstest.MapFS {
		m := fstest.MapFS{}
		base, _ := fs.Sub(shipped, "files")
		_ = fs.WalkDir(base, ".", func(file string, e fs.DirEntry, _ error) error {
			if !e.IsDir() {
				b, _ := fs.ReadFile(base, file)
				m[file] = &fstest.MapFile{Data: b}
			}
			return nil
		})
		return m
	}
	if _, err := load(whole(), nil); err != nil {
		t.Fatal(err)
	}
	breaks := map[string]func(fstest.MapFS){
		"a mail is missing": func(m fstest.MapFS) { delete(m, "pt/nota.md") },
		"words are missing": func(m fstest.MapFS) { delete(m, "en/words.txt") },
		"a word is missing": func(m fstest.MapFS) { cutLine(m, "en/words.txt", "state-open:") },
		"a key is only in pt": func(m fstest.MapFS) {
			cutLine(m, "es/words.txt", "state-open:")
			cutLine(m, "en/words.txt", "state-open:")
		},
		"a field does not exist": func(m fstest.MapFS) { m["es/nota.md"].Data = append(m["es/nota.md"].Data, "{{.Nada}}"...) },
		"a word is unknown":      func(m fstest.MapFS) { m["es/nota.md"].Data = append(m["es/nota.md"].Data, `{{word "nada"}}`...) },
	}
	for what, breakIt := range breaks {
		m := whole()
		breakIt(m)
		if _, err := load(m, nil); err == nil {
			t.Errorf("%s, and the set loads", what)
		}
	}
}

func cutLine(m fstest.MapFS, file, prefix string) {
	line := regexp.MustCompile(`(?m)^` + prefix + `.*\n`)
	m[file] = &fstest.MapFile{Data: line.ReplaceAll(m[file].Data, nil)}
}

// Every field of Data is cleaned: each string is one that lines() lists, or has
// several lines.
func TestEveryFieldIsCleaned(t *testing.T) {
	var d Data
	for _, v := range d.lines() {
		*v = "x"
	}
	value := reflect.ValueOf(d)
	for i := range value.NumField() {
		name := value.Type().Field(i).Name
		if f := value.Field(i); f.Kind() == reflect.String && f.String() == "" && name != "Reason" && name != "Privacy" && name != "Signature" {
			t.Errorf("Data.%s is not cleaned", name)
		}
		if f := reflect.ValueOf(Sample("")).Field(i); f.IsZero() {
			t.Errorf("Sample leaves %s empty", name)
		}
	}
}

func TestSetIsSafeForManyGoroutines(t *testing.T) {
	s := set(t, nil)
	want := render(t, s, "resuelto", "es", Sample("resuelto"))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				if w, err := s.Render("resuelto", "es", Sample("resuelto")); err != nil || w != want {
					t.Errorf("another mail, or %v", err)
				}
			}
		})
	}
	group.Wait()
}

func TestFunctionsAreDescribed(t *testing.T) {
	s := set(t, nil)
	for name := range s.functions("es", true) {
		if !strings.HasPrefix(name, "shown") && Functions()[name] == "" {
			t.Errorf("the function %s is not described", name)
		}
	}
	for name, text := range Functions() {
		example, _, _ := strings.Cut(text, "}}")
		source := "Subject: x\n\n" + example + "}}\n"
		if p := set(t, fstest.MapFS{"es/acuse.md": {Data: []byte(source)}}).Problems(); len(p) > 0 {
			t.Errorf("the example of %s does not work: %v", name, p)
		}
	}
}

func BenchmarkRenderAcuse(b *testing.B) {
	s, d := set(b, nil), Sample("acuse")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Render("acuse", "es", d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		set(b, nil)
	}
}

// A template of the admin's own stands in for the acknowledgement where it is there
// and sound; else the acknowledgement serves, the admin's or the shipped one.
func TestOwnTemplates(t *testing.T) {
	s := set(t, fstest.MapFS{
		"es/acuse/biblioteca.md": {Data: []byte("Subject: Préstamo {{.Number}}\n\nDe 8 a 12.\n")},
		"en/acuse.md":            {Data: []byte("Subject: Own words\n\nOwn words.\n")},
		"es/acuse/rota.md":       {Data: []byte("Subject: x\n\n{{.Numero}}\n")},
		"es/acuse/falla.md":      {Data: []byte("Subject: x\n\n{{if .Name}}{{index .Lines 99}}{{end}}\n")},
		"es/acuse/Mal.md":        {Data: []byte("Subject: x\n\nx\n")},
		"es/estado/otra.md":      {Data: []byte("Subject: x\n\nx\n")},
	})
	d := Sample("acuse")
	for _, c := range []struct{ name, lang, want string }{
		{"acuse/biblioteca", "es", "De 8 a 12."}, {"acuse/biblioteca", "en", "Own words."}, {"acuse/biblioteca", "pt", "Registramos"},
		{"acuse/rota", "es", "Registramos"}, {"acuse/ninguna", "es", "Registramos"}, {"acuse/falla", "es", "Registramos"},
	} {
		if w := render(t, s, c.name, c.lang, d); !strings.Contains(w.Text, c.want) {
			t.Errorf("%s in %s: %s", c.name, c.lang, w.Text)
		}
	}
	if got := s.OwnNames(); !slices.Equal(got, []string{"acuse/biblioteca"}) {
		t.Errorf("names %v", got)
	}
	var files []string
	for _, p := range s.Problems() {
		files = append(files, p.File)
	}
	if slices.Sort(files); !slices.Equal(files, []string{"es/acuse/Mal.md", "es/acuse/falla.md", "es/acuse/rota.md", "es/estado/otra.md"}) {
		t.Errorf("problems %v", s.Problems())
	}
	if _, err := s.Render("estado/otra2", "es", d); err != nil {
		t.Error(err)
	}
}
