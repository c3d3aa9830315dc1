package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ReplyMarker is the line at the top of the plain text of our mails. What
// stands below it in an answer is ours. Its other languages, and those of other
// help desks, are known too: a phrase such as this between "##" or hyphens.
const ReplyMarker = "## Responda por encima de esta línea ##"

// trim fills Reply and Quoted. What a person forwards is what they have to say.
func (m *Message) trim(body, removed string) {
	m.Reply, m.Quoted = splitReply(body, isForward(m.Subject))
	if removed == "" {
		return
	}
	if m.Quoted != "" {
		m.Quoted += "\n\n"
	}
	m.Quoted += removed
}

// splitReply cuts a text into what its writer wrote this time and what stood
// in earlier mails, signatures included in the latter. Answers between quoted
// lines keep what they answer. If nothing would be left, all is kept.
func splitReply(text string, forward bool) (reply, quoted string) {
	s := splitter{lines: strings.Split(text, "\n"), forward: forward}
	s.kinds = make([]lineKind, len(s.lines))
	s.scan()
	s.signatures()
	first, last := s.kept()
	if last < first {
		return strings.TrimSpace(text), ""
	}
	return s.join(first, last, true), s.join(first, last, false)
}

// lineKind says what a line is.
type lineKind byte

const (
	lineOwn lineKind = iota
	lineBlank
	lineQuoted      // of an earlier mail, among our writer's own
	lineAttribution // announces quoted lines
	lineSignature
	lineRest // of an earlier mail, as is all that follows
)

// splitter finds out what each line of a text is, top down.
type splitter struct {
	lines   []string
	kinds   []lineKind
	forward bool
}

// maxLines is how many lines of a text are judged. What follows is kept.
const maxLines = 20_000

// scan gives each line its kind but for signatures.
func (s *splitter) scan() {
	for i := 0; i < min(len(s.lines), maxLines); {
		line := s.lines[i]
		switch {
		case strings.TrimSpace(line) == "":
			s.kinds[i] = lineBlank
		case isGroupWiseMark(line) && !s.forward:
			s.rest(i)
			return
		case isQuotedLine(line), s.isWrapped(i):
			s.kinds[i] = lineQuoted
		case s.forward || isForwardMark(line):
			return // the rest is content
		case mayBeMark(line) && (isReplyMark(line) || isOriginalMark(line) || s.framesHeader(i)), s.headerBlock(i):
			s.rest(i)
			return
		default:
			if n := s.attribution(i); n > 0 {
				if s.nextIsQuoted(i + n) {
					s.mark(i, i+n, lineAttribution)
					i += n
					continue
				}
				s.rest(i)
				return
			}
		}
		i++
	}
}

// framesHeader says that line i is words between hyphens, in whatever language,
// and the header of a mail stands below.
func (s *splitter) framesHeader(i int) bool {
	line := strings.TrimSpace(s.lines[i])
	if !strings.HasPrefix(line, "---") || !strings.HasSuffix(line, "---") || framed(line, "-") == "" {
		return false
	}
	for j := i + 1; j < len(s.lines) && j <= i+2; j++ {
		if kind, value, _ := headerLine(s.lines[j]); kind != noHeader && value != "" {
			return true
		}
	}
	return false
}

// isWrapped says that line i is the end of the quoted line above it, broken off
// by a program that took no notice of the mark.
func (s *splitter) isWrapped(i int) bool {
	if i == 0 || s.kinds[i-1] != lineQuoted || len(s.lines[i-1]) < 60 || len(s.lines[i]) > 60 || !isQuotedLine(s.lines[i-1]) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(s.lines[i])
	return unicode.IsLower(r)
}

// rest says that all from line i on is of earlier mails, and the rule above it.
func (s *splitter) rest(i int) {
	s.mark(i, len(s.lines), lineRest)
	for i--; i >= 0; i-- {
		if s.kinds[i] != lineBlank && !isRule(s.lines[i]) {
			return
		}
		s.kinds[i] = lineRest
	}
}

func (s *splitter) mark(from, to int, kind lineKind) {
	for ; from < to; from++ {
		s.kinds[from] = kind
	}
}

// nextIsQuoted says that the next line that is not blank is a quoted one.
func (s *splitter) nextIsQuoted(i int) bool {
	for ; i < len(s.lines); i++ {
		if strings.TrimSpace(s.lines[i]) != "" {
			return isQuotedLine(s.lines[i])
		}
	}
	return false
}

