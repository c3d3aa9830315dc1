package mail

import "bytes"

// LimitError says which of the [Limits] a mail breaks. Such a mail is kept raw
// and never parsed.
type LimitError struct {
	What string // "size", "header bytes", "header lines", "line", "nesting", "parts", "parameters" or "recipients"
}

func (e *LimitError) Error() string { return "mail over the limit: " + e.What }

// Prescan says whether raw keeps within the limits, before any parser sees it:
// nil, or a [*LimitError]. It reads the mail once, allocates nothing unless it
// fails, and its time grows with the mail's size alone. A zero limit is none.
// Nesting deeper than 32 is refused whatever the limit.
func Prescan(raw []byte, l Limits) error {
	if l.Size > 0 && int64(len(raw)) > l.Size {
		return &LimitError{What: "size"}
	}
	if l.LineBytes > 0 && longLine(raw, l.LineBytes) {
		return &LimitError{What: "line"}
	}
	w := walk{raw: raw, limits: l}
	w.entity(0, false)
	if w.broken != "" {
		return &LimitError{What: w.broken}
	}
	return nil
}

// TooManyReceived says that a mail has passed more systems than any way needs,
// so that it is going round in circles (RFC 5321 §6.3): see [ErrLoop].
func TooManyReceived(raw []byte) bool {
	n := 0
	for pos := 0; n <= maxReceived; {
		f, next, kind := nextField(raw, pos)
		if kind == endOfHeader {
			break
		}
		if kind == aField && isFold(f.name, "received") {
			n++
		}
		pos = next
	}
	return n > maxReceived
}

const maxReceived = 50

// longLine says whether a line has more than max bytes, its end not counted.
// It looks only at the last line end within each stretch of max bytes.
func longLine(raw []byte, max int) bool {
	for len(raw) > max {
		stretch := raw[:min(max+2, len(raw))]
		end := bytes.LastIndexByte(stretch, '\n')
		switch {
		case end < 0:
			return true
		case end > max && raw[end-1] != '\r' && bytes.LastIndexByte(stretch[:end], '\n') < 0:
			return true // max+1 bytes and a bare LF
		}
		raw = raw[end+1:]
	}
	return false
}

// maxNesting is how many multiparts can be open at once: their delimiters lie
// in an array, so that walking allocates nothing.
const maxNesting = 32

// walk goes through the structure of a mail once. It counts against limits,
// and hands what it finds to build where there is one. With build it never
// breaks off: what lies beyond a limit is one part.
type walk struct {
	raw        []byte
	limits     Limits
	open       [maxNesting]delimiter
	depth      int // delimiters open
	level      int // multiparts and attached mails open
	parts      int
	suspects   int
	recipients int
	broken     string
	build      *builder
}

// delimiter is a multipart's boundary (RFC 2046 §5.1.1). The hash spares
// comparing each line that begins with two hyphens with each boundary.
type delimiter struct {
	boundary []byte
	hash     uint32
}

// cut is where an entity ends.
type cut struct {
	end    int  // of its content
	next   int  // after the delimiter line that ended it
	depth  int  // whose delimiter it was, -1 at the end of the mail
	closed bool // it was the closing delimiter
}

// content is what an entity's header says of its body.
type content struct {
	typ, disposition, encoding, id, description []byte
}

// entity walks one entity: a header section and its body.
func (w *walk) entity(pos int, digest bool) cut {
	c, body := w.header(pos)
	if w.broken != "" {
		return cut{depth: -1}
	}
	if isPrefixFold(c.typ, "multipart/") {
		if boundary := boundaryOf(c.typ); len(boundary) > 0 && w.descend() {
			end := w.multipart(c, boundary, body)
			w.level--
			return end
		}
	}
	attached := isPrefixFold(c.typ, "message/rfc822") || isPrefixFold(c.typ, "message/global") || len(c.typ) == 0 && digest
	if w.build == nil && attached && w.descend() {
		end := w.entity(body, false)
		w.level--
		return end
	}
	end := w.toDelimiter(body)
	if w.build != nil {
		w.build.leaf(c, body, end.end, digest)
	}
	return end
}

