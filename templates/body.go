package templates

import (
	"bytes"
	htmltemplate "html/template"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// What a stranger's Markdown may cost. Beyond it, it is shown as plain text.
const (
	maxBody      = 64 << 10 // bytes of it that a mail shows
	maxTableRows = 100
	maxColumns   = 20
	maxNesting   = 12 // lists and quotes within each other
	maxBrackets  = 1000
	maxLines     = 2000
)

// bodies reads and writes Markdown: that of the template files, and that of
// strangers.
type bodies struct {
	parser   parser.Parser
	tables   parser.Parser
	renderer renderer.Renderer
}

// newBodies knows CommonMark and strikethrough, but no raw HTML and no link
// references, which it shows as they were written.
func newBodies() bodies {
	blocks := parser.WithBlockParsers(
		util.Prioritized(parser.NewSetextHeadingParser(), 100),
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(parser.NewListParser(), 300),
		util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewCodeBlockParser(), 500),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(parser.NewBlockquoteParser(), 800),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	)
	inlines := parser.WithInlineParsers(
		util.Prioritized(parser.NewCodeSpanParser(), 100),
		util.Prioritized(parser.NewLinkParser(), 200),
		util.Prioritized(parser.NewAutoLinkParser(), 300),
		util.Prioritized(parser.NewEmphasisParser(), 500),
		util.Prioritized(extension.NewStrikethroughParser(), 500),
	)
	return bodies{
		parser: parser.NewParser(blocks, inlines),
		tables: parser.NewParser(blocks, inlines,
			parser.WithParagraphTransformers(util.Prioritized(extension.NewTableParagraphTransformer(), 200)),
			parser.WithASTTransformers(util.Prioritized(extension.NewTableASTTransformer(), 0))),
		renderer: renderer.NewRenderer(renderer.WithNodeRenderers(
			util.Prioritized(html.NewRenderer(), 1000),
			util.Prioritized(extension.NewTableHTMLRenderer(), 500),
			util.Prioritized(extension.NewStrikethroughHTMLRenderer(), 500))),
	}
}

// parse reads Markdown. The returned bytes are those that the document points
// into.
func (b bodies) parse(markdown string) (ast.Node, []byte) {
	source, p := []byte(markdown), b.parser
	if fewTables(markdown) {
		p = b.tables
	}
	return p.Parse(text.NewReader(source)), source
}

// html writes a document as HTML.
func (b bodies) html(doc ast.Node, source []byte) (string, error) {
	var out bytes.Buffer
	if err := b.renderer.Render(&out, source, doc); err != nil {
		return "", err
	}
	return strings.ReplaceAll(out.String(), "<pre><code", `<pre style="`+styles["pre"]+`"><code`), nil
}

// htmlOf returns what a stranger wrote as HTML. Nothing in it is markup but what
// Markdown makes; links lead to http, https and mailto, pictures are those of
// the mail itself.
func (b bodies) htmlOf(body Body) htmltemplate.HTML {
	if body.Markdown == "" || !cheap(body.Markdown) {
		if body.Text == "" {
			body.Text = body.Markdown
		}
		return paragraphs(limited(body.Text))
	}
	doc, source := b.parse(body.Markdown)
	restrict(doc, source)
	decorate(doc, "noopener noreferrer nofollow")
	out, err := b.html(doc, source)
	if err != nil { // only a renderer that lacks a kind of node fails
		return paragraphs(limited(body.Text))
	}
	return htmltemplate.HTML(out)
}

// textOf returns what a stranger wrote as plain text, each line with verbatim
// before it.
func (b bodies) textOf(body Body) string {
	t := body.Text
	if t == "" && body.Markdown != "" {
		t = body.Markdown
		if cheap(t) {
			doc, source := b.parse(t)
			t = strings.Trim(plainText(doc, source), "\n")
		}
	}
	if t == "" {
		return ""
	}
	return verbatim + strings.ReplaceAll(limited(t), "\n", "\n"+verbatim)
}

// limited returns at most maxBody bytes of t.
func limited(t string) string {
	if len(t) <= maxBody {
		return t
	}
	n := maxBody
	for n > 0 && t[n]&0xc0 == 0x80 {
		n--
	}
	return t[:n] + " […]"
}

