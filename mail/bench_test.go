package mail

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strings"
	"testing"
)

// answer is a mail of 4 KB as a desk gets it: an answer with a quote, in text
// and HTML.
func answer() []byte {
	head := "Received: from a by b; Mon, 9 Dec 2013 14:02:00 -0500\r\nReceived: from c by a; Mon, 9 Dec 2013 14:02:00 -0500\r\n" +
		"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=ejemplo.example; s=s1;\r\n h=from:to:subject; bh=" + strings.Repeat("a", 40) + "=;\r\n b=" + strings.Repeat("b", 300) + "\r\n" +
		"Authentication-Results: mx.mesa.example; dkim=pass header.d=ejemplo.example; spf=pass smtp.mailfrom=ana@ejemplo.example\r\n" +
		"From: =?UTF-8?Q?Ana_P=C3=A9rez?= <ana@ejemplo.example>\r\nTo: Mesa de ayuda <soporte@mesa.example>\r\nSubject: RE: [#003181] No imprime la impresora del segundo piso\r\n" +
		"Date: Mon, 9 Dec 2013 14:02:03 -0500\r\nMessage-ID: <CAJ0123456789@mail.ejemplo.example>\r\nIn-Reply-To: <abc.def@mesa.example>\r\nReferences: <abc.def@mesa.example>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"000000000000a1b2c3\"\r\n\r\n"
	text := "Buenas tardes,\r\n\r\nSigue sin imprimir. Ya apagué y encendí la impresora, y revisé el cable de red.\r\n\r\nSaludos,\r\nAna Pérez\r\n\r\n" +
		"El lun, 9 dic 2013 a las 13:50, Mesa de ayuda (<soporte@mesa.example>) escribió:\r\n\r\n" + strings.Repeat("> Hemos recibido su solicitud y la atenderemos pronto.\r\n", 12)
	page := "<div dir=\"ltr\">Buenas tardes,<div><br></div><div>Sigue sin imprimir. Ya apagué y encendí la impresora.</div></div><br><div class=\"gmail_quote\"><blockquote>" +
		strings.Repeat("<p>Hemos recibido su solicitud y la atenderemos pronto.</p>\r\n", 12) + "</blockquote></div>\r\n"
	return []byte(head + "--000000000000a1b2c3\r\nContent-Type: text/plain; charset=\"UTF-8\"\r\n\r\n" + text +
		"\r\n--000000000000a1b2c3\r\nContent-Type: text/html; charset=\"UTF-8\"\r\n\r\n" + page + "\r\n--000000000000a1b2c3--\r\n")
}

func benchmark(b *testing.B, f func(raw []byte)) {
	raw := answer()
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		f(raw)
	}
}

func BenchmarkParse(b *testing.B)     { benchmark(b, func(raw []byte) { Parse(raw) }) }
func BenchmarkContentID(b *testing.B) { benchmark(b, func(raw []byte) { ContentID(raw) }) }
func BenchmarkPrescan(b *testing.B) {
	benchmark(b, func(raw []byte) { _ = Prescan(raw, DefaultLimits) })
}
func BenchmarkMarkdown(b *testing.B) {
	m := Parse(answer())
	benchmark(b, func([]byte) { m.Markdown() })
}

// BenchmarkPage reads a mail that is HTML alone.
func BenchmarkPage(b *testing.B) {
	m := Parse(answer())
	raw := []byte("From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + m.HTML)
	benchmark(b, func([]byte) { Parse(raw) })
}

// standardLibrary reads a mail with net/mail and mime/multipart and does no more
// than to find its parts: the floor.
func standardLibrary(b *testing.B, raw []byte) {
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		b.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		b.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			return
		} else if err != nil {
			b.Fatal(err)
		}
		var r io.Reader = p
		if p.Header.Get("Content-Transfer-Encoding") == "base64" {
			r = base64.NewDecoder(base64.StdEncoding, p)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFloor is what BenchmarkParse is held against.
func BenchmarkFloor(b *testing.B) {
	benchmark(b, func(raw []byte) { standardLibrary(b, raw) })
}

// withFile is a mail with a file of so many bytes.
func withFile(size int) []byte {
	var m bytes.Buffer
	m.WriteString("From: a@b.example\r\nContent-Type: multipart/mixed; boundary=limite\r\n\r\n--limite\r\nContent-Type: text/plain\r\n\r\nVa.\r\n--limite\r\n" +
		"Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	line := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 57))) + "\r\n"
	for range size / 57 {
		m.WriteString(line)
	}
	m.WriteString("--limite--\r\n")
	return m.Bytes()
}

// BenchmarkFile reads a mail with a file of 10 MB; BenchmarkFileFloor does what
// the standard library can do.
func BenchmarkFile(b *testing.B) {
	raw := withFile(10 << 20)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if err := Prescan(raw, DefaultLimits); err != nil {
			b.Fatal(err)
		}
		Parse(raw)
	}
}

func BenchmarkFileFloor(b *testing.B) {
	raw := withFile(10 << 20)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		standardLibrary(b, raw)
	}
}
