package mail

import (
	"strings"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/table"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxMarkdown is how many bytes Markdown returns at most.
const maxMarkdown = 64 << 10

// Markdown returns what the writer wrote this time as Markdown that is safe to
// pass on: basic formatting, lists, small tables, links to pages and mailboxes,
// and the mail's own pictures as ![name](cid:…). It holds no raw HTML and
// nothing that is fetched from elsewhere. Plain text comes out so that it is
// shown exactly as written. It is computed anew each time.
func (m *Message) Markdown() string {
	text := ""
	if m.HTML != "" {
		text = m.htmlMarkdown()
	}
	if strings.TrimSpace(text) == "" {
		text = EscapeMarkdown(m.Reply)
	}
	if len(text) > maxMarkdown {
		text = shorten(text, maxMarkdown-len("\n\n…"))
		if i := strings.LastIndexByte(text, '\n'); i > maxMarkdown/2 {
			text = text[:i]
		}
		text += "\n\n…"
	}
	return text
}

// maxFormatted is how many bytes of HTML keep their formatting. A longer page
// is passed on as its text.
const maxFormatted = 256 << 10

// htmlMarkdown returns "" where the page cannot be read.
func (m *Message) htmlMarkdown() string {
	if len(m.HTML) > maxFormatted {
		return ""
	}
	root := parseHTML(m.HTML)
	if root == nil {
		return ""
	}
	if !isForward(m.Subject) {
		if cut := cutQuotes(root); cut != nil && strings.TrimSpace(renderText(root)) == "" {
			root = parseHTML(m.HTML)
		}
	}
	sanitise(root, m.pictures(), 0)
	out, err := newConverter().ConvertNode(root)
	if err != nil {
		return ""
	}
	return trimMarkdown(string(out), isForward(m.Subject))
}

func newConverter() *converter.Converter {
	return converter.NewConverter(converter.WithPlugins(
		base.NewBasePlugin(),
		commonmark.NewCommonmarkPlugin(commonmark.WithListEndComment(false)),
		table.NewTablePlugin(table.WithHeaderPromotion(true), table.WithSkipEmptyRows(true)),
	))
}

// trimMarkdown does for Markdown what splitReply does for text.
func trimMarkdown(text string, forward bool) string {
	text = strings.TrimSpace(normalText(strings.ToValidUTF8(text, "\uFFFD")))
	s := splitter{lines: strings.Split(strings.ReplaceAll(text, `\`, ""), "\n"), forward: forward}
	s.kinds = make([]lineKind, len(s.lines))
	s.scan()
	s.signatures()
	first, last := s.kept()
	if last < first {
		return text
	}
	written := strings.Split(text, "\n")
	var b strings.Builder
	for i := first; i <= last; i++ {
		if s.kinds[i] != lineSignature && s.kinds[i] != lineRest {
			b.WriteString(written[i])
			b.WriteByte('\n')
		}
	}
	return strings.TrimSpace(b.String())
}

// pictures returns the names of the mail's own pictures by Content-ID.
func (m *Message) pictures() map[string]string {
	names := map[string]string{}
	for _, p := range m.Parts {
		if p.ContentID != "" && strings.HasPrefix(p.Type, "image/") {
			names[p.ContentID] = p.Name
		}
	}
	return names
}

// sanitise leaves of a tree what may be passed on. What is not on the list
// loses its element and keeps its words; so do lists and quotes too deep within
// each other.
func sanitise(n *html.Node, pictures map[string]string, depth int) {
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		switch {
		case c.Type == html.CommentNode || c.Type == html.DoctypeNode:
			n.RemoveChild(c)
		case c.Type == html.ElementNode && (isSilent(c.DataAtom) || isHidden(c) || isControl(c.DataAtom)):
			n.RemoveChild(c)
		case c.Type == html.ElementNode:
			switch c.DataAtom {
			case atom.Blockquote, atom.Ul, atom.Ol:
				sanitise(c, pictures, depth+1)
				if depth >= maxListDepth {
					rename(c, atom.Div)
				}
			default:
				sanitise(c, pictures, depth)
			}
			sanitiseElement(c, pictures)
		}
		c = next
	}
}

func isControl(a atom.Atom) bool {
	switch a {
	case atom.Input, atom.Button, atom.Select, atom.Textarea, atom.Video, atom.Audio, atom.Canvas, atom.Map, atom.Embed, atom.Noscript, atom.Math, atom.Frameset, atom.Frame, atom.Link, atom.Meta, atom.Base:
		return true
	}
	return false
}

func sanitiseElement(n *html.Node, pictures map[string]string) {
	href, src, start := strings.TrimSpace(attribute(n, "href")), strings.TrimSpace(attribute(n, "src")), attribute(n, "start")
	n.Attr = nil
	switch n.DataAtom {
	case atom.Html, atom.Body, atom.P, atom.Div, atom.Br, atom.B, atom.Strong, atom.I, atom.Em, atom.Code, atom.Pre, atom.Blockquote,
		atom.Ul, atom.Li, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Hr:
	case atom.Ol:
		if start != "" && strings.Trim(start, "0123456789") == "" && len(start) < 7 {
			n.Attr = []html.Attribute{{Key: "start", Val: start}}
		}
	case atom.A:
		if isSafeLink(href) && len(href) <= 2048 {
			n.Attr = []html.Attribute{{Key: "href", Val: href}}
		} else {
			rename(n, atom.Span)
		}
	case atom.Img:
		sanitisePicture(n, src, pictures)
	case atom.Table:
		if !isSmallTable(n) {
			flatten(n)
		}
	case atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Td, atom.Th: // their table decides
	default:
		if isBlock(n.DataAtom) {
			rename(n, atom.Div)
		} else {
			rename(n, atom.Span)
		}
	}
}

func rename(n *html.Node, to atom.Atom) { n.DataAtom, n.Data = to, to.String() }

// sanitisePicture keeps a picture that came with the mail; any other goes.
func sanitisePicture(n *html.Node, src string, pictures map[string]string) {
	id, ok := strings.CutPrefix(src, "cid:")
	id = string(percentDecode([]byte(id))) // RFC 2392 §2
	name, known := pictures[id]
	if !ok || !known || strings.ContainsAny(id, " \t()<>\\\"'") {
		rename(n, atom.Span)
		return
	}
	n.Attr = []html.Attribute{{Key: "src", Val: "cid:" + id}, {Key: "alt", Val: name}}
}

// The size up to which a table is passed on as one.
const maxTableRows, maxTableCells = 50, 400

// isSmallTable says that a table holds data, not a layout: at least two rows
// and columns, as many cells in each, words only.
func isSmallTable(n *html.Node) bool {
	rows, cells, columns, ok := 0, 0, 0, true
	var look func(*html.Node)
	look = func(n *html.Node) {
		for c := n.FirstChild; c != nil && ok; c = c.NextSibling {
			switch c.DataAtom {
			case atom.Tr:
				width := 0
				for cell := c.FirstChild; cell != nil; cell = cell.NextSibling {
					if cell.DataAtom == atom.Td || cell.DataAtom == atom.Th {
						width++
						ok = ok && isFlat(cell)
					}
				}
				ok = ok && (columns == 0 || width == columns)
				rows, cells, columns = rows+1, cells+width, width
			case atom.Thead, atom.Tbody, atom.Tfoot:
				look(c)
			}
		}
	}
	look(n)
	return ok && rows >= 2 && columns >= 2 && rows <= maxTableRows && cells <= maxTableCells
}

// flatten makes blocks of a layout's table.
func flatten(n *html.Node) {
	switch n.DataAtom {
	case atom.Table, atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Td, atom.Th, atom.Caption, atom.Colgroup:
		rename(n, atom.Div)
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			flatten(c)
		}
	}
}

// EscapeMarkdown makes Markdown that shows a text as it is written: its lines,
// its spaces, its signs. Addresses of pages become links.
func EscapeMarkdown(text string) string {
	var b strings.Builder
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, " \t")
		if line == "" {
			b.WriteByte('\n')
			continue
		}
		escapeLine(&b, line)
		if i+1 < len(lines) && strings.TrimSpace(lines[i+1]) != "" {
			b.WriteByte('\\') // a line end that is kept
		}
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n")
}

func escapeLine(b *strings.Builder, line string) {
	line = strings.ReplaceAll(line, "\t", "    ")
	words := strings.TrimLeft(line, " ")
	b.WriteString(strings.Repeat("\u00a0", len(line)-len(words)))
	if words == line {
		words = escapeStart(b, words)
	}
	for words != "" {
		start := linkStart(words)
		if start < 0 {
			escapeWords(b, words)
			return
		}
		escapeWords(b, words[:start])
		end := strings.IndexAny(words[start:], " \t<>\"")
		if end < 0 {
			end = len(words) - start
		}
		address := strings.TrimRight(words[start:start+end], ".,;:!?)]}'")
		b.WriteString("<" + address + ">")
		words = words[start+len(address):]
	}
}

func linkStart(s string) int {
	best := -1
	for _, scheme := range []string{"https://", "http://"} {
		if i := strings.Index(s, scheme); i >= 0 && len(s) > i+len(scheme) && (best < 0 || i < best) && strings.IndexByte(" \t<>\".,;:!?)]}'", s[i+len(scheme)]) < 0 {
			best = i
		}
	}
	return best
}

// escapeStart escapes what has a meaning at the start of a line only.
func escapeStart(b *strings.Builder, s string) string {
	if strings.IndexByte("#+-=:%", s[0]) >= 0 {
		b.WriteByte('\\')
		b.WriteByte(s[0])
		return s[1:]
	}
	digits := 0
	for digits < len(s) && digits < 10 && isDigit(s[digits]) {
		digits++
	}
	if digits > 0 && digits < len(s) && (s[digits] == '.' || s[digits] == ')') {
		b.WriteString(s[:digits])
		b.WriteByte('\\')
		b.WriteByte(s[digits])
		return s[digits+1:]
	}
	return s
}

// escapeWords escapes what has a meaning anywhere, and keeps runs of spaces.
func escapeWords(b *strings.Builder, s string) {
	for i := range len(s) {
		c := s[i]
		switch {
		case strings.IndexByte("\\`*_[]<>&~|$!{}^", c) >= 0:
			b.WriteByte('\\')
		case c == ' ' && i > 0 && s[i-1] == ' ':
			b.WriteString("\u00a0")
			continue
		}
		b.WriteByte(c)
	}
}
