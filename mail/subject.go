package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// isPrefixWord says whether a folded word before a colon marks a subject as
// that of an answer or a forward, in the mail programs' many languages.
func isPrefixWord(word string) bool {
	switch word {
	case "re", "rv", "rta", "resp", "res", "enc", "fw", "fwd", "tr", "aw", "wg", "sv", "vs", "antw", "r", "i":
		return true
	}
	return false
}

// StripPrefixes returns a subject without the marks of answers and forwards at
// its front, repeatedly and with their counters ("RE: RV[2]: "), and without
// the marks that mail systems set before foreign mail ("[EXTERNO]").
func StripPrefixes(subject string) string {
	subject = strings.TrimSpace(subject)
	for {
		rest, found := cutPrefix(subject)
		if !found {
			return subject
		}
		subject = strings.TrimSpace(rest)
	}
}

// cutPrefix cuts one mark off the front.
func cutPrefix(s string) (rest string, found bool) {
	if strings.HasPrefix(s, "[") {
		if end := strings.IndexByte(s, ']'); end > 0 && end < 32 && isExternal(s[1:end]) {
			return strings.TrimLeft(s[end+1:], " :-"), true
		}
		return s, false
	}
	end := 0
	for end < len(s) && end < 5 && (s[end]|0x20 >= 'a' && s[end]|0x20 <= 'z') {
		end++
	}
	if !isPrefixWord(strings.ToLower(s[:end])) {
		return s, false
	}
	rest = strings.TrimLeft(s[end:], " ")
	rest = strings.TrimLeft(cutCounter(rest), " ")
	if after, ok := strings.CutPrefix(rest, ":"); ok {
		return after, true
	}
	return strings.CutPrefix(rest, "：")
}

// cutCounter cuts "[2]", "(2)", "^2" or "2" off the front.
func cutCounter(s string) string {
	closing := ""
	rest := s
	switch {
	case strings.HasPrefix(s, "["):
		closing, rest = "]", s[1:]
	case strings.HasPrefix(s, "("):
		closing, rest = ")", s[1:]
	case strings.HasPrefix(s, "^"):
		rest = s[1:]
	}
	digits := 0
	for digits < len(rest) && digits < 3 && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	if digits == 0 || !strings.HasPrefix(rest[digits:], closing) {
		return s
	}
	return rest[digits+len(closing):]
}

// isExternal says that what stands in brackets is a mail system's warning that
// a mail comes from outside.
func isExternal(s string) bool {
	switch Fold(strings.TrimSpace(s)) {
	case "externo", "external", "ext", "correo externo", "external email", "external sender", "remitente externo", "mensaje externo", "e-mail externo", "email externo":
		return true
	}
	return false
}

// isForward says that a subject's first mark is that of a forward, so that the
// mail below is what its sender wants to show.
func isForward(subject string) bool {
	subject = strings.TrimSpace(subject)
	for {
		before, _, found := strings.Cut(subject, ":")
		if !found {
			return false
		}
		switch strings.ToLower(strings.TrimSpace(before)) {
		case "rv", "fw", "fwd", "enc", "wg", "tr", "i", "reenv", "doorst":
			return true
		}
		rest, found := cutPrefix(subject)
		if !found || !strings.HasPrefix(subject, "[") {
			return false
		}
		subject = rest
	}
}

// Tags returns the ticket numbers that a subject carries, without "#", in their
// order: of "[#1234]", "[# 1234 ]" and "[MESA #1234]". Whose they are is for
// the caller to say.
func Tags(subject string) []string {
	var tags []string
	eachTag(subject, func(_, _ int, number string) { tags = append(tags, number) })
	return tags
}

// StripTags returns a subject without its ticket tags.
func StripTags(subject string) string {
	var b strings.Builder
	from := 0
	eachTag(subject, func(start, end int, _ string) {
		b.WriteString(subject[from:start])
		from = end
	})
	if from == 0 {
		return strings.TrimSpace(subject)
	}
	b.WriteString(subject[from:])
	return strings.Join(strings.Fields(b.String()), " ")
}

// maxTag is how many bytes a tag has between its brackets, and how many digits
// a number.
const maxTag, maxDigits = 48, 20

// eachTag finds the tags.
func eachTag(s string, found func(start, end int, number string)) {
	for at := 0; ; {
		open := strings.IndexByte(s[at:], '[')
		if open < 0 {
			return
		}
		at += open
		length := strings.IndexByte(s[at:min(len(s), at+maxTag+2)], ']')
		if length > 0 {
			if number, ok := tagNumber(s[at+1 : at+length]); ok {
				found(at, at+length+1, number)
				at += length
			}
		}
		at++
	}
}

// tagNumber returns the number of what stands between brackets.
func tagNumber(s string) (string, bool) {
	label, number, ok := strings.Cut(s, "#")
	if !ok || strings.ContainsAny(label, "[#") {
		return "", false
	}
	number = strings.TrimSpace(number)
	if number == "" || len(number) > maxDigits || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	return number, true
}

// Fold returns s in lower case and without accents, for matching words: "Señal"
// and "SENAL" are one. It is for comparing, not for showing.
func Fold(s string) string {
	end := foldedEnd(s, 0)
	if end == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; ; {
		b.WriteString(s[i:end])
		if end == len(s) {
			return b.String()
		}
		r, size := utf8.DecodeRuneInString(s[end:])
		i = end + size
		switch {
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r) + 'a' - 'A')
		case r < 0x180:
			b.WriteString(latin[r-0x80])
		case r < 0x2000 || r >= 0x3000 || unicode.IsLetter(r) || unicode.IsMark(r):
			foldRest(&b, s[end:])
			return b.String()
		default:
			b.WriteString(s[end:i])
		}
		end = foldedEnd(s, i)
	}
}

// foldedEnd returns where the text from a place on stops to be as it is folded.
func foldedEnd(s string, i int) int {
	for i < len(s) && s[i] < utf8.RuneSelf && (s[i] < 'A' || s[i] > 'Z') {
		i++
	}
	return i
}

// latin holds what each character of Latin-1 and Latin Extended-A (from U+0080 on)
// folds to: letters to those of ASCII, «¿» and its like to themselves.
var latin = func() (t [0x100]string) {
	for i := range t {
		var b strings.Builder
		foldRest(&b, string(rune(0x80+i)))
		t[i] = b.String()
	}
	for r, c := range strokes {
		t[r-0x80] = c
	}
	return t
}()

// strokes are no accents to Unicode.
var strokes = map[rune]string{'ø': "o", 'Ø': "o", 'ł': "l", 'Ł': "l", 'đ': "d", 'Đ': "d"}

// foldRest folds text that is not all Latin.
func foldRest(b *strings.Builder, s string) {
	var iter norm.Iter
	iter.InitString(norm.NFKD, s)
	for !iter.Done() {
		for piece := iter.Next(); len(piece) > 0; {
			r, size := utf8.DecodeRune(piece)
			piece = piece[size:]
			if !unicode.Is(unicode.Mn, r) {
				b.WriteRune(unicode.ToLower(r))
			}
		}
	}
}
