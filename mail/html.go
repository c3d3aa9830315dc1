package mail

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// MarkerAttribute marks the element that holds all of a mail of ours: when it
// comes back within an answer, it is known whatever a mail program has made of
// the rest.
const MarkerAttribute = "data-ventanilla"

// maxTree is how many bytes of HTML are made a tree of. The parser needs time
// and memory many times that.
const maxTree = 1 << 20

// htmlTexts makes text of a page: all of it, what its writer wrote this time
// as far as the elements tell, and what was removed for that.
func htmlTexts(page string) (text, reply, removed string) {
	root := parseHTML(page)
	if root == nil {
		text = stripTags(page)
		return text, text, ""
	}
	text = renderText(root)
	cut := cutQuotes(root)
	if cut == nil {
		return text, text, ""
	}
	reply = renderText(root)
	if strings.TrimSpace(reply) == "" {
		return text, text, ""
	}
	return text, reply, strings.TrimSpace(renderText(cut))
}

// parseHTML returns nil for a page that is too large or nested too deeply.
func parseHTML(page string) *html.Node {
	if len(page) > maxTree {
		return nil
	}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil
	}
	return root
}

// stripTags makes text of a page without understanding it: for pages that the
// parser refuses.
func stripTags(page string) string {
	z := html.NewTokenizer(strings.NewReader(page))
	z.SetMaxBuf(maxPage)
	w := textWriter{}
	hidden := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			return w.finish()
		case html.TextToken:
			if hidden == 0 {
				w.words(string(z.Text()))
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			switch a := atom.Lookup(name); {
			case isSilent(a):
				hidden++
			case isBlock(a) || a == atom.Br:
				w.breakLine(1)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if isSilent(atom.Lookup(name)) && hidden > 0 {
				hidden--
			}
		}
	}
}

// isSilent says that an element's text is not for readers.
func isSilent(a atom.Atom) bool {
	switch a {
	case atom.Head, atom.Style, atom.Script, atom.Title, atom.Template, atom.Object, atom.Svg, atom.Iframe:
		return true
	}
	return false
}

// isBlock says that an element begins on a new line.
func isBlock(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Div, atom.Table, atom.Tr, atom.Ul, atom.Ol, atom.Li, atom.Dl, atom.Dt, atom.Dd, atom.Blockquote, atom.Pre,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Hr, atom.Section, atom.Article, atom.Header, atom.Footer,
		atom.Address, atom.Center, atom.Form, atom.Fieldset, atom.Main, atom.Nav, atom.Aside, atom.Figure, atom.Caption:
		return true
	}
	return false
}

// isSpaced says that an empty line stands around an element.
func isSpaced(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Table, atom.Dl, atom.Blockquote, atom.Pre, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol:
		return true
	}
	return false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// isHidden says that readers do not see an element: what only a program would
// read is no text.
func isHidden(n *html.Node) bool {
	if hasAttribute(n, "hidden") {
		return true
	}
	style := attribute(n, "style")
	if style == "" {
		return false
	}
	style = strings.ToLower(strings.Join(strings.Fields(style), ""))
	return strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden") || strings.Contains(style, "mso-hide:all")
}

// textWriter writes text with the white space of a page as its reader sees it.
type textWriter struct {
	out    bytes.Buffer
	prefix string // of each line: quotes and list indents
	marker string // of the next line alone: the mark of a list item
	breaks int    // line ends owed before the next word
	space  bool   // a space owed before it
	began  bool   // the present line has a word
	pre    int
}

// renderText makes text of a tree.
func renderText(root *html.Node) string {
	w := textWriter{}
	w.node(root, 0)
	return w.finish()
}

func (w *textWriter) finish() string {
	text := bytes.Trim(w.out.Bytes(), "\n")
	if len(text) == 0 {
		return ""
	}
	return normalText(strings.ToValidUTF8(string(text), "\uFFFD") + "\n")
}

// breakLine ends the line; two ends leave an empty one.
func (w *textWriter) breakLine(ends int) {
	w.space = false
	if w.began || w.out.Len() == 0 {
		w.breaks = max(w.breaks, ends)
	} else {
		w.breaks = max(w.breaks, ends)
	}
	w.began = false
}

