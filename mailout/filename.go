package mailout

import (
	"strconv"
	"strings"
)

// fileHeader returns the header of a file's part, each line with its CRLF.
//
// A name that is not ASCII is given twice: in Content-Disposition as RFC 2231
// says, and in Content-Type's old name parameter as encoded-words, which
// programs that do not know RFC 2231 read.
func fileHeader(f File, disposition string) string {
	name := oneLine(f.Name)
	if name == "" {
		name = "adjunto"
	}
	var b strings.Builder
	b.WriteString("Content-Type: " + mediaType(f.Type) + ";\r\n name=\"")
	b.WriteString(strings.Join(oldName(name), "\r\n "))
	b.WriteString("\"\r\nContent-Disposition: " + disposition)
	for _, p := range filenameParameters(name) {
		b.WriteString(";\r\n " + p)
	}
	b.WriteString("\r\nContent-Transfer-Encoding: base64\r\n")
	if contentID(f.ContentID) {
		b.WriteString("Content-ID: <" + f.ContentID + ">\r\n")
	}
	return b.String()
}

// oldName returns the lines of a name for the name parameter.
func oldName(name string) []string {
	if plainName(name) {
		return []string{name}
	}
	return encodedWords(name, 66, 72)
}

// filenameParameters returns the filename parameter, in as many sections as it
// needs (RFC 2231 §3, §4).
func filenameParameters(name string) []string {
	if plainName(name) {
		return []string{`filename="` + name + `"`}
	}
	const sectionSize = 60
	var sections []string
	section := make([]byte, 0, sectionSize+8)
	for _, r := range name {
		char := string(r)
		start := len(section)
		for i := 0; i < len(char); i++ {
			if attributeChar(char[i]) {
				section = append(section, char[i])
			} else {
				section = append(section, '%', upperHex[char[i]>>4], upperHex[char[i]&15])
			}
		}
		if len(section) > sectionSize {
			sections = append(sections, string(section[:start]))
			section = append(section[:0], section[start:]...)
		}
	}
	sections = append(sections, string(section))
	if len(sections) == 1 {
		return []string{"filename*=utf-8''" + sections[0]}
	}
	for i, s := range sections {
		charset := ""
		if i == 0 {
			charset = "utf-8''"
		}
		sections[i] = "filename*" + strconv.Itoa(i) + "*=" + charset + s
	}
	return sections
}

// plainName says that a name can stand in a quoted string as it is.
func plainName(name string) bool {
	return len(name) <= 60 && isASCII(name) && !strings.ContainsAny(name, `"\`) && !strings.Contains(name, "=?")
}

// attributeChar is RFC 2231's attribute-char.
func attributeChar(c byte) bool { return isTokenChar(c) && c != '*' && c != '\'' && c != '%' }

// isTokenChar says that c may stand in a token of RFC 2045 §5.1.
func isTokenChar(c byte) bool { return isAtomOrDot(c) && c != '/' && c != '?' && c != '=' }

// mediaType returns a media type that is well formed and may be written in
// base64, which multipart and message types may not (RFC 2045 §6.4).
func mediaType(t string) string {
	t = strings.ToLower(t)
	major, minor, ok := strings.Cut(t, "/")
	if !ok || !mimeToken(major) || !mimeToken(minor) || len(t) > 127 || major == "multipart" || major == "message" {
		return "application/octet-stream"
	}
	return t
}

func mimeToken(s string) bool { return s != "" && keep(s, isTokenChar) == s }

// contentID says that an id can be written between angle brackets.
func contentID(id string) bool {
	return id != "" && len(id) <= 200 && keep(id, func(c byte) bool { return isAtomOrDot(c) || c == '@' || c == ':' }) == id
}

// fieldName says that s can name a header field (RFC 5322 §3.6.8).
func fieldName(s string) bool {
	return s != "" && len(s) <= 70 && keep(s, func(c byte) bool { return c > ' ' && c < 0x7f && c != ':' }) == s
}

// ownField says that a field is written by Compose itself.
func ownField(name string) bool {
	return strings.EqualFold(name, "MIME-Version") || len(name) > 8 && strings.EqualFold(name[:8], "Content-")
}
