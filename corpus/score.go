package main

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"ventanilla/mail"
)

// expectation is what a line of expect.jsonl says of a mail. Fields that a set
// does not use are empty.
type expectation struct {
	File     string `json:"file"`
	Basis    string `json:"basis"`
	Facts    facts  `json:"oracle_facts"`
	Agreed   []string
	Disputed []string // facts on which parsers differ: they do not count
	Lossy    []string // facts whose text was damaged before it came here

	// of its source
	Subject     *string   `json:"subject"`
	From        []mailbox `json:"from"`
	FromC       []mailbox `json:"from_"`
	TextNoSpace *string   `json:"text_body_nows"`
	Attachments []file    `json:"attachments"`

	// of replies
	ReplyText string `json:"reply_text"`
	Match     string `json:"match"`

	// of bounces
	Kind       string      `json:"kind"`
	IsBounce   bool        `json:"is_bounce"`
	Recipients []recipient `json:"recipients"`
	OriginalID *string     `json:"original_message_id"`
}

type mailbox struct{ Name, Address string }

type file struct {
	Name, Type, Kind, SHA256, MD5 string
	Size                          int64
}

type facts struct {
	Subject     *string  `json:"subject"`
	From        []string `json:"from_addrs"`
	Text        *string  `json:"text_body"`
	HTML        *string  `json:"html"`
	Attachments []file   `json:"attachments"`
}

type recipient struct{ Recipient, Status string }

// scorer scores one mail.
type scorer struct {
	*board
	set string
	e   expectation
}

func (s *scorer) fact(name string, right bool, format string, args ...any) {
	if slices.Contains(s.e.Disputed, name) {
		return
	}
	s.note(s.set+" "+name, s.e.File, right, format, args...)
}

func (s *scorer) counts(name string) bool {
	return slices.Contains(s.e.Agreed, name) && !slices.Contains(s.e.Lossy, name)
}

// parse scores what a mail says: by its source where that has spoken, else by
// what two parsers agree on.
func (s *scorer) parse(m *mail.Message, raw []byte) {
	if want := s.e.Subject; want != nil && !slices.Contains(s.e.Lossy, "subject") {
		s.fact("subject", sameWords(*want, m.Subject), "want %q, got %q", *want, m.Subject)
	} else if want := s.e.Facts.Subject; want != nil && s.counts("subject") {
		s.fact("subject", sameWords(*want, m.Subject), "want %q, got %q", *want, m.Subject)
	}
	if want := s.wantFrom(); want != nil {
		s.fact("from", slices.Equal(want, addressesOf(m.From)), "want %q, got %q", want, addressesOf(m.From))
	}
	s.bodies(m)
	s.attachments(m)
	s.stated(m, raw)
}

// stated scores the binary files that the source itself states.
func (s *scorer) stated(m *mail.Message, raw []byte) {
	sums := map[string]bool{}
	for _, p := range m.Parts {
		h := md5.New()
		if _, err := io.Copy(h, p.Open(raw)); err == nil {
			sums[hex.EncodeToString(h.Sum(nil))] = true
		}
	}
	for _, f := range s.e.Attachments {
		if f.Kind == "Binary" && f.MD5 != "" && f.Size > 0 {
			s.fact("attachment bytes", sums[f.MD5], "%s %s of %d bytes, got %s", f.Type, f.Name, f.Size, shownParts(m))
		}
	}
}

// wantFrom returns the addresses of From, nil where nobody states them.
func (s *scorer) wantFrom() (want []string) {
	for _, n := range append(s.e.From, s.e.FromC...) {
		want = append(want, strings.ToLower(n.Address))
	}
	if want == nil && s.counts("from") {
		for _, a := range s.e.Facts.From {
			want = append(want, strings.ToLower(a))
		}
	}
	slices.Sort(want)
	return slices.Compact(want)
}

// addressesOf returns addresses in order, each once.
func addressesOf(list []mail.Address) (as []string) {
	for _, a := range list {
		as = append(as, strings.ToLower(a.Address))
	}
	slices.Sort(as)
	return slices.Compact(as)
}

