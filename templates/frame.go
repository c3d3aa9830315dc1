package templates

import "strings"

// Colours that stand in the mails. Text keeps a contrast of 4.5:1 and more on
// its background, also where a mail client turns a mail dark by itself.
const (
	accent = "#1f5fa8" // buttons, links
	bar    = "#1c3557" // behind the desk's name
	ink    = "#1f2933"
	dim    = "#5b6673"
)

// styles are those of the elements that Markdown makes. They stand in each
// element, because many mail clients drop style sheets.
var styles = map[string]string{
	"p":          "margin:0 0 16px",
	"h1":         "margin:0 0 16px;font-size:21px;line-height:1.3",
	"h2":         "margin:24px 0 12px;font-size:18px;line-height:1.3",
	"h3":         "margin:20px 0 8px;font-size:16px;line-height:1.4",
	"ul":         "margin:0 0 16px;padding:0 0 0 22px",
	"ol":         "margin:0 0 16px;padding:0 0 0 26px",
	"li":         "margin:0 0 4px",
	"blockquote": "margin:0 0 16px;padding:0 0 0 14px;border-left:3px solid #c5cdd8",
	"a":          "color:" + accent,
	"code":       "font-family:Consolas,Menlo,monospace;font-size:14px;white-space:nowrap",
	"pre":        "margin:0 0 16px;padding:10px 12px;border:1px solid #c5cdd8;font-family:Consolas,Menlo,monospace;font-size:14px;white-space:pre-wrap",
	"hr":         "margin:20px 0;border:0;border-top:1px solid #c5cdd8",
	"img":        "max-width:100%;height:auto",
	"table":      "margin:0 0 16px;border-collapse:collapse",
	"cell":       "padding:5px 10px;border:1px solid #c5cdd8;text-align:left;vertical-align:top",
}

// frame is the document around a mail's body: one column of at most 600 pixels.
// Everything in it is within elements marked data-ventanilla, so that answers
// to it can be told from what they quote. {{…}} are actions; [[…]] are put in
// when a template is compiled.
const frame = `<!DOCTYPE html>
<html lang="[[lang]]"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<style>
@media (prefers-color-scheme: dark) {
.v-page { background: #14181d !important; }
.v-card { background: #20262d !important; color: #e8ebee !important; border-color: #39424d !important; }
.v-dim { color: #a9b4c0 !important; }
.v-card a { color: #8fc0f5 !important; }
.v-card td[bgcolor] a { color: #ffffff !important; }
}
</style></head>
<body class="v-page" style="margin:0;padding:0;background:#eef1f5">
<div data-ventanilla="marca" style="display:none;max-height:0;overflow:hidden;opacity:0">[[preheader]]</div>
<table role="presentation" class="v-page" data-ventanilla="marca" width="100%" cellpadding="0" cellspacing="0" style="background:#eef1f5"><tr><td align="center" style="padding:12px 8px 24px">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" style="width:100%;max-width:600px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;text-align:left">
<tr><td class="v-dim" style="padding:0 4px 10px;font-size:12px;color:` + dim + `">[[marker]]</td></tr>
<tr><td bgcolor="` + bar + `" style="padding:14px 24px;background:` + bar + `;border-radius:8px 8px 0 0;font-size:17px;font-weight:600;color:#ffffff">{{.Desk}}</td></tr>
<tr><td class="v-card" style="padding:24px 24px 10px;background:#ffffff;border:1px solid #d9dfe6;border-top:0;border-radius:0 0 8px 8px;font-size:16px;line-height:1.5;color:` + ink + `;word-break:break-word">
[[body]]</td></tr>
<tr><td class="v-dim" style="padding:12px 4px 0;font-size:12px;color:` + dim + `">[[foot]]</td></tr>
</table></td></tr></table>
</body></html>
`

// foot stands under both parts: number and reference let an answer whose header
// was lost still find its ticket.
const foot = `{{.Desk}}{{if .Number}} · [{{.Number}}]{{end}}{{if .Marker}} · {{.Marker}}{{end}}`

// textFrame is the frame of the text part.
const textFrame = "[[marker]]\n\n[[body]]\n\n[[foot]]\n"

// frameHTML returns the source of an HTML template.
func (s *Set) frameHTML(lang, preheader, body string) string {
	return strings.NewReplacer("[[lang]]", lang, "[[preheader]]", preheader, "[[body]]", body, "[[foot]]", foot,
		"[[marker]]", escape(s.Word(lang, "marker"))).Replace(frame)
}

// frameText returns the source of a text template.
func (s *Set) frameText(lang, body string) string {
	return strings.NewReplacer("[[body]]", body, "[[foot]]", foot, "[[marker]]", s.Word(lang, "marker")).Replace(textFrame)
}
