package rules

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// FileError is one mistake in a file that an admin wrote: its place, and in
// Spanish what is wrong there and how to mend it.
type FileError struct {
	File    string // as the admin knows it, as rules/10-solicitudes.toml
	Line    int    // 1 and up; 0 if the file as a whole is meant
	Column  int    // 1 and up, in characters
	Message string
	Source  string // the line; what a key that looks like a secret is set to is left out
}

// Error returns place and message in one line, and below it the line of the
// file with a mark under the column.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	text := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if strings.TrimSpace(e.Source) == "" {
		return text
	}
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string([]rune(e.Source)[:min(e.Column-1, utf8.RuneCountInString(e.Source))]))
	return text + "\n    " + e.Source + "\n    " + indent + "^"
}

// Document is a file that was read, and knows where in it each value stands, so
// that a mistake that only shows later can still be reported with its place.
type Document struct {
	name   string
	data   []byte
	places map[string]place // by path, as rule[0].subject[2]
}

// place is where a value stands: offsets in bytes.
type place struct{ key, value int }

// Decode reads the TOML of data strictly into the struct that into points to.
// Unknown keys, values of a wrong type and keys given twice are mistakes; all
// of them are returned at once, joined, each a *FileError with name as its
// file. Besides the key's name in its toml tag, a field may list the words it
// accepts in a tag named values, separated by spaces.
func Decode(name string, data []byte, into any) error {
	_, err := Read(name, data, into)
	return err
}

// Read does what [Decode] does and returns the document too, for [Document.Fault].
func Read(name string, data []byte, into any) (*Document, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	d := &Document{name: name, data: data, places: map[string]place{}}
	if !utf8.Valid(data) {
		return d, d.fault(firstInvalid(data), "el archivo no está en UTF-8: guárdelo con esa codificación")
	}
	w := walker{document: d, root: reflect.TypeOf(into).Elem(), seen: map[string]int{}}
	w.walk()
	if err := Join(w.faults...); err != nil {
		return d, err
	}
	return d, d.translate(toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(into))
}

// Fault returns the mistake at a path, such as smtp.listen or
// rule[0].subject[2]; where the file does not have it, at what is around it.
func (d *Document) Fault(path, format string, values ...any) *FileError {
	message := fmt.Sprintf(format, values...)
	for {
		if p, ok := d.places[path]; ok {
			return d.fault(p.value, message)
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return &FileError{File: d.name, Message: message}
		}
		path = path[:cut]
	}
}

// Has says whether the file gives a value at the path.
func (d *Document) Has(path string) bool {
	_, ok := d.places[path]
	return ok
}

// line returns the number of the line that a path's key stands in.
func (d *Document) line(path string) int {
	return 1 + bytes.Count(d.data[:d.places[path].key], []byte("\n"))
}

// fault returns a mistake at an offset.
func (d *Document) fault(offset int, message string) *FileError {
	start := 1 + bytes.LastIndexByte(d.data[:offset], '\n')
	end := len(d.data)
	if n := bytes.IndexByte(d.data[start:], '\n'); n >= 0 {
		end = start + n
	}
	source := strings.TrimRight(string(d.data[start:end]), "\r")
	return &FileError{
		File:    d.name,
		Line:    1 + bytes.Count(d.data[:start], []byte("\n")),
		Column:  1 + utf8.RuneCount(d.data[start:offset]),
		Message: message,
		Source:  strings.ToValidUTF8(withoutSecret(source), "\ufffd"),
	}
}

// Join sorts mistakes by place and makes one error of them, nil if there is none.
func Join(faults ...*FileError) error {
	var all []error
	for _, f := range sortFaults(faults) {
		all = append(all, f)
	}
	return errors.Join(all...)
}

// sortFaults sorts mistakes by place.
func sortFaults(faults []*FileError) []*FileError {
	slices.SortStableFunc(faults, func(a, b *FileError) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return faults
}

// translate turns what the TOML library reports into mistakes of ours. The walk
// finds nearly all before; this is the library's last word.
func (d *Document) translate(err error) error {
	var one *toml.DecodeError
	var many *toml.StrictMissingError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		var faults []*FileError
		for _, e := range many.Errors {
			faults = append(faults, d.fault(d.offset(e.Position()), "no se conoce esta clave"))
		}
		return Join(faults...)
	case errors.As(err, &one):
		return d.fault(d.offset(one.Position()), inSpanish(strings.TrimPrefix(one.Error(), "toml: ")))
	}
	return &FileError{File: d.name, Message: inSpanish(strings.TrimPrefix(err.Error(), "toml: "))}
}

