package mail

import "strings"

// maxAttribution is how many lines an attribution is broken over.
const maxAttribution = 5

// attribution returns how many lines the attribution at line i has ("El lun, 9
// dic 2013 a las 14:02, Soporte escribió:"), or 0.
func (s *splitter) attribution(i int) int {
	first := strings.TrimSpace(s.lines[i])
	if len(first) > 600 {
		return 0
	}
	lead, tail := Fold(shorten(first, 24)), Fold(first[max(0, len(first)-24):])
	opens := opensAttribution(lead) || hasDateAndTime(first)
	if !opens && !mayEndAttribution(tail) && !isDateLine(first) {
		return 0
	}
	joined := ""
	for n := 1; n <= maxAttribution && i+n <= len(s.lines); n++ {
		line := strings.TrimSpace(s.lines[i+n-1])
		if line == "" || isQuotedLine(line) && line != ">:" || len(joined)+len(line) > 700 {
			return 0
		}
		folded := Fold(line)
		if n > 1 && (!opens || opensAttribution(folded)) {
			return 0 // broken lines begin with the opening words; a later start is the true one
		}
		joined = strings.TrimSpace(joined + " " + folded)
		if s.isAttribution(joined, i+n, n) {
			return n
		}
	}
	return 0
}

// isAttribution judges the joined and folded lines, the last of which stands
// before line after.
func (s *splitter) isAttribution(joined string, after, lines int) bool {
	joined = strings.Trim(joined, "* _")
	ends := strings.HasSuffix(joined, ":") || strings.HasSuffix(joined, "：")
	digit := strings.ContainsAny(joined, "0123456789")
	verb := hasVerb(joined)
	switch {
	case opensAttribution(joined) && verb && (ends || endsWithVerb(joined)):
		return digit || strings.Contains(joined, "@") || s.nextIsQuoted(after)
	case ends && lines <= 3 && hasDateAndTime(joined) && endsWithAddress(joined):
		return true
	case verb && ends && s.nextIsQuoted(after):
		return lines <= 2
	case verb && ends && lines == 1 && endsWithVerb(joined) && (endsWithAddress(joined) || digit && strings.Contains(joined, "@")):
		return true
	case ends && s.nextIsQuoted(after):
		return (digit && strings.Count(joined, ":") >= 2) || strings.Contains(joined, "@")
	case isDateLine(joined) && strings.HasSuffix(joined, ">"):
		return s.nextIsQuoted(after)
	}
	return false
}

// hasDateAndTime says that a line names a year and a time, as an attribution of
// whatever language does.
func hasDateAndTime(s string) bool {
	year, clock := false, false
	for i := 0; i < len(s); {
		end := i
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		switch n := end - i; {
		case n == 4 && (s[i:i+2] == "20" || s[i:i+2] == "19"):
			year = true
		case (n == 1 || n == 2) && end+2 < len(s) && (s[end] == ':' || s[end] == '.') && isDigit(s[end+1]) && isDigit(s[end+2]) && (end+3 == len(s) || !isDigit(s[end+3]) && s[end+3] != '.'):
			clock = true
		}
		i = max(end, i+1)
	}
	return year && clock
}

// endsWithAddress says that a line ends with an address in angle brackets, or
// with one and a verb.
func endsWithAddress(s string) bool {
	end := strings.LastIndexByte(s, '>')
	open := strings.LastIndexByte(s[:max(end, 0)], '<')
	return open >= 0 && strings.ContainsRune(s[open:end], '@') && len(s)-end <= 32 && len(strings.Fields(s[end:])) <= 4
}

// isDateLine says that a line begins with a date in digits, as an attribution
// without words does ("2013/12/9 Soporte <soporte@…>").
func isDateLine(s string) bool {
	date, rest, _ := strings.Cut(s, " ")
	return len(date) >= 8 && len(date) <= 10 && strings.Trim(date, "0123456789/-.") == "" && strings.Contains(rest, "@")
}

// mayEndAttribution says that a line ends as the last one of an attribution does.
func mayEndAttribution(s string) bool {
	s = strings.TrimRight(s, "* _")
	return strings.HasSuffix(s, ":") || strings.HasSuffix(s, "：") || endsWithVerb(s)
}

// opensAttribution knows the words with which an attribution begins, folded.
func opensAttribution(s string) bool {
	s = strings.TrimLeft(s, "* -_")
	for _, start := range [...]string{"el ", "el dia ", "on ", "em ", "no dia ", "a ", "le ", "am ", "il ", "in data ", "op ", "w dniu ", "dnia ", "den ", "pa ", "на ", "в ", "il giorno ", "a les "} {
		rest, ok := strings.CutPrefix(s, start)
		if !ok {
			continue
		}
		if len(start) > 2 && start != "le " && start != "el " || start == "on " || start == "el " || start == "le " {
			return true
		}
		return rest != "" && rest[0] >= '0' && rest[0] <= '9'
	}
	return false
}

