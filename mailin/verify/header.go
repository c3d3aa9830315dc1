package verify

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// Limits of a header that is looked at. Beyond them no signature counts: the
// work of checking one grows with the fields times the names in its h=.
const (
	headerMost    = 256 << 10 // bytes
	linesMost     = 1000
	signatureMost = 4 << 10 // bytes of one DKIM-Signature
)

// header is a mail's header section as it was sent.
type header struct {
	raw        []byte         // with the empty line that ends it
	signatures []string       // values of the DKIM-Signature fields, in their order
	fields     map[string]int // how often a field stands there, by its name in lower case
	why        string         // why no signature counts, "" if they may
}

// once are the fields that stand once at most (RFC 5322 §3.6, RFC 2045). Where
// one is repeated and not all of them are signed, what was signed is not what is
// read: signatures speak of the last of a name, readers show the first (RFC 6376
// §8.15).
var once = []string{"from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references",
	"mime-version", "content-type", "content-transfer-encoding"}

// readHeader reads a header section off r. rest is what follows it. Of a header
// beyond the limits raw is the beginning, so that From may still be found.
func readHeader(r io.Reader) (h header, rest io.Reader) {
	b := bufio.NewReaderSize(r, 64<<10)
	ended := false
	for !ended && len(h.raw) < headerMost {
		line, err := b.ReadSlice('\n')
		h.raw = append(h.raw, line...)
		ended = (string(line) == "\r\n" || string(line) == "\n") && startsLine(h.raw, len(line))
		if err != nil && err != bufio.ErrBufferFull {
			break
		}
	}
	if !ended {
		h.why = "la cabecera no termina o es demasiado larga"
		return h, b
	}
	h.look()
	return h, b
}

// startsLine says whether the last n bytes of b begin a line.
func startsLine(b []byte, n int) bool { return len(b) == n || b[len(b)-n-1] == '\n' }

// look finds the signatures, and what would let a signature speak of another
// mail than the one that is read. A line that belongs to no field is such a
// thing, here the body of the mail begins for some readers; so is a bare CR.
func (h *header) look() {
	h.fields = map[string]int{}
	lines, name := 0, ""
	for line := range bytes.Lines(h.raw) {
		text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		switch lines++; {
		case lines > linesMost:
			h.why = "la cabecera tiene demasiadas líneas"
		case text == "":
		case strings.ContainsRune(text, '\r'):
			h.why = "una línea de la cabecera tiene un retorno de carro suelto"
		case text[0] == ' ' || text[0] == '\t':
			h.goOn(name, text)
		default:
			name = h.begin(text)
		}
		if h.why != "" {
			return
		}
	}
}

// begin takes the first line of a field.
func (h *header) begin(line string) (name string) {
	name, value, ok := strings.Cut(line, ":")
	name = strings.ToLower(strings.TrimRight(name, " \t"))
	if !ok || !isFieldName(name) {
		h.why = "una línea de la cabecera no es de ningún campo"
		return name
	}
	h.fields[name]++
	if name == "dkim-signature" {
		h.signatures = append(h.signatures, value)
	}
	return name
}

// goOn takes a further line of the field of that name.
func (h *header) goOn(name, line string) {
	if name == "" {
		h.why = "la cabecera empieza con una continuación"
	}
	if name != "dkim-signature" {
		return
	}
	last := &h.signatures[len(h.signatures)-1]
	if *last += line; len(*last) > signatureMost {
		h.why = "una firma es demasiado larga"
	}
}

// unsigned returns a field that is repeated and that signed, the h= of a
// signature, does not cover each time; "" if there is none.
func (h *header) unsigned(signed string) string {
	for _, name := range once {
		n := 0
		for s := range strings.SplitSeq(signed, ":") {
			if strings.EqualFold(s, name) {
				n++
			}
		}
		if h.fields[name] > 1 && n < h.fields[name] {
			return name
		}
	}
	return ""
}

// isFieldName says whether a name is a field's (RFC 5322 §3.6.8).
func isFieldName(name string) bool {
	for i := range len(name) {
		if name[i] < 33 || name[i] > 126 {
			return false
		}
	}
	return name != ""
}