// offset is where a line and a column in bytes, both 1 and up, begin.
func (d *Document) offset(line, column int) int {
	at := 0
	for ; line > 1; line-- {
		n := bytes.IndexByte(d.data[at:], '\n')
		if n < 0 {
			break
		}
		at += n + 1
	}
	return d.within(at + column - 1)
}

// within moves an offset to the start of the character that it points into.
func (d *Document) within(offset int) int {
	offset = min(max(offset, 0), len(d.data))
	for offset > 0 && offset < len(d.data) && !utf8.RuneStart(d.data[offset]) {
		offset--
	}
	return offset
}

// withoutSecret leaves out what a key that looks like a secret is set to.
func withoutSecret(line string) string {
	key, _, ok := strings.Cut(line, "=")
	if !ok {
		return line
	}
	folded := strings.ToLower(key)
	for _, word := range []string{"pass", "clave", "contrase", "secret", "token"} {
		if strings.Contains(folded, word) && strings.TrimSpace(folded) != "password_file" {
			return key + "= …"
		}
	}
	return line
}

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}

// inSpanish says a syntax error of the TOML library in the admin's words.
func inSpanish(message string) string {
	for _, m := range [...]struct{ english, spanish string }{
		{"expected newline", "sobra texto después del valor: va una sola clave por línea"},
		{"expected '=' after key", "falta «=» después de la clave"},
		{"expected ']]'", "falta «]]» al final de la sección"},
		{"expected ']' to close", "falta «]» al final de la sección"},
		{"expected ',' or ']'", "falta una coma o «]» en la lista"},
		{"array is incomplete", "falta «]» al final de la lista"},
		{"inline table", "falta una coma o «}» en la tabla"},
		{"unterminated", "falta la comilla que cierra el texto"},
		{"not terminated", "faltan las comillas que cierran el texto"},
		{"cannot have new lines", "falta la comilla que cierra el texto"},
		{"escape", "después de «\\» viene algo inválido: para escribir una barra ponga \\\\"},
		{"control characters", "hay un carácter de control; bórrelo"},
		{"start of key", "aquí no puede empezar una clave: solo letras sin tilde, cifras, - y _"},
		{"expected keyword", "los textos van entre comillas; true y false se escriben así, en minúsculas"},
		{"expected key", "falta la clave"},
		{"strings must be quoted", "los textos van entre comillas"},
		{"expected value", "falta el valor"},
		{"start of value", "los textos van entre comillas; los números, true y false (en minúsculas), sin ellas"},
		{"leading zeroes", "un número no empieza por cero"},
		{"too large", "el número es demasiado grande"},
		{"already", "está dos veces"},
	} {
		if strings.Contains(message, m.english) {
			return m.spanish
		}
	}
	return "no es TOML válido (" + message + ")"
}

// walker goes through a document along the struct that it is read into.
type walker struct {
	document *Document
	parser   unstable.Parser
	root     reflect.Type
	table    string         // path of the section that keys now belong to
	title    string         // the section as the admin writes it: [smtp]; "" at the top
	fields   reflect.Type   // of that section; nil where it is unknown
	seen     map[string]int // how many sections of each array there were
	faults   []*FileError
}

func (w *walker) walk() {
	w.fields = w.root
	w.parser.Reset(w.document.data)
	for w.parser.NextExpression() {
		switch e := w.parser.Expression(); e.Kind {
		case unstable.KeyValue:
			if w.fields != nil {
				w.keyValue(e, w.table, w.fields)
			}
		case unstable.Table, unstable.ArrayTable:
			w.section(e)
		}
	}
	var syntax *unstable.ParserError
	if err := w.parser.Error(); errors.As(err, &syntax) {
		at := cap(w.document.data) - cap(syntax.Highlight)
		w.faults = append(w.faults, w.document.fault(w.document.within(at), inSpanish(syntax.Message)))
	}
}

func (w *walker) fault(n *unstable.Node, format string, values ...any) {
	w.faults = append(w.faults, w.document.fault(int(n.Raw.Offset), fmt.Sprintf(format, values...)))
}

