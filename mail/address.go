package mail

import "strings"

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
			if len(pending) > maxQuoted {
				list, pending = appendName(list, pending), ""
			}
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
		if a.Address == "" && comment == "" && strings.ContainsRune(spec, '@') {
			a = loose(spec)
		}
		if a.Address != "" && a.Name != "" {
			return a, true
		}
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

// loose reads "Ana Pérez ana@x.example", without the angle brackets, and of
// several addresses without commas between them the first, as mail programs do.
func loose(spec string) (a Address) {
	words := strings.Fields(spec)
	last := len(words) - 1
	switch name := strings.Join(words[:last], " "); {
	case !strings.ContainsRune(name, '@'):
		if a.Address = addressOf(words[last]); a.Address != "" {
			a.Name = cleanName(decodeWords(unquote(name)))
		}
	case strings.Count(spec, "@") == len(words):
		a.Address = addressOf(words[0])
	}
	return a
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
