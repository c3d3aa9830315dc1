package mail

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// spent returns the processor time that f takes: tests run on busy machines.
func spent(t *testing.T, f func()) time.Duration {
	t.Helper()
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &before); err != nil {
		t.Fatal(err)
	}
	f()
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &after); err != nil {
		t.Fatal(err)
	}
	return time.Duration(after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano())
}

// fill repeats s up to a size.
func fill(s string, size int) string { return strings.Repeat(s, size/len(s)) }

// limitCases are mails just over one limit, which is what Prescan must say.
func limitCases() map[string]struct{ what, mail string } {
	parts := "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	var parameters strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&parameters, "; name*%d=\"%s\"", i, fill("x", 30))
	}
	return map[string]struct{ what, mail string }{
		"size":              {"size", "A: b\r\n\r\n" + fill("x\r\n", 26<<20)},
		"header bytes":      {"header bytes", fill("X: "+fill("y", 900)+"\r\n", 300<<10) + "\r\n"},
		"header lines":      {"header lines", fill("X: y\r\n", 6<<10) + "\r\n"},
		"folded lines":      {"header lines", "X: y" + fill("\r\n z", 6<<10) + "\r\n\r\n"},
		"part header":       {"header lines", parts + "--b\r\n" + fill("X: y\r\n", 6<<10) + "\r\n\r\n--b--\r\n"},
		"line":              {"line", "A: b\r\n\r\n" + fill("x", 200<<10) + "\r\n"},
		"line without end":  {"line", "A: b\r\n\r\n" + fill("x", 200<<10)},
		"nesting":           {"nesting", nested(40)},
		"nesting of mails":  {"nesting", fill("Content-Type: message/rfc822\r\n\r\n", 2000)},
		"nesting of 333 K":  {"nesting", nested(5000)[:333<<10]},
		"parts":             {"parts", parts + fill("--b\r\n\r\n", 50000*7) + "--b--\r\n"},
		"parts of alike":    {"parts", parts + fill("--b\n--b \n", 50000*7)},
		"parameters":        {"parameters", "Content-Type: text/plain" + parameters.String()[:100<<10] + "\r\n\r\n"},
		"parts' parameters": {"parameters", parts + "--b\r\nContent-Disposition: attachment" + fill("; a=b", 5*65) + "\r\n\r\n--b--"},
		"boundary":          {"boundary", "Content-Type: multipart/mixed; boundary=" + fill("b", 100<<10) + "\r\n\r\n--" + fill("b", 100<<10) + "\r\n"},
		"recipients":        {"recipients", "To: " + fill("a@b.co, ", 800) + "z@b.co\r\n\r\n"},
		"recipients of two": {"recipients", "To: " + fill("a@b.co, ", 480) + "z@b.co\r\nCc: " + fill("a@b.co, ", 480) + "z@b.co\r\n\r\n"},
	}
}

func TestPrescanLimits(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for name, c := range limitCases() {
		raw := []byte(c.mail)
		var err error
		if took := spent(t, func() { err = Prescan(raw, DefaultLimits) }); took > tolerated && !slow {
			t.Errorf("%s: took %v", name, took)
		}
		var limit *LimitError
		if !errors.As(err, &limit) || limit.What != c.what {
			t.Errorf("%s: %v, want %s", name, err, c.what)
		}
		if err := Prescan(raw, Limits{Nesting: maxNesting - 1}); c.what != "nesting" && err != nil {
			t.Errorf("%s: without limits: %v", name, err) // the negative control
		}
	}
}

// tolerated is how much processor time Prescan may take.
const tolerated = 100 * time.Millisecond