// descend goes one level deeper, if that is allowed.
func (w *walk) descend() bool {
	if w.broken != "" {
		return false
	}
	if w.level >= maxNesting-1 || w.limits.Nesting > 0 && w.level >= w.limits.Nesting {
		w.exceed("nesting")
		return false
	}
	w.level++
	return true
}

// exceed notes that a limit is broken. A scan ends there, a reading goes on.
func (w *walk) exceed(what string) {
	if w.build != nil {
		w.build.defect("more than the limit: " + what)
		return
	}
	if w.broken == "" {
		w.broken = what
	}
}

// multipart walks the parts of one multipart (RFC 2046 §5.1).
func (w *walk) multipart(c content, boundary []byte, body int) cut {
	own := w.depth
	w.open[own] = delimiter{boundary: boundary, hash: hashOf(boundary)}
	w.depth++
	if w.build != nil {
		w.build.begin(c)
		defer w.build.end()
	}
	digest := isPrefixFold(c.typ, "multipart/digest")
	found := w.toDelimiter(body)
	if guess := w.guess(body, found, own); guess != nil {
		w.open[own] = delimiter{boundary: guess, hash: hashOf(guess)}
		found = w.toDelimiter(body)
	}
	if found.depth != own && w.build != nil {
		w.depth = own
		w.build.withoutParts(body, found.end)
		return found
	}
	for w.broken == "" && found.depth == own && !found.closed {
		w.parts++
		if w.limits.Parts > 0 && w.parts > w.limits.Parts {
			w.exceed("parts")
			w.depth = own
			return w.toDelimiter(found.next)
		}
		found = w.entity(found.next, digest)
	}
	w.depth = own
	if w.broken == "" && found.depth == own {
		return w.toDelimiter(found.next)
	}
	if w.build != nil {
		w.build.defect("multipart without its end")
	}
	return found
}

// guess returns the boundary that a multipart really uses where the one that
// its header names never comes: that of the first line of two hyphens with a
// Content field below it.
func (w *walk) guess(body int, found cut, own int) []byte {
	if found.depth == own {
		return nil
	}
	rest := w.raw[body:found.end]
	for at := 0; w.suspect(); {
		i := bytes.Index(rest[at:], lineHyphens)
		if i < 0 {
			return nil
		}
		at += i + 3
		end := lineEnd(rest, at)
		line := bytes.TrimRight(rest[at:end], " \t\r\n")
		if len(line) > 0 && len(line) <= maxBoundary && isPrefixFold(rest[end:], "content-") {
			return line
		}
	}
	return nil
}

// suspect counts lines that may be delimiters. There is a limit to them, as to
// parts: a mail that has nothing but such lines is none.
func (w *walk) suspect() bool {
	w.suspects++
	if w.suspects > maxSuspects {
		w.exceed("parts")
		return false
	}
	return true
}

// maxSuspects is how many lines of a mail may begin with two hyphens, where
// there is a delimiter to be looked for.
const maxSuspects = 500_000

// header walks a header section and returns where the body begins.
func (w *walk) header(pos int) (content, int) {
	var c content
	start, lines := pos, 0
	for {
		if w.depth > 0 && pos+1 < len(w.raw) && w.raw[pos] == '-' && w.raw[pos+1] == '-' {
			if _, depth, _ := w.delimiterAt(pos); depth >= 0 {
				return c, pos
			}
		}
		f, next, kind := nextField(w.raw, pos)
		if w.limits.HeaderBytes > 0 && next-start > w.limits.HeaderBytes {
			w.exceed("header bytes")
		}
		lines += f.lines
		if w.limits.HeaderLines > 0 && lines > w.limits.HeaderLines {
			w.exceed("header lines")
		}
		if kind == endOfHeader || w.broken != "" {
			if w.build != nil {
				w.build.endOfHeader(next > pos || next == len(w.raw))
			}
			return c, next
		}
		if kind == aField {
			w.field(f, &c)
		} else if w.build != nil {
			w.build.junk(f)
		}
		pos = next
	}
}