// kept returns the first and the last line of the reply: from the first own
// line to the last, but where quotes stand between own lines from the first
// quote on, since that is what is answered. No line is own: last < first.
func (s *splitter) kept() (first, last int) {
	first, last = -1, -2
	quote, stretches, inside := -1, 0, false
	for i, kind := range s.kinds {
		switch kind {
		case lineOwn:
			if first < 0 {
				first = i
			}
			if !inside {
				stretches++
			}
			inside, last = true, i
		case lineQuoted, lineAttribution:
			if quote < 0 {
				quote = i
			}
			inside = false
		}
	}
	if stretches > 1 && quote >= 0 && quote < first {
		first = quote
	}
	return first, last
}

// join puts together the lines that are kept, or the others.
func (s *splitter) join(first, last int, kept bool) string {
	var b strings.Builder
	for i, line := range s.lines {
		within := i >= first && i <= last && s.kinds[i] != lineSignature && s.kinds[i] != lineRest
		if within == kept {
			b.WriteString(strings.TrimRight(line, " \t"))
			b.WriteByte('\n')
		}
	}
	return strings.Trim(b.String(), "\n")
}

// signatures marks what closes each stretch of own lines.
func (s *splitter) signatures() {
	for end := len(s.lines); end > 0; {
		start := end
		for start > 0 && (s.kinds[start-1] == lineOwn || s.kinds[start-1] == lineBlank) {
			start--
		}
		if start < end && !s.forwardWithin(start, end) {
			s.signature(start, end)
		}
		end = start - 1
	}
}

// forwardWithin says that a forwarded mail begins there: its signature is content.
func (s *splitter) forwardWithin(start, end int) bool {
	if s.forward {
		return true
	}
	for i := start; i < end; i++ {
		if isForwardMark(s.lines[i]) {
			return true
		}
	}
	return false
}

// maxSignature is how many lines a signature has that is not announced by the
// standard's "-- ".
const maxSignature = 15

// signature marks the signature within the own lines from start to end.
func (s *splitter) signature(start, end int) {
	code := false
	for i := start; i < end; i++ {
		line := s.lines[i]
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if code || line == "" {
			continue
		}
		standard := line == "-- " || line == "-- \t"
		if standard || end-i <= maxSignature && isSignatureMark(line) || s.isMobile(i, end) {
			s.close(i, end)
			end = i
		}
	}
	if end < len(s.lines) { // with nothing below it, a close may be all that tells who writes
		s.closing(start, end)
	}
}

// close marks lines as a signature, blank ones too.
func (s *splitter) close(from, to int) { s.mark(from, to, lineSignature) }

// isSignatureMark says that a line separates a signature or a list's footer.
func isSignatureMark(line string) bool {
	line = strings.TrimSpace(line)
	return line == "--" || line == "—" || line == "––" || len(line) >= 2 && strings.Trim(line, "_") == ""
}

// isMobile says that line i is what a telephone writes below each mail.
func (s *splitter) isMobile(i, end int) bool {
	line := strings.TrimSpace(s.lines[i])
	if len(line) > 120 || !isMobileLine(line) {
		return false
	}
	alone := i == 0 || s.kinds[i-1] != lineOwn
	for j := i + 1; j < end; j++ {
		if s.kinds[j] == lineOwn {
			return alone
		}
	}
	return true
}

// isMobileLine knows the telephones' lines by how they begin.
func isMobileLine(line string) bool {
	line = strings.Trim(line, " *_<>[]().")
	if line == "" || line[0] < utf8.RuneSelf && strings.IndexByte("deghiosvtwb", line[0]|0x20) < 0 {
		return false
	}
	folded := Fold(line)
	for _, start := range [...]string{
		"enviado desde mi ", "enviado desde outlook", "enviado desde correo", "enviado desde yahoo", "enviado desde el correo",
		"enviado desde un ", "obtener outlook para", "obtenga outlook para", "descargar outlook para",
		"sent from my ", "sent from mail for", "sent from outlook", "sent from yahoo", "sent from proton", "sent from samsung", "get outlook for",
		"enviado do meu ", "enviado do outlook", "enviado do yahoo", "enviado do correio", "enviado a partir d", "obter o outlook para", "baixe o outlook para", "enviado de meu ",
		"envoye de mon ", "envoye depuis ", "envoye a partir ", "telecharger outlook", "obtenir outlook", "envoye avec ",
		"von meinem ", "gesendet von ", "gesendet mit ", "holen sie sich outlook", "outlook fur ",
		"inviato da ", "inviato dal ", "scarica outlook", "ottieni outlook", "verzonden vanaf ", "skickat fran min", "sendt fra min", "wyslane z ", "отправлено с ", "enviat des de",
	} {
		if rest, ok := strings.CutPrefix(folded, start); ok {
			return !strings.Contains(rest, ", ") && !strings.Contains(rest, ". ") && len(strings.Fields(rest)) <= 9
		}
	}
	return isSentWith(folded)
}

