// Package templates holds the words of Ventanilla: a file for each mail and
// language, and a list of single words and sentences for each language.
//
// A file reads as the mail does: header lines ("Subject:", and "Preheader:",
// what lists of mails show beside the subject), a blank line, the body in
// Markdown. Actions of text/template stand wherever the mail has a value of its
// own; the values are the fields of [Data], the functions those of [Functions].
// What comes out of an action is data, never markup.
//
// The shipped files are in the binary. The admin's folder lies over them file by
// file, and its words.txt word by word. What is wrong in it is told by
// [Set.Problems], and the shipped file serves in its place.
package templates

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

//go:embed files
var shipped embed.FS

// Languages returns the languages that there are. The first one serves for
// whoever has another.
func Languages() []string { return []string{"es", "en", "pt"} }

// Names returns the names of the mails, which are those of their files.
func Names() []string {
	return []string{
		"acuse", "acuse-fijo", "acuse-varios", "datos", "archivos", "ticket-nuevo", "respuesta", "respuesta-solicitante",
		"estado", "resuelto", "cerrado", "gracias", "gracias-rechazo", "reabierto", "aprobado", "asignado",
		"retenido", "nota", "transcripcion", "ayuda", "mis-solicitudes", "lista", "conocimiento", "resumen", "novedades", "confirmar", "identidad", "expediente", "aviso-admin", "entrega-fallida", "entrega-demorada",
		"recordatorio", "suplente", "decidio-suplente", "encuesta", "calificacion", "espera-cumplida", "tarea", "tarea-hecha", "tarea-vence",
		"visto-bueno", "visto-bueno-dado", "visto-bueno-negado", "consulta", "respuesta-interna", "padre-cerrado", "plazo-por-vencer", "plazo-vencido",
	}
}

// Words are those of one mail. Subject is one line. Text has LF line ends and
// links in full. HTML is a whole document.
type Words struct{ Subject, Text, HTML string }

// Problem is something wrong in the admin's folder: what serves is the shipped
// file or word.
type Problem struct {
	File    string // within the folder: es/acuse.md
	Line    int    // 1 and up; 0 where no line is meant
	Message string // in Spanish, for the admin
}

// String returns the problem in one line, as compilers do.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// Set is a checked set of words: every mail and every word in every language.
// It is immutable and may be used by many goroutines.
type Set struct {
	words    map[string]map[string]string // language → key → word
	mails    map[string]map[string]choice // language → name
	own      []string
	problems []Problem
	body     bodies
}

// choice is a mail as shipped and, where there is a sound one, as the admin has
// it.
type choice struct{ shipped, admin *template }

// Load reads the shipped words with those of over, which may be nil, laid over
// them. Faults of over are no error: see [Set.Problems]. An error means that a
// shipped file is missing or broken, which no released binary has.
func Load(over fs.FS) (*Set, error) {
	base, err := fs.Sub(shipped, "files")
	if err != nil {
		return nil, fmt.Errorf("load templates: %w", err)
	}
	return load(base, over)
}

func load(base, over fs.FS) (*Set, error) {
	s := &Set{words: map[string]map[string]string{}, mails: map[string]map[string]choice{}, body: newBodies()}
	if err := s.loadWords(base, over); err != nil {
		return nil, fmt.Errorf("load templates: %w", err)
	}
	for _, lang := range Languages() {
		s.mails[lang] = map[string]choice{}
		for _, name := range Names() {
			file := lang + "/" + name + ".md"
			source, err := fs.ReadFile(base, file)
			if err != nil {
				return nil, fmt.Errorf("load templates: %w", err)
			}
			t, problem := s.compile(file, lang, string(source))
			if problem != nil {
				return nil, fmt.Errorf("load templates: %s", problem)
			}
			s.mails[lang][name] = choice{shipped: t, admin: s.loadAdmin(over, file, lang)}
		}
	}
	s.loadOwn(over)
	s.strayFiles(over)
	return s, nil
}

