package mailout

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const (
	foldAt   = 78  // columns a header line should not pass (RFC 5322 §2.1.1)
	longWord = 900 // a word beyond it cannot stand in a header line of 998 octets
	wordSize = 75  // an encoded-word is not longer (RFC 2047 §2)
	nameSize = 250 // bytes kept of a display name
)

// Mailbox returns a display name and an address as they stand in From, To, Cc
// or Reply-To: 7-bit, the name as atoms, a quoted string or encoded-words,
// whatever it contains. name may be empty. A domain beyond ASCII is written in its
// A-labels. An address whose local part is not ASCII cannot be written in a 7-bit
// header: it becomes an empty group whose name shows it (RFC 6857 §3.1.8).
func Mailbox(name, address string) string {
	name, address = cut(oneLine(name), nameSize), oneLine(address)
	carried, err := transport(address)
	if err != nil || !isASCII(carried) {
		return phrase(address) + ":;"
	}
	address = "<" + addrSpec(carried) + ">"
	if name == "" {
		return address
	}
	return phrase(name) + " " + address
}

// transport returns an address as mail servers that know nothing of other letters
// take it: with its domain in A-labels (RFC 5890 §2.3.2.1). Where the local part
// is not ASCII they cannot, and it stays as it is (RFC 6531). An error means that
// its domain cannot be written so, and hence not exist.
func transport(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if isASCII(address) || !isASCII(address[:at+1]) {
		return address, nil
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	return address[:at+1] + domain, err
}

// domainOf returns the domain of an address in lower case.
func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// addrSpec returns an ASCII address so that it can stand between angle brackets:
// an odd local part is quoted, odd characters of a domain are left out.
func addrSpec(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return keep(address, isAtomOrDot)
	}
	local, domain := address[:at], keep(address[at+1:], func(c byte) bool {
		return isAtomOrDot(c) || c == '[' || c == ']' || c == ':'
	})
	if inner, ok := strings.CutPrefix(local, `"`); ok && strings.HasSuffix(inner, `"`) {
		local = strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `\`, "")
	}
	if local == "" || keep(local, isAtomOrDot) != local || strings.Contains("."+local+".", "..") {
		local = quoted(local)
	}
	return local + "@" + domain
}

// phrase returns a display name (RFC 5322 §3.2.5).
func phrase(name string) string {
	if !isASCII(name) || strings.Contains(name, "=?") || hasLongWord(name) {
		return strings.Join(encodedWords(name, 60, 60), " ")
	}
	if keep(name, func(c byte) bool { return isAtom(c) || c == ' ' }) == name {
		return name
	}
	return quoted(name)
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// appendField appends a header field, folded and with what is not ASCII as
// encoded-words. Line ends and control characters of the value become spaces,
// so that no value can begin another field.
func appendField(b []byte, name, value string) []byte {
	value = oneLine(value)
	if !isASCII(value) || !structured(name) && (strings.Contains(value, "=?") || hasLongWord(value)) {
		value = encodeRuns(value, len(name)+2, structured(name))
	}
	before := len(b)
	b = append(b, name...)
	b = append(b, ':')
	column, words := len(name)+1, 0
	for word := range strings.SplitSeq(value, " ") {
		if len(word) > longWord {
			continue // a msg-id that no header line can hold
		}
		if words > 0 && column+1+len(word) > foldAt {
			b = append(b, '\r', '\n')
			column = 0
		}
		b = append(b, ' ')
		b = append(b, word...)
		column += 1 + len(word)
		words++
	}
	if words == 0 {
		return b[:before]
	}
	return append(b, '\r', '\n')
}

// encodeRuns writes the words of value that need it as encoded-words, a run of
// such words at a time: a space between two encoded-words is not shown, so the
// spaces inside a run are encoded with it.
func encodeRuns(value string, column int, structured bool) string {
	words := strings.Split(value, " ")
	var out []string
	for i := 0; i < len(words); {
		if !needsEncoding(words[i], structured) {
			column += len(words[i]) + 1
			out = append(out, words[i])
			i++
			continue
		}
		end := i + 1
		for end < len(words) && needsEncoding(words[end], structured) {
			end++
		}
		first := wordSize
		if i == 0 {
			first = max(foldAt-2-column, 40)
		}
		out = append(out, encodedWords(strings.Join(words[i:end], " "), first, wordSize)...)
		i = end
	}
	return strings.Join(out, " ")
}

func needsEncoding(word string, structured bool) bool {
	return !isASCII(word) || !structured && (strings.Contains(word, "=?") || len(word) > longWord)
}

// encodedWords writes s as encoded-words (RFC 2047 §2), the first at most first
// and the others at most rest characters long, none holding part of a
// character. Q or B is chosen by which is shorter. They may stand in a phrase.
func encodedWords(s string, first, rest int) []string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	costQ := 0
	for i := 0; i < len(s); i++ {
		costQ += qCost(s[i])
	}
	useB := costQ > base64.StdEncoding.EncodedLen(len(s))
	var words []string
	for limit := first; s != ""; limit = rest {
		n := runePrefix(s, limit-len("=?utf-8?q?")-len("?="), useB)
		words = append(words, encodedWord(s[:n], useB))
		s = s[n:]
	}
	return words
}

// runePrefix returns how many bytes of s, in whole characters and at least one,
// are written in room characters.
func runePrefix(s string, room int, useB bool) int {
	n, cost := 0, 0
	for n < len(s) {
		_, size := utf8.DecodeRuneInString(s[n:])
		for i := n; i < n+size; i++ {
			cost += qCost(s[i])
		}
		if useB {
			cost = base64.StdEncoding.EncodedLen(n + size)
		}
		if n > 0 && cost > room {
			break
		}
		n += size
	}
	return n
}

func encodedWord(s string, useB bool) string {
	if useB {
		return "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
	}
	b := append(make([]byte, 0, wordSize), "=?utf-8?q?"...)
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == ' ':
			b = append(b, '_')
		case qCost(s[i]) == 1:
			b = append(b, s[i])
		default:
			b = append(b, '=', upperHex[s[i]>>4], upperHex[s[i]&15])
		}
	}
	return string(append(b, "?="...))
}

const upperHex = "0123456789ABCDEF"

// qCost is how many characters a byte takes in the Q encoding that is allowed in
// a phrase (RFC 2047 §5 (3)).
func qCost(c byte) int {
	if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(" !*+-/", c) >= 0 {
		return 1
	}
	return 3
}

// structured says that a field's value is no free text, so that an ASCII value
// must be left as it is.
func structured(name string) bool {
	switch strings.ToLower(name) {
	case "subject", "comments", "keywords", "organization":
		return false
	}
	return true
}

// oneLine returns s in one line: control characters and runs of spaces become
// one space, invalid UTF-8 the replacement character.
func oneLine(s string) string {
	clean := !strings.HasPrefix(s, " ") && !strings.HasSuffix(s, " ")
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] >= ' ' && s[i] < 0x7f && (s[i] != ' ' || s[i-1] != ' ')
	}
	if clean {
		return s
	}
	s = strings.ToValidUTF8(s, "\ufffd")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return r <= ' ' || 0x7f <= r && r < 0xa0 || r == '\u2028' || r == '\u2029'
	}), " ")
}

// cut returns at most n bytes of s, in whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.TrimRight(s[:n], " ")
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func hasLongWord(s string) bool {
	if len(s) <= longWord {
		return false
	}
	for word := range strings.SplitSeq(s, " ") {
		if len(word) > longWord {
			return true
		}
	}
	return false
}

// isAtom says that c is an atext character (RFC 5322 §3.2.3).
func isAtom(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isAtomOrDot(c byte) bool { return isAtom(c) || c == '.' }

func keep(s string, ok func(byte) bool) string {
	for i := 0; i < len(s); i++ {
		if !ok(s[i]) {
			b := []byte(s[:i])
			for ; i < len(s); i++ {
				if ok(s[i]) {
					b = append(b, s[i])
				}
			}
			return string(b)
		}
	}
	return s
}
