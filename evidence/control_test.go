package evidence

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The checks must find what is wrong with made-up results, else their silence
// proves nothing.

func few(n int) (mails []sample) {
	for i := range n {
		mails = append(mails, newSample(fmt.Sprint(i), []byte(plain(i)), true))
	}
	return mails
}

func TestOnceFinds(t *testing.T) {
	mails := append(few(5), few(1)...) // one was sent twice
	var all []sum
	for _, m := range mails[:5] {
		all = append(all, m.sum)
	}
	other := sumOf([]byte("no mail of ours"))
	for name, c := range map[string]struct {
		found []sum
		want  string
	}{
		"all":       {all, ""},
		"withheld":  {all[1:], "0 stands 0 times in the export"},
		"doubled":   {append(slices.Clone(all), all[2]), "2 stands 2 times in the export"},
		"strange":   {append(slices.Clone(all), other), "a mail that was not sent stands in the export: " + fmt.Sprintf("%x", other[:8])},
		"cut short": {append(slices.Clone(all[1:]), sumOf(mails[0].data[:100])), "0 stands 0 times in the export"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := checkOnce(mails, c.found)
			if (c.want == "") != (len(faults) == 0) || c.want != "" && !slices.Contains(faults, c.want) {
				t.Errorf("faults %q, want %q", faults, c.want)
			}
		})
	}
}

func TestUntracedIsExact(t *testing.T) {
	const good = "Return-Path: <ana@x.example>\r\nReceived: from sender.example ([127.0.0.1])\r\n\tby mesa.example with ESMTP id abcdefghijk23\r\n" +
		"\tfor <" + desk + ">;\r\n\tMon, 2 Sep 2002 10:00:00 +0000\r\n"
	body := "Return-Path: <b@c.example>\r\nSubject: x\r\n\r\nHola\r\n"
	for name, c := range map[string]struct {
		raw string
		ok  bool
	}{
		"as written":      {good + body, true},
		"a space more":    {strings.Replace(good, ": from", ":  from", 1) + body, false},
		"another sender":  {strings.Replace(good, "ana@", "eva@", 1) + body, false},
		"no Received":     {good[:strings.Index(good, "Received")] + body, false},
		"no trace at all": {body, false},
		"bare LF":         {strings.ReplaceAll(good, "\r\n", "\n") + body, false},
	} {
		got, ok := untraced([]byte(c.raw), "ana@x.example")
		if ok != c.ok || ok && string(got) != body {
			t.Errorf("%s: %v, left %q", name, ok, got)
		}
	}
	if got, ok := untraced([]byte(strings.Replace(good, "<ana@x.example>", "<>", 1)+body), "<>"); !ok || string(got) != body {
		t.Errorf("null reverse-path: %v, left %q", ok, got)
	}
}

func TestMboxIsRead(t *testing.T) {
	mails := []string{"From: a\r\n\r\nFrom here\r\n>From there\r\n", "Subject: b\r\n\r\nx\r\n"}
	mbox := "From a@b Mon\nFrom: a\r\n\r\n>From here\r\n>>From there\r\n\nFrom c@d Tue\nSubject: b\r\n\r\nx\r\n\n"
	if got, want := mboxSums([]byte(mbox)), []sum{sumOf([]byte(mails[0])), sumOf([]byte(mails[1]))}; !slices.Equal(got, want) {
		t.Errorf("%d mails, or not the same", len(got))
	}
	if slices.Equal(mboxSums([]byte(strings.Replace(mbox, ">>", ">", 1))), mboxSums([]byte(mbox))) {
		t.Error("a lost > is not seen")
	}
}

// TestSentFinds tampers with what a desk has sent.
func TestSentFinds(t *testing.T) {
	ids := map[string]bool{"1@x": true, "2@x": true}
	acknowledges := func(n int, to, answers, bytes string) arrival {
		return arrival{to: to, sum: sumOf([]byte(bytes)), fields: fields{"message-id": {fmt.Sprintf("<%d@desk>", n)}, "auto-submitted": {"auto-replied"}, "in-reply-to": {"<" + answers + ">"}}}
	}
	one, two := acknowledges(1, "a@x", "1@x", "one"), acknowledges(2, "b@x", "2@x", "two")
	wanted := map[outgoing]int{{"a@x", "1@x"}: 1, {"b@x", "2@x"}: 1}
	for name, c := range map[string]struct {
		sent    []arrival
		repeats int
		want    string // what the fault says, "" if there is none
	}{
		"as it should be":    {[]arrival{one, two}, 0, ""},
		"repeated":           {[]arrival{one, two, one}, 1, ""},
		"missing":            {[]arrival{one}, 0, `0 mails to b@x for "2@x", want 1`},
		"twice":              {[]arrival{one, two, acknowledges(3, "b@x", "2@x", "two")}, 0, `2 mails to b@x for "2@x", want 1`},
		"not asked for":      {[]arrival{one, two, acknowledges(3, "c@x", "2@x", "three")}, 0, `1 mails to c@x for "2@x", want none`},
		"for another":        {[]arrival{one, acknowledges(2, "b@x", "1@x", "two")}, 0, `0 mails to b@x for "2@x", want 1`},
		"to a robot":         {[]arrival{one, two, acknowledges(3, "lista-request@x", "2@x", "three")}, 0, "a mail to a robot: lista-request@x"},
		"other bytes":        {[]arrival{one, two, acknowledges(1, "a@x", "1@x", "changed")}, 1, "<1@desk> came to a@x and to a@x, or with other bytes"},
		"no mark of its own": {[]arrival{one, {to: "b@x", fields: fields{"message-id": {"<9@desk>"}}}}, 0, `0 mails to b@x for "2@x", want 1`},
	} {
		t.Run(name, func(t *testing.T) {
			got := readSent(c.sent, ids)
			faults := append(got.faults, difference(wanted, got.outside)...)
			if got.repeats != c.repeats || (c.want == "") != (len(faults) == 0) || c.want != "" && !slices.Contains(faults, c.want) {
				t.Errorf("%d repeats, faults %q, want %q", got.repeats, faults, c.want)
			}
		})
	}
}

