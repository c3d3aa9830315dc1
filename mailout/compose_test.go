package mailout

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	gomessage "github.com/emersion/go-message"
	gomail "github.com/emersion/go-message/mail"
	"github.com/jhillyerd/enmime/v2"
	"pgregory.net/rapid"

	"ventanilla/mail"
)

// assembled composes a draft and returns the mail's bytes, with everything that
// holds of every mail checked: size and hash are those of the bytes, lines end
// in CRLF and are short, and every byte is ASCII.
func assembled(t testing.TB, d Draft) []byte {
	t.Helper()
	pieces, size, sum, err := Compose(d)
	if err != nil {
		t.Fatalf("Compose: %v", err)
	}
	open, released := opener(d.Files)
	var b bytes.Buffer
	if err := Assemble(&b, pieces, open); err != nil {
		t.Fatalf("Assemble: %v", err)
	}
	if *released != 0 {
		t.Errorf("%d raw mails were opened and not released", *released)
	}
	raw := b.Bytes()
	if fault := wireFault(raw); fault != "" {
		t.Fatalf("%s in\n%s", fault, raw)
	}
	hash := sha256.Sum256(raw)
	if size != int64(len(raw)) || sum != hex.EncodeToString(hash[:]) {
		t.Errorf("Compose says %d bytes and %s, Assemble wrote %d and %x", size, sum, len(raw), hash)
	}
	again, _, _, _ := Compose(d)
	if !slices.Equal(again, pieces) {
		t.Error("the same draft made other pieces")
	}
	for i := 1; i < len(pieces); i++ {
		if pieces[i].Mail == "" && pieces[i-1].Mail == "" {
			t.Error("two text pieces stand next to each other")
		}
	}
	return raw
}

// wireFault returns what makes bytes unfit to be sent by any SMTP server.
func wireFault(raw []byte) string {
	header := true
	for i, line := range strings.SplitAfter(string(raw), "\n") {
		text, ended := strings.CutSuffix(line, "\r\n")
		switch {
		case line == "":
			continue
		case !ended:
			return fmt.Sprintf("line %d does not end in CRLF", i+1)
		case strings.ContainsAny(text, "\r\n\x00"):
			return fmt.Sprintf("line %d has a bare CR, LF or NUL", i+1)
		case len(text) > 998:
			return fmt.Sprintf("line %d has %d octets", i+1, len(text))
		case header && len(text) > 78 && strings.Contains(strings.TrimLeft(text, " ")[1:], " ") && !singleWord(text):
			return fmt.Sprintf("header line %d has %d columns and could be folded", i+1, len(text))
		}
		header = header && text != ""
		for _, c := range []byte(text) {
			if c >= 0x80 {
				return fmt.Sprintf("line %d is not 7-bit", i+1)
			}
		}
	}
	return ""
}

// singleWord says that a header line is a name and one word, or one word.
func singleWord(line string) bool {
	line = strings.TrimLeft(line, " ")
	if name, rest, ok := strings.Cut(line, ": "); ok && !strings.Contains(name, " ") {
		line = rest
	}
	return !strings.Contains(line, " ")
}

func opener(files []File) (open func(string) ([]byte, func(), error), opened *int) {
	opened = new(int)
	return func(ref string) ([]byte, func(), error) {
		for _, f := range files {
			if f.Mail == ref {
				*opened++
				return f.Raw, func() { *opened-- }, nil
			}
		}
		return nil, nil, fmt.Errorf("no mail %s", ref)
	}, opened
}

// fileOf makes a File out of content that lies somewhere in a raw mail.
func fileOf(ref, name, mediaType string, content []byte, encoding string) File {
	body := string(content)
	if encoding == "base64" {
		body = base64.StdEncoding.EncodeToString(content)
	}
	const before = "Subject: x\r\n\r\nwhat stands before\r\n"
	return File{Name: name, Type: mediaType, Mail: ref, Raw: []byte(before + body + "\r\nand after"),
		Part: mail.Part{Offset: int64(len(before)), Length: int64(len(body)), Encoding: encoding}}
}

func header(fields ...string) (h []mail.Field) {
	for i := 0; i < len(fields); i += 2 {
		h = append(h, mail.Field{Name: fields[i], Value: fields[i+1]})
	}
	return h
}

