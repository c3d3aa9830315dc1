package mailout

import "strings"

// plain7bit says that a text may stand in a mail as it is and arrive unharmed:
// ASCII, short lines, and nothing that relays are known to change (spaces at a
// line's end, a line that begins with "From ", a lone dot).
func plain7bit(s string) bool {
	start := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n':
			if line := s[start:i]; line == "." || strings.HasSuffix(line, " ") || strings.HasSuffix(line, "\t") {
				return false
			}
			start = i + 1
		case c >= 0x7f, c < ' ' && c != '\t', i-start >= foldAt:
			return false
		case i == start+4 && s[start:i+1] == "From ":
			return false
		}
	}
	rest := s[start:]
	return rest != "." && !strings.HasSuffix(rest, " ") && !strings.HasSuffix(rest, "\t")
}

// appendQuotedPrintable appends s, whose line ends are LF or CRLF, in
// quoted-printable (RFC 2045 §6.7): lines of at most 76 characters, and encoded
// also what relays change. It ends in CRLF.
func appendQuotedPrintable(b []byte, s string) []byte {
	start := len(b) // of the line under way
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\n' || c == '\r' && i+1 < len(s) && s[i+1] == '\n' {
			if c == '\r' {
				i++
			}
			b = append(b, '\r', '\n')
			start = len(b)
			continue
		}
		if n := plainRun(s[i:], 75-(len(b)-start)); n > 0 && len(b) > start {
			b = append(b, s[i:i+n]...)
			i += n - 1
			continue
		}
		size := encodedSize(s[i:], len(b) == start)
		// A character of UTF-8 is not broken over two lines: some readers
		// decode line by line.
		if len(b)-start+size > 75 {
			b = append(b, '=', '\r', '\n')
			start = len(b)
			size = max(size, encodedSize(s[i:], true))
		}
		if size == 1 {
			b = append(b, c)
			continue
		}
		for n := size / 3; n > 0; n-- {
			b = append(b, '=', upperHex[s[i]>>4], upperHex[s[i]&15])
			i++
		}
		i--
	}
	if len(b) > start || s == "" {
		b = append(b, '\r', '\n')
	}
	return b
}

// plainRun is how many bytes s begins with, at most room, that stand in
// quoted-printable as they are wherever they stand in a line: its last one is no
// space, which might end the line.
func plainRun(s string, room int) int {
	s = s[:min(len(s), max(0, room))]
	n := 0
	for n < len(s) && s[n]-' ' < 0x7f-' ' && s[n] != '=' {
		n++
	}
	for n > 0 && s[n-1] == ' ' {
		n--
	}
	return n
}

// encodedSize is how many characters the first character of s takes: 1 as it
// is, else 3 for each of its bytes.
func encodedSize(s string, lineStart bool) int {
	c := s[0]
	switch {
	case c == ' ' || c == '\t':
		if len(s) == 1 || s[1] == '\n' || s[1] == '\r' {
			return 3
		}
		return 1
	case c < ' ' || c == '=' || c == 0x7f:
		return 3
	case lineStart && c == '.', lineStart && strings.HasPrefix(s, "From "):
		return 3
	case c < 0x80:
		return 1
	}
	n := 1
	for n < 4 && n < len(s) && s[n]&0xc0 == 0x80 {
		n++
	}
	return 3 * n
}