// paragraphs returns plain text as HTML that shows it as it was written.
func paragraphs(t string) htmltemplate.HTML {
	if t == "" {
		return ""
	}
	var b strings.Builder
	for p := range strings.SplitSeq(t, "\n\n") {
		if p = strings.Trim(p, "\n"); p == "" {
			continue
		}
		b.WriteString(`<p style="` + styles["p"] + `">`)
		for i, line := range strings.Split(p, "\n") {
			if i > 0 {
				b.WriteString("<br>\n")
			}
			indent := len(line) - len(strings.TrimLeft(line, " "))
			b.WriteString(strings.Repeat("&nbsp;", min(indent, 40)))
			b.WriteString(escape(line[indent:]))
		}
		b.WriteString("</p>\n")
	}
	return htmltemplate.HTML(b.String())
}

// cheap says that Markdown is read in time proportional to its size: not too
// long, its lists and quotes not too deep, not made of brackets or of empty
// lists.
func cheap(markdown string) bool {
	if len(markdown) > maxBody {
		return false
	}
	if strings.Count(markdown, "\n") > maxLines || strings.Count(markdown, "[")+strings.Count(markdown, "<")+strings.Count(markdown, "`") > maxBrackets ||
		strings.Count(markdown, "*")+strings.Count(markdown, "_")+strings.Count(markdown, "~") > 4*maxBrackets {
		return false
	}
	for line := range strings.Lines(markdown) {
		if nesting(line) > maxNesting {
			return false
		}
	}
	return true
}

// nesting is how many lists and quotes within each other a line can stand in:
// those that it opens, and those that its indentation continues.
func nesting(line string) int {
	if strings.Trim(line, "-*_ \t\r\n") == "" {
		return 0 // empty, or a rule
	}
	opened, spaces := 0, 0
	for i := 0; i < len(line); i++ {
		marks := i+1 == len(line) || line[i+1] <= ' '
		switch c := line[i]; {
		case c == ' ' && opened == 0:
			spaces++
		case c == '\t' && opened == 0:
			spaces += 4
		case c == '>', marks && strings.IndexByte("-+*.)", c) >= 0:
			opened++
		case c != ' ' && c != '\t' && (c < '0' || c > '9') && (marks || c != '.' && c != ')'):
			return listed(opened, spaces)
		}
	}
	return listed(opened, spaces)
}

func listed(opened, spaces int) int {
	if opened == 0 {
		return 0
	}
	return opened + spaces/4
}

// fewTables says that what may be tables in Markdown is small.
func fewTables(markdown string) bool {
	rows := 0
	for line := range strings.Lines(markdown) {
		if columns := strings.Count(line, "|"); columns > 0 {
			rows++
			if columns > maxColumns {
				return false
			}
		}
	}
	return rows <= maxTableRows
}

// restrict replaces links that lead elsewhere than to http, https and mailto, and
// pictures that are not the mail's own, by their words.
func restrict(doc ast.Node, source []byte) {
	var refused []ast.Node
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			if !safeLink(string(n.Destination)) {
				refused = append(refused, n)
			}
		case *ast.AutoLink:
			if n.AutoLinkType != ast.AutoLinkEmail && !safeLink(string(n.URL(source))) {
				refused = append(refused, n)
			}
		case *ast.Image:
			if !strings.HasPrefix(strings.ToLower(string(n.Destination)), "cid:") {
				refused = append(refused, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, n := range refused {
		parent := n.Parent()
		if link, ok := n.(*ast.AutoLink); ok {
			parent.InsertBefore(parent, n, ast.NewString(link.Label(source)))
		}
		for child := n.FirstChild(); child != nil; child = n.FirstChild() {
			parent.InsertBefore(parent, n, child)
		}
		parent.RemoveChild(parent, n)
	}
}

// element names the HTML element that a node becomes, as styles does.
func element(n ast.Node) string {
	switch n := n.(type) {
	case *ast.Paragraph:
		return "p"
	case *ast.Heading:
		return "h" + strconv.Itoa(min(n.Level, 3))
	case *ast.List:
		if n.IsOrdered() {
			return "ol"
		}
		return "ul"
	case *ast.ListItem:
		return "li"
	case *ast.Blockquote:
		return "blockquote"
	case *ast.Link, *ast.AutoLink:
		return "a"
	case *ast.CodeSpan:
		return "code"
	case *ast.ThematicBreak:
		return "hr"
	case *ast.Image:
		return "img"
	case *extast.Table:
		return "table"
	case *extast.TableCell:
		return "cell"
	}
	return ""
}