// section enters the section that [a.b] or [[a.b]] names.
func (w *walker) section(e *unstable.Node) {
	w.table, w.title, w.fields = "", heading(e), w.root
	for it := e.Key(); it.Next(); {
		part, name := it.Node(), string(it.Node().Data)
		field, ok := fieldOf(w.fields, name)
		if !ok {
			w.fault(part, "no se conoce la sección %s%s", w.title, meant(name, sectionsOf(w.fields), "secciones"))
			w.fields = nil
			return
		}
		path, last := joined(w.table, name), it.IsLast()
		many := field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct
		switch {
		case many && (!last || e.Kind == unstable.ArrayTable):
			if last {
				w.seen[path]++
			}
			path = fmt.Sprintf("%s[%d]", path, max(w.seen[path]-1, 0))
			w.fields = field.Type.Elem()
		case many:
			w.fault(part, "%s va entre corchetes dobles: [[%s]]", w.title, name)
			w.fields = nil
			return
		case field.Type.Kind() != reflect.Struct:
			w.fault(part, "%s no es una sección: escriba %s = …", name, name)
			w.fields = nil
			return
		case last && e.Kind == unstable.ArrayTable:
			w.fault(part, "%s va entre corchetes simples: [%s]", w.title, name)
			w.fields = nil
			return
		default:
			w.fields = field.Type
		}
		if last && w.document.Has(path) {
			w.fault(part, "la sección %s ya está en la línea %d", w.title, w.document.line(path))
		} else if last {
			w.document.places[path] = place{int(part.Raw.Offset), int(part.Raw.Offset)}
		}
		w.table = path
	}
}

// keyValue checks one key of a section and what it is set to.
func (w *walker) keyValue(e *unstable.Node, table string, fields reflect.Type) {
	for it := e.Key(); it.Next(); {
		part, name := it.Node(), string(it.Node().Data)
		field, ok := fieldOf(fields, name)
		if !ok {
			w.unknownKey(part, name, fields)
			return
		}
		path := joined(table, name)
		if !it.IsLast() {
			if field.Type.Kind() != reflect.Struct {
				w.fault(part, "%s no es una sección: sobra lo que sigue al punto", name)
				return
			}
			table, fields = path, field.Type
			continue
		}
		if w.document.Has(path) {
			w.fault(part, "la clave %s ya está en la línea %d", name, w.document.line(path))
			return
		}
		at := place{int(part.Raw.Offset), int(part.Raw.Offset)}
		if v := e.Value(); v.Raw.Length > 0 {
			at.value = int(v.Raw.Offset)
		}
		w.document.places[path] = at
		w.value(e.Value(), at, path, field.Type, field)
	}
}

// unknownKey reports a key that the section does not have, with the cure: the
// nearest key, the section where it belongs, or the keys there are.
func (w *walker) unknownKey(part *unstable.Node, name string, fields reflect.Type) {
	where := ""
	if w.title != "" {
		where = " en " + w.title
	}
	cure := meant(name, keysOf(fields), "claves")
	if nearest(name, keysOf(fields)) == "" {
		if home := w.homes(name); home != "" {
			cure = "; va en " + home
		}
	}
	w.fault(part, "no se conoce la clave %q%s%s", name, where, cure)
}

// homes says where else a key of that name exists.
func (w *walker) homes(name string) string {
	var found []string
	if f, ok := fieldOf(w.root, name); ok && f.Type.Kind() != reflect.Struct && w.fields != w.root {
		found = append(found, "la parte de arriba del archivo, antes de la primera [sección]")
	}
	for i := range w.root.NumField() {
		f := w.root.Field(i)
		if f.Type.Kind() == reflect.Struct {
			if _, ok := fieldOf(f.Type, name); ok {
				found = append(found, "["+keyName(f)+"]")
			}
		}
	}
	return strings.Join(found, " o ")
}

// value checks that a value is of the type that its field needs.
func (w *walker) value(v *unstable.Node, at place, path string, t reflect.Type, field reflect.StructField) {
	if v.Raw.Length > 0 {
		at.value = int(v.Raw.Offset)
		if _, ok := w.document.places[path]; !ok {
			w.document.places[path] = at
		}
	}
	wrong := func(message string) {
		w.faults = append(w.faults, w.document.fault(at.value, message))
	}
	text, isText := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	needed, fits := "", true
	switch {
	case t.Kind() == reflect.Interface:
	case t.Kind() == reflect.Pointer:
		w.value(v, at, path, t.Elem(), field)
	case isText:
		needed, fits = "un texto entre comillas", v.Kind == unstable.String
		if fits {
			if err := text.UnmarshalText(v.Data); err != nil {
				wrong(err.Error())
			}
		}
	case t.Kind() == reflect.String:
		needed, fits = "un texto entre comillas", v.Kind == unstable.String
		if words := strings.Fields(field.Tag.Get("values")); fits && len(words) > 0 && !slices.Contains(words, string(v.Data)) {
			wrong(fmt.Sprintf("%s no puede ser %q%s", keyName(field), v.Data, meant(string(v.Data), words, "valores")))
		}
	case t.Kind() == reflect.Int:
		needed, fits = "un número entero sin comillas", v.Kind == unstable.Integer
	case t.Kind() == reflect.Bool:
		needed, fits = "true o false, sin comillas", v.Kind == unstable.Bool
	case t.Kind() == reflect.Slice:
		needed, fits = `una lista, como ["uno", "dos"]`, v.Kind == unstable.Array
		n := 0
		for it := v.Children(); fits && it.Next(); n++ {
			if it.Node().Kind == unstable.Comment {
				n--
				continue
			}
			w.value(it.Node(), at, fmt.Sprintf("%s[%d]", path, n), t.Elem(), field)
		}
	case t.Kind() == reflect.Map:
		needed, fits = `una tabla, como {nombre = "…"}`, v.Kind == unstable.InlineTable
		for it := v.Children(); fits && it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				w.entry(it.Node(), path, t.Elem(), field)
			}
		}
	case t.Kind() == reflect.Struct:
		needed, fits = "una tabla", v.Kind == unstable.InlineTable
		for it := v.Children(); fits && it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				w.keyValue(it.Node(), path, t)
			}
		}
	}
	if !fits {
		wrong(fmt.Sprintf("%s espera %s, y aquí hay %s", keyName(field), needed, kindInSpanish(v.Kind)))
	}
}

