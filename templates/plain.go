package templates

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/util"
)

const (
	columns  = 76     // of the lines of the text part; longer words keep theirs
	verbatim = "\x01" // before a line that is not to be wrapped; no value holds it
)

// plainText writes a Markdown document as a person would type it: no markup,
// links in full after their words.
func plainText(doc ast.Node, source []byte) string {
	w := &plainWriter{source: source}
	return strings.TrimRight(w.blocks(doc, "\n\n"), "\n") + "\n"
}

type plainWriter struct{ source []byte }

// blocks returns the blocks within a node, one after the other.
func (w *plainWriter) blocks(parent ast.Node, between string) string {
	var parts []string
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if block := w.block(n); block != "" {
			parts = append(parts, block)
		}
	}
	return strings.Join(parts, between)
}

func (w *plainWriter) block(n ast.Node) string {
	switch n := n.(type) {
	case *ast.List:
		return w.list(n)
	case *ast.Blockquote:
		return indented(w.blocks(n, "\n\n"), "> ", "> ")
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		return indented(strings.TrimRight(string(n.Lines().Value(w.source)), "\n"), verbatim+"    ", verbatim+"    ")
	case *ast.ThematicBreak:
		return "----"
	case *extast.Table:
		return w.blocks(n, "\n")
	case *extast.TableRow, *extast.TableHeader:
		return w.blocks(n, " | ")
	}
	if first := n.FirstChild(); first != nil && first.Type() == ast.TypeBlock {
		return w.blocks(n, "\n\n")
	}
	return w.inlines(n)
}

func (w *plainWriter) list(list *ast.List) string {
	between, number := "\n", list.Start
	if !list.IsTight {
		between = "\n\n"
	}
	var items []string
	for n := list.FirstChild(); n != nil; n = n.NextSibling() {
		bullet := "- "
		if list.IsOrdered() {
			bullet = strconv.Itoa(number) + ". "
			number++
		}
		items = append(items, indented(w.blocks(n, between), bullet, strings.Repeat(" ", len(bullet))))
	}
	return strings.Join(items, between)
}

// indented puts first before the first line of block and rest before the others.
// A line's verbatim mark stays in front.
func indented(block, first, rest string) string {
	lines := strings.Split(block, "\n")
	for i, line := range lines {
		line, asIs := strings.CutPrefix(line, verbatim)
		lines[i] = first + line
		if asIs && !strings.HasPrefix(first, verbatim) {
			lines[i] = verbatim + lines[i]
		}
		first = rest
	}
	return strings.Join(lines, "\n")
}

// inlines returns the words within a block or an inline node.
func (w *plainWriter) inlines(parent ast.Node) string {
	var b strings.Builder
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			b.Write(unescaped(n, n.Segment.Value(w.source)))
			if n.HardLineBreak() {
				b.WriteByte('\n')
			} else if n.SoftLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(w.source))
		case *ast.Link:
			b.WriteString(linkText(w.inlines(n), string(n.Destination)))
		case *ast.Image:
			b.WriteString("[" + w.inlines(n) + "]")
		default:
			b.WriteString(w.inlines(n))
		}
	}
	return b.String()
}

// unescaped resolves backslashes and entities, which code has none of.
func unescaped(n *ast.Text, v []byte) []byte {
	if n.IsRaw() || n.Parent().Kind() == ast.KindCodeSpan {
		return v
	}
	return util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(v)))
}

func linkText(words, link string) string {
	if words == link || words == strings.TrimPrefix(link, "mailto:") {
		return words
	}
	return words + " (" + link + ")"
}

// layOut makes the text part ready: lines of at most columns characters unless a
// word is longer, at most one empty line in a row. Lines of bodies stay as their
// writers made them.
func layOut(t []byte) string {
	out := make([]byte, 0, len(t)+len(t)/32+8)
	blank := true // nothing yet, or the last line is empty
	for len(t) > 0 {
		line, rest, _ := bytes.Cut(t, []byte{'\n'})
		t = rest
		if bytes.HasPrefix(line, []byte(verbatim)) {
			out = append(append(out, line[1:]...), '\n')
			blank = false
			continue
		}
		line = bytes.TrimRight(line, " \t")
		if len(line) == 0 {
			if !blank {
				out = append(out, '\n')
			}
			blank = true
			continue
		}
		out = append(appendWrapped(out, line), '\n')
		blank = false
	}
	return string(append(bytes.TrimRight(out, "\n"), '\n'))
}

// appendWrapped appends a line, broken at spaces. What continues it stands under
// its first word.
func appendWrapped(out, line []byte) []byte {
	if len(line) <= columns || utf8.RuneCount(line) <= columns {
		return append(out, line...)
	}
	body := bytes.TrimLeft(line, " ")
	indent := bytes.Repeat([]byte{' '}, len(line)-len(body))
	switch {
	case bytes.HasPrefix(body, []byte("> ")):
		indent = append(indent, "> "...)
		body = body[2:]
	case bytes.HasPrefix(body, []byte("- ")):
		indent = append(indent, "  "...)
		body = body[2:]
	}
	out = append(out, line[:len(line)-len(body)]...)
	column, first := len(indent), true
	for word := range bytes.SplitSeq(body, []byte{' '}) {
		size := utf8.RuneCount(word)
		switch {
		case first:
		case column+1+size > columns:
			out = append(append(out, '\n'), indent...)
			column = len(indent)
		default:
			out = append(out, ' ')
			column++
		}
		out = append(out, word...)
		column += size
		first = false
	}
	return out
}
