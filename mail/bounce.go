package mail

import (
	"cmp"
	"strings"
)

// maxRecipients is how many recipients are read of one bounce.
const maxRecipients = 200

// readBounce fills Recipients and Original.
func (b *builder) readBounce() {
	m := b.m
	if n, kind := m.readNotification(); kind == "bounce" {
		m.fillFromNotification(n)
	}
	for _, n := range b.files {
		switch n.typ {
		case "message/delivery-status", "message/global-delivery-status":
			m.readStatus(decodeTransfer(n.encoding, b.raw[n.start:n.end]))
		case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
			if m.Original == "" {
				m.Original = firstID(innerField(decodeTransfer(n.encoding, b.raw[n.start:n.end]), "message-id"))
			}
		}
	}
	notice, original := splitNotice(shorten(m.Text, maxOriginal))
	notice = shorten(notice, maxNotice)
	if i := strings.Index(m.Text, "\nFinal-Recipient:"); i >= 0 && len(m.Recipients) == 0 {
		m.readStatus([]byte(m.Text[i+1:])) // a report that is not labelled as one
	}
	if m.Original == "" {
		m.Original = originalID(original)
	}
	if m.Original == "" {
		m.Original = b.attachedID()
	}
	if m.Original == "" && len(m.InReplyTo) > 0 {
		m.Original = m.InReplyTo[0]
	}
	if m.Original == "" && len(m.References) > 0 {
		m.Original = m.References[len(m.References)-1]
	}
	if len(m.Recipients) == 0 {
		m.readNotice(notice)
	}
	if len(m.Recipients) == 0 {
		m.readOriginal(b, original)
	}
	m.completeRecipients(notice)
}

// maxNotice is how many bytes of a mail system's own words are read.
const maxNotice = 32 << 10

// attachedID looks for the original's Message-ID in attached texts.
func (b *builder) attachedID() string {
	for _, n := range b.files {
		if strings.HasPrefix(n.typ, "text/") || strings.HasPrefix(n.typ, "message/") {
			body := decodeTransfer(n.encoding, b.raw[n.start:min(n.end, n.start+maxOriginal)])
			if id := originalID(strings.ToValidUTF8(string(body), "")); id != "" {
				return id
			}
		}
	}
	return ""
}

// maxOriginal is how many bytes of a returned mail are looked at.
const maxOriginal = 256 << 10

// readOriginal takes the recipients of the returned mail where the notice names
// none and there is but one.
func (m *Message) readOriginal(b *builder, original string) {
	to := ""
	for _, n := range b.files {
		if n.typ == "message/rfc822" || n.typ == "text/rfc822-headers" {
			to = innerField(decodeTransfer(n.encoding, b.raw[n.start:n.end]), "to")
			break
		}
	}
	if to == "" {
		for line := range strings.Lines(original) {
			if rest, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "To:"); ok {
				to = rest
				break
			}
		}
	}
	if list := addresses(to); len(list) == 1 {
		m.addText(list[0].Address)
	}
}

