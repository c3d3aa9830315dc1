package mail

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// rawField is a header field as it lies in the mail.
type rawField struct {
	name  []byte
	value []byte // folded, without white space around it
	lines int
}

// fieldKind says what nextField has found.
type fieldKind int

const (
	aField fieldKind = iota
	noField
	endOfHeader
)

// nextField reads the header field at pos. endOfHeader means that the body
// begins at next: after an empty line, at a line that cannot be a header's, or
// at the end of the mail. noField is a line that belongs to no field and is
// passed over: the separator of an mbox file, or a fold that continues nothing.
func nextField(raw []byte, pos int) (f rawField, next int, kind fieldKind) {
	if pos >= len(raw) {
		return f, len(raw), endOfHeader
	}
	next = lineEnd(raw, pos)
	line := raw[pos:next]
	if len(trimLineEnd(line)) == 0 {
		return f, next, endOfHeader
	}
	f.lines = 1
	if line[0] == ' ' || line[0] == '\t' {
		return f, next, noField
	}
	colon := bytes.IndexByte(line, ':')
	if colon >= 0 {
		f.name = bytes.TrimRight(line[:colon], " \t")
	}
	if len(f.name) == 0 || !isFieldName(f.name) {
		f.name = nil
		if bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From ")) {
			return f, next, noField
		}
		return rawField{}, pos, endOfHeader
	}
	for next < len(raw) && (raw[next] == ' ' || raw[next] == '\t') {
		next = lineEnd(raw, next)
		f.lines++
	}
	f.value = bytes.Trim(raw[pos+colon+1:next], " \t\r\n")
	return f, next, aField
}

// lineEnd returns where the line after the one at pos begins.
func lineEnd(raw []byte, pos int) int {
	if i := bytes.IndexByte(raw[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(raw)
}

func trimLineEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// isFieldName says whether b is a field's name (RFC 5322 §3.6.8).
func isFieldName(b []byte) bool {
	for _, c := range b {
		if c < 33 || c > 126 {
			return false
		}
	}
	return true
}

// isFold compares with a lower-case ASCII word, ASCII case folded.
func isFold(b []byte, lower string) bool {
	return len(b) == len(lower) && isPrefixFold(b, lower)
}

func isPrefixFold(b []byte, lower string) bool {
	if len(b) < len(lower) {
		return false
	}
	for i := range len(lower) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// separators counts a separator outside quoted strings.
func separators(value []byte, separator byte) int {
	n, quoted := 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			n++
		}
	}
	if quoted { // a quotation mark without its fellow hides nothing
		return bytes.Count(value, []byte{separator})
	}
	return n
}

// eachParameter calls found with the parameters of a structured field's value
// (RFC 2045 §5.1) until it returns false. Names and values are slices of value;
// a quoted value is without its marks, its backslashes are still there.
func eachParameter(value []byte, found func(name, text []byte) bool) {
	rest := value
	if i := bytes.IndexByte(rest, ';'); i >= 0 {
		rest = rest[i+1:]
	} else if i := bytes.IndexAny(rest, " \t\r\n"); i >= 0 && bytes.IndexByte(rest[i:], '=') >= 0 {
		rest = rest[i+1:] // the semicolon was forgotten
	} else {
		return
	}
	for len(rest) > 0 {
		var name, text []byte
		name, text, rest = nextParameter(rest)
		if len(name) > 0 && !found(name, text) {
			return
		}
	}
}

// nextParameter reads one parameter up to and including its semicolon.
func nextParameter(rest []byte) (name, text, after []byte) {
	rest = bytes.TrimLeft(rest, " \t\r\n;")
	equals := bytes.IndexAny(rest, "=;")
	if equals < 0 {
		return nil, nil, nil
	}
	if rest[equals] == ';' {
		return nil, nil, rest[equals+1:]
	}
	name = bytes.Trim(rest[:equals], " \t\r\n")
	rest = bytes.TrimLeft(rest[equals+1:], " \t\r\n")
	if len(rest) > 0 && rest[0] == '"' {
		if end := closingQuote(rest); end > 0 {
			text, rest = rest[1:end], rest[end+1:]
			if i := bytes.IndexByte(rest, ';'); i >= 0 {
				return name, text, rest[i+1:]
			}
			return name, text, rest // the semicolon was forgotten
		}
		rest = rest[1:]
	}
	if i := bytes.IndexByte(rest, ';'); i >= 0 {
		return name, bytes.Trim(rest[:i], " \t\r\n"), rest[i+1:]
	}
	return name, bytes.Trim(rest, " \t\r\n"), nil
}

// closingQuote returns the index of the mark that closes the quoted string at
// the start of b, or -1.
func closingQuote[T string | []byte](b T) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// headerText unfolds a value (RFC 5322 §2.2.3) and makes it valid UTF-8 without
// control characters. Encoded-words are still there.
func headerText(value []byte) string {
	if isPlain(value) {
		return string(value)
	}
	if hasEightBit(value) {
		return cleanLine(decodeUndeclared(value))
	}
	line := make([]byte, 0, len(value))
	for i, c := range value {
		switch {
		case c == '\r' && i+1 < len(value) && value[i+1] == '\n':
		case c == '\n':
			if i+1 < len(value) && value[i+1] != ' ' && value[i+1] != '\t' {
				line = append(line, ' ')
			}
		case c < ' ' || c == 0x7f:
			line = append(line, ' ')
		default:
			line = append(line, c)
		}
	}
	return string(line)
}

// isPlain says that b is printable ASCII.
func isPlain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// cleanLine makes one line of s: line ends vanish where white space follows,
// other control characters become a space.
func cleanLine(s string) string {
	clean := func(s string) bool {
		for i := range len(s) {
			if s[i] < ' ' || s[i] == 0x7f || s[i] == 0xc2 {
				return false
			}
		}
		return true
	}
	if clean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	broken := false // line ends since the last character
	for _, r := range s {
		switch {
		case r == '\r' || r == '\n':
			broken = true
			continue
		case broken && r != ' ' && r != '\t' && b.Len() > 0:
			b.WriteByte(' ')
		}
		broken = false
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// messageIDs returns the msg-ids of a field (RFC 5322 §3.6.4), without angle
// brackets. A value without any is taken as one id, as some programs write it.
func messageIDs(value string) []string {
	var ids []string
	rest := value
	for {
		open := strings.IndexByte(rest, '<')
		if open < 0 {
			break
		}
		rest = rest[open+1:]
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			break
		}
		id := strings.Join(strings.Fields(rest[:end]), "")
		if id != "" && len(id) <= maxMessageID && len(ids) < maxReferences {
			ids = append(ids, id)
		}
		rest = rest[end+1:]
	}
	if ids == nil {
		for _, word := range strings.Fields(value) {
			word = strings.Trim(word, "<>,;\"")
			if strings.ContainsRune(word, '@') && len(word) <= maxMessageID && len(ids) < maxReferences {
				ids = append(ids, word)
			}
		}
	}
	return ids
}

const (
	maxMessageID  = 998  // bytes: a line (RFC 5322 §2.1.1)
	maxReferences = 1000 // ids of one mail
)

// shorten cuts s to at most max bytes, between characters.
func shorten(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}