func TestSubjectsComeBack(t *testing.T) {
	for _, subject := range []string{
		"No imprime",
		"[#003181] ¿Cuándo estará lista la impresión? Año 2026, señor Núñez",
		"[#003181] 打印机无法打印,请尽快处理打印机无法打印,请尽快处理打印机无法打印,请尽快处理",
		"plain then ñ then plain words again and a ñandú ñandú at the end of a rather long subject line",
		"=?utf-8?q?looks_encoded?= but is text",
		"=?utf-8?q?looks_encoded?= y señal",
		strings.Repeat("á", 300),
		strings.Repeat("word ", 200) + "end",
		strings.Repeat("x", 2000),
		strings.Repeat("🖨️", 60),
		"a ñ b ñ c",
		"ñ",
	} {
		raw := assembled(t, Draft{Header: header("From", Mailbox("Mesa", "mesa@x.example"), "Subject", subject), Text: "hola"})
		m, err := netmail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || got != subject {
			t.Errorf("net/mail reads %q (%v)\nwant         %q", got, err, subject)
		}
		r, err := gomail.CreateReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Header.Subject(); err != nil || got != subject {
			t.Errorf("go-message reads %q (%v)\nwant           %q", got, err, subject)
		}
		checkEncodedWords(t, raw)
	}
}

// checkEncodedWords looks at each encoded-word of a mail by itself: at most 75
// characters, and whole characters inside.
func checkEncodedWords(t *testing.T, raw []byte) {
	t.Helper()
	for word := range strings.FieldsSeq(string(raw)) {
		if !strings.HasPrefix(word, "=?utf-8?") {
			continue
		}
		word = strings.TrimRight(word, `";:`)
		decoded, err := new(mime.WordDecoder).Decode(word)
		if len(word) > 75 || err != nil || !utf8.ValidString(decoded) {
			t.Errorf("encoded-word %q: %d characters, %v, %q", word, len(word), err, decoded)
		}
	}
}

func TestMailboxesComeBack(t *testing.T) {
	tests := []struct{ name, address, want string }{
		{"", "ana@x.example", "<ana@x.example>"},
		{"Ana", "ana@x.example", "Ana <ana@x.example>"},
		{"Ana Gomez", "ana@x.example", "Ana Gomez <ana@x.example>"},
		{"Gomez, Ana", "ana@x.example", `"Gomez, Ana" <ana@x.example>`},
		{`El "jefe" \o/`, "ana@x.example", `"El \"jefe\" \\o/" <ana@x.example>`},
		{"Ana Gómez", "ana@x.example", "=?utf-8?q?Ana_G=C3=B3mez?= <ana@x.example>"},
		{"Gómez, Ana (Jefe) <otra@x.example>", "ana@x.example", ""},
		{"soporte@x.example", "ana@x.example", `"soporte@x.example" <ana@x.example>`},
		{"Ana\r\nBcc: todos@x.example", "ana@x.example", `"Ana Bcc: todos@x.example" <ana@x.example>`},
		{"李明", "li@x.example", "=?utf-8?b?5p2O5piO?= <li@x.example>"},
		{"=?utf-8?q?Jefe?=", "ana@x.example", ""},
		{strings.Repeat("Muñoz ", 30), "ana@x.example", ""},
		{"Ana", `"ana gomez"@x.example`, `Ana <"ana gomez"@x.example>`},
		{"Ana", "ana gomez@x.example", `Ana <"ana gomez"@x.example>`},
		{"Ana", "soporte+k3abc@x.example", "Ana <soporte+k3abc@x.example>"},
		{"Ana", "ana..gomez@x.example", `Ana <"ana..gomez"@x.example>`},
	}
	for _, test := range tests {
		got := Mailbox(test.name, test.address)
		if test.want != "" && got != test.want {
			t.Errorf("Mailbox(%q, %q) = %s, want %s", test.name, test.address, got, test.want)
		}
		raw := assembled(t, Draft{Header: header("To", got, "From", "<mesa@x.example>"), Text: "hola"})
		checkEncodedWords(t, raw)
		m, err := netmail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		list, err := m.Header.AddressList("To")
		if err != nil || len(list) != 1 {
			t.Errorf("To: %s is read as %v, %v", got, list, err)
			continue
		}
		name := strings.Join(strings.Fields(test.name), " ")
		if len(name) <= nameSize && list[0].Name != name || utf8.RuneCountInString(list[0].Name) == 0 && test.name != "" {
			t.Errorf("the name of %s is read as %q, want %q", got, list[0].Name, name)
		}
		if want := strings.Trim(strings.ReplaceAll(test.address, `"`, ""), " "); strings.ReplaceAll(list[0].Address, `"`, "") != want {
			t.Errorf("the address of %s is read as %q, want %q", got, list[0].Address, want)
		}
	}
}