// verbs are what a writer is said to have done, folded.
var verbs = [...]string{
	"escribio", "wrote", "writes", "escreveu", "a ecrit", "ha scritto", "schrieb", "schreef", "napisal", "napisala", "napisal(a)", "kirjoitti", "irta", "skrev", "va escriure", "написал", "пишет", "kirjoitti", "scrisse", "said",
	"ha escrito", "escribia", "schreibt", "scrive",
}

func hasVerb(s string) bool {
	for _, v := range verbs {
		if i := strings.Index(s, v); i >= 0 && (i == 0 || !isLetter(s[i-1])) {
			return true
		}
	}
	return false
}

func endsWithVerb(s string) bool {
	s = strings.TrimRight(s, " :-*_：")
	for _, v := range verbs {
		if strings.HasSuffix(s, v) {
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// headerKind says which field of a mail a label names.
type headerKind byte

const (
	noHeader headerKind = iota
	headerFrom
	headerDate
	headerTo
	headerSubject
	headerOther
)

// labelKind knows the labels that mail programs write above a mail that they
// quote, folded.
func labelKind(label string) headerKind {
	switch label {
	case "from", "de", "von", "da", "van", "od", "fra", "fran", "от", "remitente", "desde", "lahettaja":
		return headerFrom
	case "sent", "date", "enviado", "enviado el", "fecha", "enviada", "enviada em", "enviado em", "data", "data de envio", "envoye", "envoye le", "date d'envoi", "gesendet", "datum", "inviato", "inviato il", "verzonden", "wyslano", "data wyslania", "skickat", "sendt", "dato", "enviat", "message du", "дата", "отправлено", "fecha de envio":
		return headerDate
	case "to", "para", "a", "an", "aan", "do", "till", "til", "destinatario", "кому", "per a":
		return headerTo
	case "subject", "asunto", "assunto", "objet", "betreff", "oggetto", "onderwerp", "temat", "amne", "emne", "тема", "assumpte", "re":
		return headerSubject
	case "cc", "cco", "bcc", "cci", "copia", "c.c", "kopie", "reply-to", "responder a", "importance", "importancia", "prioridad", "priority", "attachments", "archivos adjuntos", "adjuntos", "organization", "wichtigkeit", "importance ", "anexos", "copie a", "categories":
		return headerOther
	}
	return noHeader
}

// headerLine splits a line into label and value, if it is one of a quoted header.
func headerLine(line string) (kind headerKind, value string, upper bool) {
	line = strings.TrimSpace(line)
	colon := strings.IndexByte(line, ':')
	if colon <= 0 || colon > 32 {
		return noHeader, "", false
	}
	label := strings.Trim(line[:colon], " *_\u00a0\t")
	value = strings.Trim(line[colon+1:], " *_\u00a0\t")
	return labelKind(Fold(label)), value, len(label) > 1 && label == strings.ToUpper(label)
}

// maxHeaderBlock is how many lines a quoted header has that are looked at.
const maxHeaderBlock = 16

// headerBlock says that the header of a quoted mail begins at line i, as
// Outlook writes it. A memorandum's head in capitals, or one without a date or
// an address, is its writer's own.
func (s *splitter) headerBlock(i int) bool {
	kind, _, _ := headerLine(s.lines[i])
	if kind == noHeader || kind == headerOther {
		return false
	}
	var seen [headerOther + 1]bool
	proof, allUpper, strange := false, true, 0
	for j := i; j < len(s.lines) && j < i+maxHeaderBlock && strange < 2; j++ {
		kind, value, upper := headerLine(s.lines[j])
		if kind == noHeader { // an empty line, or the rest of a long one
			if line := strings.TrimSpace(s.lines[j]); line == "" && !seen[headerFrom] || framed(line, "-_=*") != "" {
				break // what stands below is another block
			}
			strange++
			continue
		}
		strange = 0
		seen[kind] = true
		allUpper = allUpper && upper
		proof = proof || kind == headerDate && strings.ContainsAny(value, "0123456789") || kind == headerFrom && strings.Contains(value, "@")
	}
	count := 0
	for _, k := range []headerKind{headerDate, headerTo, headerSubject} {
		if seen[k] {
			count++
		}
	}
	return seen[headerFrom] && count >= 2 && proof && !allUpper
}
