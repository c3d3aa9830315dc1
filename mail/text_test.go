package mail

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"golang.org/x/net/html"
)

func TestSubjects(t *testing.T) {
	for subject, want := range map[string]string{
		"no imprime": "no imprime", "Re: no imprime": "no imprime", "RE: RV: Fwd: x": "x", "Re[2]: x": "x", "RE (3): x": "x", "AW: WG: x": "x",
		"[EXTERNO] RE: x": "x", "RE: [EXTERNAL] Re: x": "x", "Rta: x": "x", "resp: x": "x", "ENC: RES: x": "x", "R: I: x": "x", "Re：x": "x", "re : x": "x",
		"Recibo: x": "Recibo: x", "Red: caída": "Red: caída", "Resumen: x": "Resumen: x", "[#12] x": "[#12] x", "Re: [#12] RE: x": "[#12] RE: x", "": "", "Re:": "",
		"Recuperar: x": "Recuperar: x", "I: x": "x", "Internet: x": "Internet: x",
	} {
		if got := StripPrefixes(subject); got != want {
			t.Errorf("StripPrefixes(%q) = %q, want %q", subject, got, want)
		}
	}
	for subject, want := range map[string][]string{
		"[#1234] x": {"1234"}, "x [# 1234 ]": {"1234"}, "[MESA #003181] x": {"003181"}, "[mesa#1] [#2]": {"1", "2"}, "Re: [#2013121610000137] x": {"2013121610000137"},
		"#1234": nil, "[1234]": nil, "[#12a]": nil, "[#]": nil, "[[#5]]": {"5"}, "[" + strings.Repeat("x", 100) + "#5]": nil, "[#123456789012345678901]": nil,
	} {
		if got := Tags(subject); !slices.Equal(got, want) {
			t.Errorf("Tags(%q) = %q, want %q", subject, got, want)
		}
	}
	for subject, want := range map[string]string{"Re: [#12] x": "Re: x", "[MESA #1][#2] x  y [z]": "x y [z]", " x ": "x", "[#12]": ""} {
		if got := StripTags(subject); got != want {
			t.Errorf("StripTags(%q) = %q, want %q", subject, got, want)
		}
	}
}