func TestMailboxOutsideASCII(t *testing.T) {
	if got, want := Mailbox("José", "jose@año.example"), "=?utf-8?b?Sm9zw6k=?= <jose@xn--ao-zja.example>"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := Mailbox("José", "josé@correo.example"), "=?utf-8?q?jos=C3=A9=40correo=2Eexample?=:;"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A value cannot end its header line, whatever it holds: this is the guard
// against header injection. The same values written raw do add a field.
func TestNoHeaderInjection(t *testing.T) {
	for _, end := range []string{"\r\n", "\n", "\r", "\x00\r\n", "\r\n\r\n", "\u2028\n", "\x0b\n", "\r\n "} {
		value := "hola" + end + "Bcc: victima@x.example"
		for _, name := range []string{"Subject", "To", "X-Ventanilla-Loop", "References"} {
			raw := assembled(t, Draft{Header: header(name, value), Text: "hola"})
			if m, err := netmail.ReadMessage(bytes.NewReader(raw)); err != nil || m.Header.Get("Bcc") != "" {
				t.Errorf("%s: %q made a field of its own (%v)", name, value, err)
			}
		}
	}
	raw := "Subject: hola\r\nBcc: victima@x.example\r\n\r\nhola"
	if m, err := netmail.ReadMessage(strings.NewReader(raw)); err != nil || m.Header.Get("Bcc") == "" {
		t.Error("the check would not notice an injected field")
	}
	for _, name := range []string{"", "Bcc:", "X Y", "Señal", "X\r\nBcc", strings.Repeat("x", 100)} {
		if _, _, _, err := Compose(Draft{Header: header(name, "x")}); err == nil {
			t.Errorf("the header name %q was taken", name)
		}
	}
}

func TestReferencesAreFolded(t *testing.T) {
	var ids []string
	for i := range 12 {
		ids = append(ids, fmt.Sprintf("<%d.%s@correo.entidad.example>", i, strings.Repeat("a", 5*i)))
	}
	raw := assembled(t, Draft{Header: header("References", strings.Join(ids, " "), "In-Reply-To", "<"+strings.Repeat("z", 1500)+"@x>"), Text: "x"})
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil || m.Header.Get("References") != strings.Join(ids, " ") {
		t.Errorf("References are read as %q (%v)", m.Header.Get("References"), err)
	}
	if _, found := m.Header["In-Reply-To"]; found {
		t.Error("a msg-id that no line can hold was written")
	}
}

var texts = []string{
	"", "hola", "hola\n", "hola\n\nadiós\n", "From aquí\nFrom allá\n.\n..\n", "fin con espacio \ny tab\t\n",
	strings.Repeat("a", 5000), strings.Repeat("ñ", 3000), strings.Repeat("palabra ", 400), "a=b =3D =\n=20",
	"emoji 👩🏽‍💻 y texto", strings.Repeat("x", 75) + "ñ", strings.Repeat("x", 75) + ".\n", strings.Repeat("x", 75) + "From ",
	"--=_a frontera\n--=_m\n", "\n\n\n", "tab\tdentro",
}

func TestTextsComeBack(t *testing.T) {
	for _, text := range texts {
		for _, html := range []string{"", "<p>" + text + "</p>"} {
			raw := assembled(t, Draft{Header: header("Subject", "x"), Text: text, HTML: html, Boundary: "seed"})
			gotText, gotHTML := bodies(t, raw)
			if asRead(gotText) != asRead(text) || asRead(gotHTML) != asRead(html) {
				t.Errorf("text %.60q is read as %.60q, HTML as %.60q", text, gotText, gotHTML)
			}
			e, err := enmime.ReadEnvelope(bytes.NewReader(raw))
			if err != nil || asRead(e.Text) != asRead(text) && html == "" || asRead(e.HTML) != asRead(html) {
				t.Errorf("enmime reads %.60q as %.60q and %.60q (%v)", text, e.Text, e.HTML, err)
			}
			for _, fault := range e.Errors {
				if fault.Name == enmime.ErrorPlainTextFromHTML && text == "" || fault.Name == enmime.ErrorCharsetDeclaration {
					continue // it takes an empty part for none, and guesses at charsets
				}
				t.Errorf("enmime finds in %.60q: %v", text, fault)
			}
		}
	}
}

func asRead(s string) string { return strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n") }

// bodies returns the text and the HTML of a mail, as go-message reads them.
func bodies(t testing.TB, raw []byte) (text, html string) {
	t.Helper()
	e, err := gomessage.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("go-message: %v in\n%s", err, raw)
	}
	err = e.Walk(func(_ []int, part *gomessage.Entity, err error) error {
		if err != nil {
			return err
		}
		kind, _, _ := part.Header.ContentType()
		disposition, _, _ := part.Header.ContentDisposition()
		if disposition != "" {
			return nil
		}
		switch kind {
		case "text/plain":
			b, err := io.ReadAll(part.Body)
			text = string(b)
			return err
		case "text/html":
			b, err := io.ReadAll(part.Body)
			html = string(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatalf("go-message: %v in\n%s", err, raw)
	}
	return text, html
}

func TestFilesComeBack(t *testing.T) {
	binary := make([]byte, 100_000)
	for i := range binary {
		binary[i] = byte(i * 7)
	}
	picture := fileOf("log/1", "captura de pantalla.png", "image/png", binary[:57*256*2], "base64")
	picture.Inline, picture.ContentID = true, "image001.png@01DB.ABC"
	files := []File{
		picture,
		fileOf("log/2", "informe.pdf", "application/pdf", binary, "base64"),
		fileOf("log/3", "Resolución Nº 12 — año 2026.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", []byte("x"), "base64"),
		fileOf("log/4", strings.Repeat("ñandú ", 20)+".txt", "text/plain", []byte("raw 8-bit: \xff\x00"), "8bit"),
		fileOf("log/5", "vacío", "application/x-empty", nil, "base64"),
		fileOf("log/6", `raro "nombre"\.zip`, "not a type", []byte("zip"), "base64"),
		fileOf("log/7", "correo.eml", "message/rfc822", []byte("Subject: hola\r\n\r\nx"), "7bit"),
		fileOf("log/8", "", "image/svg+xml", []byte("<svg/>"), "7bit"),
		fileOf("log/9", "=?utf-8?q?x?=.txt", "text/plain", []byte("x"), "7bit"),
	}
	raw := assembled(t, Draft{Header: header("Subject", "x"), Text: "ñ", HTML: `<img src="cid:image001.png@01DB.ABC">`, Files: files, Boundary: "s"})
	checkEncodedWords(t, raw)
	e, err := enmime.ReadEnvelope(bytes.NewReader(raw))
	if err != nil || len(e.Errors) > 0 {
		t.Fatalf("enmime: %v %v", err, e.Errors)
	}
	got := append(append([]*enmime.Part{}, e.Inlines...), e.Attachments...)
	if len(got) != len(files) {
		t.Fatalf("%d files are read, want %d", len(got), len(files))
	}
	for i, f := range files {
		name, want := f.Name, new(bytes.Buffer)
		if name == "" {
			name = "adjunto"
		}
		_, _ = io.Copy(want, f.Part.Open(f.Raw))
		if strings.HasPrefix(name, "=?") {
			name = got[i].FileName // enmime decodes a name twice; checkNames looks at it
		}
		if got[i].FileName != name || !bytes.Equal(got[i].Content, want.Bytes()) {
			t.Errorf("%q is read as %q, %d bytes for %d", name, got[i].FileName, len(got[i].Content), want.Len())
		}
	}
	if e.Inlines[0].ContentID != picture.ContentID || e.Inlines[0].ContentType != "image/png" {
		t.Errorf("the picture is read as %q, %s", e.Inlines[0].ContentID, e.Inlines[0].ContentType)
	}
	if got := structure(t, raw); got != "multipart/mixed(multipart/alternative(text/plain multipart/related(text/html image/png)) application/pdf "+
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document text/plain application/x-empty "+
		"application/octet-stream application/octet-stream image/svg+xml text/plain)" {
		t.Errorf("structure %s", got)
	}
	checkNames(t, raw, files)
}

// checkNames reads the two forms of each file name by themselves.
func checkNames(t *testing.T, raw []byte, files []File) {
	t.Helper()
	e, err := gomessage.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	_ = e.Walk(func(_ []int, part *gomessage.Entity, _ error) error {
		_, disposition, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		_, typed, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if disposition["filename"] == "" {
			return nil
		}
		want := strings.TrimSpace(files[i].Name)
		if want == "" {
			want = "adjunto"
		}
		old, _ := new(mime.WordDecoder).DecodeHeader(typed["name"])
		if disposition["filename"] != want || old != want {
			t.Errorf("name %q: RFC 2231 says %q, RFC 2047 says %q", want, disposition["filename"], old)
		}
		i++
		return nil
	})
	if i != len(files) {
		t.Errorf("%d files have a name, want %d", i, len(files))
	}
}

func structure(t *testing.T, raw []byte) string {
	t.Helper()
	e, err := gomessage.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return shape(e)
}

func shape(e *gomessage.Entity) string {
	kind, _, _ := e.Header.ContentType()
	r := e.MultipartReader()
	if r == nil {
		return kind
	}
	var parts []string
	for {
		p, err := r.NextPart()
		if err != nil {
			return kind + "(" + strings.Join(parts, " ") + ")"
		}
		parts = append(parts, shape(p))
	}
}

func TestStructureIsAsSmallAsCanBe(t *testing.T) {
	file := fileOf("log/1", "a.png", "image/png", []byte("png"), "base64")
	inline := file
	inline.Inline, inline.ContentID = true, "a@b"
	nameless := file
	nameless.Inline = true
	tests := []struct {
		draft Draft
		want  string
	}{
		{Draft{Text: "x"}, "text/plain"},
		{Draft{Text: "x", HTML: "y"}, "multipart/alternative(text/plain text/html)"},
		{Draft{Text: "x", Files: []File{file}}, "multipart/mixed(text/plain image/png)"},
		{Draft{Text: "x", HTML: "y", Files: []File{inline}}, "multipart/alternative(text/plain multipart/related(text/html image/png))"},
		{Draft{Text: "x", Files: []File{inline}}, "multipart/mixed(text/plain image/png)"},
		{Draft{Text: "x", HTML: "y", Files: []File{nameless}}, "multipart/mixed(multipart/alternative(text/plain text/html) image/png)"},
	}
	for _, test := range tests {
		if got := structure(t, assembled(t, test.draft)); got != test.want {
			t.Errorf("structure %s, want %s", got, test.want)
		}
	}
}

func TestFileOutsideItsMail(t *testing.T) {
	f := fileOf("log/1", "a.png", "image/png", []byte("png"), "base64")
	for _, place := range [][2]int64{{-1, 1}, {0, -1}, {1 << 40, 1}, {1, 1 << 62}, {0, int64(len(f.Raw)) + 1}} {
		f.Part.Offset, f.Part.Length = place[0], place[1]
		if _, _, _, err := Compose(Draft{Text: "x", Files: []File{f}}); err == nil {
			t.Errorf("a file at %d, %d bytes long, was taken from a mail of %d", place[0], place[1], len(f.Raw))
		}
		piece := Piece{Mail: "log/1", Offset: place[0], Length: place[1]}
		open, released := opener([]File{f})
		if err := Assemble(io.Discard, []Piece{piece}, open); err == nil || *released != 0 {
			t.Errorf("Assemble: %v, %d not released", err, *released)
		}
	}
	f.Part.Offset, f.Part.Length, f.Mail = 0, 1, ""
	if _, _, _, err := Compose(Draft{Text: "x", Files: []File{f}}); err == nil {
		t.Error("a file without a mail that it lies in was taken")
	}
}

// A boundary that stood in a text would end it. Text that would hold one is
// written in quoted-printable, which cannot.
func TestBoundariesAreNotInTheContent(t *testing.T) {
	raw := assembled(t, Draft{Text: "x", HTML: "y", Boundary: "seed"})
	_, after, _ := bytes.Cut(raw, []byte("boundary=\""))
	boundary, _, _ := bytes.Cut(after, []byte("\""))
	hostile := "before\n--" + string(boundary) + "--\nafter"
	text, _ := bodies(t, assembled(t, Draft{Text: hostile, HTML: "y", Boundary: "seed"}))
	if asRead(text) != hostile {
		t.Errorf("a text with the boundary in it is read as %q", text)
	}
	cut := bytes.Replace(raw, []byte("\r\n\r\nx\r\n"), []byte("\r\n\r\n"+strings.ReplaceAll(hostile, "\n", "\r\n")+"\r\n"), 1)
	if text, _ := bodies(t, cut); asRead(text) == hostile {
		t.Error("the check would not notice a boundary in the text")
	}
}

func TestComposeHoldsForAnything(t *testing.T) {
	word := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z=?_ \r\n".,<>@ñé😀-]{0,120}`))
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "content")
		f := fileOf("log/1", word.Draw(t, "name"), word.Draw(t, "type"), content, rapid.SampledFrom([]string{"base64", "8bit"}).Draw(t, "encoding"))
		f.Inline, f.ContentID = rapid.Bool().Draw(t, "inline"), word.Draw(t, "id")
		d := Draft{
			Header: header("Subject", word.Draw(t, "subject"), "To", Mailbox(word.Draw(t, "to"), word.Draw(t, "address")), "X-Any", word.Draw(t, "any")),
			Text:   word.Draw(t, "text"), HTML: word.Draw(t, "html"), Boundary: word.Draw(t, "seed"), Files: []File{f},
		}
		pieces, size, sum, err := Compose(d)
		if err != nil {
			t.Fatal(err)
		}
		open, _ := opener(d.Files)
		var b bytes.Buffer
		if err := Assemble(&b, pieces, open); err != nil {
			t.Fatal(err)
		}
		if fault := wireFault(b.Bytes()); fault != "" {
			t.Fatalf("%s in\n%s", fault, b.Bytes())
		}
		if hash := sha256.Sum256(b.Bytes()); size != int64(b.Len()) || sum != hex.EncodeToString(hash[:]) {
			t.Fatal("size or hash are not those of the bytes")
		}
	})
}

func FuzzCompose(f *testing.F) {
	for _, text := range texts {
		f.Add("asunto "+text, "Ana", "ana@x.example", text, "<p>"+text, "año.pdf", []byte(text))
	}
	f.Fuzz(func(t *testing.T, subject, name, address, text, html, file string, content []byte) {
		d := Draft{Header: header("Subject", subject, "To", Mailbox(name, address)), Text: text, HTML: html, Boundary: subject,
			Files: []File{fileOf("log/1", file, "image/png", content, "base64")}}
		raw := assembled(t, d)
		m, err := netmail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("net/mail: %v in\n%s", err, raw)
		}
		got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if want := oneLine(subject); err != nil || got != want {
			t.Errorf("the subject is read as %q (%v), want %q", got, err, want)
		}
		e, err := enmime.ReadEnvelope(bytes.NewReader(raw))
		if err != nil || len(e.Attachments) != 1 || !bytes.Equal(e.Attachments[0].Content, content) {
			t.Errorf("the file is read otherwise (%v)", err)
		}
	})
}

func BenchmarkCompose(b *testing.B) {
	d := Draft{
		Header: header("From", Mailbox("Mesa de ayuda", "soporte@x.example"), "To", Mailbox("Ana Gómez", "ana@x.example"),
			"Subject", "[#003181] No imprime la impresora de Contabilidad, ¿qué pasó?", "Message-ID", "<m4k2j4h5k2j3h4k5j2h3@x.example>",
			"References", "<t1@x.example> <CAHk2j4h5k2j3h4k5j2h3@mail.x.example>", "Date", "Sat, 21 Nov 2026 21:00:00 +0000"),
		Text: strings.Repeat("Registramos su solicitud y le avisaremos de cada avance.\n", 10),
		HTML: strings.Repeat(`<p style="margin:0 0 16px">Registramos su solicitud «No imprime» y le avisaremos de cada avance.</p>`+"\n", 30),
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := Compose(d); err != nil {
			b.Fatal(err)
		}
	}
}
