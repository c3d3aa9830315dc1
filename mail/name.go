package mail

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxName is how many bytes the name of an attachment has.
const maxName = 150

// parameter returns a parameter of a structured field's value as text: plain,
// with encoded-words (which no standard allows and many programs write), or in
// the pieces and charsets of RFC 2231.
func parameter(value []byte, name string) string {
	var plain []byte
	var pieces []piece
	eachParameter(value, func(n, text []byte) bool {
		switch {
		case isFold(n, name):
			if plain == nil {
				plain = text
			}
		case isPrefixFold(n, name+"*") && len(pieces) < maxPieces:
			if p, ok := newPiece(n[len(name)+1:], text); ok {
				pieces = append(pieces, p)
			}
		}
		return true
	})
	if s := joinPieces(pieces); s != "" {
		return s
	}
	if plain == nil {
		return ""
	}
	return decodeWords(headerText(unescape(plain)))
}

// maxPieces is how many pieces a parameter is put together from.
const maxPieces = 64

// piece is a piece of a parameter's value (RFC 2231 §3).
type piece struct {
	number  int
	percent bool
	text    []byte
}

// newPiece reads what stands behind the first asterisk: "", "0", "1*".
func newPiece(suffix, text []byte) (p piece, ok bool) {
	s := string(suffix)
	p.text = unescape(text)
	if s == "" {
		p.percent = true
		return p, true
	}
	s, p.percent = strings.CutSuffix(s, "*")
	n, err := strconv.Atoi(s)
	p.number = n
	return p, err == nil && n >= 0
}

// joinPieces puts the value together: charset'language'text in the first piece.
func joinPieces(pieces []piece) string {
	if len(pieces) == 0 {
		return ""
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(a.number, b.number) })
	var all []byte
	charset := ""
	for i, p := range pieces {
		text := p.text
		if i == 0 && p.percent {
			if set, rest, found := bytes.Cut(text, []byte("'")); found {
				if _, rest, found = bytes.Cut(rest, []byte("'")); found {
					charset, text = string(set), rest
				}
			}
		}
		if p.percent {
			text = percentDecode(text)
		}
		all = append(all, text...)
	}
	s, _ := decodeCharset(charset, all)
	return cleanLine(decodeWords(s))
}

func percentDecode(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) && hexValue(b[i+1]) < 16 && hexValue(b[i+2]) < 16 {
			out = append(out, hexValue(b[i+1])<<4|hexValue(b[i+2]))
			i += 2
			continue
		}
		out = append(out, b[i])
	}
	return out
}

// unescape takes the backslashes out of a quoted string, but leaves those of a
// Windows path.
func unescape(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) && (b[i+1] == '"' || b[i+1] == '\\') {
			i++
		}
		out = append(out, b[i])
	}
	return out
}

// safeName makes a name that a stranger chose safe to show and to save: in
// NFC, first normalised and then checked, without path, control characters,
// what turns the direction of writing, what cannot be seen, leading dots; at
// most maxName bytes, the extension kept. It returns "" if nothing is left.
func safeName(name string) string {
	name = norm.NFC.String(name)
	name = strings.ToValidUTF8(name, "")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), r == '\uFFFD':
			return -1
		case unicode.IsSpace(r):
			return ' '
		case strings.ContainsRune(`/\:*?"<>|`, r), unicode.Is(unicode.Variation_Selector, r), r == '\u115F', r == '\u1160', r == '\u3164':
			return '_'
		}
		return r
	}, name)
	name = strings.TrimLeft(strings.Join(strings.Fields(name), " "), ". ")
	name = strings.TrimRight(name, ". ")
	if len(name) <= maxName {
		return name
	}
	extension := ""
	if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i <= 16 {
		name, extension = name[:i], name[i:]
	}
	return strings.TrimRight(shorten(name, maxName-len(extension)), ". ") + extension
}

// madeName names the nth part that has no name of its own.
func madeName(n int, mediaType string) string {
	return "adjunto-" + strconv.Itoa(n) + extensionOf(mediaType)
}

// extensionOf returns the usual extension of a media type.
func extensionOf(mediaType string) string {
	switch mediaType {
	case "text/plain":
		return ".txt"
	case "text/html":
		return ".html"
	case "text/csv":
		return ".csv"
	case "text/calendar":
		return ".ics"
	case "text/vcard", "text/x-vcard":
		return ".vcf"
	case "text/rfc822-headers", "message/delivery-status", "message/disposition-notification", "message/feedback-report":
		return ".txt"
	case "message/rfc822", "message/global":
		return ".eml"
	case "image/jpeg", "image/jpg":
		return ".jpg"
	case "image/svg+xml":
		return ".svg"
	case "image/x-icon", "image/vnd.microsoft.icon":
		return ".ico"
	case "application/pdf":
		return ".pdf"
	case "application/zip", "application/x-zip-compressed":
		return ".zip"
	case "application/msword":
		return ".doc"
	case "application/vnd.ms-excel":
		return ".xls"
	case "application/vnd.openxmlformats-officedocument.wordprocessingml.document":
		return ".docx"
	case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		return ".xlsx"
	case "application/vnd.openxmlformats-officedocument.presentationml.presentation":
		return ".pptx"
	case "application/pgp-signature":
		return ".asc"
	case "application/pkcs7-signature", "application/x-pkcs7-signature":
		return ".p7s"
	case "audio/mpeg":
		return ".mp3"
	}
	kind, sub, _ := strings.Cut(mediaType, "/")
	if (kind == "image" || kind == "audio" || kind == "video") && sub != "" && len(sub) <= 5 && strings.Trim(sub, "abcdefghijklmnopqrstuvwxyz0123456789") == "" {
		return "." + sub
	}
	return ".dat"
}
