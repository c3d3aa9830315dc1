package mail

import (
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds are mails that break something somewhere.
func seeds() []string {
	return []string{
		"", "\r\n", "\n\n", "DAte:0+:0", ":", "From", "From: ", " folded\nSubject: x\n\ny", sample, nested(3), nested(40),
		"Subject: =?utf-8?q?a=0D=0Ab?=\r\n =?x?b?=?=\r\n\r\n", "Subject: =?utf-8?Q?=?=?=\n\n",
		"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx\n----\n",
		"Content-Type: multipart/mixed; boundary=a\n\n--a\n--a\n--a--\n--a\n",
		"Content-Type: multipart/mixed; boundary=a\n\n--b\nContent-Type: text/html\n\n<p>x\n--b--\n",
		"Content-Type: text/html\n\n<div data-ventanilla><p>x</div><blockquote type=cite>y<table><tr><td>1<td>2<tr><td>3<td>4</table>",
		"Content-Type: text/plain; name*0*=utf-8''%41; name*1=b\nContent-Transfer-Encoding: base64\n\nQUJD=\nQUJD\n!!!\nQQ==",
		"Content-Transfer-Encoding: quoted-printable\n\n=\n=4\n=ZZ=E9=\r",
		"Content-Type: message/rfc822\n\nSubject: a\n\nContent-Type: x",
		"From: a@b, \"c <d@e>, (f (g) <h@i> j: k@l;, <@m,@n:o@p>\nDate: Mon, 99 Foo 12:61 +9999\n\n",
		"Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: x\n\nFinal-Recipient: rfc822; a@b\nAction: failed\nStatus: 5.1.1\n--r--",
		"Content-Type: text/plain; charset=utf-7\n\n+AGE-+-+", "Content-Type: text/plain; charset=utf-16\n\na",
		"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n#0V%T\n`\nend\n",
	}
}

// nested returns a mail with depth multiparts within each other.
func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		boundary := strings.Repeat("b", i%60+1) + string(rune('a'+i%26))
		b.WriteString("Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\n")
	}
	return b.String() + "\nx\n"
}

func FuzzPrescan(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		_ = Prescan(raw, DefaultLimits)
		tight := Limits{Size: 1000, HeaderBytes: 100, HeaderLines: 5, LineBytes: 60, Nesting: 2, Parts: 3, Parameters: 2, Recipients: 2}
		if err := Prescan(raw, tight); err == nil && len(raw) > 1000 {
			t.Error("too large")
		}
		TooManyReceived(raw)
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Parse(raw)
		checkMessage(t, raw, m)
		checkText(t, "Markdown", m.Markdown())
		AuthResults(m, []string{""})
		Answerable(Envelope{}, m)
	})
}

// checkMessage checks what holds for every message, whatever the mail.
func checkMessage(t *testing.T, raw []byte, m *Message) {
	t.Helper()
	for _, field := range m.Header {
		checkLine(t, field.Name, field.Value)
	}
	checkLine(t, "subject", m.Subject)
	checkLine(t, "id", m.MessageID)
	if m.MessageID == "" || m.Class == "" || m.ClassReason == "" {
		t.Errorf("empty: id %q, class %q, reason %q", m.MessageID, m.Class, m.ClassReason)
	}
	for _, list := range [][]Address{m.From, m.To, m.Cc, m.ReplyTo, {m.Sender}} {
		for _, a := range list {
			checkLine(t, "name", a.Name)
			checkLine(t, "address", a.Address)
		}
	}
	for _, r := range m.Recipients {
		checkLine(t, "recipient", r.Address+r.Action+r.Status+r.Diagnostic)
	}
	checkText(t, "text", m.Text)
	checkText(t, "html", m.HTML)
	checkText(t, "reply", m.Reply)
	checkText(t, "quoted", m.Quoted)
	if strings.TrimSpace(m.Text) != "" && strings.TrimSpace(m.Reply) == "" {
		t.Errorf("nothing left of %q", m.Text)
	}
	for _, p := range m.Parts {
		checkName(t, p.Name)
		if p.Offset < 0 || p.Length < 0 || p.Offset+p.Length > int64(len(raw)) {
			t.Errorf("part %d+%d of %d", p.Offset, p.Length, len(raw))
		}
		if n, err := io.Copy(io.Discard, p.Open(raw)); err != nil || n != p.Size {
			t.Errorf("part reads %d bytes, %v; Size %d", n, err, p.Size)
		}
	}
}