// harmless are large mails within all limits, that are laborious to read.
func harmless() map[string]string {
	large := 4 << 20
	if os.Getenv("VENTANILLA_EVIDENCE") == "1" {
		large = 24 << 20
	}
	return map[string]string{
		"lines":             "A: b\r\n\r\n" + fill("\n", large),
		"some hyphens":      "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--x\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", large),
		"hyphens":           "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--x\n", large),
		"near boundaries":   "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + fill("--b-\n", large),
		"guessed boundary":  "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--x\nc\n", large),
		"quotation marks":   "To: " + fill("\"", 100<<10) + "\r\n\r\n",
		"escapes":           "To: " + fill("\\\"", 100<<10) + "\r\nFrom: " + fill("<", 100<<10) + "\r\n\r\n",
		"parentheses":       "To: " + fill("(", 100<<10) + "\r\n\r\n",
		"encoded-words":     "Subject: " + fill("=?a?q?", 100<<10) + "\r\nTo: " + fill("=?a?b?", 100<<10) + "\r\n\r\n",
		"encoded-words end": "Subject: " + fill("=?utf-8?q?", 90<<10) + "?=\r\n\r\n",
		"encoded-words far": "Subject: " + fill("=?x ", 90<<10) + "?=\r\nTo: " + fill("=?a?x?", 90<<10) + "?=\r\n\r\n",
		"names":             "To: " + fill("a,", 100<<10) + "\r\n\r\n",
		"bounce":            "From: mailer-daemon@x.example\r\n\r\n" + fill("a@b.example: 550 x\n", 900<<10),
		"many bounced":      "From: mailer-daemon@x.example\r\n\r\n" + manyBounced(),
		"carriage returns":  "Subject: " + fill("\r", 100<<10) + "\r\n\r\n",
		"subject tags":      "Subject: " + fill("[", 100<<10) + "\r\n\r\n",
		"colons":            "To: " + fill(":", 100<<10) + "\r\n\r\n",
		"base64":            "Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + fill("QQ==\r\n", large),
		"quoted-printable":  "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + fill("=\r\n", large),
		"attributions":      "A: b\r\n\r\n" + fill("El 9 dic 2013 a las 10:10\n", 3<<20),
		"headers":           "A: b\r\n\r\n" + fill("De: a\n", 3<<20),
		"quotes":            "A: b\r\n\r\n" + fill("> a\nb\n", 3<<20),
		"signatures":        "A: b\r\n\r\n" + fill("Enviado desde mi x\n\n\n\n", 3<<20),
		"marks":             "A: b\r\n\r\n" + fill("--- x ---\n", 3<<20),
		"deep html":         "Content-Type: text/html\r\n\r\n" + fill("<div>\n", 900<<10),
		"html a":            "Content-Type: text/html\r\n\r\n" + fill("<a>\n", 900<<10),
		"html b p":          "Content-Type: text/html\r\n\r\n" + fill("<b><p>\n", 900<<10),
		"html tables":       "Content-Type: text/html\r\n\r\n" + fill("<table>\n", 900<<10),
		"html font":         "Content-Type: text/html\r\n\r\n" + fill("<p><font size=1><b>\n", 900<<10),
		"html quotes":       "Content-Type: text/html\r\n\r\n" + fill("<blockquote type=cite>x</blockquote>y\n", 900<<10),
		"html attributes":   "Content-Type: text/html\r\n\r\n<a " + fill("b=c\n", 900<<10) + ">",
		"html select":       "Content-Type: text/html\r\n\r\n" + fill("<select><option>\n", 900<<10),
		"html large":        "Content-Type: text/html\r\n\r\n" + fill("<p>x<i>\n", large),
		"html cells":        "Content-Type: text/html\r\n\r\n<table>" + fill("<tr><td>a<td>b\n", 900<<10),
		"html closing":      "Content-Type: text/html\r\n\r\n" + fill("</p></a>\n", 900<<10),
	}
}

func manyBounced() string {
	var b strings.Builder
	for i := range 30000 {
		fmt.Fprintf(&b, "a%d@b.example: 550 x\n", i)
	}
	return b.String()
}

func TestLaborious(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for name, mail := range harmless() {
		raw := []byte(mail)
		var err error
		var m *Message
		scanned := spent(t, func() { err = Prescan(raw, DefaultLimits) })
		parsed := spent(t, func() { m = Parse(raw) })
		if testing.Verbose() {
			t.Logf("%-20s %8d bytes: Prescan %v (%v), Parse %v", name, len(raw), scanned, err, parsed)
		}
		if (scanned > tolerated || parsed > time.Second) && !slow {
			t.Errorf("%s: Prescan %v, Parse %v", name, scanned, parsed)
		}
		if m == nil {
			t.Error("no message")
		}
	}
}

