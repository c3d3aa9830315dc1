package templates

import (
	"cmp"
	"fmt"
	htmltemplate "html/template"
	"slices"
	"strconv"
	"strings"
	texttemplate "text/template"
)

// Functions returns what template files can use besides the fields of [Data] and
// the functions of text/template, each with what it does, in Spanish.
func Functions() map[string]string {
	return map[string]string{
		"word":       `{{word "state-open"}}: la palabra de words.txt`,
		"boton":      `{{boton "Ver la solicitud" .Link}}: un botón; sin enlace, nada. Con un tercer valor "claro", sin fondo`,
		"ficha":      `{{ficha "Cola" .Queue "Tipo" .Type}}: una tabla de nombres y valores; sin los vacíos`,
		"lista":      `{{lista .Lines}}: una lista con viñetas`,
		"tabla":      `{{tabla .Rows}}: una tabla de tickets, cada uno con su página y el enlace que le responde`,
		"formulario": `{{formulario .Lines}}: un renglón por cada dato, para completar al responder`,
		"cita":       `{{cita .Body}}: el texto de otra persona, apartado del propio`,
		"cambio":     `{{cambio .OldState .State}}: «nuevo → en curso», o nada si no cambió`,
	}
}

// blockFunctions make a block of their own when they stand alone in a line.
var blockFunctions = []string{"boton", "ficha", "lista", "cita", "formulario", "tabla"}

// functions returns those for the HTML part or those for the text part.
func (s *Set) functions(lang string, html bool) texttemplate.FuncMap {
	f := texttemplate.FuncMap{
		"word": func(key string) (string, error) {
			w, ok := s.words[lang][key]
			if !ok {
				return "", fmt.Errorf("words.txt no tiene la clave %q%s", key, didYouMean(key, s.keys()))
			}
			return w, nil
		},
		"cambio": func(old, new string) string {
			if old == "" || new == "" || old == new {
				return ""
			}
			return old + " → " + new
		},
	}
	if html {
		f["boton"], f["ficha"], f["lista"], f["cita"] = htmlButton, htmlRows, htmlList, htmlQuote
		f["formulario"] = htmlForm
		f["tabla"] = func(rows []Row) htmltemplate.HTML { return htmlTable(rows, s.words[lang]) }
		f["shownBody"] = func(d *Data) htmltemplate.HTML { return s.body.htmlOf(d.Body) }
		f["shownHelp"] = func(d *Data) htmltemplate.HTML { return s.body.htmlOf(d.Help) }
		f["shownReason"] = func(d *Data) htmltemplate.HTML { return withBreaks(d.Reason) }
		f["shownPrivacy"] = func(d *Data) htmltemplate.HTML { return withBreaks(d.Privacy) }
		f["shownSignature"] = func(d *Data) htmltemplate.HTML { return withBreaks(d.Signature) }
		return f
	}
	f["boton"], f["ficha"], f["lista"], f["cita"] = textButton, textRows, textList, textQuote
	f["tabla"] = func(rows []Row) string { return textTable(rows, s.words[lang]) }
	f["formulario"] = func(lines []string) string { return strings.Join(lines, "\n") }
	f["shownBody"] = func(d *Data) string { return s.body.textOf(d.Body) }
	f["shownHelp"] = func(d *Data) string { return s.body.textOf(d.Help) }
	f["shownReason"] = func(d *Data) string { return d.Reason }
	f["shownPrivacy"] = func(d *Data) string { return d.Privacy }
	f["shownSignature"] = func(d *Data) string { return d.Signature }
	return f
}

// htmlForm is a paragraph for each line: what is written into them in an answer
// stays on its line in every mail program.
func htmlForm(lines []string) htmltemplate.HTML {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(`<p style="margin:0 0 8px"><b>` + escape(line) + `</b>&nbsp;</p>`)
	}
	return htmltemplate.HTML(b.String())
}

func textButton(label, link string, style ...string) string {
	if !safeLink(link) {
		return ""
	}
	return label + ": " + link
}