// Own is the name of a template of the admin's own that stands in for a mail where
// a rule says so: its file is es/acuse/biblioteca.md.
func Own(mail, name string) string { return mail + "/" + name }

// OwnMails are the mails for which the admin may have templates of his own.
func OwnMails() []string { return []string{"acuse"} }

// OwnNames returns the names of the admin's own templates that are sound in some
// language, as [Own] makes them.
func (s *Set) OwnNames() []string { return slices.Clone(s.own) }

// loadOwn compiles the templates of the admin's own.
func (s *Set) loadOwn(over fs.FS) {
	for _, lang := range Languages() {
		for _, mail := range OwnMails() {
			for _, file := range ownFiles(over, lang, mail) {
				name := Own(mail, strings.TrimSuffix(path.Base(file), ".md"))
				t := s.loadAdmin(over, file, lang)
				if t == nil {
					continue
				}
				s.mails[lang][name] = choice{admin: t}
				if !slices.Contains(s.own, name) {
					s.own = append(s.own, name)
				}
			}
		}
	}
	slices.Sort(s.own)
}

// ownFiles lists the files of the admin's own templates for a mail.
func ownFiles(over fs.FS, lang, mail string) (files []string) {
	if over == nil {
		return nil
	}
	entries, _ := fs.ReadDir(over, lang+"/"+mail) // a folder that is not there has none
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".md"); ok && ownName(name) && !e.IsDir() {
			files = append(files, lang+"/"+mail+"/"+e.Name())
		}
	}
	return files
}

// ownName says that a name can be one of the admin's own: it is written in rules.
func ownName(name string) bool {
	return name != "" && !strings.HasPrefix(name, ".") && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
}

// Problems returns what is wrong in the admin's folder, in the order of its
// files.
func (s *Set) Problems() []Problem { return append([]Problem(nil), s.problems...) }

// Has says that there is a mail of that name.
func (s *Set) Has(name string) bool { return s.mails[Languages()[0]][name].shipped != nil }

// Word returns the word or sentence for a key of words.txt in a language. A
// language that is not there has the words of the first; for a key that is not
// there, which HasWord tells, the key itself is returned.
func (s *Set) Word(lang, key string) string {
	if w, ok := s.words[s.language(lang)][key]; ok {
		return w
	}
	return key
}

// Calling returns a Set like s in which words, by their keys, are others in every
// language.
func (s *Set) Calling(words map[string]string) *Set {
	if len(words) == 0 {
		return s
	}
	named := *s
	named.words = map[string]map[string]string{}
	for lang, all := range s.words {
		named.words[lang] = maps.Clone(all)
		maps.Copy(named.words[lang], words)
	}
	return &named
}

// HasWord says that words.txt has the key.
func (s *Set) HasWord(key string) bool {
	_, ok := s.words[Languages()[0]][key]
	return ok
}

// language returns the language that serves for lang, which may have a region
// (pt-BR, es_CO).
func (s *Set) language(lang string) string {
	if len(lang) >= 2 {
		if short := strings.ToLower(lang[:2]); s.words[short] != nil && (len(lang) == 2 || lang[2] == '-' || lang[2] == '_') {
			return short
		}
	}
	return Languages()[0]
}

// Render returns the words of a mail. Where the admin's template fails with d,
// the shipped one serves, and for one of his own the mail that it stands in for. An error means that there is no mail of that name.
func (s *Set) Render(name, lang string, d Data) (Words, error) {
	lang = s.language(lang)
	c, ok := s.mails[lang][name]
	standard, _, own := strings.Cut(name, "/")
	if own && !ok { // not in this language, or broken
		return s.Render(standard, lang, d)
	}
	if !ok {
		return Words{}, fmt.Errorf("render mail %q: there is none of that name", name)
	}
	d = s.clean(d, lang)
	if name == "acuse-fijo" {
		d = fixed(d)
	}
	if c.admin != nil {
		if w, err := c.admin.execute(&d); err == nil {
			return w, nil
		}
	}
	if own {
		return s.Render(standard, lang, d)
	}
	w, err := c.shipped.execute(&d)
	if err != nil {
		return Words{}, fmt.Errorf("render mail %q: %w", name, err)
	}
	return w, nil
}

