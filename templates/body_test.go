package templates

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark/text"
)

// bare returns HTML without its styles, on one line.
func bare(v string) string {
	v = regexp.MustCompile(` (style|rel)="[^"]*"`).ReplaceAllString(v, "")
	return strings.TrimSpace(strings.ReplaceAll(v, "\n", ""))
}

func TestStrangersMarkdown(t *testing.T) {
	b := newBodies()
	tests := []struct{ markdown, want string }{
		{"hola **ya** *no* `x`", "<p>hola <strong>ya</strong> <em>no</em> <code>x</code></p>"},
		{"uno\\\ndos", "<p>uno<br>dos</p>"},
		{"<b>x</b> <script>y</script>", "<p>&lt;b&gt;x&lt;/b&gt; &lt;script&gt;y&lt;/script&gt;</p>"},
		{"<div onclick=x>\n\n<!-- c -->", "<p>&lt;div onclick=x&gt;</p><p>&lt;!-- c --&gt;</p>"},
		{"[a](https://x.example/?a=1&b=2)", `<p><a href="https://x.example/?a=1&amp;b=2">a</a></p>`},
		{"[a](mailto:ana@x.example)", `<p><a href="mailto:ana@x.example">a</a></p>`},
		{"[a](javascript:alert(1)) [b](data:text/html,x) [c](//x.example) [d](/ruta) [e](JAVASCRIPT:x)", "<p>a b c d e</p>"},
		{"[**a** b](vbscript:x)", "<p><strong>a</strong> b</p>"},
		{"[a](java&#115;cript:x) [b](&#x6a;avascript:x)", "<p>a b</p>"},
		{"<javascript:alert(1)> <https://x.example> <ana@x.example>", `<p>javascript:alert(1) <a href="https://x.example">https://x.example</a> <a href="mailto:ana@x.example">ana@x.example</a></p>`},
		{"![foto](cid:a@b)", `<p><img src="cid:a@b" alt="foto"></p>`},
		{"![foto](https://x.example/pixel.png) ![](data:image/png;base64,x)", "<p>foto </p>"},
		{"[![foto](http://x/y.png)](https://x.example)", `<p><a href="https://x.example">foto</a></p>`},
		{"[a](https://x.example \"título\")", `<p><a href="https://x.example" title="título">a</a></p>`},
		{"[a]: javascript:x\n\n[a]", "<p>[a]: javascript:x</p><p>[a]</p>"},
		{"- a\n- b", "<ul><li>a</li><li>b</li></ul>"},
		{"3. a\n4. b", `<ol start="3"><li>a</li><li>b</li></ol>`},
		{"> cita", "<blockquote><p>cita</p></blockquote>"},
		{"~~no~~", "<p><del>no</del></p>"},
		{"```go\" onclick=\"x\ncódigo <b>\n```", `<pre><code class="language-go&quot;">código &lt;b&gt;</code></pre>`},
		{"| a | b |\n|---|---|\n| 1 | <i> |", "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>&lt;i&gt;</td></tr></tbody></table>"},
		{"{{.Desk}}", "<p>{{.Desk}}</p>"},
	}
	for _, test := range tests {
		if got := bare(string(b.htmlOf(Body{Text: "texto", Markdown: test.markdown}))); got != test.want {
			t.Errorf("%q\ngot  %s\nwant %s", test.markdown, got, test.want)
		}
	}
}

func TestPlainBodies(t *testing.T) {
	b := newBodies()
	tests := []struct{ body, want string }{
		{"", ""},
		{"uno\ndos\n\ntres", "<p>uno<br>dos</p><p>tres</p>"},
		{"*no* es <b> & [x](y)", "<p>*no* es &lt;b&gt; &amp; [x](y)</p>"},
		{"  dentro", "<p>&nbsp;&nbsp;dentro</p>"},
	}
	for _, test := range tests {
		if got := bare(string(b.htmlOf(Body{Text: test.body}))); got != test.want {
			t.Errorf("%q: got %s, want %s", test.body, got, test.want)
		}
	}
	long := strings.Repeat("ñ", maxBody)
	if got := b.textOf(Body{Text: long}); len(got) > maxBody+20 || !strings.HasSuffix(got, "ñ […]") {
		t.Errorf("a text of %d bytes becomes one of %d", len(long), len(got))
	}
	if got := b.textOf(Body{Markdown: "# A\n\n- **b**\n- [c](https://x.example)"}); got != verbatim+"A\n"+verbatim+"\n"+verbatim+"- b\n"+verbatim+"- c (https://x.example)" {
		t.Errorf("Markdown alone as text: %q", got)
	}
}

// costly are texts that are made to cost much.
func costly() map[string]string {
	stairs := new(strings.Builder)
	for i := 0; stairs.Len() < 60000; i++ {
		stairs.WriteString(strings.Repeat(" ", 2*(i%300)) + "- a\n")
	}
	return map[string]string{
		"quotes": strings.Repeat(">", 60000), "lines of quotes": strings.Repeat("> > > > > > > > > > > >\n", 2500),
		"brackets": strings.Repeat("[", 60000), "links": strings.Repeat("[a](", 15000), "some links": strings.Repeat("[a](", 900),
		"pictures": strings.Repeat("![a](", 900), "lists": strings.Repeat("- ", 3000) + "a", "stairs": stairs.String(),
		"emphasis": strings.Repeat("*a _b ", 900), "backticks": strings.Repeat("` `` ``` ", 160), "open tags": strings.Repeat("<a", 900),
		"wide table":  "|" + strings.Repeat("a|", 10000) + "\n|" + strings.Repeat("-|", 10000) + "\n" + strings.Repeat("|\n", 5000),
		"small table": "|" + strings.Repeat("a|", 19) + "\n|" + strings.Repeat("-|", 19) + "\n" + strings.Repeat("|\n", 98),
		"references":  strings.Repeat("[a]: http://x\n", 900), "headings": strings.Repeat("# a\n", 16000), "short lines": strings.Repeat("a\n", 32000),
		"backslashes": strings.Repeat("\\", 60000), "marks": strings.Repeat("!", 60000), "parentheses": "[a](" + strings.Repeat("(", 60000),
		"entities": strings.Repeat("&#1", 20000), "spaces": strings.Repeat(" ", 60000) + "a", "numbers": strings.Repeat("1. ", 20000),
		"titles": strings.Repeat(`[a](b "`, 900), "too long": strings.Repeat("palabra ", 10000),
	}
}

