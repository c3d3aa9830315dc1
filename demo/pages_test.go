package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"ventanilla/mail"
	"ventanilla/mailin"
)

// desk answers each mail with one of its own, as the real one does.
type desk struct {
	outbox *Inbox
	taken  *Inbox
	quiet  bool
}

func (d *desk) Accepts(env mail.Envelope, rcpt string) error {
	if rcpt != "soporte@desk.example" {
		return mail.ErrNoRecipient
	}
	return nil
}

func (d *desk) Receive(ctx context.Context, env mail.Envelope, r io.Reader) (mail.ID, error) {
	id, err := d.taken.Receive(ctx, env, r)
	if err != nil || d.quiet {
		return id, err
	}
	reply := fmt.Sprintf("From: Mesa <soporte+k7abc@desk.example>\r\nTo: %s\r\nSubject: [#003181] Recibimos su solicitud\r\nMessage-ID: <%d.t1@desk.example>\r\nReferences: <t1@desk.example>\r\n\r\nGracias.\r\n", env.From, d.taken.Last())
	_, err = d.outbox.Receive(ctx, mail.Envelope{Rcpts: []string{env.From}, ReceivedAt: time.Now()}, strings.NewReader(reply))
	return id, err
}

// serve runs the pages with a desk behind a real SMTP server.
func serve(t *testing.T) (*httptest.Server, *pages, *desk) {
	t.Helper()
	d := &desk{outbox: &Inbox{}, taken: &Inbox{}}
	receiver, err := mailin.NewServer(d, mailin.Options{Hostname: "desk.example"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- receiver.Serve(l) }()
	t.Cleanup(func() {
		if err := receiver.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-done
	})
	p := Pages(d.outbox, Options{Name: "Mesa de Ayuda CINOC", SMTPAddress: l.Addr().String(), Addresses: []string{"soporte@desk.example"},
		People: []Person{{"Ana Núñez", "ana@example.org", false}, {"Luis Pérez", "luis@desk.example", true}},
		Hosts:  []string{"demo.example"}, Settle: time.Millisecond}).(*pages)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return server, p, d
}

// get returns status, header and body, following redirections.
func get(t *testing.T, url string) (int, http.Header, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, res)
}

