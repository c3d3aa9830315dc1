package evidence

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sample is a mail to be sent.
type sample struct {
	name string
	from string // reverse-path, "" for the null one
	data []byte // as it goes over the wire but for dot-stuffing: every line ends with CRLF
	sum  sum
	same sum // of what its author wrote: the same by every way
	letter
}

type sum [sha256.Size]byte

// samples returns the mails of the corpus, or as many made up.
func samples(t *testing.T, separators bool) []sample {
	t.Helper()
	raws := map[string][]byte{}
	if dir := os.Getenv("VENTANILLA_CORPUS"); dir != "" {
		if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".eml") {
				raws[path], err = os.ReadFile(path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	} else {
		n := 300
		if heavy() {
			n = 2000
		}
		raws = invented(n)
	}
	if len(raws) == 0 {
		t.Fatal("no mails")
	}
	var all []sample
	for name, raw := range raws {
		all = append(all, newSample(name, raw, separators))
	}
	slices.SortFunc(all, func(a, b sample) int { return strings.Compare(a.name, b.name) })
	return all
}

// newSample makes a mail ready to be sent to the desk. All but To and the line
// ends stays as it is; without separators, an mbox separator line goes too.
func newSample(name string, raw []byte, separators bool) sample {
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	if !separators && bytes.HasPrefix(raw, []byte("From ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	head, body, found := bytes.Cut(raw, []byte("\n\n"))
	if !found {
		head = bytes.TrimSuffix(head, []byte("\n"))
	}
	data := append(readdressed(head), '\n')
	if found {
		data = append(append(data, '\n'), body...)
	}
	if !bytes.HasSuffix(data, []byte("\n")) {
		data = append(data, '\n')
	}
	s := sample{name: name, letter: readLetter(data)}
	s.data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	s.sum, s.same = sha256.Sum256(s.data), authored(data)
	s.from = s.reversePath()
	return s
}

var trace = regexp.MustCompile(`(?i)^(received|return-path|delivered-to|x-original-to|authentication-results|arc-[a-z-]+|dkim-signature)[ \t]*:`)

// authored names a mail by what its author wrote: without the fields that
// servers add on its way, separators that mailboxes added, and empty lines at
// its end.
func authored(data []byte) sum {
	for bytes.HasPrefix(data, []byte("From ")) {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	head, body, _ := bytes.Cut(data, []byte("\n\n"))
	var b bytes.Buffer
	dropping := false
	for _, line := range bytes.Split(head, []byte("\n")) {
		if len(line) == 0 || line[0] != ' ' && line[0] != '\t' {
			dropping = trace.Match(line)
		}
		if !dropping {
			b.Write(append(line, '\n'))
		}
	}
	b.WriteString("\n")
	b.Write(bytes.TrimRight(body, "\n"))
	return sha256.Sum256(b.Bytes())
}

// readdressed replaces the To fields of a header by one to the desk.
func readdressed(head []byte) []byte {
	var out [][]byte
	dropping, done := false, false
	for _, line := range bytes.Split(head, []byte("\n")) {
		folded := len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
		if !folded {
			dropping = len(line) > 2 && strings.EqualFold(string(line[:3]), "to:")
			if dropping && !done {
				out, done = append(out, []byte("To: "+desk)), true
			}
		}
		if !dropping {
			out = append(out, line)
		}
	}
	if !done {
		out = append(out, []byte("To: "+desk))
	}
	return bytes.Join(out, []byte("\n"))
}

var mailable = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

// reversePath is what the mail's last server took for it, else its author.
func (l letter) reversePath() string {
	if l.nullPath {
		return ""
	}
	for _, a := range append([]string{l.returnPath}, l.from...) {
		if mailable.MatchString(a) {
			return a
		}
	}
	return "alguien@fuera.example"
}

// invented makes mails up: of every class, in threads, with old programs'
// faults, some of them twice.
func invented(n int) map[string][]byte {
	raws := map[string][]byte{}
	for i := range n {
		raws[fmt.Sprintf("%05d.eml", i)] = []byte(invent(i))
	}
	return raws
}

func invent(i int) string {
	kinds := []func(int) string{
		plain, plain, answer, plain, listed, bulk, automatic, bounce, answer, robot, muted, odd, plain, answer, listAnswer, plain, copied, plain, fast, latin,
	}
	switch i % 46 {
	case 22:
		return invent(i - 22) // the very same mail
	case 45:
		return "From x@y Mon Sep  2 10:00:00 2002\n" + strings.Replace(invent(i-22), "Received: from a.", "Received: from another.", 1) // by another way
	}
	return kinds[i%len(kinds)](i)
}

func person(i int) string { return fmt.Sprintf("persona%d@dominio%d.example", i%97, i%13) }

func header(i int, from, subject, more string) string {
	return fmt.Sprintf("Return-Path: <%s>\nReceived: from a.example by b.example id %d;\n\tMon, 2 Sep 2002 10:%02d:00 -0500\nFrom: Persona %d <%s>\nTo: alguien@otra.example\n"+
		"Subject: %s\nDate: Mon, 2 Sep 2002 10:%02d:00 -0500\nMessage-ID: <%d@dominio.example>\n%s\n", from, i, i%60, i, from, subject, i%60, i, more)
}

func plain(i int) string {
	return header(i, person(i), fmt.Sprintf("No puedo entrar al sistema %d", i), "") + "Buenos días:\n\nno puedo entrar desde ayer.\n.\n..\nGracias\n"
}

// answer answers a mail of the same person, or of another.
func answer(i int) string {
	return header(i, person(i-i%3*97), "Re: No puedo entrar", fmt.Sprintf("In-Reply-To: <%d@dominio.example>\nReferences: <0@x.example>\n <%d@dominio.example>\n", i/2, i/2)) + "Sigue igual\n"
}

func listed(i int) string {
	return header(i, person(i), "[lista] una pregunta", "List-Id: <lista.dominio.example>\nPrecedence: list\n") + "¿Alguien sabe?\n"
}

func listAnswer(i int) string {
	return header(i, person(i), "Re: [lista] una pregunta", fmt.Sprintf("Precedence: list\nIn-Reply-To: <%d@dominio.example>\n", i-10)) + "Yo sé\n"
}

func bulk(i int) string {
	return header(i, "boletin@ofertas.example", "Ofertas de la semana", "Precedence: bulk\n") + "Compre\n"
}

func automatic(i int) string {
	fields := []string{"Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated; x=y", "X-Autoreply: yes", "Precedence: auto_reply", "Precedence: junk"}
	return header(i, person(i), "Su mensaje", fields[i/20%len(fields)]+"\n") + "Gracias por su mensaje\n"
}

func bounce(i int) string {
	return "Return-Path: <>\nFrom: MAILER-DAEMON@dominio.example\nTo: x@y.example\nSubject: Undelivered Mail Returned to Sender\n" + fmt.Sprintf("Message-ID: <%d@dominio.example>\n", i) +
		"MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n\tboundary=b\n\n--b\nContent-Type: text/plain\n\nNo such user\n" +
		"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; b.example\n\nFinal-Recipient: rfc822; no@b.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
}

func robot(i int) string {
	from := []string{"no-reply@dominio.example", "postmaster@dominio.example", "abuse@dominio.example", "root@dominio.example", "noreply@dominio.example"}[i/20%5]
	return header(i, from, "Notificación", "") + "Su cuenta\n"
}

func muted(i int) string {
	more := []string{"X-Auto-Response-Suppress: All\n", "Auto-Submitted: no\n", "Sender: lista-owner@dominio.example\n", "Reply-To: no-responder@dominio.example\n"}[i/20%4]
	return header(i, person(i), []string{"Consulta", "Consulta [#123] de [Otra #456]"}[i%2], more) + "Una consulta\n"
}

// odd has what old programs do: no Message-ID, no empty line, several authors,
// very long lines, line ends of all kinds, NUL.
func odd(i int) string {
	switch i / 20 % 6 {
	case 0:
		return fmt.Sprintf("From: %s\nSubject: sin identificador %d\n\nHola\n", person(i), i)
	case 1:
		return fmt.Sprintf("From: %s (Persona %d)\nSubject: sin cuerpo %d\nMessage-ID: <%d@dominio.example>", person(i), i, i, i)
	case 2:
		return fmt.Sprintf("From: %s, otra@dominio.example\nSubject: dos autores\nMessage-ID: <%d@dominio.example>\n\nHola\n", person(i), i)
	case 3:
		return plain(i) + strings.Repeat("larga ", 4000) + "\r ni CR\x00 ni NUL\n\n\n"
	case 4:
		return "From " + person(i) + " Mon Sep  2 10:00:00 2002\n" + plain(i) + "\nFrom aquí en adelante\n"
	}
	return strings.Replace(plain(i), fmt.Sprintf("<%d@", i), fmt.Sprintf("<%d@", i-12), 1) // somebody else's Message-ID
}

// copied answers a mail in whose Cc the writer stands, or writes such a mail.
func copied(i int) string {
	return header(i, person(i), "Reunión", fmt.Sprintf("Cc: %s,\n %s\nReferences: <%d@dominio.example>\n", person(i+20), person(i+40), i-20)) + "De acuerdo\n"
}

// fast writes more than one address may be acknowledged in an hour.
func fast(i int) string {
	return header(i, "monitor@dominio.example", fmt.Sprintf("Alarma %d", i), "") + "Se llenó el disco\n"
}

func latin(i int) string {
	return header(i, person(i), "Contrase\xf1a", "Content-Type: text/plain; charset=iso-8859-1\n") + "Olvid\xe9 mi contrase\xf1a\n"
}
