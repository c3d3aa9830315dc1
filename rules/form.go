package rules

import (
	"maps"
	"slices"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
)

// formMost is how many bytes of a text are read for values, and valueMost how long
// a value may be: what is longer is no value but a story.
const (
	formMost  = 64 << 10
	valueMost = 300
)

// ReadForm reads the values of fields from a text in which people name them:
//
//	Dependencia: Contabilidad
//	2. Número de contacto (por ejemplo, 300 123 4567) - 311 000 1122
//
// In any order, with or without marks of a list or of a quote, several on a line, a
// value on the line below its label, or wrapped over lines as mail clients do. What
// a field cannot have is left out. The first good value of a field counts.
func ReadForm(text string, fields []desk.FieldKind) map[string]string {
	f := form{fields: fields, values: map[string]string{}}
	for line := range strings.Lines(text[:min(len(text), formMost)]) {
		f.line(line)
	}
	f.end()
	return f.values
}

// form is a text being read.
type form struct {
	fields []desk.FieldKind
	values map[string]string
	open   *desk.FieldKind // whose value is being read
	value  string
}

// line reads one line: labels in it, or more of the value before.
func (f *form) line(line string) {
	line = withoutMarks(line)
	if line == "" {
		if f.value != "" || f.open == nil {
			f.end()
		}
		return
	}
	first := true
	for line != "" {
		kind, before, rest, ok := f.label(line, first)
		if !ok {
			break
		}
		f.more(before)
		f.end()
		f.open, line, first = &kind, rest, false
	}
	f.more(line)
}

// more adds to the value that is being read.
func (f *form) more(text string) {
	if f.open == nil {
		return
	}
	if text = strings.Trim(text, " \t|*_;,"); text != "" {
		f.value = strings.TrimSpace(f.value + " " + text)
	}
}

// end keeps the value that was read, if the field can have it.
func (f *form) end() {
	if f.open != nil && f.values[f.open.Name] == "" {
		sentence, _, _ := strings.Cut(f.value, ". ")
		for _, value := range []string{f.value, sentence} {
			kept, _, ok := FieldValue(*f.open, strings.TrimRight(value, "."))
			if ok && kept != "" && len(kept) <= valueMost {
				f.values[f.open.Name] = kept
				break
			}
		}
	}
	f.open, f.value = nil, ""
}

// label finds the next label of a line: a field's name, title or label, at most a
// note in brackets, and a mark behind. A label in the middle of a line must stand
// behind a mark or two blanks, or it is a word of a sentence.
func (f *form) label(line string, atStart bool) (kind desk.FieldKind, before, rest string, ok bool) {
	at := -1
	for _, field := range f.fields {
		for _, label := range append([]string{field.Title, field.Name}, field.Labels...) {
			i, behind := findLabel(line, label, atStart)
			if i >= 0 && (at < 0 || i < at) {
				kind, before, rest, at, ok = field, line[:i], behind, i, true
			}
		}
	}
	return kind, before, rest, ok
}

// findLabel returns where a label begins in a line, or -1, and what stands behind
// it and its mark.
func findLabel(line, label string, atStart bool) (at int, behind string) {
	for i := range line {
		before := withoutArticle(line[:i])
		if before != "" && !boundary(before) || before == "" && !atStart {
			continue
		}
		n := foldedPrefix(line[i:], label)
		if n == 0 {
			continue
		}
		rest := strings.TrimLeft(line[i+n:], " \t*_\u00a0")
		if strings.HasPrefix(rest, "(") {
			if _, after, ok := strings.Cut(rest, ")"); ok {
				rest = strings.TrimLeft(after, " \t*_\u00a0")
			}
		}
		for _, mark := range []string{":", "：", "=", "|", "\t", "–", "—", "- ", "_"} {
			if after, ok := strings.CutPrefix(rest, mark); ok || rest == strings.TrimSpace(mark) {
				return i, strings.TrimLeft(after, " \t|*_.\u00a0")
			}
		}
	}
	return -1, ""
}

// withoutArticle takes away «mi», «el» and the like at the end of what stands before
// a label.
func withoutArticle(before string) string {
	for _, a := range []string{"mi ", "mis ", "el ", "la ", "nuestro ", "nuestra ", "meu ", "minha ", "my "} {
		if n := len(before) - len(a); n >= 0 && strings.EqualFold(before[n:], a) && (n == 0 || before[n-1] == ' ') {
			return before[:n]
		}
	}
	return before
}

