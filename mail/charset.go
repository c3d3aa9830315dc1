package mail

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding/charmap"
)

// decodeCharset makes UTF-8 of text in a named charset. known is false when
// there is no such charset here; the text is then read as if none was declared.
func decodeCharset(name string, b []byte) (text string, known bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	if i := strings.IndexAny(name, " \t(;*"); i >= 0 {
		name = name[:i]
	}
	name = strings.Trim(name, "\"'")
	name = strings.ReplaceAll(name, "_", "-")
	switch name {
	case "", "us-ascii", "ascii", "ansi-x3.4-1968", "unknown-8bit", "x-unknown", "unknown", "7bit", "8bit", "default", "none":
		return decodeUndeclared(b), true
	case "utf-8", "utf8", "unicode-1-1-utf-8", "x-utf-8":
		return decodeUTF8(b), true
	case "iso-8859-1", "iso8859-1", "latin1", "latin-1", "l1", "windows-1252", "cp1252", "x-cp1252", "windows1252", "cp-1252", "ansi":
		return decodeWindows1252(b), true
	case "utf-7", "utf7", "unicode-1-1-utf-7", "x-unicode-1-1-utf-7":
		return decodeUTF7(b), true
	}
	if strings.HasPrefix(name, "iso-2022-") && hasEightBit(b) {
		return decodeUndeclared(b), true // it is not what it says: those have seven bits
	}
	if isSingleByte(name) && hasEightBit(b) && utf8.Valid(b) {
		return decodeUTF8(b), true // by chance no other text looks like UTF-8
	}
	r, err := charset.Reader(aliased(name), bytes.NewReader(b))
	if err != nil {
		return decodeUndeclared(b), false
	}
	decoded, err := io.ReadAll(io.LimitReader(r, int64(4*len(b)+16)))
	if err != nil {
		return decodeUndeclared(b), false
	}
	return decodeUTF8(decoded), true
}