// bodies scores the texts. Spaces do not count: line ends and folding are the
// parsers' own.
func (s *scorer) bodies(m *mail.Message) {
	if want := s.e.TextNoSpace; want != nil {
		s.fact("text", noSpace(*want) == noSpace(m.Text), "want %s, got %s", brief(*want), brief(m.Text))
	} else if want := s.e.Facts.Text; want != nil && s.counts("text") {
		s.fact("text", noSpace(*want) == noSpace(m.Text) || strings.Contains(noSpace(m.Text), noSpace(*want)), "want %s, got %s", brief(*want), brief(m.Text))
	}
	if want := s.e.Facts.HTML; want != nil && *want != "" && s.counts("html") {
		s.fact("html", noSpace(*want) == noSpace(m.HTML), "want %s, got %s", brief(*want), brief(m.HTML))
	}
}

// attachments scores the bytes of files by their hashes, and their names. A file
// that only one side takes for one counts where the source states it.
func (s *scorer) attachments(m *mail.Message) {
	got := map[string]bool{}
	names := map[string]bool{}
	for _, p := range m.Parts {
		got[p.SHA256] = true
		names[plainName(p.Name)] = true
	}
	for _, f := range s.e.Facts.Attachments {
		if s.counts("attachment_bytes") && f.Size > 0 {
			s.fact("attachment bytes", got[f.SHA256], "%s %s of %d bytes, got %s", f.Type, f.Name, f.Size, shownParts(m))
		}
		if s.counts("attachment_names") && f.Name != "" {
			s.fact("attachment names", named(names, plainName(f.Name)), "want %q, got %s", f.Name, shownParts(m))
		}
	}
}