// start writes what is owed before a word.
func (w *textWriter) start() {
	if w.out.Len() > 0 {
		for ; w.breaks > 0; w.breaks-- {
			w.out.WriteByte('\n')
			if w.breaks > 1 {
				w.out.WriteString(strings.TrimRight(w.prefix, " "))
			}
		}
	}
	w.breaks = 0
	if !w.began {
		line := w.prefix
		if w.marker != "" {
			line = line[:max(0, len(line)-len(w.marker))] + w.marker
			w.marker = ""
		}
		w.out.WriteString(line)
		w.began = true
	} else if w.space {
		w.out.WriteByte(' ')
	}
	w.space = false
}

// words writes text, its white space folded.
func (w *textWriter) words(s string) {
	if w.pre > 0 {
		w.preformatted(s)
		return
	}
	for s != "" {
		i := strings.IndexAny(s, " \t\r\n")
		if i == 0 {
			s = strings.TrimLeft(s, " \t\r\n")
			w.space = w.began
			continue
		}
		word := s
		if i > 0 {
			word, s = s[:i], s[i:]
		} else {
			s = ""
		}
		word = strings.ReplaceAll(word, "\u00a0", " ")
		if strings.Trim(word, " \u200b\u200c\u200d\ufeff\u00ad\u034f") == "" && !w.began {
			continue // padding before the first word
		}
		w.start()
		w.out.WriteString(word)
	}
}

func (w *textWriter) preformatted(s string) {
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			w.start()
			w.breaks, w.began = 1, false
		}
		if line != "" {
			w.start()
			w.out.WriteString(line)
		}
	}
}

// maxListDepth is how deep lists and quotes are indented.
const maxListDepth = 16

// node writes one node with what is in it. The parser has bounded the depth.
func (w *textWriter) node(n *html.Node, number int) {
	switch n.Type {
	case html.TextNode:
		w.words(n.Data)
		return
	case html.CommentNode, html.DoctypeNode:
		return
	}
	if n.Type == html.ElementNode && (isSilent(n.DataAtom) || isHidden(n)) {
		return
	}
	switch n.DataAtom {
	case atom.Br:
		w.hardBreak()
	case atom.Hr:
		w.breakLine(1)
		w.words("________________________________")
		w.breakLine(1)
	case atom.Img:
		if alt := strings.TrimSpace(attribute(n, "alt")); alt != "" {
			w.words("[" + alt + "]")
		}
	case atom.A:
		w.link(n)
	case atom.Blockquote:
		w.indented(n, "> ", "")
	case atom.Ul, atom.Ol:
		w.list(n)
	case atom.Tr:
		w.row(n)
	case atom.Pre:
		w.breakLine(2)
		w.pre++
		w.children(n)
		w.pre--
		w.breakLine(2)
	default:
		w.block(n)
	}
}

// hardBreak is a line end that was asked for.
func (w *textWriter) hardBreak() {
	if w.breaks > 0 || w.began {
		w.breaks++
	} else if w.out.Len() > 0 {
		w.breaks = 2
	}
	w.began, w.space = false, false
	w.breaks = min(w.breaks, 3)
}

func (w *textWriter) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c, 0)
	}
}

func (w *textWriter) block(n *html.Node) {
	ends := 0
	switch {
	case isSpaced(n.DataAtom) && !hasNoMargin(n):
		ends = 2
	case isBlock(n.DataAtom):
		ends = 1
	}
	if ends > 0 {
		w.breakLine(ends)
	}
	w.children(n)
	if ends > 0 {
		w.breakLine(ends)
	}
}

// hasNoMargin knows Outlook's paragraphs, which are its lines.
func hasNoMargin(n *html.Node) bool {
	if n.DataAtom != atom.P {
		return false
	}
	if attribute(n, "class") == "MsoNormal" {
		return true
	}
	style := strings.ToLower(strings.Join(strings.Fields(attribute(n, "style")), ""))
	return strings.Contains(style, "margin:0") || strings.Contains(style, "margin-bottom:0")
}

// link writes a link's text, and its address where the text does not say it.
func (w *textWriter) link(n *html.Node) {
	before := w.out.Len()
	w.children(n)
	text := strings.TrimSpace(string(w.out.Bytes()[before:]))
	href := strings.TrimSpace(attribute(n, "href"))
	if len(href) > 2048 || !isSafeLink(href) || text == "" {
		return
	}
	bare := strings.TrimPrefix(href, "mailto:")
	for _, start := range []string{"https://", "http://"} {
		bare = strings.TrimPrefix(bare, start)
	}
	if strings.Contains(text, strings.TrimRight(bare, "/")) {
		return
	}
	w.space = true
	w.words("<" + href + ">")
}

