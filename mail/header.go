package mail

import (
	"bytes"
	"strings"
	"time"
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
	return cleanLine(decodeUndeclared(value))
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

// addresses reads an address list (RFC 5322 §3.4) out of an unfolded value. It
// takes what mail programs write: names with commas and without quotation
// marks, semicolons for commas, groups, comments for names, routes.
func addresses(value string) []Address {
	var list []Address
	pending := "" // a name that a comma has cut off its address
	for len(value) > 0 && len(list) < maxAddresses {
		piece := ""
		piece, value = nextMailbox(value)
		a, ok := mailbox(piece)
		switch {
		case ok && a.Address == "" && !strings.ContainsAny(piece, "@<"):
			if pending != "" {
				pending += ", "
			}
			pending += strings.TrimSpace(piece)
			continue
		case ok && pending != "" && strings.ContainsRune(piece, '<') && !strings.HasPrefix(strings.TrimSpace(piece), "<"):
			a.Name = decodeWords(unquote(pending)) + ", " + a.Name
		case pending != "":
			list = appendName(list, pending)
		}
		pending = ""
		if ok {
			list = append(list, a)
		}
	}
	if pending != "" {
		list = appendName(list, pending)
	}
	return list
}

// appendName takes a piece without an address: an encoded-word can hold one.
func appendName(list []Address, piece string) []Address {
	if decoded := decodeWords(piece); decoded != piece && strings.ContainsRune(decoded, '@') {
		if a, ok := mailbox(decoded); ok {
			return append(list, a)
		}
	}
	a, _ := mailbox(piece)
	if a.Name == "" {
		a.Name = cleanName(piece)
	}
	return append(list, a)
}

// nextMailbox cuts off what stands before the next comma or semicolon that is
// not within quotation marks, a comment or angle brackets. A group's name goes.
func nextMailbox(value string) (piece, rest string) {
	start, comment, angle := 0, 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\':
			i++
		case c == '"' && comment == 0:
			if end := closingQuote(value[i:min(len(value), i+maxQuoted)]); end > 0 {
				i += end
			}
		case c == '(' && !angle:
			comment++
		case c == ')' && comment > 0:
			comment--
		case comment > 0:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == ':' && !angle && !strings.Contains(value[start:i], "@"):
			start = i + 1
		case (c == ',' || c == ';') && (!angle || unclosed(value[i:])):
			return value[start:i], value[i+1:]
		}
	}
	if comment > 0 { // a parenthesis without its fellow hides nothing
		if i := strings.IndexAny(value, ",;"); i >= 0 {
			return value[start:max(start, i)], value[i+1:]
		}
	}
	return value[start:], ""
}

// maxAddresses is how many mailboxes of one field are read.
const maxAddresses = 1000

// maxQuoted is how far a quoted string of an address reaches, bytes.
const maxQuoted = 1024

// unclosed says that no angle bracket closes before the next one opens.
func unclosed(s string) bool {
	s = s[:min(len(s), maxQuoted)]
	i := strings.IndexAny(s, "<>")
	return i < 0 || s[i] == '<'
}

// mailbox reads one mailbox. ok is false when nothing at all stands there.
func mailbox(piece string) (a Address, ok bool) {
	piece = strings.TrimSpace(piece)
	if piece == "" {
		return a, false
	}
	open := openingAngle(piece)
	if open < 0 {
		spec, comment := cutComments(piece)
		a.Address = addressOf(spec)
		if a.Address == "" && comment == "" {
			a.Name = cleanName(decodeWords(unquote(spec)))
		} else {
			a.Name = cleanName(decodeWords(comment))
		}
		return a, true
	}
	spec := piece[open+1:]
	after := ""
	if end := strings.IndexByte(spec, '>'); end >= 0 {
		spec, after = spec[:end], spec[end+1:]
	}
	a.Address = addressOf(spec)
	name, comment := cutComments(piece[:open])
	a.Name = cleanName(decodeWords(unquote(name)))
	if a.Name == "" {
		if _, c := cutComments(after); c != "" {
			comment = c
		}
		a.Name = cleanName(decodeWords(comment))
	}
	return a, true
}

// openingAngle returns the index of the last "<" outside quotation marks.
func openingAngle(s string) int {
	open, balanced := -1, true
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"' && balanced:
			end := closingQuote(s[i:])
			if balanced = end > 0; balanced {
				i += end
			}
		case s[i] == '<':
			open = i
		}
	}
	return open
}

// cutComments takes the comments (in parentheses) out of s.
func cutComments(s string) (rest, comment string) {
	open, quote := strings.IndexByte(s, '('), strings.IndexByte(s, '"')
	if open < 0 || quote >= 0 && quote < open {
		return s, ""
	}
	var without, within strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '(':
			if depth++; depth > 1 {
				within.WriteRune(r)
			}
		case r == ')' && depth > 0:
			if depth--; depth > 0 {
				within.WriteRune(r)
			}
		case depth > 0:
			within.WriteRune(r)
		default:
			without.WriteRune(r)
		}
	}
	return without.String(), within.String()
}