func checkLine(t *testing.T, what, s string) {
	t.Helper()
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x00") {
		t.Errorf("%s: %q", what, s)
	}
}

func checkText(t *testing.T, what, s string) {
	t.Helper()
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\x00") {
		t.Errorf("%s: %q", what, s)
	}
}

func checkName(t *testing.T, name string) {
	t.Helper()
	checkLine(t, "name", name)
	if name == "" || len(name) > maxName || strings.ContainsAny(name, `/\:`) || strings.HasPrefix(name, ".") {
		t.Errorf("name %q", name)
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{
		"", "Hola\n\n-- \nAna", "> a\nb\n> c\nd", "El 9/12, Ana escribió:\n> x\n\ny", "De: a@b\nEnviado: 1\nPara: c\nAsunto: d\n\ne",
		"a\n" + ReplyMarker + "\nb", "-----Mensaje original-----\nx", "a\n\nSaludos,\nAna", "Enviado desde mi iPhone", "---------- Forwarded message ---------\nFrom: x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = normalText(strings.ToValidUTF8(text, ""))
		for _, forward := range []bool{false, true} {
			reply, quoted := splitReply(text, forward)
			if strings.TrimSpace(text) != "" && strings.TrimSpace(reply) == "" {
				t.Errorf("nothing left of %q", text)
			}
			if got, want := countWords(reply)+countWords(quoted), countWords(text); got != want {
				t.Errorf("%d words became %d: %q and %q", want, got, reply, quoted)
			}
		}
	})
}

func countWords(s string) int { return len(strings.Fields(s)) }

func FuzzCalendar(f *testing.F) {
	f.Add("BEGIN:VCALENDAR\nMETHOD:CANCEL\nBEGIN:VEVENT\nSUMMARY:a\\,b\nDTSTART;TZID=x:20251209T140000\nDTEND:20251209\nORGANIZER;CN=\"x\":mailto:a@b.co\nEND:VEVENT\nEND:VCALENDAR\n")
	f.Fuzz(func(t *testing.T, calendar string) {
		checkText(t, "event", readEvent([]byte(calendar)))
	})
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"a@b.co", "\"a b\" <c@d.co>, (x (y)) e@f.co", "g: h@i.co, j@k.co;, l@m.co", "<@a,@b:c@d.co>", "a@b@c", "=?utf-8?q?a?= <a@b.co>", "\"a\\\"b\"@c.co", "a@[192.0.2.1]", "a@ñandú.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		text := headerText([]byte(value))
		for _, a := range addresses(text) {
			checkLine(t, "name", a.Name)
			checkLine(t, "address", a.Address)
			if a.Address != "" && (strings.Count(a.Address, "@") < 1 || strings.HasSuffix(a.Address, "@")) {
				t.Errorf("address %q", a.Address)
			}
		}
		bareAddress(text)
		addressOf(text)
	})
}

func FuzzBounce(f *testing.F) {
	f.Add("Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.co\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no", "<a@b.co>: host x said: 550 no\n\n--- Below this line is a copy of the message.\n\nMessage-ID: <x@y>")
	f.Add("", "{\"notificationType\":\"Bounce\",\"bounce\":{\"bouncedRecipients\":[{\"emailAddress\":\"a@b.co\"}]}}")
	f.Fuzz(func(t *testing.T, status, notice string) {
		for _, from := range []string{"MAILER-DAEMON@x.example", "no-reply@sns.amazonaws.com"} {
			raw := []byte("From: " + from + "\nContent-Type: multipart/report; report-type=delivery-status; boundary=qqqqqq\n\n--qqqqqq\n\n" + notice +
				"\n--qqqqqq\nContent-Type: message/delivery-status\n\n" + status + "\n--qqqqqq--\n")
			m := Parse(raw)
			checkMessage(t, raw, m)
			for _, r := range m.Recipients {
				if m.Class == ClassBounce && (r.Address == "" || r.Status == "" || r.Action == "") {
					t.Errorf("%+v", r)
				}
			}
		}
	})
}

func FuzzHTML(f *testing.F) {
	for _, s := range []string{"<p>a<br>b", "<table><tr><td>1<td>2</table>", "<blockquote type=cite>x</blockquote>y", "<a href=\"http://x\">y</a><ul><li>z", "<div data-ventanilla>x", "<pre> a\n b</pre>", "<hr id=zwchr><b>De:</b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, page string) {
		m := ReadBody("html", []byte(page))
		checkText(t, "text", m.Text)
		checkText(t, "reply", m.Reply)
		checkText(t, "markdown", m.Markdown())
	})
}