// isSentWith knows the lines that say with what a mail was sent, in few words.
func isSentWith(folded string) bool {
	for _, start := range [...]string{"sent from ", "sent via ", "sent using ", "sent with ", "enviado desde ", "enviado mediante ", "enviado via ", "enviado com ", "enviado con "} {
		if rest, ok := strings.CutPrefix(folded, start); ok {
			rest, _, _ = strings.Cut(rest, "<")
			rest, _, _ = strings.Cut(rest, "(")
			return len(strings.Fields(rest)) <= 3 && !strings.ContainsAny(rest, ",.:;@")
		}
	}
	return false
}

// closing marks a complimentary close and the name below it: a line that is
// nothing but such words, and then only few and short lines.
func (s *splitter) closing(start, end int) {
	for end > start && s.kinds[end-1] != lineOwn {
		end--
	}
	for i := end - 1; i > start && i >= end-maxClosing; i-- {
		line := strings.TrimSpace(s.lines[i])
		if utf8.RuneCountInString(line) > 60 || strings.HasSuffix(line, "?") || isPostscript(line) {
			return
		}
		if isClosing(line) {
			s.close(i, end)
			return
		}
	}
}

// isPostscript says that a line is written after the close and no part of it.
func isPostscript(line string) bool {
	switch folded := Fold(line); {
	case strings.HasPrefix(folded, "pd:"), strings.HasPrefix(folded, "p.d."), strings.HasPrefix(folded, "pd."), strings.HasPrefix(folded, "ps:"), strings.HasPrefix(folded, "p.s."), strings.HasPrefix(folded, "posdata"), strings.HasPrefix(folded, "nota:"), strings.HasPrefix(folded, "#"):
		return true
	}
	return false
}

// maxClosing is how many lines a close has with what stands below it.
const maxClosing = 12

// isClosing says that a line is a complimentary close and nothing else.
func isClosing(line string) bool {
	folded := strings.Trim(Fold(line), " ,.;!*_-")
	if len(folded) > 48 {
		return false
	}
	switch folded {
	case "saludos", "saludos cordiales", "un saludo", "un cordial saludo", "cordial saludo", "cordialmente", "atentamente", "atte",
		"muy atentamente", "saluda atentamente", "saludos y gracias", "un abrazo", "abrazos", "respetuosamente", "quedo atento", "quedo atenta",
		"regards", "best regards", "kind regards", "warm regards", "many regards", "with regards", "best", "best wishes", "sincerely", "yours sincerely", "yours truly", "cheers",
		"sincerely yours", "yours faithfully", "warmly", "respectfully",
		"atenciosamente", "att", "cordialmente,", "abracos", "saudacoes", "melhores cumprimentos", "cumprimentos", "com os melhores cumprimentos",
		"cordialement", "bien cordialement", "bien a vous", "sincerement", "salutations", "meilleures salutations", "cdt", "bien amicalement", "amicalement",
		"mit freundlichen grußen", "mit freundlichen grussen", "freundliche grußen", "freundliche gruße", "viele gruße", "beste gruße", "mfg", "liebe gruße", "schone gruße", "gruße", "gruß",
		"cordiali saluti", "distinti saluti", "saluti", "un saluto", "met vriendelijke groet", "med vanlig halsning", "pozdrawiam":
		return true
	}
	return false
}

// Greeting says that a line is a greeting and nothing else, as "Buenos días,"
// or "Hola Ana:". Commands and phrases are looked for below it.
func Greeting(line string) bool {
	folded := strings.Trim(Fold(line), " ,.;:!¡*_")
	if folded == "" || len(folded) > 60 || strings.ContainsAny(folded, "#?¿") {
		return false
	}
	for _, start := range [...]string{
		"buenos dias", "buen dia", "buenas tardes", "buenas noches", "muy buenos dias", "muy buenas tardes", "muy buenas", "buenas", "hola", "saludos", "cordial saludo", "reciba un cordial saludo", "estimados", "estimadas", "estimado", "estimada", "apreciados", "apreciado", "apreciada", "senores", "senor", "senora", "respetados", "respetado",
		"hello", "hi", "hey", "dear", "good morning", "good afternoon", "good evening", "greetings",
		"ola", "oi", "bom dia", "boa tarde", "boa noite", "prezados", "prezado", "prezada", "caros", "caro", "cara",
		"bonjour", "bonsoir", "guten tag", "guten morgen", "sehr geehrte", "buongiorno", "buonasera",
	} {
		if rest, ok := strings.CutPrefix(folded, start); ok && (rest == "" || strings.IndexByte(" ,.:!", rest[0]) >= 0) {
			return len(strings.Fields(rest)) <= 5 && !strings.ContainsAny(rest, ".;")
		}
	}
	return false
}