// addressOf makes a usable address of what stands between the angle brackets,
// or "".
func addressOf(spec string) string {
	spec = strings.Trim(spec, " \t<>,;")
	if strings.HasPrefix(spec, "@") { // a route (RFC 5322 §4.4)
		if i := strings.LastIndexByte(spec, ':'); i >= 0 {
			spec = strings.TrimSpace(spec[i+1:])
		}
	}
	if len(spec) > 7 && strings.EqualFold(spec[:7], "mailto:") {
		spec = spec[7:]
	}
	at := strings.LastIndexByte(spec, '@')
	if at <= 0 || at == len(spec)-1 {
		return ""
	}
	local, domain := spec[:at], strings.ToLower(spec[at+1:])
	quoted := len(local) > 2 && local[0] == '"' && local[len(local)-1] == '"'
	if !quoted {
		local = strings.Trim(local, " \t'\"")
	}
	domain = strings.Trim(domain, " \t'\".")
	if local == "" || domain == "" || strings.ContainsAny(domain, " \t()<>,;:\"") && domain[0] != '[' {
		return ""
	}
	if !quoted && strings.ContainsAny(local, " \t()<>,;:\"") {
		return ""
	}
	return local + "@" + domain
}

// unquote takes the quotation marks off a phrase and its backslashes out.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	if !strings.ContainsAny(s, `"\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] != '"':
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// cleanName makes a display name one line of single spaces.
func cleanName(s string) string {
	s = strings.Join(strings.Fields(cleanLine(s)), " ")
	if len(s) > 1 && s[0] == '\'' && s[len(s)-1] == '\'' {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	return strings.Trim(s, `"`)
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

// parseDate reads a date (RFC 5322 §3.3 and §4.3) however it is written: day,
// month by name, year, time and zone in any order that mail programs use. ok
// is false when it is no date.
func parseDate(s string) (time.Time, bool) {
	var d dateParts
	d.day, d.year, d.hour = -1, -1, -1
	if i := strings.IndexByte(s, '('); i >= 0 {
		s = s[:i]
	}
	s = strings.ReplaceAll(s, ",", " ")
	for _, word := range strings.Fields(s) {
		d.word(word)
	}
	if d.day < 1 || d.month == 0 || d.year < 0 {
		return time.Time{}, false
	}
	if d.hour < 0 {
		d.hour = 0
	}
	location := time.UTC
	if d.offset != 0 {
		location = time.FixedZone("", d.offset)
	}
	t := time.Date(d.year, d.month, d.day, d.hour, d.minute, d.second, 0, location)
	if t.Day() != d.day || d.hour > 24 || d.minute > 59 || d.second > 60 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t, true
}

// dateParts are the parts of a date as far as they are known.
type dateParts struct {
	day, year            int
	month                time.Month
	hour, minute, second int
	offset               int // seconds east of UTC
}

func (d *dateParts) word(word string) {
	switch {
	case strings.ContainsRune(word, ':'):
		d.clock(word)
	case (word[0] == '+' || word[0] == '-') && len(word) >= 3:
		d.zone(word)
	case strings.Count(word, "-") == 2:
		pieces := strings.Split(word, "-")
		if len(pieces[0]) == 4 { // 2006-01-02
			d.year, _ = number(pieces[0])
			m, _ := number(pieces[1])
			d.month = time.Month(m)
			d.day, _ = number(pieces[2])
			return
		}
		for _, p := range pieces { // 02-Jan-2006
			if p != "" {
				d.word(p)
			}
		}
	default:
		if n, ok := number(word); ok {
			d.number(n, len(word))
		} else if len(word) >= 3 {
			d.name(word)
		}
	}
}

// number takes a day or a year: two digits of a year mean 1950 to 2049 (§4.3).
func (d *dateParts) number(n, digits int) {
	switch {
	case digits <= 2 && d.day < 0:
		d.day = n
	case d.year >= 0:
	case digits <= 2 && n < 50:
		d.year = 2000 + n
	case digits <= 3:
		d.year = 1900 + n
	default:
		d.year = n
	}
}

// name takes a month or the name of a zone.
func (d *dateParts) name(word string) {
	const months = "janfebmaraprmayjunjulaugsepoctnovdec"
	low := strings.ToLower(word)
	if i := strings.Index(months, low[:3]); i >= 0 && i%3 == 0 && d.month == 0 {
		d.month = time.Month(i/3 + 1)
		return
	}
	switch low {
	case "edt":
		d.offset = -4 * 3600
	case "est", "cdt":
		d.offset = -5 * 3600
	case "cst", "mdt":
		d.offset = -6 * 3600
	case "mst", "pdt":
		d.offset = -7 * 3600
	case "pst":
		d.offset = -8 * 3600
	case "pm":
		if d.hour >= 0 && d.hour < 12 {
			d.hour += 12
		}
	}
}

func (d *dateParts) clock(word string) {
	if i := strings.IndexAny(word, "+-"); i > 0 {
		d.zone(word[i:])
		word = word[:i]
	}
	pieces := strings.Split(word, ":")
	d.hour, _ = number(pieces[0])
	if len(pieces) > 1 {
		d.minute, _ = number(pieces[1])
	}
	if len(pieces) > 2 {
		seconds, _, _ := strings.Cut(pieces[2], ".")
		d.second, _ = number(seconds)
	}
}

func (d *dateParts) zone(word string) {
	digits := strings.ReplaceAll(word[1:], ":", "")
	n, ok := number(digits)
	if !ok || len(digits) > 4 {
		return
	}
	if len(digits) <= 2 {
		n *= 100
	}
	if n >= 2400 || n%100 >= 60 {
		return
	}
	d.offset = (n/100*60 + n%100) * 60
	if word[0] == '-' {
		d.offset = -d.offset
	}
}

// number reads a small decimal number.
func number(s string) (int, bool) {
	if s == "" || len(s) > 6 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

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