// isSafeLink says that a link may be shown: to a page or a mailbox.
func isSafeLink(href string) bool {
	folded := strings.ToLower(href[:min(len(href), 8)])
	return (strings.HasPrefix(folded, "http://") || strings.HasPrefix(folded, "https://") || strings.HasPrefix(folded, "mailto:")) &&
		!strings.ContainsAny(href, "<> \t\r\n\"")
}

func (w *textWriter) indented(n *html.Node, prefix, marker string) {
	ends := 1
	if marker == "" {
		ends = 2
	}
	w.breakLine(ends)
	before := w.prefix
	if len(before) < 2*maxListDepth {
		w.prefix += prefix
		w.marker = marker
	}
	w.children(n)
	w.marker = ""
	w.breakLine(ends)
	w.prefix = before
}

func (w *textWriter) list(n *html.Node) {
	ends := 2
	if w.prefix != "" {
		ends = 1
	}
	w.breakLine(ends)
	number := 0
	if start, err := strconv.Atoi(attribute(n, "start")); err == nil {
		number = start - 1
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Li {
			w.node(c, 0)
			continue
		}
		number++
		marker := "- "
		if n.DataAtom == atom.Ol {
			marker = strconv.Itoa(number) + ". "
		}
		w.indented(c, strings.Repeat(" ", len(marker)), marker)
	}
	w.breakLine(ends)
}

// row writes a table's row: on one line where its cells hold no blocks of
// their own, else as what it lays out.
func (w *textWriter) row(n *html.Node) {
	w.breakLine(1)
	flat := true
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		flat = flat && isFlat(c)
	}
	before := w.out.Len()
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.ElementNode || isHidden(c) {
			continue
		}
		if !flat {
			w.breakLine(1)
		} else if w.began && w.out.Len() > before {
			w.space = true
			mark := w.out.Len()
			w.words("| ")
			w.space = true
			filled := w.out.Len()
			w.children(c)
			if w.out.Len() == filled { // an empty cell
				w.out.Truncate(mark)
			}
			continue
		}
		w.children(c)
	}
	w.breakLine(1)
}

// isFlat says that a cell holds words, not blocks.
func isFlat(cell *html.Node) bool {
	blocks := 0
	for c := cell.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.ElementNode {
			continue
		}
		if c.DataAtom == atom.Table || c.DataAtom == atom.Br || c.DataAtom == atom.Ul || c.DataAtom == atom.Ol || !isFlatInside(c) {
			return false
		}
		if isBlock(c.DataAtom) {
			blocks++
		}
	}
	return blocks <= 1
}

func isFlatInside(n *html.Node) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && (isBlock(c.DataAtom) || c.DataAtom == atom.Br) {
			return false
		}
	}
	return true
}

// cutQuotes takes the earlier mails out of a page, by what mail programs mark
// them with, and returns them below one node, or nil if there are none. Where
// answers stand between quotes it leaves them as quotes.
func cutQuotes(root *html.Node) *html.Node {
	c := cutter{}
	c.find(root)
	if len(c.quotes) == 0 && c.rest == nil {
		return nil
	}
	bin := &html.Node{Type: html.ElementNode, DataAtom: atom.Div, Data: "div"}
	if c.rest != nil {
		cutFrom(c.rest, bin)
	}
	if c.interleaved() {
		for _, q := range c.quotes {
			q.Data, q.DataAtom = "blockquote", atom.Blockquote
		}
		return bin
	}
	for _, q := range c.quotes {
		if q.Parent != nil {
			move(q, bin)
		}
	}
	return bin
}

// cutter finds quotes in the order of the page.
type cutter struct {
	quotes  []*html.Node
	rest    *html.Node // from here on all is of an earlier mail
	own     []int      // how many quotes stood before each stretch of own words
	forward bool       // a forwarded mail begins: nothing more is cut
}

// interleaved says that own words stand both before or between quotes and
// after them.
func (c *cutter) interleaved() bool {
	return len(c.own) > 1 && c.own[len(c.own)-1] > c.own[0]
}