// published are the mails that have brought other readers to their knees.
func published() map[string]string {
	parts := "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	var parameters strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&parameters, ";\r\n name*%d*=utf-8''%%41", i)
	}
	return map[string]string{
		"nesting of 5,000":              nested(5000),
		"nesting of 20,000":             nested(20000),
		"nesting of mails":              fill("Content-Type: message/rfc822\r\n\r\n", 5000*32),
		"100,000 parts":                 parts + fill("--b\r\n\r\nx\r\n", 100_000*10) + "--b--\r\n",
		"10,000 RFC 2231 parameters":    "Content-Type: text/plain" + parameters.String() + "\r\n\r\n",
		"header of 5 MiB":               fill("X: "+fill("y", 900)+"\r\n", 5<<20) + "\r\n",
		"200,000 References":            "References:" + fill("\r\n <1234567890@x.example>", 200_000*25) + "\r\n\r\n",
		"boundary of 100 KiB":           parts[:len("Content-Type: multipart/mixed; boundary=")] + fill("b", 100<<10) + "\r\n\r\n--" + fill("b", 100<<10) + "\r\n",
		"encoded-words":                 "Subject: " + fill("=?utf-8?b?"+fill("QUFB", 60)+"?=\r\n ", 1<<20) + "x\r\n\r\n",
		"encoded-words without end":     "Subject: " + fill("=?utf-8?q?", 300<<10) + "\r\n\r\n",
		"addresses":                     "To: " + fill("a <", 300<<10) + "\r\n\r\n",
		"many addresses":                "To: " + fill("\"a\" <a@b.example>,\r\n ", 1<<20) + "a@b.example\r\n\r\n",
		"multiparts that are not ended": fill(parts+"--b\r\n", 2000*50),
	}
}

// TestPublished: each is put aside unread, in little time and memory.
func TestPublished(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for name, mail := range published() {
		raw := []byte(mail)
		var before, after runtime.MemStats
		var err error
		runtime.ReadMemStats(&before)
		took := spent(t, func() { err = Prescan(raw, DefaultLimits) })
		runtime.ReadMemStats(&after)
		var limit *LimitError
		if !errors.As(err, &limit) {
			t.Errorf("%s: %v, want it put aside", name, err)
		}
		if took > tolerated && !slow {
			t.Errorf("%s: took %v", name, took)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes of memory", name, used)
		}
		Parse(raw) // it keeps to the limits by itself
	}
}

func TestPrescanAllocatesNothing(t *testing.T) {
	for name, mail := range map[string]string{"sample": sample, "nested": nested(15)} {
		raw := []byte(mail)
		if n := testing.AllocsPerRun(100, func() {
			if err := Prescan(raw, DefaultLimits); err != nil {
				t.Error(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestTooManyReceived(t *testing.T) {
	mail := func(n int) []byte {
		return []byte(fill("Received: by x\r\n\tfor y\r\n", n*24) + "Subject: x\r\n\r\nReceived: z\r\n")
	}
	if TooManyReceived(mail(50)) || !TooManyReceived(mail(51)) {
		t.Error("50 systems are no loop, 51 are")
	}
}

// TestParseKeepsToLimits reads without asking Prescan before.
func TestParseKeepsToLimits(t *testing.T) {
	for name, c := range limitCases() {
		m := Parse([]byte(c.mail))
		if len(m.Parts) > DefaultLimits.Parts {
			t.Errorf("%s: %d parts", name, len(m.Parts))
		}
	}
}

// TestLimitsOfParseBite is the negative control: without them there are more.
func TestLimitsOfParseBite(t *testing.T) {
	raw := []byte(limitCases()["parts"].mail)
	b := builder{raw: raw, m: &Message{}}
	b.inside = append(b.inside, &b.root)
	w := walk{raw: raw, build: &b}
	w.entity(0, false)
	if n := len(b.root.children[0].children); n <= DefaultLimits.Parts {
		t.Errorf("%d parts without a limit", n)
	}
}