// plainName leaves out what a safe name leaves out, so that the rest compares.
func plainName(name string) string {
	name = name[strings.LastIndexAny(name, "/\\")+1:]
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// named says that a name is among those. A folder whose separators are lost
// before it counts for nothing.
func named(names map[string]bool, want string) bool {
	for name := range names {
		if name == want || name != "" && strings.HasPrefix(want, "c") && strings.HasSuffix(want, name) {
			return true
		}
	}
	return false
}

func shownParts(m *mail.Message) string {
	var b strings.Builder
	for _, p := range m.Parts {
		fmt.Fprintf(&b, "[%q %s %d]", p.Name, p.Type, p.Size)
	}
	return b.String()
}

// reply scores what the writer wrote this time. "Exact" is by the policy of the
// source; "kept" asks that none of its words is lost.
func (s *scorer) reply(raw []byte) {
	text := strings.ReplaceAll(strings.ToValidUTF8(string(raw), "?"), "\r\n", "\n")
	got := mail.Parse([]byte("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + text)).Reply
	want, have := plainLines(s.e.ReplyText), plainLines(got)
	exact := want == have
	if strings.HasPrefix(s.e.Match, "first fragment exact") {
		exact = exact || strings.HasPrefix(have, want)
	}
	s.note("reply-text exact", s.set+"/"+s.e.File, exact, "want %s, got %s", brief(want), brief(have))
	s.replies = append(s.replies, keptReply{s.set + "/" + s.e.File, strings.Join(strings.Fields(text), " "), want, have})
}

// keptReply is what a source says of a text, and what we say.
type keptReply struct{ file, text, want, have string }

// keptWords scores that no word of a writer is lost. A word is the writer's if
// every source that judges the text keeps it; the line that announces a quote is
// not.
func (b *board) keptWords() {
	wants := map[string][]string{}
	for _, r := range b.replies {
		wants[r.text] = append(wants[r.text], r.want)
	}
	for _, r := range b.replies {
		own := withoutAttribution(r.want)
		var lost []string
		for _, w := range lostWords(own, r.have) {
			if !slices.ContainsFunc(wants[r.text], func(other string) bool { return !slices.Contains(strings.Fields(other), w) }) {
				lost = append(lost, w)
			}
		}
		b.note("reply-text no word lost", r.file, len(lost) == 0, "lost %q", lost)
	}
}

// withoutAttribution leaves out a last paragraph that says when who wrote.
func withoutAttribution(reply string) string {
	at := max(strings.LastIndex(reply, "\n\n"), 0)
	if last := reply[at:]; strings.HasSuffix(last, ":") && strings.ContainsAny(last, "0123456789") {
		return reply[:at]
	}
	return reply
}

// plainLines leaves out what is not seen: spaces at the ends of lines, and empty
// lines around the text.
func plainLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\r\u00a0")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// lostWords returns the words of want that have lacks, counting how often.
func lostWords(want, have string) (lost []string) {
	count := map[string]int{}
	for _, w := range strings.Fields(have) {
		count[w]++
	}
	for _, w := range strings.Fields(want) {
		if count[w]--; count[w] < 0 {
			lost = append(lost, w)
		}
	}
	return lost
}

// bounce scores class, recipients and status. A status like 5.0.947 is the
// source's own and means no more than its first digit.
func (s *scorer) bounce(m *mail.Message) {
	if !s.e.IsBounce && s.e.Kind != "delayed_notice" {
		s.fact("not called one", m.Class != mail.ClassBounce, "%s is %s (%s)", s.e.Kind, m.Class, m.ClassReason)
		return
	}
	s.fact("recognised", m.Class == mail.ClassBounce, "%s is %s (%s): %s", s.e.Kind, m.Class, m.ClassReason, m.Subject)
	got := map[string]mail.Recipient{}
	for _, r := range m.Recipients {
		got[strings.ToLower(r.Address)] = r
		if r.Final != "" {
			got[strings.ToLower(r.Final)] = r
		}
	}
	all := true
	for _, r := range s.e.Recipients {
		g, ok := got[strings.ToLower(r.Recipient)]
		all = all && ok
		if r.Status != "" && ok {
			s.fact("status", sameStatus(r.Status, g.Status), "%s: want %s, got %s (%s)", r.Recipient, r.Status, g.Status, brief(g.Diagnostic))
		}
	}
	if len(s.e.Recipients) > 0 {
		s.fact("all recipients", all, "want %v, got %v", s.e.Recipients, m.Recipients)
	}
	if id := s.e.OriginalID; id != nil && *id != "" {
		s.fact("original", strings.Trim(*id, "<>") == m.Original, "want %s, got %s", *id, m.Original)
	}
}

func sameStatus(want, got string) bool {
	if want == got {
		return true
	}
	return strings.Contains(want, ".0.9") && len(want) == len("5.0.900") && got != "" && want[0] == got[0]
}

// volume scores real mail, among which nothing is a bounce or an automatic reply
// but what a mail system's own user sent.
func (s *scorer) volume(m *mail.Message) {
	machine := m.Class == mail.ClassBounce || m.Class == mail.ClassAutoReply
	from := strings.ToLower(m.Get("From"))
	if !strings.Contains(from, "daemon") && !strings.Contains(from, "postmaster") && !strings.Contains(m.Get("Content-Type"), "delivery-status") {
		s.fact("not called bounce or auto-reply", !machine, "%s (%s): %s", m.Class, m.ClassReason, m.Subject)
	}
	if want := s.wantFrom(); want != nil {
		s.fact("from", slices.Equal(want, addressesOf(m.From)), "want %q, got %q", want, addressesOf(m.From))
	}
	if want := s.e.Facts.Subject; want != nil && s.counts("subject") {
		s.fact("subject", sameWords(*want, m.Subject), "want %q, got %q", *want, m.Subject)
	}
	s.bodies(m)
	s.attachments(m)
}

func sameWords(a, b string) bool {
	return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(b), " ")
}

func noSpace(s string) string { return strings.Join(strings.Fields(s), "") }

func brief(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 160 {
		s = strings.ToValidUTF8(s[:100], "") + " … " + strings.ToValidUTF8(s[len(s)-50:], "")
	}
	return fmt.Sprintf("%q", s)
}