func (c *cutter) find(n *html.Node) {
	for child := n.FirstChild; child != nil && c.rest == nil && !c.forward; child = child.NextSibling {
		switch {
		case child.Type == html.TextNode:
			c.text(child.Data)
		case child.Type != html.ElementNode || isSilent(child.DataAtom) || isHidden(child):
		case isSeparator(child):
			c.rest = child
		case isQuoteElement(child):
			if isForwardMark(firstWords(child)) {
				c.forward = true
				return
			}
			c.quotes = append(c.quotes, child)
		default:
			c.find(child)
		}
	}
}

func (c *cutter) text(s string) {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "\u00a0 \u200b") == "" || isMobileLine(s) || mayEndAttribution(Fold(shorten(s, 400))) {
		return
	}
	if isForwardMark(s) {
		c.forward = true
		return
	}
	if n := len(c.quotes); len(c.own) == 0 || c.own[len(c.own)-1] != n {
		c.own = append(c.own, n)
	}
}

// firstWords returns the first line of an element's text.
func firstWords(n *html.Node) string {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode {
			if s := strings.TrimSpace(c.Data); s != "" {
				line, _, _ := strings.Cut(s, "\n")
				return line
			}
		} else if s := firstWords(c); s != "" {
			return s
		}
	}
	return ""
}

// isQuoteElement knows the elements that hold a quoted mail.
func isQuoteElement(n *html.Node) bool {
	if hasAttribute(n, MarkerAttribute) {
		return true
	}
	if n.DataAtom == atom.Blockquote && strings.EqualFold(attribute(n, "type"), "cite") {
		return true
	}
	for _, class := range strings.Fields(attribute(n, "class")) {
		switch class {
		case "gmail_quote", "gmail_quote_container", "gmail_extra", "yahoo_quoted", "yahoo-quoted", "protonmail_quote", "tutanota_quote", "zmail_extra", "moz-cite-prefix", "gmail_attr", "mail_quote", "quoted-text", "ydp-quoted":
			return class != "gmail_extra" || strings.Contains(strings.ToLower(attribute(n, "class")), "gmail_quote")
		}
	}
	return false
}

// isSeparator knows the elements below which all is of an earlier mail.
func isSeparator(n *html.Node) bool {
	id := attribute(n, "id")
	switch id {
	case "divRplyFwdMsg", "appendonsend", "x_divRplyFwdMsg", "OLK_SRC_BODY_SECTION", "stopSpelling", "mail-editor-reference-message-container", "ms-outlook-mobile-reference", "hmquote":
		return id != "appendonsend" && id != "stopSpelling" || followedByHeader(n)
	}
	if n.DataAtom != atom.Div && n.DataAtom != atom.P {
		return false
	}
	style := strings.ToLower(strings.Join(strings.Fields(attribute(n, "style")), ""))
	if !strings.Contains(style, "border-top:solid#") && !strings.Contains(style, "border-top:1ptsolid") && !strings.Contains(style, "border-top:solid") && !strings.Contains(style, "border-top:1pxsolid") {
		return strings.Contains(style, "border:none;border-top:") && beginsWithHeader(n)
	}
	return beginsWithHeader(n)
}

// beginsWithHeader says that an element's first words are a quoted header's.
func beginsWithHeader(n *html.Node) bool {
	kind, _, _ := headerLine(firstWords(n) + ":")
	return kind == headerFrom
}

// followedByHeader says the same of what comes after an empty element.
func followedByHeader(n *html.Node) bool {
	for s := n.NextSibling; s != nil; s = s.NextSibling {
		if s.Type == html.ElementNode {
			return s.DataAtom == atom.Hr || isSeparator(s) || beginsWithHeader(s)
		}
	}
	return false
}

// cutFrom moves a node, and all that comes after it, into the bin.
func cutFrom(n, bin *html.Node) {
	if prev := n.PrevSibling; prev != nil && prev.DataAtom == atom.Hr {
		move(prev, bin)
	}
	parent := n.Parent
	for n != nil {
		next := n.NextSibling
		move(n, bin)
		n = next
	}
	for parent != nil && parent.Parent != nil {
		for s := parent.NextSibling; s != nil; {
			next := s.NextSibling
			move(s, bin)
			s = next
		}
		parent = parent.Parent
	}
}

func move(n, to *html.Node) {
	n.Parent.RemoveChild(n)
	to.AppendChild(n)
}