// htmlButton is a link in a table cell that has its colour: Outlook colours
// cells, not links.
func htmlButton(label, link string, style ...string) htmltemplate.HTML {
	if !safeLink(link) {
		return ""
	}
	cell, words := `bgcolor="`+accent+`" style="border:1px solid `+accent+`;border-radius:6px;background:`+accent+`"`, "#ffffff"
	if slices.Contains(style, "claro") {
		cell, words = `style="border:1px solid `+accent+`;border-radius:6px"`, accent
	}
	return htmltemplate.HTML(`<table role="presentation" cellpadding="0" cellspacing="0" style="margin:0 0 12px"><tr>` +
		`<td ` + cell + `><a href="` + escape(link) + `" style="display:inline-block;padding:11px 22px;color:` + words +
		`;font-weight:600;text-decoration:none">` + escape(label) + `</a></td></tr></table>`)
}

// pairs returns the names and values of a ficha that are not empty, as show
// writes them.
func pairs(values []any, show func(any) string) ([][2]string, error) {
	if len(values)%2 != 0 {
		return nil, fmt.Errorf("ficha necesita un valor para cada nombre")
	}
	var rows [][2]string
	for row := range slices.Chunk(values, 2) {
		if value := show(row[1]); value != "" {
			rows = append(rows, [2]string{show(row[0]), value})
		}
	}
	return rows, nil
}

func textRows(values ...any) (string, error) {
	rows, err := pairs(values, func(v any) string { return fmt.Sprint(v) })
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = row[0] + ": " + row[1]
	}
	return strings.Join(lines, "\n"), err
}

func htmlRows(values ...any) (htmltemplate.HTML, error) {
	rows, err := pairs(values, func(v any) string {
		if html, ok := v.(htmltemplate.HTML); ok {
			return string(html)
		}
		return escape(fmt.Sprint(v))
	})
	if err != nil || len(rows) == 0 {
		return "", err
	}
	var b strings.Builder
	b.WriteString(`<table role="presentation" cellpadding="0" cellspacing="0" style="margin:0 0 16px">`)
	for _, row := range rows {
		b.WriteString(`<tr><td class="v-dim" valign="top" style="padding:3px 16px 3px 0;color:` + dim + `">` + row[0] +
			`</td><td valign="top" style="padding:3px 0;word-break:break-word">` + row[1] + `</td></tr>`)
	}
	b.WriteString(`</table>`)
	return htmltemplate.HTML(b.String()), nil
}

func textList(items []string) string {
	if len(items) == 0 {
		return ""
	}
	return "- " + strings.Join(items, "\n- ")
}

func htmlList(items []string) htmltemplate.HTML {
	if len(items) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(`<ul style="` + styles["ul"] + `">`)
	for _, item := range items {
		b.WriteString(`<li style="` + styles["li"] + `">` + escape(item) + `</li>`)
	}
	b.WriteString(`</ul>`)
	return htmltemplate.HTML(b.String())
}

// textQuote puts "> " before each line. Lines of a body begin with verbatim,
// which must stay in front.
func textQuote(text string) string {
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line, asIs := strings.CutPrefix(line, verbatim)
		lines[i] = strings.TrimRight("> "+line, " ")
		if asIs {
			lines[i] = verbatim + lines[i]
		}
	}
	return strings.Join(lines, "\n")
}

func htmlQuote(text htmltemplate.HTML) htmltemplate.HTML {
	if text == "" {
		return ""
	}
	return `<div class="v-cita" style="margin:0 0 16px;padding:4px 0 0 14px;border-left:3px solid #c5cdd8">` + text + `</div>`
}

// safeLink says that a link may be followed from a mail.
func safeLink(link string) bool {
	scheme, _, ok := strings.Cut(link, ":")
	if !ok {
		return false
	}
	scheme = strings.ToLower(scheme)
	return scheme == "https" || scheme == "http" || scheme == "mailto"
}

// escape writes a value as text or as a quoted attribute of HTML.
func escape(v string) string { return htmltemplate.HTMLEscapeString(v) }