func TestFold(t *testing.T) {
	for s, want := range map[string]string{
		"SOLICITUD": "solicitud", "Señal ÁÉÍÓÚ Ü": "senal aeiou u", "resolución": "resolucion", "cafe\u0301": "cafe", "Ωμέγα": "ωμεγα", "Łódź": "lodz",
		"æ ß": "æ ß", "ＡＢＣ": "abc", "“x” — €": "“x” — €", "ДА Ё": "да е",
	} {
		if got := Fold(s); got != want {
			t.Errorf("Fold(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestGreeting(t *testing.T) {
	for _, s := range []string{"Buenos días,", "Buenas tardes", "Hola Ana:", "¡Hola!", "Estimados señores:", "Cordial saludo.", "BUEN DIA", "Bom dia,", "Dear team,", "Hi", "Buenos días, Ana."} {
		if !Greeting(s) {
			t.Errorf("%q is a greeting", s)
		}
	}
	for _, s := range []string{"", "#cerrar", "Hola, no me imprime la impresora del segundo piso desde ayer", "aprobar", "cerrar", "Holanda", "Buenas tardes, ¿cómo va mi caso?", "Hila fina", "sigue fallando"} {
		if Greeting(s) {
			t.Errorf("%q is no greeting", s)
		}
	}
}

func TestDates(t *testing.T) {
	want := time.Date(2013, 12, 9, 14, 2, 3, 0, time.FixedZone("", -5*3600))
	for _, s := range []string{
		"Mon, 9 Dec 2013 14:02:03 -0500", "9 Dec 2013 14:02:03 -0500", "Mon, 9 Dec 2013 14:02:03 -0500 (COT)", "Mon,9 Dec 13 14:02:03 EST",
		"Mon Dec  9 14:02:03 2013 -0500", "Mon, 09-Dec-2013 14:02:03 -0500", "Mon, 9 December 2013 19:02:03 GMT", "Mon, 9 Dec 2013 19:02:03 +0000", "2013-12-09 14:02:03 -05:00", "Mon, 9 Dec 2013 19:02:03",
	} {
		if got, ok := parseDate(s); !ok || !got.Equal(want) {
			t.Errorf("%q is %v", s, got)
		}
	}
	for _, s := range []string{"", "hoy", "Mon, 99 Dec 2013 14:02:03", "31 Feb 2013 10:00:00", "Dec 2013", "9 Dec 2013 14:99:03", ":", "+:", "9 Dec 99999999"} {
		if got, ok := parseDate(s); ok {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func TestTransferEncodings(t *testing.T) {
	for _, c := range []struct{ encoding, encoded, want string }{
		{"base64", "SG9s\r\nYSBt\r\ndW5kbw==\r\n", "Hola mundo"}, {"base64", "SG9sYSBtdW5kbw", "Hola mundo"}, {"base64", "SG9s!!YSBt*dW5kbw==", "Hola mundo"},
		{"base64", "SG9sYQ==\nIG11bmRv\n", "Hola mundo"}, {"base64", "SG9sYQ==\n\n_______\nPie de la lista\n", "Hola"}, {"base64", "", ""}, {"base64", "S", ""}, {"base64", "====", ""},
		{"quoted-printable", "Se=C3=B1al=\r\n es=\n =3D", "Señal es ="}, {"quoted-printable", "a=ZZb=4", "a=ZZb=4"}, {"quoted-printable", "a=  \r\nb=", "ab"}, {"quoted-printable", "x=e9", "x\xe9"},
		{"7bit", "a=3D", "a=3D"}, {"", "a", "a"}, {"x-uuencode", "begin 644 a.txt\n#0V%T\n`\nend\n", "Cat"},
	} {
		p := Part{Encoding: c.encoding, Offset: 2, Length: int64(len(c.encoded))}
		raw := []byte("xx" + c.encoded + "yy")
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "one byte": iotest.OneByteReader, "half": iotest.HalfReader,
		} {
			got, err := io.ReadAll(wrap(p.Open(raw)))
			if err != nil || string(got) != c.want {
				t.Errorf("%s of %q, %s: %q, %v", c.encoding, c.encoded, name, got, err)
			}
		}
		if got := decodeTransfer(c.encoding, []byte(c.encoded)); string(got) != c.want {
			t.Errorf("%s of %q: %q", c.encoding, c.encoded, got)
		}
	}
	out := Part{Offset: -5, Length: 1 << 40}
	if got, _ := io.ReadAll(out.Open([]byte("abc"))); string(got) != "abc" {
		t.Errorf("a part beyond the mail reads %q", got)
	}
}

func TestCharsets(t *testing.T) {
	for _, c := range []struct{ charset, text, want string }{
		{"utf-8", "a\xc3\xb1o", "año"}, {"UTF-8", "a\xf1o", "año"}, {"utf-8", "\xef\xbb\xbfx", "x"}, {"utf-8", "\xc3\xb1\xff", "ñ\uFFFD"},
		{"iso-8859-1", "a\xf1o", "año"}, {"latin1", "\x93x\x94", "“x”"}, {"", "a\xc3\xb1o", "año"}, {"", "a\xf1o", "año"}, {"us-ascii", "a\xf1o", "año"},
		{"iso-8859-15", "\xa4", "€"}, {"windows-1251", "\xc4\xe0", "Да"}, {"koi8-r", "\xe4\xc1", "Да"}, {"gb2312", "\xc4\xe3", "你"}, {"big5", "\xa7A", "你"}, {"shift_jis", "\x82\xa0", "あ"},
		{"iso-2022-jp", "\x1b$B$\"\x1b(B", "あ"}, {"iso-2022-jp", "\xc3\xb1", "ñ"}, {"euc-kr", "\xb0\xa1", "가"}, {"ks_c_5601-1987", "\xb0\xa1", "가"}, {"utf-7", "a+APE-o+-", "año+"}, {"\"utf-8\" (x)", "ñ", "ñ"},
		{"utf-16le", "a\x00", "a"}, {"cp850", "\xa4", "ñ"}, {"x-mac-roman-nada", "a\xf1o", "año"},
	} {
		got, known := decodeCharset(c.charset, []byte(c.text))
		if got != c.want || !utf8.ValidString(got) || known == (c.charset == "x-mac-roman-nada") {
			t.Errorf("%s of %q: %q, %v", c.charset, c.text, got, known)
		}
	}
}

func TestSafeNames(t *testing.T) {
	for name, want := range map[string]string{
		"informe.pdf": "informe.pdf", "../../etc/passwd": "passwd", `C:\x\y.doc`: "y.doc", ".htaccess": "htaccess", "\u200b.htaccess": "htaccess", "...": "", "..": "", "": "", "/": "",
		"an\u0303o.txt": "año.txt", "a\x00b\r\nc.txt": "abc.txt", "factura\u202efdp.exe": "facturafdp.exe", "a:b?.txt": "a_b_.txt", "  a   b .txt ": "a b .txt", "N.º 5.pdf": "N.º 5.pdf", "a\u2028b": "a b", "\ufeffx": "x",
		strings.Repeat("ñ", 200) + ".pdf": strings.Repeat("ñ", 73) + ".pdf",
	} {
		if got := safeName(name); got != want {
			t.Errorf("safeName(%q) = %q, want %q", name, got, want)
		}
	}
	if got := madeName(3, "image/png"); got != "adjunto-3.png" {
		t.Error(got)
	}
	if got := madeName(1, "application/x-cosa"); got != "adjunto-1.dat" {
		t.Error(got)
	}
}

// TestPlainMarkdownShowsTheText renders what plain text is made of.
func TestPlainMarkdownShowsTheText(t *testing.T) {
	for _, text := range []string{
		"hola", "# título\n## otro", "* a\n* b\n\n- c\n+ d\n1. e\n2) f", "a *b* _c_ `d` ~~e~~ **f**", "<b>x</b> &amp; <script>", "a\nb\nc\n\nd", "    cuatro espacios\n\ttab", "a  b   c", "> cita\n>> más",
		"---\n===\n***\n___", "a\n---\nb\n===", "[x](javascript:y) ![z](http://w)", "| a | b |\n|---|---|\n| c | d |", "https://a.example/x_y*z?q=1&r=2.", "ver (https://a.example/x), o http://b.example", "http://", "a\\b\\*c", "```\ncódigo\n```", "[1]: http://x", "a@b.example", ":smile: $x$ {y}", "100%",
	} {
		m := ReadBody("text", []byte(text))
		var page bytes.Buffer
		if err := goldmark.Convert([]byte(EscapeMarkdown(text)), &page); err != nil {
			t.Fatal(err)
		}
		got, want := shown(t, page.String()), strings.ReplaceAll(text, "\t", "    ")
		if squeeze(got) != squeeze(want) {
			t.Errorf("%q shows %q (%s)", text, got, page.String())
		}
		for _, tag := range []string{"<h1", "<li", "<em", "<code", "<strong", "<table", "<script", "<img", "<blockquote", "<hr"} {
			if strings.Contains(page.String(), tag) {
				t.Errorf("%q has %s: %s", text, tag, page.String())
			}
		}
		if m.Markdown() == "" {
			t.Errorf("%q has no Markdown", text)
		}
	}
}

// squeeze drops what a page does not show: empty lines.
func squeeze(s string) string {
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(s, "\u00a0", " ")) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// shown returns the words of a page with its line breaks.
func shown(t *testing.T, page string) string {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(page))
	var b strings.Builder
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			b.Write(z.Text())
		}
	}
}

func TestMarkdownOfPages(t *testing.T) {
	picture := "From: a@x.example\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n" +
		"<p>Mire: <img src=\"cid:uno@x\"><img src=\"cid:dos@x\"><img src=\"https://rastreo.example/a.png\" alt=\"x\"></p>\n--b\n" +
		"Content-Type: image/png; name=\"captura 1.png\"\nContent-ID: <uno@x>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n"
	m := Parse([]byte(picture))
	if got := m.Markdown(); got != "Mire: ![captura 1.png](cid:uno@x)" {
		t.Errorf("pictures: %q", got)
	}
	if len(m.Parts) != 1 || m.Parts[0].Disposition != "inline" || m.Parts[0].ContentID != "uno@x" {
		t.Errorf("parts: %+v", m.Parts)
	}
	for page, want := range map[string]string{
		"<p>a<b>b</b> <i>c</i></p>":                                 "a**b** *c*",
		"<a href=\"mailto:a@b.example\">x</a>":                      "[x](mailto:a@b.example)",
		"<a href=\"JavaScript:alert(1)\">x</a>":                     "x",
		"<a href=\"//x.example\">x</a>":                             "x",
		"<form action=\"http://x\"><input value=y>texto</form>":     "texto",
		"<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>":              "&lt;script&gt;alert(1)&lt;/script&gt;",
		"<svg><a href=\"https://x\">y</a></svg>z":                   "z",
		"<p style=\"display: none\">#cerrar</p>visible":             "visible",
		"<table><tr><td><table><tr><td>a</td></tr></table></table>": "a",
		strings.Repeat("<blockquote>", 30) + "x":                    strings.Repeat("> ", maxListDepth) + "x",
	} {
		if got := ReadBody("html", []byte(page)).Markdown(); got != want {
			t.Errorf("%s\n got %q\nwant %q", page, got, want)
		}
	}
	long := ReadBody("text", []byte(strings.Repeat("* larga\n", 20000))).Markdown()
	if len(long) > maxMarkdown || !utf8.ValidString(long) || !strings.HasSuffix(long, "…") {
		t.Errorf("%d bytes", len(long))
	}
}

func TestDeepPageHasText(t *testing.T) {
	deep := strings.Repeat("<div>", 2000) + "hondo<br>abajo<script>x</script>"
	m := ReadBody("html", []byte(deep))
	if m.Text != "hondo\nabajo\n" {
		t.Errorf("%q", m.Text)
	}
	if got := m.Markdown(); got != "hondo\\\nabajo" {
		t.Errorf("%q", got)
	}
}

func TestRecord(t *testing.T) {
	r := Parse([]byte(sample)).Record("x.eml")
	if r.File != "x.eml" || r.From.Address != "Jose@ejemplo.co" || r.Date != "2013-12-09T14:02:03-05:00" || len(r.Attachments) != 1 || r.Attachments[0].SHA256 != "4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6" {
		t.Errorf("%+v", r)
	}
	empty := Parse(nil).Record("")
	if empty.From != nil || empty.To == nil || empty.Recipients == nil || empty.Defects == nil || empty.Attachments == nil {
		t.Errorf("%+v", empty)
	}
}

// TestFoldInOneWay: a text folds to the same whatever stands beside it: the quick way
// for Latin text and the other one agree.
func TestFoldInOneWay(t *testing.T) {
	for r := rune(1); r < 0x180; r++ {
		if alone, behind := Fold(string(r)), Fold("Ω"+string(r)); "ω"+alone != behind && Fold("Ω") == "ω" && !strokeLetter(r) {
			t.Errorf("%U %q: alone %q, behind a Greek letter %q", r, string(r), alone, behind)
		}
	}
}

func strokeLetter(r rune) bool { return strings.ContainsRune("øØłŁđĐ", r) }