// boundary says whether a label can follow what stands before it in a line.
func boundary(before string) bool {
	trimmed := strings.TrimRight(before, " \t\u00a0")
	if len(before)-len(trimmed) >= 2 || strings.HasSuffix(before, "\t") {
		return true
	}
	return trimmed != "" && strings.ContainsRune(".;|,/•·", []rune(trimmed)[len([]rune(trimmed))-1])
}

// foldedPrefix returns how many bytes of text read as word, whatever their case and
// accents, 0 if they do not.
func foldedPrefix(text, word string) int {
	want := mail.Fold(word)
	for i := range text {
		if i > 2*len(word) {
			break
		}
		if i > 0 && mail.Fold(text[:i]) == want {
			return i
		}
	}
	if mail.Fold(text) == want {
		return len(text)
	}
	return 0
}

// withoutMarks takes away what stands before a line's first word: marks of a quote,
// of a list, of emphasis, a number.
func withoutMarks(line string) string {
	line = strings.Trim(strings.ReplaceAll(line, "\u00a0", " "), " \t\r\n")
	line = strings.TrimLeft(line, ">|*-–—•·_# \t")
	digits := len(line) - len(strings.TrimLeft(line, "0123456789"))
	if digits > 0 && digits < 3 && digits < len(line) && strings.ContainsRune(".)", rune(line[digits])) {
		line = strings.TrimLeft(line[digits+1:], " \t*_")
	}
	return strings.TrimSpace(line)
}

// asksAtMost is how often a requester is asked for what is missing. Then a person
// takes over.
const asksAtMost = 2

// form fills in what the opening mail and the desk's files say of what the category
// requires, and notes what is missing.
func (d *decider) form(o *desk.Opening) {
	category, ok := d.World.Category(o.Category)
	if !ok || len(category.Required) == 0 {
		return
	}
	found := ReadForm(d.Message.Text, d.fields(category.Required))
	known, _ := d.knownRequester()
	o.Fields = maps.Clone(o.Fields)
	if o.Fields == nil {
		o.Fields = map[string]string{}
	}
	for _, f := range d.fields(category.Required) {
		value := or(o.Fields[f.Name], or(found[f.Name], d.knownValue(f, known)))
		if value != "" {
			o.Fields[f.Name] = value
			continue
		}
		o.Missing = append(o.Missing, f.Name)
	}
	d.say("datos de la categoría %s: faltan %d de %d", category.Name, len(o.Missing), len(category.Required))
}

// fields returns the desk's fields of these names.
func (d *decider) fields(names []string) (fields []desk.FieldKind) {
	for _, name := range names {
		if f, ok := d.World.Field(name); ok {
			fields = append(fields, f)
		}
	}
	return fields
}

// knownValue is what the desk's files, or the mail's From, tell of a field.
func (d *decider) knownValue(f desk.FieldKind, known desk.Known) string {
	value := ""
	switch f.Known {
	case "name":
		if value = known.Name; value == "" && d.behalf == "" {
			value = d.from().Name
		}
	case "department":
		value = known.Department
	case "phone":
		value = known.Phone
	}
	kept, _, _ := FieldValue(f, value)
	return kept
}

// fill reads a requester's answer for what is missing on a ticket, and asks once
// more for the rest. The answer may stand in the quoted block.
func (d *decider) fill(t desk.Ticket) {
	if len(t.Missing) == 0 || d.Sender != t.Requester {
		return
	}
	fields := d.fields(t.Missing)
	found := ReadForm(d.Message.Quoted, fields)
	maps.Copy(found, ReadForm(d.Message.Reply, fields))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdSet, Actor: d.actor(), Field: desk.OwnField(name), Value: found[name]})
	}
	d.say("datos pedidos: %d; llegaron %d", len(t.Missing), len(found))
	if answerable, _ := mail.Answerable(d.Envelope, d.Message); answerable && len(found) < len(fields) && t.Asked < asksAtMost && !d.Envelope.Quiet {
		d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdAsk, Actor: desk.System})
	}
}
