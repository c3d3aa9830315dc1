package templates

import (
	"bytes"
	"fmt"
	htmltemplate "html/template"
	"regexp"
	"slices"
	"strconv"
	"strings"
	texttemplate "text/template"

	"github.com/yuin/goldmark/ast"
)

// template is one mail, compiled: the Markdown has become HTML and plain text
// around the actions, so that a mail costs only its values.
type template struct {
	subject, text *texttemplate.Template
	html          *htmltemplate.Template
	greets        bool // its words may depend on Data.Name
}

// compile reads a template file and tries it on sample values.
func (s *Set) compile(file, lang, source string) (*template, *Problem) {
	source = strings.ReplaceAll(source, "\r\n", "\n")
	if problem := s.check(file, lang, source); problem != nil {
		return nil, problem
	}
	header, body, _ := strings.Cut(source, "\n\n")
	fields, problem := headerFields(file, header)
	if problem != nil {
		return nil, problem
	}
	t, err := s.build(lang, fields, body)
	if err == nil {
		err = try(t)
	}
	if err != nil {
		return nil, &Problem{File: file, Message: plainError(err)}
	}
	return t, nil
}

// headerFields returns the header lines of a template file by name.
func headerFields(file, header string) (map[string]string, *Problem) {
	fields, known := map[string]string{}, []string{"Subject", "Preheader"}
	for i, line := range strings.Split(header, "\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, &Problem{file, i + 1, "antes de la primera línea vacía solo van líneas como «Subject: …»"}
		}
		if !slices.Contains(known, name) {
			return nil, &Problem{file, i + 1, fmt.Sprintf("no conozco el encabezado %q%s", name, didYouMean(name, known))}
		}
		if fields[name] != "" {
			return nil, &Problem{file, i + 1, fmt.Sprintf("el encabezado %q está dos veces", name)}
		}
		fields[name] = strings.TrimSpace(value)
	}
	if fields["Subject"] == "" {
		return nil, &Problem{file, 1, "falta la línea «Subject: …»"}
	}
	return fields, nil
}

// build makes the three templates of a mail.
func (s *Set) build(lang string, fields map[string]string, body string) (*template, error) {
	for name, value := range fields {
		fields[name] = severalLines(value)
	}
	a := takeActions(body)
	doc, source := s.body.parse(a.source)
	text := a.restore(plainText(doc, source))
	decorate(doc, "")
	html, err := s.body.html(doc, source)
	if err != nil {
		return nil, err
	}
	html = a.restore(a.unwrap(html))

	t := &template{greets: greets(fields["Subject"] + fields["Preheader"] + body)}
	functions := s.functions(lang, false)
	if t.subject, err = texttemplate.New("subject").Funcs(functions).Parse(fields["Subject"]); err != nil {
		return nil, err
	}
	if t.text, err = texttemplate.New("text").Funcs(functions).Parse(s.frameText(lang, text)); err != nil {
		return nil, err
	}
	t.html, err = htmltemplate.New("html").Funcs(s.functions(lang, true)).Parse(s.frameHTML(lang, fields["Preheader"], html))
	return t, err
}

// names matches what an action can take Data.Name by: itself, or all of Data.
var names = regexp.MustCompile(`\.Name\b|[.$](?:[\s)}|]|$)`)

// greets says that a template's words may depend on the addressee's name.
func greets(source string) (yes bool) {
	actionsOf(source, func(action string) string {
		yes = yes || names.MatchString(action)
		return ""
	})
	return yes
}

// try executes a template on full and on empty values.
func try(t *template) error {
	full := Sample("")
	for _, d := range []Data{full, {Desk: full.Desk}, {}} {
		if _, err := t.execute(&d); err != nil {
			return err
		}
	}
	return nil
}

// execute makes the words of one mail.
func (t *template) execute(d *Data) (Words, error) {
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	if err := t.subject.Execute(b, d); err != nil {
		return Words{}, err
	}
	w := Words{Subject: oneLine(b.String())}
	b.Reset()
	if err := t.text.Execute(b, d); err != nil {
		return Words{}, err
	}
	w.Text = layOut(b.Bytes())
	b.Reset()
	if err := t.html.Execute(b, d); err != nil {
		return Words{}, err
	}
	w.HTML = b.String()
	return w, nil
}

// several matches what an action says of a value that may have several lines, and
// the strings in which it means nothing.
var several = regexp.MustCompile(`"(?:\\.|[^"\\])*"|` + "`[^`]*`" + `|\$?\.(?:Body|Help|Reason|Privacy|Signature)\b`)