// Greets says that the words of a mail may depend on [Data].Name. Where they do
// not, they are the same for whoever it goes to.
func (s *Set) Greets(name, lang string) bool {
	c := s.mails[s.language(lang)][name]
	return c.shipped == nil || c.shipped.greets || c.admin != nil && c.admin.greets
}

// clean returns d with its values as mails can show them: one-line values in one
// line, links that are safe to follow, texts without control characters, and a
// subject.
func (s *Set) clean(d Data, lang string) Data {
	for _, v := range d.lines() {
		*v = oneLine(*v)
	}
	for _, v := range []*string{&d.Link, &d.DecisionLink, &d.ApproveLink, &d.RejectLink, &d.UndoLink, &d.UndoPage, &d.StopLink} {
		if !safeLink(*v) {
			*v = ""
		}
	}
	for _, list := range []*[]string{&d.Numbers, &d.Lines, &d.Details} {
		old := *list
		*list = make([]string, len(old))
		for i, v := range old {
			(*list)[i] = oneLine(v)
		}
	}
	for _, v := range []*string{&d.Body.Text, &d.Body.Markdown, &d.Reason, &d.Privacy, &d.Signature} {
		*v = cleanText(*v)
	}
	if d.Subject == "" {
		d.Subject = s.Word(lang, "no-subject")
	}
	return d
}

// fixed leaves of d what a mail to an unverified sender may say: nothing that a
// stranger has written, and no link. So no template can send anybody's words to
// somebody else.
func fixed(d Data) Data {
	return Data{Desk: d.Desk, Number: d.Number, Queue: d.Queue, Privacy: d.Privacy, Marker: d.Marker}
}

// oneLine returns v in one line: control characters, among them those that turn
// the direction of writing, and runs of spaces become one space.
func oneLine(v string) string {
	space := true
	for i := 0; i < len(v); i++ {
		if c := v[i]; c <= ' ' && (c != ' ' || space) || c >= 0x7f {
			return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(v, "\ufffd"), separates), " ")
		}
		space = v[i] == ' '
	}
	return strings.TrimSuffix(v, " ")
}

func separates(r rune) bool { return r == ' ' || unseen(r) }

// unseen says that a character shows nothing and may mislead.
func unseen(r rune) bool {
	return r < ' ' || 0x7f <= r && r < 0xa0 || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' ||
		r == '\u2028' || r == '\u2029' || r == '\ufeff'
}

// cleanText returns a text of several lines with LF line ends and without
// control characters.
func cleanText(v string) string {
	if !isClean(v) {
		v = strings.ReplaceAll(strings.ToValidUTF8(v, "\ufffd"), "\r\n", "\n")
		v = strings.Map(func(r rune) rune {
			switch {
			case r == '\r' || r == '\u2028' || r == '\u2029':
				return '\n'
			case r != '\n' && r != '\t' && unseen(r):
				return -1
			}
			return r
		}, v)
	}
	return strings.Trim(v, "\n")
}

// isClean says that a text is valid UTF-8 whose only control characters are line
// ends and tabs. It looks at bytes: most texts are clean, and long.
func isClean(v string) bool {
	if !utf8.ValidString(v) {
		return false
	}
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c < ' ' && c != '\n' && c != '\t', c == 0x7f:
			return false
		case c == 0xc2 || c == 0xe2 || c == 0xef: // may begin one of those that unseen knows
			if r, _ := utf8.DecodeRuneInString(v[i:]); unseen(r) {
				return false
			}
		}
	}
	return true
}

// buffers are kept from one mail to the next.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