// entry checks one key of a table whose keys the admin chooses.
func (w *walker) entry(e *unstable.Node, table string, t reflect.Type, field reflect.StructField) {
	it := e.Key()
	it.Next()
	part, name := it.Node(), string(it.Node().Data)
	path := joined(table, name)
	switch {
	case !it.IsLast():
		w.fault(part, "sobra lo que sigue al punto en %s: un nombre con puntos va entre comillas", name)
		return
	case w.document.Has(path):
		w.fault(part, "%s ya está en la línea %d", name, w.document.line(path))
		return
	}
	at := place{int(part.Raw.Offset), int(part.Raw.Offset)}
	if v := e.Value(); v.Raw.Length > 0 {
		at.value = int(v.Raw.Offset)
	}
	w.document.places[path] = at
	w.value(e.Value(), at, path, t, field)
}

func kindInSpanish(k unstable.Kind) string {
	switch k {
	case unstable.String:
		return "un texto"
	case unstable.Integer:
		return "un número"
	case unstable.Float:
		return "un número con decimales"
	case unstable.Bool:
		return "true o false"
	case unstable.Array:
		return "una lista"
	case unstable.InlineTable:
		return "una tabla"
	}
	return "una fecha u hora"
}

// meant names the nearest valid word, or else all of them.
func meant(word string, valid []string, kind string) string {
	if near := nearest(word, valid); near != "" {
		return fmt.Sprintf("; ¿quiso decir %q?", near)
	}
	if len(valid) == 0 {
		return ""
	}
	return fmt.Sprintf("; %s: %s", kind, strings.Join(valid, ", "))
}

func heading(e *unstable.Node) string {
	var parts []string
	for it := e.Key(); it.Next(); {
		parts = append(parts, string(it.Node().Data))
	}
	if e.Kind == unstable.ArrayTable {
		return "[[" + strings.Join(parts, ".") + "]]"
	}
	return "[" + strings.Join(parts, ".") + "]"
}

func joined(table, key string) string {
	if table == "" {
		return key
	}
	return table + "." + key
}

func keyName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
	if name == "-" {
		return ""
	}
	return name
}

func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	for _, f := range reflect.VisibleFields(t) {
		if name != "" && keyName(f) == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// isSection says whether a field is written as [section] or [[section]]. One
// marked inline is written as key = {…} or key = [{…}].
func isSection(f reflect.StructField) bool {
	t := f.Type
	if f.Tag.Get("inline") != "" {
		return false
	}
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

func sectionsOf(t reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(t) {
		if keyName(f) != "" && isSection(f) {
			names = append(names, keyName(f))
		}
	}
	return names
}

func keysOf(t reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(t) {
		if keyName(f) != "" && !isSection(f) {
			names = append(names, keyName(f))
		}
	}
	return names
}

// placeOf returns where a path stands, or what is around it.
func (d *Document) placeOf(path string) place {
	for {
		if p, ok := d.places[path]; ok {
			return p
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return place{}
		}
		path = path[:cut]
	}
}

// faultWithin returns a mistake at an offset in characters within the text at a
// path. Where the text is written with escapes, the mistake is at its start.
func (d *Document) faultWithin(path, text string, offset int, message string) *FileError {
	p := d.placeOf(path)
	start := bytes.Index(d.data[p.value:], []byte(text))
	if start < 0 || start > len("'''\r\n") {
		return d.fault(p.value, message)
	}
	before := string([]rune(text)[:min(offset, utf8.RuneCountInString(text))])
	return d.fault(d.within(p.value+start+len(before)), message)
}
