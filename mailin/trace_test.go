package mailin

import (
	"crypto/tls"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"
)

var traceTests = []struct {
	name    string
	lmtp    bool
	tls     bool
	from    string // the peer
	send    string // up to the text
	want    string
	another string // what must not be in it
}{
	{name: "ESMTP", from: "192.0.2.1",
		send: "EHLO mx.example\r\nMAIL FROM:<Ana@Example.org>\r\nRCPT TO:<mesa@desk.example.org>\r\n",
		want: "Return-Path: <Ana@Example.org>\r\n" +
			"Received: from mx.example ([192.0.2.1])\r\n\tby desk.example.org with ESMTP id ID\r\n" +
			"\tfor <mesa@desk.example.org>;\r\n\tSat, 21 Nov 2026 12:04:05 +0000\r\n"},
	{name: "SMTP, two recipients, null sender, IPv6", from: "2001:db8::1",
		send: "HELO mx.example\r\nMAIL FROM:<>\r\nRCPT TO:<mesa@desk.example.org>\r\nRCPT TO:<bcc@desk.example.org>\r\n",
		want: "Return-Path: <>\r\n" +
			"Received: from mx.example ([IPv6:2001:db8::1])\r\n\tby desk.example.org with SMTP id ID;\r\n" +
			"\tSat, 21 Nov 2026 12:04:05 +0000\r\n",
		another: "bcc"},
	{name: "LMTP", lmtp: true, from: "127.0.0.1",
		send: "LHLO localhost\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\n",
		want: "Return-Path: <>\r\nReceived: from localhost ([127.0.0.1])\r\n\tby desk.example.org with LMTP id ID\r\n" +
			"\tfor <postmaster>;\r\n\tSat, 21 Nov 2026 12:04:05 +0000\r\n"},
	{name: "TLS", tls: true, from: "192.0.2.1",
		send: "EHLO mx.example\r\nMAIL FROM:<>\r\nRCPT TO:<\"a>b\"@desk.example.org>\r\n",
		want: "Return-Path: <>\r\nReceived: from mx.example ([192.0.2.1])\r\n\tby desk.example.org with ESMTPS id ID\r\n" +
			"\tfor <\"a>b\"@desk.example.org>;\r\n\tSat, 21 Nov 2026 12:04:05 +0000\r\n"},
	{name: "UTF8", from: "192.0.2.1",
		send: "EHLO [192.0.2.1]\r\nMAIL FROM:<niña@example.org> SMTPUTF8\r\nRCPT TO:<mesa@desk.example.org>\r\n",
		want: "Return-Path: <niña@example.org>\r\nReceived: from [192.0.2.1] ([192.0.2.1])\r\n" +
			"\tby desk.example.org with UTF8SMTP id ID\r\n\tfor <mesa@desk.example.org>;\r\n\tSat, 21 Nov 2026 12:04:05 +0000\r\n"},
	{name: "a greeting that means something in a header", from: "192.0.2.1",
		send: "EHLO x(;\"<evil@example.org>\xff\r\nMAIL FROM:<>\r\nRCPT TO:<mesa@desk.example.org>\r\n",
		want: "Return-Path: <>\r\nReceived: from x????evil?example.org?? ([192.0.2.1])\r\n" +
			"\tby desk.example.org with ESMTP id ID\r\n\tfor <mesa@desk.example.org>;\r\n\tSat, 21 Nov 2026 12:04:05 +0000\r\n"},
}

// TestTrace compares our own fields with what they must be, the id apart.
func TestTrace(t *testing.T) {
	bogota := time.FixedZone("", -5*3600)
	options := Options{Now: func() time.Time { return time.Date(2026, 11, 21, 7, 4, 5, 0, bogota) }}
	for _, test := range traceTests {
		t.Run(test.name, func(t *testing.T) {
			options := options
			options.LMTP = test.lmtp
			if test.tls {
				certificate, key := certificateFiles(t, t.TempDir(), 1)
				options.GetCertificate = files(t, certificate, key, time.Now, nil)
			}
			trace, text := receiveOne(t, options, test.from, test.send)
			got := regexp.MustCompile(` id [a-z2-7]{13}\b`).ReplaceAllString(trace, " id ID")
			if got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if test.another != "" && strings.Contains(got, test.another) {
				t.Errorf("%q is in %q", test.another, got)
			}
			if text != "Return-Path: <forged@example.org>\r\nSubject: a\r\n\r\n" {
				t.Errorf("the mail itself is %q", text)
			}
			m, err := mail.ReadMessage(strings.NewReader(trace + text))
			if err != nil || m.Header.Get("Subject") != "a" || len(m.Header["Return-Path"]) != 2 {
				t.Errorf("%v %v", m, err)
			}
		})
	}
}

func receiveOne(t *testing.T, options Options, from, send string) (trace, text string) {
	t.Helper()
	var mails ledger
	_, l := servePipes(t, &mails, options)
	p := l.dial(t, from)
	p.want("220 *")
	if options.GetCertificate != nil {
		p.send("STARTTLS\r\n")
		p.want("220 *")
		p.startTLS(&tls.Config{InsecureSkipVerify: true})
	}
	for line := range strings.Lines(send + "DATA\r\n") {
		p.send(line)
		for strings.HasPrefix(p.line(), "250-") {
		}
	}
	p.send("Return-Path: <forged@example.org>\r\nSubject: a\r\n\r\n.\r\n")
	p.want("250 2.0.0 *")
	got := mails.all()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	return got[0].trace, got[0].text
}

// TestTraceIDs are never the same.
func TestTraceIDs(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		id := string(appendTraceID(nil))
		if seen[id] {
			t.Fatalf("%s twice", id)
		}
		seen[id] = true
	}
}