// severalLines makes actions take such values by functions, which write them as
// the part at hand needs them.
func severalLines(action string) string {
	return several.ReplaceAllStringFunc(action, func(v string) string {
		if v[0] == '"' || v[0] == '`' {
			return v
		}
		return "(shown" + v[strings.IndexByte(v, '.')+1:] + " $)"
	})
}

// withBreaks returns a text of several lines as HTML within a paragraph.
func withBreaks(v string) htmltemplate.HTML {
	return htmltemplate.HTML(strings.ReplaceAll(escape(v), "\n", "<br>\n"))
}

// actions are those of a template's body, put aside while its Markdown is read.
// In their place stand words that Markdown leaves alone.
type actions struct {
	source string
	list   []string
	prefix string
	word   *regexp.Regexp
}

func takeActions(body string) *actions {
	a := &actions{prefix: "qx"}
	for strings.Contains(body, a.prefix) {
		a.prefix += "x"
	}
	a.word = regexp.MustCompile(a.prefix + `[0-9]+q`)
	body = actionsOf(body, func(action string) string {
		a.list = append(a.list, action)
		return a.prefix + strconv.Itoa(len(a.list)-1) + "q"
	})
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		if a.alone(line) {
			lines[i] = "\n" + strings.TrimSpace(line) + "\n"
		}
	}
	a.source = strings.Join(lines, "\n")
	return a
}

// actionsOf returns source with each action replaced.
func actionsOf(source string, replace func(action string) string) string {
	var b strings.Builder
	for {
		start := strings.Index(source, "{{")
		if start < 0 {
			b.WriteString(source)
			return b.String()
		}
		end := start + actionEnd(source[start:])
		b.WriteString(source[:start] + replace(source[start:end]))
		source = source[end:]
	}
}

// actionEnd returns the length of the action that s begins with.
func actionEnd(s string) int {
	if inner := strings.TrimLeft(strings.TrimPrefix(s, "{{-"), "{ "); strings.HasPrefix(inner, "/*") {
		if end := strings.Index(s, "*/"); end >= 0 {
			s, skipped := s[end:], end
			return skipped + strings.Index(s, "}}") + 2
		}
	}
	for i := 2; i < len(s); i++ {
		switch s[i] {
		case '"', '\'', '`':
			quote := s[i]
			for i++; i < len(s) && s[i] != quote; i++ {
				if s[i] == '\\' && quote != '`' {
					i++
				}
			}
		case '}':
			if strings.HasPrefix(s[i:], "}}") {
				return i + 2
			}
		}
	}
	return len(s)
}

// alone says that a line holds nothing but actions that make a block of their
// own or direct what follows.
func (a *actions) alone(line string) bool {
	words := a.word.FindAllString(line, -1)
	if len(words) == 0 || strings.TrimSpace(a.word.ReplaceAllString(line, "")) != "" {
		return false
	}
	return !slices.ContainsFunc(words, func(w string) bool { return !blockAction(a.action(w)) })
}

// action returns the action that a word stands for.
func (a *actions) action(word string) string {
	i, _ := strconv.Atoi(strings.Trim(strings.TrimPrefix(word, a.prefix), "q"))
	return a.list[i]
}

func blockAction(action string) bool {
	inner := strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(action, "{{"), "-"), "}}"), "-"))
	if inner == ".Body" || inner == "$.Body" || inner == ".Help" || inner == "$.Help" || strings.HasPrefix(inner, "/*") || strings.HasPrefix(inner, "$") && strings.Contains(inner, "=") {
		return true
	}
	first, _, _ := strings.Cut(inner, " ")
	return slices.Contains([]string{"if", "else", "end", "range", "with", "define", "block", "template", "break", "continue"}, first) ||
		slices.Contains(blockFunctions, first)
}

// unwrap takes the paragraph from around actions that make blocks themselves.
func (a *actions) unwrap(html string) string {
	paragraph := regexp.MustCompile(`<p[^>]*>((?:\s*` + a.word.String() + `)+)\s*</p>`)
	return paragraph.ReplaceAllStringFunc(html, func(p string) string {
		if inner := paragraph.FindStringSubmatch(p)[1]; a.alone(inner) {
			return inner
		}
		return p
	})
}

// restore puts the actions back.
func (a *actions) restore(s string) string {
	return a.word.ReplaceAllStringFunc(s, func(w string) string { return severalLines(a.action(w)) })
}

// decorate gives the elements of a document their styles, and its links a rel.
func decorate(doc ast.Node, rel string) {
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		if style := styles[element(n)]; style != "" {
			n.SetAttributeString("style", []byte(style))
		}
		if k := n.Kind(); rel != "" && (k == ast.KindLink || k == ast.KindAutoLink) {
			n.SetAttributeString("rel", []byte(rel))
		}
		return ast.WalkContinue, nil
	})
}