func read(t *testing.T, res *http.Response) (int, http.Header, string) {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

// post sends the form, with a file if its name is given.
func post(t *testing.T, url string, fields map[string]string, file string) (int, http.Header, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if file != "" {
		p, err := w.CreateFormFile("file", file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write([]byte("contenido\x00")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(url, w.FormDataContentType(), &b)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, res)
}

// TestConversation walks the way of a newcomer: write, see what came, answer it.
func TestConversation(t *testing.T) {
	server, _, d := serve(t)
	if status, _, page := get(t, server.URL+"/demo/"); status != 200 || !strings.Contains(page, "Aún no hay correos") || !strings.Contains(page, `value="Ana Núñez &lt;ana@example.org&gt;"`) {
		t.Fatalf("%d\n%s", status, page)
	}
	status, _, page := post(t, server.URL+"/demo/send", map[string]string{
		"from": "Ana Núñez <ana@example.org>", "to": "soporte@desk.example", "subject": "¿No imprime?", "text": "Buenos días\r\nno imprime"}, "señal.txt")
	if status != 200 || !strings.Contains(page, "envió uno en respuesta") || !strings.Contains(page, "[#003181] Recibimos su solicitud") || !strings.Contains(page, `class="new"`) {
		t.Fatalf("%d\n%s", status, page)
	}
	taken := d.taken.Mails()
	if len(taken) != 1 || taken[0].Envelope.From != "ana@example.org" || taken[0].Message.Subject != "¿No imprime?" || taken[0].Message.From[0].Name != "Ana Núñez" {
		t.Fatalf("the desk got %+v", taken)
	}
	if parts := taken[0].Message.Parts; len(parts) != 1 || parts[0].Name != "señal.txt" || parts[0].Size != 10 {
		t.Errorf("the desk got the file as %+v", parts)
	}

	status, _, page = get(t, server.URL+"/demo/mail/1")
	for _, want := range []string{`value="Mesa &lt;soporte&#43;k7abc@desk.example&gt;"`, `value="Re: [#003181] Recibimos su solicitud"`, "&gt; Gracias.", `name="answers" value="1"`} {
		if status != 200 || !strings.Contains(page, want) {
			t.Errorf("%d, no %q in\n%s", status, want, page)
		}
	}
	status, _, page = post(t, server.URL+"/demo/send", map[string]string{
		"from": "ana@example.org", "to": "soporte@desk.example", "subject": "Re: x", "text": "Sigue", "answers": "1"}, "")
	if status != 200 || !strings.Contains(page, "envió uno en respuesta") {
		t.Fatalf("%d\n%s", status, page)
	}
	m := d.taken.Mails()[1].Message
	if fmt.Sprint(m.InReplyTo, m.References) != "[1.t1@desk.example] [t1@desk.example 1.t1@desk.example]" {
		t.Errorf("answers %v, references %v", m.InReplyTo, m.References)
	}
}

// TestReadable: what the form shows is what it reads.
func TestReadable(t *testing.T) {
	for _, name := range []string{"", "Ana", "Ana Núñez", "Núñez, Ana", `Ana "la jefa" \ Núñez`, "Dr. Peña (TI)", "a@b.example", "日本"} {
		got, err := netmail.ParseAddress(readable(name, "ana@example.org"))
		if err != nil || got.Name != name || got.Address != "ana@example.org" {
			t.Errorf("%q: %+v, %v", readable(name, "ana@example.org"), got, err)
		}
	}
	if got := readable("Ana Núñez", "ana@example.org"); got != "Ana Núñez <ana@example.org>" {
		t.Errorf("%s", got)
	}
}

func TestMailboxes(t *testing.T) {
	server, _, d := serve(t)
	put(t, d.outbox, "ana@example.org", simple("para-ana"))
	put(t, d.outbox, "LUIS@desk.example", simple("para-luis"))
	put(t, d.outbox, "otra@example.org", simple("para-otra"))
	_, _, all := get(t, server.URL+"/demo/")
	if a, b := strings.Index(all, "para-otra"), strings.Index(all, "para-ana"); a < 0 || b < a {
		t.Error("not newest first")
	}
	for _, want := range []string{"Ana Núñez (1)", "Luis Pérez · técnico (1)", "otra@example.org (1)"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	_, _, one := get(t, server.URL+"/demo/?box=luis@desk.example")
	if !strings.Contains(one, "para-luis") || strings.Contains(one, "para-ana") {
		t.Errorf("the mailbox of Luis:\n%s", one)
	}
}

func TestSendProblems(t *testing.T) {
	good := map[string]string{"from": "ana@example.org", "to": "soporte@desk.example", "subject": "Hola", "text": "el texto escrito"}
	tests := []struct {
		name, field, value string
		status             int
		says               string
	}{
		{"no sender", "from", "Ana", 400, "«De» debe ser"},
		{"no recipient", "to", "", 400, "«Para» debe ser"},
		{"two recipients", "to", "a@desk.example, b@desk.example", 400, "«Para» debe ser"},
		{"long subject", "subject", strings.Repeat("x", maxSubject+1), 400, "asunto es demasiado largo"},
		{"refused by the desk", "to", "nadie@desk.example", 409, "550 5.1.1 No such mailbox here"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server, _, d := serve(t)
			fields := map[string]string{}
			for k, v := range good {
				fields[k] = v
			}
			fields[tt.field] = tt.value
			status, _, page := post(t, server.URL+"/demo/send", fields, "")
			if status != tt.status || !strings.Contains(page, tt.says) || !strings.Contains(page, "el texto escrito") {
				t.Errorf("%d\n%s", status, page)
			}
			if n := d.taken.Last(); n != 0 {
				t.Errorf("the desk got %d mails", n)
			}
		})
	}
	t.Run("the desk is down", func(t *testing.T) {
		server, p, _ := serve(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p.SMTPAddress = l.Addr().String()
		l.Close()
		status, _, page := post(t, server.URL+"/demo/send", good, "")
		if status != 502 || !strings.Contains(page, "No se pudo entregar") || strings.Contains(page, "refused") {
			t.Errorf("%d\n%s", status, page)
		}
	})
	t.Run("nothing comes back", func(t *testing.T) {
		server, p, d := serve(t)
		d.quiet, p.Patience = true, time.Millisecond
		status, _, page := post(t, server.URL+"/demo/send", good, "")
		if status != 200 || !strings.Contains(page, "todavía no ha enviado nada") {
			t.Errorf("%d\n%s", status, page)
		}
	})
	t.Run("too large", func(t *testing.T) {
		server, _, _ := serve(t)
		fields := map[string]string{"from": "ana@example.org", "to": "soporte@desk.example", "text": strings.Repeat("x", maxUpload+1)}
		if status, _, page := post(t, server.URL+"/demo/send", fields, ""); status != 400 || !strings.Contains(page, "demasiado grande") {
			t.Errorf("%d\n%s", status, page)
		}
	})
}

// TestOwnHost: a page of the network that points its name here reads nothing.
func TestOwnHost(t *testing.T) {
	_, p, d := serve(t)
	put(t, d.outbox, "ana@example.org", simple("secreto"))
	tests := map[string]bool{
		"localhost": true, "localhost:8080": true, "LocalHost:1": true, "127.0.0.1:8080": true, "127.9.9.9": true, "[::1]:8080": true, "[::1]": true,
		"demo.example": true, "demo.example:80": true, "evil.example": false, "evil.example:8080": false, "localhost.evil.example": false,
		"127.0.0.1.evil.example": false, "192.168.1.7:8080": false, "0.0.0.0:8080": false, "": false, "xlocalhost": false, "127.0.0.1@evil.example": false,
	}
	for _, path := range []string{"/demo/", "/demo/mail/1", "/demo/mail/1/raw"} {
		for host, own := range tests {
			for _, guard := range []bool{true, false} {
				p.ownHost = p.isOwnHost
				if !guard {
					p.ownHost = func(string) bool { return true } // the control
				}
				r := httptest.NewRequest("GET", path, nil)
				r.Host = host
				w := httptest.NewRecorder()
				p.ServeHTTP(w, r)
				if want := own || !guard; strings.Contains(w.Body.String(), "secreto") != want || (w.Code == 200) != want {
					t.Errorf("%s of %q, guard %v: %d", path, host, guard, w.Code)
				}
			}
		}
	}
}

// TestForeignForm: another site's page does not write mails here.
func TestForeignForm(t *testing.T) {
	_, p, d := serve(t)
	const form = "--x\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\nana@example.org\r\n--x\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nsoporte@desk.example\r\n--x--\r\n"
	guard := p.crossSite
	for _, tt := range []struct {
		site, origin string
		status       int
	}{
		{"", "", 303}, {"same-origin", "http://localhost:8080", 303}, {"none", "", 303}, {"", "http://localhost:8080", 303},
		{"cross-site", "http://evil.example", 403}, {"same-site", "http://localhost:9", 403}, {"", "http://evil.example", 403}, {"", "null", 403},
	} {
		for _, on := range []bool{true, false} {
			p.crossSite = guard
			if !on {
				p.crossSite = func(*http.Request) error { return nil }
			}
			before := d.taken.Last()
			r := httptest.NewRequest("POST", "http://localhost:8080/demo/send", strings.NewReader(form))
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			for name, value := range map[string]string{"Sec-Fetch-Site": tt.site, "Origin": tt.origin} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			want := tt.status
			if !on {
				want = 303
			}
			if w.Code != want || (d.taken.Last() > before) != (want == 303) {
				t.Errorf("%+v, guard %v: %d\n%s", tt, on, w.Code, w.Body)
			}
		}
	}
}

// tinyPicture is a PNG of one pixel.
const tinyPicture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// rich returns a mail with everything that an HTML mail can bring.
func rich(html string) string {
	return "From: Mesa <soporte@desk.example>\nTo: ana@example.org\nSubject: =?utf-8?q?Soluci=C3=B3n?=\nMessage-ID: <r@desk.example>\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/related; boundary=r\n\n--r\nContent-Type: multipart/alternative; boundary=a\n\n" +
		"--a\nContent-Type: text/plain; charset=utf-8\n\nVea https://desk.example/d/dabc. O escriba a mailto:soporte+aabc@desk.example?subject=aprobar\n\n" +
		"--a\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(html)) + "\n\n--a--\n" +
		"--r\nContent-Type: image/png\nContent-ID: <logo@x>\nContent-Disposition: inline; filename=logo.png\nContent-Transfer-Encoding: base64\n\n" + tinyPicture + "\n" +
		"--r\nContent-Type: image/svg+xml\nContent-ID: <svg@x>\nContent-Disposition: inline; filename=x.svg\n\n<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>\n--r--\n" +
		"--m\nContent-Type: text/html\nContent-Disposition: attachment; filename=\"informe.html\"\n\n<script>alert(1)</script>\n--m--\n"
}

func TestFramed(t *testing.T) {
	b := &Inbox{}
	tests := []struct{ name, html, has, hasNot string }{
		{"script", `a<script>alert("</p>")</script>b`, "ab", "alert"},
		{"script, unclosed", `a<script>alert(1)`, "a", "alert"},
		{"frame", `<iframe src="https://evil.example">x</iframe>y`, "y", "evil"},
		{"refresh", `<meta http-equiv=refresh content="0;url=https://evil.example">`, "", "evil"},
		{"base", `<base href="https://evil.example/">`, "", "evil"},
		{"prefetch", `<link rel=dns-prefetch href="//evil.example">`, "", "evil"},
		{"object", `<object data="https://evil.example"></object><embed src="https://evil.example">`, "", "evil"},
		{"picture", `<img src="cid:logo@x" alt="Logo">`, `src="data:image/png;base64,iVBOR`, "cid:"},
		{"picture, escaped", `<img src="cid:logo%40x">`, `src="data:image/png;base64,iVBOR`, "cid:"},
		{"picture of an unsafe type", `<img src="cid:svg@x">`, `src=""`, "svg+xml"},
		{"picture that is not there", `<img src="cid:none@x">`, `src=""`, "cid:"},
		{"link", `<a href="https://desk.example/d/x?a=1&amp;b=2" target=_top>y</a>`, `<a href="https://desk.example/d/x?a=1&amp;b=2" target="_blank">y`, "_top"},
		{"mail link", `<a href="MAILTO:soporte+abc@desk.example?subject=S%C3%AD&amp;body=uno%0Ados+tres">y</a>`,
			`href="/demo/?from=ana%40example.org&amp;subject=S%C3%AD&amp;text=uno%0Ados%2Btres&amp;to=soporte%2Babc%40desk.example#escribir"`, "MAILTO"},
		{"style", `<style>a > b { content: "x" }</style>`, `<style>a > b { content: "x" }</style>`, "&gt;"},
		{"text", `1 &lt; 2 &amp; ñ`, `1 &lt; 2 &amp; ñ`, "1 < 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := framed(put(t, b, "ana@example.org", rich(tt.html)))
			if !strings.Contains(got, tt.has) || strings.Contains(got, tt.hasNot) {
				t.Errorf("%s", got)
			}
		})
	}
	many := framed(put(t, b, "ana@example.org", rich(strings.Repeat(`<img src="cid:logo@x">`, 100_000))))
	if len(many) > 2*maxPictures {
		t.Errorf("pictures took %d bytes", len(many))
	}
}

func TestMailPage(t *testing.T) {
	server, _, d := serve(t)
	put(t, d.outbox, "luis@desk.example", rich(`<p style="color:red">Hola "mundo"</p><script>alert(1)</script>`))
	_, header, page := get(t, server.URL+"/demo/mail/1")
	for _, want := range []string{
		`sandbox="allow-popups allow-popups-to-escape-sandbox"`,
		`&lt;p style=&#34;color:red&#34;&gt;Hola &#34;mundo&#34;`,
		`<a href="https://desk.example/d/dabc" target="_blank" rel="noopener noreferrer">https://desk.example/d/dabc</a>. O escriba`,
		`href="/demo/?from=luis%40desk.example&amp;subject=aprobar&amp;to=soporte%2Baabc%40desk.example#escribir"`,
		"informe.html", "#tomar", "Solución",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if strings.Contains(page, "alert") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(header.Get("Content-Security-Policy"), "script") {
		t.Errorf("%v\n%s", header, page)
	}
	for i, name := range []string{"logo.png", "x.svg", "informe.html"} {
		status, header, body := get(t, fmt.Sprintf("%s/demo/mail/1/file/%d", server.URL, i))
		disposition, parameters, err := mime.ParseMediaType(header.Get("Content-Disposition"))
		if status != 200 || err != nil || disposition != "attachment" || parameters["filename"] != name || body == "" ||
			header.Get("Content-Type") != "application/octet-stream" || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("file %d: %d %v %v", i, status, header, err)
		}
	}
	if status, header, body := get(t, server.URL+"/demo/mail/1/raw"); status != 200 || !strings.HasPrefix(header.Get("Content-Disposition"), "attachment") || body != string(d.outbox.Mails()[0].Raw) {
		t.Errorf("raw: %d %v", status, header)
	}
	for _, path := range []string{"/demo/mail/2", "/demo/mail/0", "/demo/mail/x", "/demo/mail/1/file/3", "/demo/mail/1/file/-1", "/demo/mail/9/raw", "/demo/x", "/"} {
		if status, _, _ := get(t, server.URL+path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// TestNastyMail: whatever a mail holds, the page shows it as data.
func TestNastyMail(t *testing.T) {
	server, _, d := serve(t)
	const nasty = `"><script>alert(1)</script>`
	put(t, d.outbox, `ana"><script>@example.org`, "From: \"x"+nasty+"\" <a@b.example>\nReply-To: <"+nasty+"@x>\nSubject: "+nasty+"\nX-"+nasty+": "+nasty+"\n\n"+nasty+" javascript:alert(1) http://x/"+nasty+"\n")
	put(t, d.outbox, "", "")
	for _, path := range []string{"/demo/", "/demo/mail/1", "/demo/mail/2", "/demo/?from=" + "%22%3E%3Cscript%3E&to=%3Cscript%3E&text=%3C/textarea%3E%3Cscript%3E&box=%3Cscript%3E&after=0"} {
		status, _, page := get(t, server.URL+path)
		if status != 200 || strings.Contains(page, "<script") || strings.Contains(page, `href="javascript`) {
			t.Errorf("%s: %d\n%s", path, status, page)
		}
	}
}

// FuzzFramed: nothing that could load or run by itself stays in the document.
func FuzzFramed(f *testing.F) {
	f.Add(`<p>Hola<script>x</script><img src="cid:logo@x"><a href="mailto:a@b?subject=x">`)
	f.Add(`<noframes><iframe></noframes><iframe><!--<script>--></iframe><svg><script>x</script></svg>`)
	f.Add(`<style><base></style><title><meta></title><math><link></math><template><object>`)
	banned := []string{"script", "iframe", "frame", "object", "embed", "link"}
	f.Fuzz(func(t *testing.T, source string) {
		out := framed(Captured{Message: &mail.Message{HTML: source}})
		tree, err := html.Parse(strings.NewReader(out))
		if err != nil {
			return // nested too deep for the parser of this test
		}
		bases := 0
		for n := range tree.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if n.Data == "base" {
				bases++
			}
			if slices.Contains(banned, n.Data) || bases > 1 || slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "http-equiv" && n.Data == "meta" }) {
				t.Errorf("%q leaves %s:\n%s", source, n.Data, out)
			}
		}
	})
}