// field takes one field: it keeps what says something about the body.
func (w *walk) field(f rawField, c *content) {
	if w.build != nil {
		w.build.field(f)
	}
	switch {
	case isFold(f.name, "content-type"):
		keep(&c.typ, f.value)
	case isFold(f.name, "content-disposition"):
		keep(&c.disposition, f.value)
	case isFold(f.name, "content-transfer-encoding"):
		keep(&c.encoding, f.value)
		return
	case isFold(f.name, "content-id"):
		keep(&c.id, f.value)
		return
	case isFold(f.name, "content-description"):
		keep(&c.description, f.value)
		return
	case isFold(f.name, "from"), isFold(f.name, "to"), isFold(f.name, "cc"):
		if w.level == 0 {
			w.recipients += 1 + separators(f.value, ',')
		}
		if w.limits.Recipients > 0 && w.recipients > w.limits.Recipients {
			w.exceed("recipients")
		}
		return
	default:
		return
	}
	parameters := 0
	eachParameter(f.value, func(name, text []byte) bool {
		if w.limits.Parameters > 0 && len(text) > maxBoundary && isFold(name, "boundary") {
			w.exceed("boundary")
		}
		parameters++
		return w.limits.Parameters == 0 || parameters <= w.limits.Parameters
	})
	if w.limits.Parameters > 0 && parameters > w.limits.Parameters {
		w.exceed("parameters")
	}
}

// keep keeps the first of several fields of one name.
func keep(to *[]byte, value []byte) {
	if *to == nil && len(value) > 0 {
		*to = value
	}
}

// toDelimiter finds the next line that is a delimiter of an open multipart.
func (w *walk) toDelimiter(from int) cut {
	if w.depth == 0 {
		return cut{end: len(w.raw), next: len(w.raw), depth: -1}
	}
	for at := from; at < len(w.raw) && w.suspect(); {
		if at > from || !bytes.HasPrefix(w.raw[at:], twoHyphens) {
			i := bytes.Index(w.raw[at:], lineHyphens)
			if i < 0 {
				break
			}
			at += i + 1
		}
		if next, depth, closed := w.delimiterAt(at); depth >= 0 {
			return cut{end: beforeLineEnd(w.raw, from, at), next: next, depth: depth, closed: closed}
		}
		at += 2
	}
	return cut{end: len(w.raw), next: len(w.raw), depth: -1}
}

// delimiterAt says whose delimiter the line at pos is; -1 is nobody's.
func (w *walk) delimiterAt(pos int) (next, depth int, closed bool) {
	line := w.raw[pos+2:]
	next = len(w.raw)
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line, next = line[:i], pos+2+i+1
	}
	if len(line) > maxBoundary+64 {
		return next, -1, false
	}
	line = bytes.TrimRight(line, " \t\r")
	if depth = w.openDelimiter(line); depth >= 0 {
		return next, depth, false
	}
	if bytes.HasSuffix(line, twoHyphens) {
		depth = w.openDelimiter(line[:len(line)-2])
	}
	return next, depth, true
}

// openDelimiter returns which open multipart has that boundary, or -1.
func (w *walk) openDelimiter(boundary []byte) int {
	hash := hashOf(boundary)
	for i := w.depth - 1; i >= 0; i-- {
		if w.open[i].hash == hash && bytes.Equal(w.open[i].boundary, boundary) {
			return i
		}
	}
	return -1
}

var twoHyphens, lineHyphens = []byte("--"), []byte("\n--")

// maxBoundary is how long a boundary can be here. RFC 2046 allows 70.
const maxBoundary = 256

// hashOf is FNV-1a.
func hashOf(b []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// beforeLineEnd returns the end of the content before a delimiter line: the
// line end before it belongs to the delimiter (RFC 2046 §5.1.1).
func beforeLineEnd(raw []byte, from, at int) int {
	if at > from && raw[at-1] == '\n' {
		at--
		if at > from && raw[at-1] == '\r' {
			at--
		}
	}
	return at
}

// boundaryOf returns the boundary parameter of a Content-Type, without copying.
func boundaryOf(value []byte) []byte {
	var found []byte
	eachParameter(value, func(name, text []byte) bool {
		if isFold(name, "boundary") {
			found = bytes.TrimRight(text, " \t\r\n")
		}
		return found == nil
	})
	if len(found) > maxBoundary {
		return nil
	}
	return found
}