// TestLetters reads headers: a class, and why there is no acknowledgement.
func TestLetters(t *testing.T) {
	for header, want := range map[string]string{
		"From: ana@x.example":                                                                  "human ",
		"From: Ana\n <ana@x.example>\nAuto-Submitted: no":                                      "human ",
		"From: ana@x.example\nAuto-Submitted: auto-generated; x=y":                             "machine class machine",
		"From: ana@x.example\nAuto-Submitted: auto-replied (vacation)":                         "auto-reply class auto-reply",
		"From: ana@x.example\nPrecedence: bulk":                                                "machine class machine",
		"From: ana@x.example\nPrecedence: list":                                                "list class list",
		"From: ana@x.example\nList-Id: <a.b>":                                                  "list a mailing list",
		"From: ana@x.example\nList-Unsubscribe: <mailto:a@b>":                                  "human a mailing list",
		"From: ana@x.example, eva@x.example":                                                   "human not exactly one author",
		"From: \"a, b\" <ana@x.example>":                                                       "human ",
		"Subject: nobody":                                                                      "human not exactly one author",
		"From: no-reply@x.example":                                                             "human a robot: no-reply@x.example",
		"From: ana@x.example\nReply-To: noresponder@x.example":                                 "human a robot: noresponder@x.example",
		"From: ana@x.example\nX-Auto-Response-Suppress: All":                                   "human X-Auto-Response-Suppress",
		"Return-Path: <>\nFrom: ana@x.example":                                                 "human null reverse-path",
		"From: MAILER-DAEMON@x.example":                                                        "report class report",
		"From: ana@x.example\nContent-Type: multipart/report; report-type=\"delivery-status\"": "report class report",
		"From: ana@x.example\nSubject: [Mesa #12] y [# 3]":                                     "human tags of other desks",
		"From: ana@x.example\nSubject: [Mesa #12]":                                             "human ",
		"From a line of an mbox: x\nFrom: ana@x.example":                                       "human ",
	} {
		l := readLetter([]byte(header + "\n\nAuto-Submitted: in the body\n"))
		if got := string(l.kind) + " " + l.mute; got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func TestReaddressed(t *testing.T) {
	for in, want := range map[string]string{
		"From: a\nTo: x,\n y\nCc: z\n\nTo: body\n": "From: a\r\nTo: " + desk + "\r\nCc: z\r\n\r\nTo: body\r\n",
		"From: a\nto: x\nTO: y\n\nb":               "From: a\r\nTo: " + desk + "\r\n\r\nb\r\n",
		"From: a\n\nb\r\n":                         "From: a\r\nTo: " + desk + "\r\n\r\nb\r\n",
		"Subject: no end":                          "Subject: no end\r\nTo: " + desk + "\r\n",
	} {
		if got := newSample("", []byte(in), true).data; string(got) != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := stuffed([]byte(".a\r\n..\r\nb.\r\n")); !bytes.Equal(got, []byte("..a\r\n...\r\nb.\r\n.\r\n")) {
		t.Errorf("stuffed %q", got)
	}
}

// TestCaps plays mails of one person and of one domain past each cap.
func TestCaps(t *testing.T) {
	count := func(x *expected, n int, from func(int) string) (acknowledgements int) {
		for i := range n {
			m := newSample(fmt.Sprint(i), []byte(header(i, from(i), fmt.Sprint(i), "")), true)
			if o := x.next(m); o.acknowledge == acknowledged {
				acknowledgements++
			}
			if o := x.next(m); o.disposition != "duplicate" || o.acknowledge == acknowledged {
				t.Errorf("the same mail again is %+v", o)
			}
		}
		return acknowledgements
	}
	same := func(int) string { return "ana@x.example" }
	neighbours := func(i int) string { return fmt.Sprintf("p%d@x.example", i) }
	anybody := func(i int) string { return fmt.Sprintf("p@d%d.example", i) }
	for name, c := range map[string]struct {
		trusted bool
		caps    caps
		from    func(int) string
		want    int
	}{
		"trusted":          {true, shipped, same, 20},
		"stranger":         {false, shipped, same, 1},
		"a domain":         {false, shipped, neighbours, 50},
		"a trusted domain": {true, shipped, neighbours, 500},
		"all":              {false, shipped, anybody, 500},
		"uncapped":         {false, caps{}, same, 600},
	} {
		if got := count(newExpected(c.trusted, c.caps), 600, c.from); got != c.want {
			t.Errorf("%s: %d acknowledgements, want %d", name, got, c.want)
		}
	}
}
