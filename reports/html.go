package reports

import (
	"fmt"
	"html"
	"strings"
)

// The colours and styles stand in each element: many mail programs drop style sheets.
const (
	cellStyle  = "padding:4px 7px;border-bottom:1px solid #d9dfe6;text-align:left;vertical-align:top"
	rightStyle = "padding:4px 7px;border-bottom:1px solid #d9dfe6;text-align:right;vertical-align:top;white-space:nowrap"
	headStyle  = ";font-size:12px;font-weight:600;color:#5b6673;background:#f3f5f8;white-space:normal"
	totalStyle = ";font-weight:600;background:#f3f5f8"
	barColour  = "#1f5fa8"
)

// HTML writes a report as a mail that shows alike in all programs: tables, and bars
// that are tables too; no picture, no script, no style sheet.
func (r Report) HTML() string {
	var b strings.Builder
	e := html.EscapeString
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"es\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>%s</title></head>\n", e(r.Title+" · "+r.Period))
	b.WriteString("<body style=\"margin:0;padding:0;background:#eef1f5\">\n<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" style=\"background:#eef1f5\"><tr><td align=\"center\" style=\"padding:12px 8px 24px\">\n" +
		"<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" style=\"max-width:860px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:14px;line-height:1.4;color:#1f2933;text-align:left\">\n")
	fmt.Fprintf(&b, "<tr><td bgcolor=\"#1c3557\" style=\"padding:14px 24px;background:#1c3557;font-size:17px;font-weight:600;color:#ffffff\">%s</td></tr>\n", e(r.Desk))
	fmt.Fprintf(&b, "<tr><td bgcolor=\"#ffffff\" style=\"padding:20px 24px;background:#ffffff;border:1px solid #d9dfe6;border-top:0\">\n<h1 style=\"margin:0 0 4px;font-size:21px\">%s</h1>\n<p style=\"margin:0 0 16px;color:#5b6673\">%s</p>\n", e(r.Title), e(r.Period))
	if r.Partial {
		fmt.Fprintf(&b, "<p style=\"margin:0 0 16px\">El periodo no ha terminado: cifras hasta el %s.</p>\n", e(r.made()))
	}
	for _, t := range r.Tables {
		t.writeHTML(&b)
	}
	b.WriteString("<h2 style=\"margin:24px 0 8px;font-size:16px\">Qué significa cada cifra</h2>\n")
	for _, m := range r.Meanings {
		fmt.Fprintf(&b, "<p style=\"margin:0 0 6px;font-size:12px;color:#5b6673\"><b>%s.</b> %s</p>\n", e(m.Title), e(m.Meaning))
	}
	b.WriteString("</td></tr></table></td></tr></table></body></html>\n")
	return b.String()
}

func (t Result) writeHTML(b *strings.Builder) {
	e := html.EscapeString
	fmt.Fprintf(b, "<h2 style=\"margin:24px 0 8px;font-size:16px\">%s</h2>\n<table cellpadding=\"0\" cellspacing=\"0\" style=\"border-collapse:collapse;font-size:13px\">\n", e(t.Title))
	if len(t.By) == 0 {
		heads := t.heads()
		for i, c := range t.Lines[0].Cells {
			fmt.Fprintf(b, "<tr><td style=\"%s\">%s</td><td style=\"%s\"><b>%s</b></td></tr>\n", cellStyle, e(heads[i]), rightStyle, or(number(c, t.Units[i], true), "–"))
		}
		b.WriteString("</table>\n")
		return
	}
	b.WriteString("<tr>")
	for i, head := range t.heads() {
		style := cellStyle
		if i >= len(t.By) {
			style = rightStyle
		}
		fmt.Fprintf(b, "<th style=\"%s\">%s</th>", style+headStyle, e(head))
	}
	if t.Chart >= 0 {
		fmt.Fprintf(b, "<th style=\"%s\">&nbsp;</th>", cellStyle+headStyle)
	}
	b.WriteString("</tr>\n")
	greatest := t.greatest()
	before := ""
	for _, l := range t.Lines {
		t.writeLine(b, l, greatest, before)
		if len(l.Labels) > 1 {
			before = l.Labels[0]
		}
	}
	b.WriteString("</table>\n")
	if t.Cut > 0 {
		fmt.Fprintf(b, "<p style=\"margin:6px 0 0;color:#5b6673\">y %d más</p>\n", t.Cut)
	}
}

// writeLine writes a line. The name of a break stands in its first line only.
func (t Result) writeLine(b *strings.Builder, l Line, greatest float64, before string) {
	extra := ""
	if l.Total {
		extra = totalStyle
	}
	b.WriteString("<tr>")
	for i, label := range l.labels() {
		if i == 0 && len(t.By) > 1 && label == before && label != "" {
			label = ""
		}
		fmt.Fprintf(b, "<td style=\"%s\">%s</td>", cellStyle+extra, html.EscapeString(label))
	}
	for i, c := range l.Cells {
		fmt.Fprintf(b, "<td style=\"%s\">%s</td>", rightStyle+extra, or(number(c, t.Units[i], true), "–"))
	}
	if t.Chart >= 0 {
		fmt.Fprintf(b, "<td style=\"%s\">%s</td>", cellStyle+extra, t.bar(l, greatest))
	}
	b.WriteString("</tr>\n")
}

// barWidth is that of the longest bar, in pixels.
const barWidth = 180

// greatest is the greatest figure that is drawn.
func (t Result) greatest() (most float64) {
	if t.Chart < 0 {
		return 0
	}
	for _, l := range t.Lines {
		if v, ok := l.Cells[t.Chart].Value(t.Units[t.Chart]); ok && !l.Total {
			most = max(most, v)
		}
	}
	return most
}

// bar draws a figure: a cell with a background, as wide as it is great.
func (t Result) bar(l Line, greatest float64) string {
	v, ok := l.Cells[t.Chart].Value(t.Units[t.Chart])
	if !ok || l.Total || v <= 0 || greatest <= 0 {
		return "&nbsp;"
	}
	width := max(1, int(v/greatest*barWidth+0.5))
	return fmt.Sprintf(`<table role="presentation" cellpadding="0" cellspacing="0"><tr><td bgcolor="%s" width="%d" height="12" style="width:%dpx;height:12px;font-size:1px;line-height:12px;background:%s">&nbsp;</td></tr></table>`,
		barColour, width, width, barColour)
}