// The limits keep hostile Markdown from costing much. The wide table, read
// without them, makes tens of megabytes.
func TestCostlyMarkdown(t *testing.T) {
	b := newBodies()
	for name, markdown := range costly() {
		start := time.Now()
		size := len(b.htmlOf(Body{Text: markdown, Markdown: markdown})) + len(b.textOf(Body{Markdown: markdown}))
		if took := time.Since(start); took > time.Second || size > 1<<20 {
			t.Errorf("%s: %d bytes became %d in %v", name, len(markdown), size, took)
		}
	}
	if wide := costly()["wide table"]; cheap(wide[:maxBody/2]) && fewTables(wide[:maxBody/2]) {
		t.Error("a wide table is taken for a small one")
	}
	small := "|" + strings.Repeat("a|", 300) + "\n|" + strings.Repeat("-|", 300) + "\n" + strings.Repeat("|\n", 300)
	doc := b.tables.Parse(text.NewReader([]byte(small)))
	if out, _ := b.html(doc, []byte(small)); len(out) < 100*len(small) {
		t.Errorf("without the limit a table of %d bytes becomes %d only: is the limit needed?", len(small), len(out))
	}
}

func TestUsualMailsAreNotTakenForCostly(t *testing.T) {
	for _, markdown := range []string{
		"-------- Mensaje original --------\n\nhola", "----------------------------------------------\n\nx", "........................ 12\n",
		"1. uno\n   - dos\n     - tres\n       > cita\n", "IP 192.168.100.1... 10.0.0.1", strings.Repeat("una línea de las de siempre\n", 1500),
		strings.Repeat("[enlace](https://x.example) ", 300), "> > > > respuesta de respuesta de respuesta", strings.Repeat("=", 80) + "\n" + strings.Repeat("*", 80),
		"                                                                        muy a la derecha",
	} {
		if !cheap(markdown) {
			t.Errorf("%.60q is taken for costly", markdown)
		}
	}
}

func TestWrapping(t *testing.T) {
	word := strings.Repeat("x", 100)
	tests := []struct{ text, want string }{
		{"\n\nuno  \n\n\n\ndos\n\n", "uno\n\ndos\n"},
		{strings.Repeat("palabra ", 12), strings.TrimSpace(strings.Repeat("palabra ", 9)) + "\npalabra palabra palabra\n"},
		{"- " + strings.Repeat("palabra ", 12), "- " + strings.TrimSpace(strings.Repeat("palabra ", 9)) + "\n  palabra palabra palabra\n"},
		{"> " + strings.Repeat("palabra ", 12), "> " + strings.TrimSpace(strings.Repeat("palabra ", 9)) + "\n> palabra palabra palabra\n"},
		{"  " + strings.Repeat("palabra ", 12), "  " + strings.TrimSpace(strings.Repeat("palabra ", 9)) + "\n  palabra palabra palabra\n"},
		{"Aprobar: https://" + word + " y más", "Aprobar:\nhttps://" + word + "\ny más\n"},
		{strings.Repeat("ñ", 76), strings.Repeat("ñ", 76) + "\n"},
		{verbatim + strings.Repeat("palabra ", 12) + "\n" + verbatim + "\n" + verbatim + "\nx", strings.Repeat("palabra ", 12) + "\n\n\nx\n"},
	}
	for _, test := range tests {
		if got := layOut([]byte(test.text)); got != test.want {
			t.Errorf("%q\ngot  %q\nwant %q", test.text, got, test.want)
		}
	}
}

// FuzzBody tries that no text makes an element, an address or an attribute that
// bodies may not have.
func FuzzBody(f *testing.F) {
	f.Add("hola **ya** [a](https://x.example) ![b](cid:c) <https://y.example>")
	f.Add(hostile)
	for _, markdown := range costly() {
		f.Add(markdown[:min(len(markdown), 400)])
	}
	allowed := regexp.MustCompile(`^(p|br|strong|em|del|code|pre|ul|ol|li|blockquote|h[1-6]|hr|a|img|table|thead|tbody|tr|th|td|href (https?|mailto)|src cid)$`)
	b := newBodies()
	f.Fuzz(func(t *testing.T, markdown string) {
		markdown = cleanText(markdown)
		for _, body := range []Body{{Markdown: markdown}, {Text: markdown}} {
			for key := range tags(string(b.htmlOf(body))) {
				if !allowed.MatchString(key) {
					t.Errorf("%q makes %s", markdown, key)
				}
			}
			for line := range strings.SplitSeq(b.textOf(body), "\n") {
				if line != "" && !strings.HasPrefix(line, verbatim) {
					t.Errorf("%q: the line %q may be wrapped", markdown, line)
				}
			}
		}
	})
}