// isQuotedLine says that a line is quoted the old way, with ">".
func isQuotedLine(line string) bool {
	trimmed := strings.TrimLeft(line, " ")
	return strings.HasPrefix(trimmed, ">") && len(line)-len(trimmed) <= 3
}

// isRule says that a line is drawn.
func isRule(line string) bool {
	line = strings.TrimSpace(line)
	return len(line) >= 3 && strings.Trim(line, "-_=*—– ") == ""
}

// framed returns what stands between hyphens, folded, or "" if a line is no
// such mark.
func framed(line, frame string) string {
	line = strings.TrimSpace(line)
	inner := strings.Trim(line, frame+" ")
	if len(line) > 160 || inner == line || inner == "" {
		return ""
	}
	return Fold(inner)
}

// mayBeMark is a quick look at a line: marks are framed or end with a colon.
func mayBeMark(line string) bool {
	line = strings.TrimSpace(line)
	return len(line) > 4 && len(line) <= 160 && (strings.IndexByte("-*_=#", line[0]) >= 0 || line[len(line)-1] == ':')
}

// isForwardMark says that a forwarded mail begins below.
func isForwardMark(line string) bool {
	if !mayBeMark(line) {
		return false
	}
	if inner := framed(line, "-*_="); inner != "" {
		switch strings.TrimRight(inner, ": ") {
		case "forwarded message", "mensaje reenviado", "mensagem encaminhada", "message transfere", "weitergeleitete nachricht",
			"messaggio inoltrato", "doorgestuurd bericht", "forwarded by", "mensagem reencaminhada", "missatge reenviat", "vidarebefordrat meddelande", "message transmis":
			return true
		}
		return strings.HasPrefix(inner, "forwarded message from") || strings.HasPrefix(inner, "forwarded by ") || strings.HasPrefix(inner, "reenviado por ")
	}
	switch Fold(strings.TrimSpace(line)) {
	case "begin forwarded message:", "inicio del mensaje reenviado:", "inicio da mensagem reencaminhada:", "inicio da mensagem encaminhada:",
		"debut du message reexpedie :", "debut du message transfere :", "anfang der weitergeleiteten nachricht:", "inizio messaggio inoltrato:":
		return true
	}
	return false
}

// isGroupWiseMark says that the mail that is answered begins below, as GroupWise
// writes it: ">>> Soporte <soporte@…> 09/12/2024 2:02 >>>".
func isGroupWiseMark(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, ">>> ") && strings.HasSuffix(line, " >>>") && len(line) <= 200 && strings.ContainsAny(line, "0123456789")
}

// isOriginalMark says that the mail that is answered begins below.
func isOriginalMark(line string) bool {
	inner := framed(line, "-*_=")
	switch strings.TrimRight(inner, ": ") {
	case "original message", "mensaje original", "mensagem original", "message d'origine", "message original", "ursprungliche nachricht",
		"originalnachricht", "messaggio originale", "oorspronkelijk bericht", "original appointment", "cita original", "ursprungligt meddelande",
		"reply message", "mensaje citado", "original email", "correo original", "wiadomosc oryginalna", "missatge original", "opprinnelig melding", "oprindelig meddelelse", "oprindelig besked", "исходное сообщение":
		return true
	}
	return strings.HasPrefix(inner, "original message from") || strings.HasPrefix(inner, "on ") && strings.HasSuffix(inner, " wrote") && strings.ContainsAny(inner, "0123456789") ||
		strings.HasPrefix(inner, "el ") && strings.HasSuffix(inner, " escribio") && strings.ContainsAny(inner, "0123456789")
}

// isReplyMark says that a line is our marker or another help desk's.
func isReplyMark(line string) bool {
	inner := framed(line, "#-=*")
	for _, phrase := range [...]string{
		"responda por encima de esta linea", "responder por encima de esta linea", "responda encima de esta linea", "escriba su respuesta por encima de esta linea",
		"reply above this line", "type your reply above this line", "please reply above this line", "write your reply above this line",
		"responda acima desta linha", "responda por cima desta linha", "escreva sua resposta acima desta linha", "repondre au-dessus de cette ligne",
	} {
		if strings.Contains(inner, phrase) {
			return true
		}
	}
	return false
}