// isSingleByte says that a charset has a byte for each character.
func isSingleByte(name string) bool {
	for _, start := range [...]string{"iso-8859-", "iso8859", "windows-12", "windows12", "cp12", "koi8", "mac", "x-mac", "ibm"} {
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	return false
}

func hasEightBit[T string | []byte](b T) bool {
	for i := range len(b) {
		if b[i] >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// aliased returns the registered name of a charset that goes by another.
func aliased(name string) string {
	switch name {
	case "ks-c-5601-1987", "ks-c-5601", "ksc5601", "ks-c-5601-1989", "cp949", "windows-949", "x-windows-949":
		return "euc-kr"
	case "gb2312", "cp936", "x-gbk", "gb-2312-80", "gb2312-80":
		return "gb18030"
	case "cp932", "ms932", "windows-31j", "x-sjis", "sjis", "shift-jis":
		return "shift_jis"
	case "utf16":
		return "utf-16"
	case "cp850", "cp-850", "dos-850":
		return "ibm850"
	case "cp437", "cp-437":
		return "ibm437"
	}
	if rest, ok := strings.CutPrefix(name, "windows12"); ok {
		return "windows-12" + rest
	}
	if rest, ok := strings.CutPrefix(name, "iso8859"); ok {
		return "iso-8859-" + strings.TrimLeft(rest, "-")
	}
	return name
}

// decodeUndeclared reads text whose charset nobody says: UTF-8 where it is
// valid, else windows-1252, which is what was meant.
func decodeUndeclared(b []byte) string {
	if utf8.Valid(b) {
		return string(bytes.TrimPrefix(b, byteOrderMark))
	}
	return decodeWindows1252(b)
}

// decodeUTF8 reads text that is said to be UTF-8. If not one character of it
// is, beyond ASCII, it is windows-1252 in truth.
func decodeUTF8(b []byte) string {
	b = bytes.TrimPrefix(b, byteOrderMark)
	if utf8.Valid(b) {
		return string(b)
	}
	for rest := b; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r != utf8.RuneError && size > 1 {
			return strings.ToValidUTF8(string(b), "\uFFFD")
		}
		rest = rest[size:]
	}
	return decodeWindows1252(b)
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// decodeWindows1252 also reads ISO 8859-1, of which it is a superset in print.
func decodeWindows1252(b []byte) string {
	var s strings.Builder
	s.Grow(len(b) + len(b)/8)
	for _, c := range b {
		if c < utf8.RuneSelf {
			s.WriteByte(c)
		} else {
			s.WriteRune(charmap.Windows1252.DecodeByte(c))
		}
	}
	return s.String()
}

// decodeUTF7 reads RFC 2152.
func decodeUTF7(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		plus := bytes.IndexByte(b, '+')
		if plus < 0 {
			break
		}
		s.Write(b[:plus])
		b = b[plus+1:]
		end := 0
		for end < len(b) && base64Value[b[end]] < 64 {
			end++
		}
		if end == 0 {
			s.WriteByte('+')
		} else {
			s.WriteString(decodeUTF16(b[:end]))
		}
		b = b[end:]
		if len(b) > 0 && b[0] == '-' {
			b = b[1:]
		}
	}
	s.Write(b)
	return decodeUndeclared([]byte(s.String()))
}

// decodeUTF16 reads big-endian UTF-16 in base64 without padding.
func decodeUTF16(b []byte) string {
	raw := make([]byte, base64.RawStdEncoding.DecodedLen(len(b)))
	n, _ := base64.RawStdEncoding.Decode(raw, b)
	units := make([]uint16, 0, n/2)
	for i := 0; i+1 < n; i += 2 {
		units = append(units, uint16(raw[i])<<8|uint16(raw[i+1]))
	}
	return string(utf16.Decode(units))
}

// decodeWords decodes the encoded-words of an unfolded value (RFC 2047), also
// the broken ones that mail programs write: within quotation marks, with
// spaces, glued to text, characters split between two words. The result is one
// line of valid UTF-8 without control characters.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	var out strings.Builder
	var pending encodedWords
	last := len(s) - strings.LastIndex(s, "?=") // how far from the end the last word ends
	for s != "" {
		start := strings.Index(s, "=?")
		if start < 0 || start+2 > len(s)-last {
			break // nor would any later one end
		}
		word, after, ok := cutWord(s[start:])
		if !ok {
			pending.flush(&out)
			out.WriteString(s[:start+2])
			s = s[start+2:]
			continue
		}
		if between := s[:start]; strings.TrimSpace(between) != "" || !pending.any {
			pending.flush(&out)
			out.WriteString(between)
		}
		pending.add(&out, word)
		s = after
	}
	pending.flush(&out)
	out.WriteString(s)
	return cleanLine(out.String())
}

// encodedWord is one encoded-word, its transfer encoding undone.
type encodedWord struct {
	charset string
	bytes   []byte
}

// encodedWords gathers neighbours of one charset: a character may be split
// between them.
type encodedWords struct {
	encodedWord
	any bool
}

func (p *encodedWords) add(out *strings.Builder, w encodedWord) {
	if p.any && !strings.EqualFold(p.charset, w.charset) {
		p.flush(out)
	}
	p.charset = w.charset
	p.bytes = append(p.bytes, w.bytes...)
	p.any = true
}

func (p *encodedWords) flush(out *strings.Builder) {
	if !p.any {
		return
	}
	text, _ := decodeCharset(p.charset, p.bytes)
	out.WriteString(text)
	p.bytes, p.any = p.bytes[:0], false
}

// cutWord reads the encoded-word at the start of s.
func cutWord(s string) (w encodedWord, after string, ok bool) {
	rest := s[2:]
	mark := strings.IndexByte(rest[:min(len(rest), 64)], '?')
	if mark <= 0 || mark+2 >= len(rest) || rest[mark+2] != '?' {
		return w, s, false
	}
	w.charset, _, _ = strings.Cut(rest[:mark], "*") // RFC 2231 §5
	if strings.ContainsAny(w.charset, " \t=") {
		return w, s, false
	}
	encoding := rest[mark+1] | 0x20 // lower case
	rest = rest[mark+3:]
	if encoding != 'b' && encoding != 'q' {
		return w, s, false
	}
	end := strings.Index(rest, "?=")
	if end < 0 {
		return w, s, false
	}
	text := rest[:end]
	if encoding == 'b' {
		w.bytes = decodeTransfer("base64", []byte(text))
	} else if w.bytes = decodeQ(text); hasEightBit(text) && utf8.Valid(w.bytes) {
		w.charset = "utf-8" // of bytes that were not encoded: they are UTF-8 by now
	}
	return w, rest[end+2:], true
}

// decodeQ undoes the Q encoding (RFC 2047 §4.2).
func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			out = append(out, ' ')
		case s[i] == '=' && i+2 < len(s) && hexValue(s[i+1]) < 16 && hexValue(s[i+2]) < 16:
			out = append(out, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out
}

// hexValue returns the value of a hexadecimal digit, or 16 and more.
func hexValue(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}