func firstID(value string) string {
	if ids := messageIDs(value); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// readStatus reads a delivery status (RFC 3464 §2): groups of fields with empty
// lines between them, the first about the mail and each other about one
// recipient.
func (m *Message) readStatus(body []byte) {
	var group Recipient
	flush := func() {
		if group.Address != "" {
			m.addRecipient(group)
		}
		group = Recipient{}
	}
	for pos := 0; pos < len(body); {
		f, next, kind := nextField(body, pos)
		switch {
		case kind == aField && isFold(f.name, "original-envelope-id"):
			m.EnvelopeID = cmp.Or(m.EnvelopeID, shorten(firstWord(headerText(f.value)), maxEnvelopeID))
		case kind == aField:
			group.field(f)
		case kind == endOfHeader:
			flush()
			if next == pos { // a line that is no field
				next = lineEnd(body, pos)
			}
		}
		pos = next
	}
	flush()
}

// field takes one field of a recipient's group (RFC 3464 §2.3).
func (r *Recipient) field(f rawField) {
	value := decodeWords(headerText(f.value))
	switch {
	case isFold(f.name, "final-recipient"), isFold(f.name, "original-recipient"), isFold(f.name, "x-actual-recipient"):
		_, address, typed := strings.Cut(value, ";")
		if !typed {
			address = value
		}
		address = recipientAddress(address)
		switch {
		case address == "":
		case isFold(f.name, "original-recipient"):
			r.Address, r.Final = address, cmp.Or(r.Address, r.Final)
		case r.Address == "" || !strings.Contains(r.Address, "@"):
			r.Address = address
		case r.Final == "" && isFold(f.name, "final-recipient"):
			r.Final = address
		}
	case isFold(f.name, "action"):
		r.Action = strings.Trim(firstWord(value), ".,")
	case isFold(f.name, "status"):
		if code := statusCode(value); code != "" {
			r.Status = code
		}
	case isFold(f.name, "diagnostic-code"):
		if kind, rest, typed := strings.Cut(value, ";"); typed && len(kind) < 24 {
			value = strings.TrimSpace(rest)
		}
		r.Diagnostic = shorten(value, maxDiagnostic)
	}
}

// maxEnvelopeID is how long an ENVID can be (RFC 3461 §4.4).
const maxEnvelopeID = 100

// maxDiagnostic is how many bytes of a diagnostic are kept.
const maxDiagnostic = 2000

// recipientAddress makes a bare address of what a bounce writes.
func recipientAddress(s string) string {
	s = strings.Trim(strings.TrimSpace(s), "<>\"' ")
	if i := strings.IndexAny(s, " \t"); i > 0 {
		s = s[:i]
	}
	if a := addressOf(s); a != "" {
		return a
	}
	if strings.ContainsRune(s, '@') {
		return ""
	}
	return s
}

// addRecipient adds a recipient that is not there yet and has an address.
func (m *Message) addRecipient(r Recipient) {
	if r.Address == "" {
		return
	}
	for i := range m.Recipients {
		if strings.EqualFold(m.Recipients[i].Address, r.Address) {
			return
		}
	}
	if len(m.Recipients) < maxRecipients {
		m.Recipients = append(m.Recipients, r)
	}
}

// statusCode returns the first enhanced status code in s (RFC 3463 §2), or "".
func statusCode(s string) string {
	code, _ := nextStatusCode(s)
	return code
}

// nextStatusCode returns the first enhanced status code in s and what follows.
func nextStatusCode(s string) (code, rest string) {
	for i := 0; i+4 < len(s); i++ {
		if s[i] != '2' && s[i] != '4' && s[i] != '5' || i > 0 && (isDigit(s[i-1]) || s[i-1] == '.' || isLetter(s[i-1])) || s[i+1] != '.' {
			continue
		}
		end := i + 2
		for end < len(s) && end < i+5 && isDigit(s[end]) {
			end++
		}
		if end == i+2 || end >= len(s) || s[end] != '.' {
			continue
		}
		last := end + 1
		for last < len(s) && last < end+4 && isDigit(s[last]) {
			last++
		}
		if last == end+1 || last < len(s) && (isDigit(s[last]) || s[last] == '.' && last+1 < len(s) && isDigit(s[last+1])) {
			continue
		}
		return s[i:last], s[last:]
	}
	return "", ""
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// replyCode returns the first SMTP reply code of failure in s, or "".
func replyCode(s string) string {
	for i := 0; i+3 <= len(s); i++ {
		if (s[i] == '4' || s[i] == '5') && isDigit(s[i+1]) && s[i+1] <= '7' && isDigit(s[i+2]) &&
			(i == 0 || !isDigit(s[i-1]) && s[i-1] != '.' && !isLetter(s[i-1])) && (i+3 == len(s) || s[i+3] == ' ' || s[i+3] == '-' || s[i+3] == '#') {
			return s[i : i+3]
		}
	}
	return ""
}

// splitNotice cuts the text of a bounce into the mail system's own words and
// the mail that it returns in the text itself.
func splitNotice(text string) (notice, original string) {
	lines := strings.SplitAfter(text, "\n")
	at := 0
	for _, line := range lines {
		folded := strings.ToLower(strings.Trim(line, " \t\r\n-_=*>."))
		for _, mark := range [...]string{
			"below this line is a copy of the message", "this is a copy of the message", "this is a copy of your message", "original message follows", "original message", "returned message follows", "message header follows", "message headers follow",
			"unsent message below", "unsent message follows", "returned message", "the header of the original message", "your message follows", "original message header", "message text follows", "transcript of session follows -", "the original message was received", "copy of the original message", "mensaje original", "received message", "undelivered message follows", "message contents", "header of the original", "body of message generated response", "begin of original message",
		} {
			if strings.HasPrefix(folded, mark) && mark != "the original message was received" {
				return text[:at], text[at:]
			}
		}
		if strings.HasPrefix(line, "Received: from") || strings.HasPrefix(line, "Return-Path: <") {
			return text[:at], text[at:]
		}
		at += len(line)
	}
	return text, text
}

// originalID returns the Message-ID of a mail that lies within a text.
func originalID(text string) string {
	for line := range strings.Lines(text) {
		trimmed := strings.TrimLeft(line, " \t>|*")
		if len(trimmed) > 11 && strings.EqualFold(trimmed[:11], "message-id:") {
			if id := firstID(trimmed[11:]); id != "" {
				return id
			}
		}
	}
	return ""
}

// readNotice looks for recipients in the words of a mail system: the fields
// and lines in which Exim, Postfix, qmail, sendmail and Exchange name them.
func (m *Message) readNotice(notice string) {
	for _, a := range addresses(m.Get("X-Failed-Recipients")) {
		m.addText(a.Address)
	}
	if len(m.Recipients) > 0 {
		return
	}
	ours := ""
	for _, find := range []func(string) string{namedRecipient, recipientAnywhere} {
		for line := range strings.Lines(notice) {
			address := find(strings.TrimRight(line, "\r\n"))
			if address != "" && m.isSenderOf(address) {
				ours = address
			} else {
				m.addText(address)
			}
		}
		if len(m.Recipients) > 0 {
			return
		}
	}
	if !IsRobot(ours) {
		m.addText(ours)
	}
}

// recipientAnywhere returns an address within a line that says of whom it
// speaks.
func recipientAnywhere(line string) string {
	folded := strings.ToLower(line)
	if len(line) > 1000 || strings.HasPrefix(folded, "received:") || containsAny(folded, recipientWords[:]) == "" {
		return ""
	}
	if open := strings.IndexByte(line, '<'); open >= 0 {
		if end := strings.IndexByte(line[open:], '>'); end > 0 {
			if a := addressOf(line[open+1 : open+end]); a != "" {
				return a
			}
		}
	}
	for _, word := range strings.Fields(line) {
		if strings.Count(word, "@") == 1 {
			if a := addressOf(strings.Trim(word, ".,:;'\"()[]<>")); a != "" {
				return a
			}
		}
	}
	return ""
}

// recipientWords stand in lines that name a recipient.
var recipientWords = [...]string{
	">>>", "deliver", "recipient", "unknown user", "user unknown", "no such user", "undeliverable", "mailbox", "rejected", "550 ", "553 ", "554 ", "550-", "5.1.1", "entreg", "destinatario", "address", "not found", "failed", "is not a", "error sending", "mailing list <", "message-id in <", "does not exist", "rcpt to",
}

func (m *Message) addText(address string) {
	if address != "" {
		m.addRecipient(Recipient{Address: address})
	}
}

// isSenderOf says that an address is the mail system's own or the one that the
// bounce came to.
func (m *Message) isSenderOf(address string) bool {
	if IsRobot(address) {
		return true
	}
	for _, a := range append(append([]Address{}, m.From...), m.To...) {
		if strings.EqualFold(a.Address, address) {
			return true
		}
	}
	return false
}

// namedRecipient returns the address that stands alone at the front of a line.
func namedRecipient(line string) string {
	line = afterReplyCode(strings.TrimSpace(line))
	if line == "" || len(line) > 500 || strings.HasPrefix(line, "Received:") {
		return ""
	}
	if i := strings.Index(strings.ToLower(line[:min(len(line), 24)]), "rcpt to:"); i >= 0 {
		return bareAddress(line[i+len("rcpt to:"):])
	}
	for _, label := range []string{"to:", "recipient:", "recipient address:", "original recipient:", "failed recipient:", "could not be delivered to:", "user:", "address:", "for:", "destinatario:", "recipient(s):", "delivery failed:", "intended recipient:", "target mail address:", "target address:", "dirección:", "para:"} {
		if len(line) > len(label) && strings.EqualFold(line[:len(label)], label) {
			return bareAddress(line[len(label):])
		}
	}
	return bareAddress(line)
}

// afterReplyCode leaves out the reply code that sendmail puts before a recipient,
// as in "554 <ana@example.org>... Host unknown".
func afterReplyCode(line string) string {
	if len(line) > 4 && replyCode(line[:4]) != "" && line[3] == ' ' {
		rest := strings.TrimSpace(line[4:])
		if code, after := nextStatusCode(rest); code != "" && strings.HasPrefix(rest, code) {
			rest = strings.TrimSpace(after)
		}
		if strings.HasPrefix(rest, "<") {
			return rest
		}
	}
	return line
}

// bareAddress returns the address at the front of s, in angle brackets or with
// nothing but a colon, a reason in parentheses or dots after it.
func bareAddress(s string) string {
	s = strings.TrimLeft(s, " \t*-•'\"")
	if rest, ok := strings.CutPrefix(s, "<"); ok {
		if end := strings.IndexByte(rest, '>'); end > 0 {
			return addressOf(rest[:end])
		}
		return ""
	}
	end := strings.IndexAny(s, " \t<>(),;\"'")
	if end < 0 {
		end = len(s)
	}
	address := strings.TrimRight(s[:end], ":.,")
	rest := strings.TrimLeft(s[end:], " \t")
	if strings.Count(address, "@") != 1 || strings.ContainsAny(address, "/=?:") && strings.Contains(address, "//") {
		return ""
	}
	if rest != "" && !strings.HasSuffix(s[:end], ":") && !strings.ContainsAny(rest[:1], "(<:-.;,'\"") && !strings.HasPrefix(rest, "on ") && !strings.HasPrefix(rest, "Invalid ") {
		return ""
	}
	return addressOf(address)
}

// completeRecipients fills in what each recipient lacks from the notice's words.
func (m *Message) completeRecipients(notice string) {
	action := "failed"
	if folded := Fold(m.Subject + "\n" + shorten(notice, 3000)); containsAny(folded, delayWords[:]) != "" {
		action = "delayed"
	}
	for i := range m.Recipients {
		r := &m.Recipients[i]
		if r.Diagnostic == "" {
			r.Diagnostic = diagnosticFor(notice, r.Address)
		}
		words := r.Diagnostic
		if failureCode(words) == "" && isVague(r.Status) {
			words = m.wordsAbout(notice, r.Address)
		}
		if code := failureCode(words); code != "" && (isVague(r.Status) || r.Status != code) {
			r.Status = code
		}
		if r.Action == "" {
			r.Action = actionOf(r.Status, r.Diagnostic, action)
		}
		if isVague(r.Status) {
			if code := replyCode(words); code != "" || r.Status == "" {
				r.Status = generalStatus(code, r.Action)
			}
		}
		r.Permanent = r.Action == "failed" && r.Status[0] == '5'
		if strings.EqualFold(r.Final, r.Address) {
			r.Final = ""
		}
	}
}

// isVague says that a status says no more than a class does, or nothing.
func isVague(status string) bool { return status == "" || strings.HasSuffix(status, ".0.0") }

// failureCode returns the enhanced status code of a failure in a diagnostic. It
// is the remote server's, and so more exact than the status that the reporting
// one puts. The code for "given up" gives way to the one that tells why.
func failureCode(words string) string {
	given := ""
	for {
		code, rest := nextStatusCode(words)
		switch {
		case code == "":
			return given
		case code[0] == '2':
		case !strings.HasSuffix(code, ".4.7"):
			return code
		case given == "":
			given = code
		}
		words = rest
	}
}

// wordsAbout returns the words of a notice that are about an address: from the
// last line that names it to the next that names another, or all where it is the
// only one that failed.
func (m *Message) wordsAbout(notice, address string) string {
	if len(m.Recipients) == 1 {
		return notice
	}
	at := strings.LastIndex(notice, address)
	if at < 0 {
		return ""
	}
	at = strings.LastIndexByte(notice[:at], '\n') + 1
	var about strings.Builder
	for line := range strings.Lines(shorten(notice[at:], maxDiagnostic)) {
		if about.Len() > 0 && strings.ContainsRune(line, '@') && !strings.Contains(line, address) {
			break
		}
		about.WriteString(line)
	}
	return about.String()
}

// generalStatus is the status of a recipient of which no more is known than an
// SMTP reply code or what became of it (RFC 3463 §3.1).
func generalStatus(code, action string) string {
	switch {
	case strings.HasPrefix(code, "4"), code == "" && action == "delayed":
		return "4.0.0"
	case action == "delivered", action == "relayed", action == "expanded":
		return "2.0.0"
	}
	return "5.0.0"
}

// actionOf says what became of a recipient by its status where no action was
// named.
func actionOf(status, diagnostic, fallback string) string {
	switch {
	case strings.HasPrefix(status, "2"):
		return "delivered"
	case strings.HasPrefix(status, "5"), strings.HasPrefix(replyCode(diagnostic), "5"):
		return "failed"
	}
	return fallback
}

// delayWords say that a mail system goes on trying.
var delayWords = [...]string{
	"delivery delayed", "delayed mail", "(delay)", "will continue trying", "will keep trying", "could not be sent for", "will be retried", "still being retried", "you do not need to resend", "do not need to resend", "warning message only", "has been delayed", "delivery delay", "not yet been delivered", "has not yet been", "retrasad", "demorad", "no necesita reenviar", "se seguira intentando", "sera reintentad", "sigue intentando", "atrasad", "warning: could not send", "will try again",
}

// diagnosticFor returns what a notice says of an address: the rest of the line
// where it stands and the lines below it up to an empty one. Of several such
// places the first that has a code tells more.
func diagnosticFor(notice, address string) string {
	folded, wanted := strings.ToLower(notice), strings.ToLower(address)
	if address == "" || len(folded) != len(notice) {
		return ""
	}
	first := ""
	for at, places := 0, 0; places < maxPlaces; places++ {
		i := strings.Index(folded[at:], wanted)
		if i < 0 {
			break
		}
		at += i + len(wanted)
		words := wordsBehind(notice[at:])
		if statusCode(words) != "" || replyCode(words) != "" {
			return words
		}
		first = cmp.Or(first, words)
	}
	return first
}

// maxPlaces is how many times an address is looked for in a notice.
const maxPlaces = 8

// wordsBehind returns what follows up to an empty line, as one line.
func wordsBehind(rest string) string {
	rest = strings.TrimLeft(rest, ">\"' \t:;,.")
	rest = strings.TrimPrefix(rest, "\n")
	rest = strings.TrimPrefix(rest, "\n") // the reason stands below an empty line
	if end := strings.Index(rest, "\n\n"); end >= 0 {
		rest = rest[:end]
	}
	return shorten(strings.Join(strings.Fields(rest), " "), maxDiagnostic)
}