// tableColumns are those of a table of tickets, as words.txt names them, and what
// stands in them besides the number.
var tableColumns = []struct {
	word  string
	value func(Row) string
}{
	{"column-number", func(r Row) string { return r.Number }},
	{"column-light", func(r Row) string { return r.Light }},
	{"column-state", func(r Row) string { return r.State }},
	{"column-requester", func(r Row) string { return r.Requester }},
	{"column-subject", func(r Row) string { return r.Subject }},
	{"column-age", func(r Row) string { return r.Age }},
	{"column-date", func(r Row) string { return r.Date }},
	{"column-owner", func(r Row) string { return r.Owner }},
}

// lights are the colours of cells, and of words on them, for how terms stand.
var lights = map[string]string{"green": "background:#dff3e4;color:#14532d", "amber": "background:#fdf0cf;color:#713f12", "red": "background:#fbdcdc;color:#7f1d1d"}

func htmlTable(rows []Row, words map[string]string) htmltemplate.HTML {
	if len(rows) == 0 {
		return ""
	}
	const cell = "padding:5px 10px 5px 0;border-bottom:1px solid #c5cdd8;"
	shown := slices.Clone(tableColumns)
	for i := len(shown) - 1; i >= 0; i-- { // of what no ticket has there is no column
		if !slices.ContainsFunc(rows, func(r Row) bool { return shown[i].value(r) != "" }) {
			shown = slices.Delete(shown, i, i+1)
		}
	}
	var b strings.Builder
	b.WriteString(`<table cellpadding="0" cellspacing="0" style="margin:0 0 16px;border-collapse:collapse;font-size:14px"><tr>`)
	for _, c := range shown {
		b.WriteString(`<th class="v-dim" align="left" style="` + cell + `color:` + dim + `;font-weight:600">` + escape(words[c.word]) + `</th>`)
	}
	b.WriteString(`</tr>`)
	for _, r := range rows {
		b.WriteString(`<tr>`)
		for _, c := range shown {
			style := cell
			if c.word == "column-light" {
				style += lights[r.Colour]
			}
			b.WriteString(`<td valign="top" style="` + style + `">` + htmlCell(r, c.word, c.value(r), words) + `</td>`)
		}
		b.WriteString(`</tr>`)
	}
	b.WriteString(`</table>`)
	return htmltemplate.HTML(b.String())
}

// htmlCell is what stands in a cell: the number with its links, the subject with what is
// held, all else as it is.
func htmlCell(r Row, column, value string, words map[string]string) string {
	switch column {
	case "column-number":
		switch {
		case safeLink(r.Page) && safeLink(r.Link):
			return linked(r.Page, r.Number) + `<br>` + linked(r.Link, words["row-write"])
		case safeLink(r.Page) || safeLink(r.Link):
			return linked(cmp.Or(r.Page, r.Link), r.Number)
		}
	case "column-subject":
		value = escape(value)
		for _, n := range r.Held {
			value += `<br><span class="v-dim" style="color:` + dim + `">` + escape(rowHeld(r, n, words)) + `</span>`
		}
		return value
	}
	return escape(value)
}

// linked is a link with its words, "" where it is none that may be followed.
func linked(link, label string) string {
	if !safeLink(link) {
		return ""
	}
	return `<a href="` + escape(link) + `" style="color:` + accent + `">` + escape(label) + `</a>`
}

// rowHeld says of a held article how an answer to the list settles it.
func rowHeld(r Row, article int, words map[string]string) string {
	return strings.NewReplacer("{ticket}", strings.TrimPrefix(r.Number, "#"), "{mensaje}", strconv.Itoa(article)).Replace(words["row-held"])
}

// textTable writes each ticket in two lines, and its link in a third.
func textTable(rows []Row, words map[string]string) string {
	var lines []string
	for _, r := range rows {
		line := r.Number
		for _, v := range []string{r.Light, r.State, r.Requester, r.Age, r.Date, r.Owner} {
			if v != "" {
				line += " · " + v
			}
		}
		lines = append(lines, line, "  "+r.Subject)
		for _, n := range r.Held {
			lines = append(lines, "  "+rowHeld(r, n, words))
		}
		if link := cmp.Or(r.Page, r.Link); safeLink(link) {
			lines = append(lines, "  "+link)
		}
	}
	return strings.Join(lines, "\n")
}
