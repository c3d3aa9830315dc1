package mail

import (
	"strings"
)

// classify decides the class, by the first test that holds: standards before
// evidence. A test returns its evidence, or "".
func (b *builder) classify() {
	m := b.m
	for _, test := range [...]struct {
		class    Class
		evidence func(*builder) string
	}{
		{ClassBounce, bounceEvidence},
		{ClassReceipt, receiptEvidence},
		{ClassComplaint, complaintEvidence},
		{ClassAutoReply, autoReplyEvidence},
		{ClassMachine, machineEvidence},
		{ClassCalendar, calendarEvidence},
		{ClassList, listEvidence},
	} {
		if reason := test.evidence(b); reason != "" {
			m.Class, m.ClassReason = test.class, shorten(reason, maxReason)
			if m.Class == ClassBounce {
				b.readBounce()
			}
			return
		}
	}
	m.Class, m.ClassReason = ClassHuman, "nada indica que lo escribió un programa"
}

// maxReason is how many bytes a ClassReason has.
const maxReason = 200

// firstWord returns what stands before the first semicolon or space of a
// field's value, in lower case.
func firstWord(value string) string {
	if i := strings.IndexAny(value, "; \t("); i >= 0 {
		value = value[:i]
	}
	return strings.ToLower(strings.TrimSpace(value))
}

// reportType returns the kind of a multipart/report (RFC 6522), or "".
func (b *builder) reportType() string {
	for _, n := range b.root.children {
		if n.typ == "multipart/report" {
			return strings.ToLower(parameter(n.contentType, "report-type"))
		}
	}
	return ""
}

// fileOf returns the first part of that type which is no text of the mail's.
func (b *builder) fileOf(types ...string) *node {
	for _, n := range b.files {
		for _, t := range types {
			if n.typ == t {
				return n
			}
		}
	}
	return nil
}

// nullReturnPath says that the mail has a Return-Path and it is the null one.
func (m *Message) nullReturnPath() bool {
	value := strings.TrimSpace(m.Get("Return-Path"))
	return strings.HasPrefix(value, "<>")
}

// isDaemon says that a mail system's own user wrote the mail.
func (m *Message) isDaemon() bool {
	from := strings.ToLower(m.Get("From"))
	if strings.Contains(from, "mailer-daemon") || strings.Contains(from, "mailerdaemon") {
		return true
	}
	for _, a := range append(m.From, m.Sender) {
		name := strings.ToLower(a.Name)
		if name == "mail delivery subsystem" || name == "mail delivery system" || name == "microsoft outlook" && strings.HasPrefix(a.Address, "microsoftexchange") {
			return true
		}
		if strings.HasPrefix(a.Address, "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e") {
			return true
		}
	}
	return false
}

func bounceEvidence(b *builder) string {
	m := b.m
	report := b.reportType()
	if report == "delivery-status" {
		return "report-type=delivery-status"
	}
	if report == "disposition-notification" || report == "feedback-report" {
		return ""
	}
	if b.fileOf("message/delivery-status", "message/global-delivery-status") != nil &&
		(report != "" || m.isDaemon() || m.nullReturnPath() || bounceSubject(m.Subject) || len(m.From) == 0 || m.From[0].Address == "") {
		return "message/delivery-status"
	}
	if value := m.Get("X-Failed-Recipients"); value != "" {
		return "X-Failed-Recipients: " + value
	}
	if _, kind := m.readNotification(); kind == "bounce" {
		return "SES: bounce"
	}
	if refusedByList(m) {
		return "X-MLServer: " + m.Get("X-MLServer")
	}
	return bounceForm(m)
}

// bounceForm knows a bounce that no standard shaped by who sent it and how it
// reads.
func bounceForm(m *Message) string {
	daemon := m.isDaemon()
	if daemon && firstWord(m.Get("Auto-Submitted")) != "auto-replied" {
		return "From: " + m.Get("From")
	}
	null := m.nullReturnPath()
	system := daemon || null || m.fromLocal("postmaster", "post_master", "post-master", "mail-daemon", "mdaemon", "mmdf", "smtp-daemon", "mailadmin", "mail-admin")
	subject := bounceSubject(m.Subject)
	if !system && (!subject || len(m.InReplyTo) > 0 || isAnswerSubject(m.Subject) || asks(Fold(shorten(m.Reply, 1500)))) {
		return ""
	}
	if (!subject || !system) && !bounceBody(m.Text) {
		return ""
	}
	switch {
	case daemon:
		return "From: " + m.Get("From")
	case null:
		return "Return-Path: <> y forma de devolución"
	case system:
		return "From: " + m.Get("From") + " y forma de devolución"
	}
	return "asunto y texto de devolución"
}

// refusedByList says that a mailing list's server refuses a mail sent to it.
func refusedByList(m *Message) bool {
	if m.Get("X-MLServer") == "" {
		return false
	}
	folded := Fold(shorten(m.Subject+"\n"+m.Text, 1000))
	return containsAny(folded, []string{"are not member", "not a member of this mailing list", "loop alert", "duplicated message-id", "rejected"}) != ""
}

// fromLocal says that the From address has one of these local parts.
func (m *Message) fromLocal(locals ...string) bool {
	for _, a := range m.From {
		local, _, _ := strings.Cut(strings.ToLower(a.Address), "@")
		for _, l := range locals {
			if local == l {
				return true
			}
		}
	}
	return false
}

// isAnswerSubject says that a subject has the mark of an answer or a forward.
func isAnswerSubject(subject string) bool {
	return StripPrefixes(subject) != strings.TrimSpace(subject)
}

// bounceSubject knows the subjects of mail systems' own notices.
func bounceSubject(subject string) bool {
	folded := Fold(strings.TrimSpace(subject))
	for _, phrase := range [...]string{
		"undelivered mail returned", "undeliverable", "delivery status notification", "delivery failure", "delivery failed", "mail delivery fail", "failure notice", "failure delivery",
		"returned mail", "mail system error", "message delivery fail", "delivery notification", "non delivery", "non-delivery", "could not be delivered", "unable to deliver",
		"warning: could not send", "delivery delayed", "delayed mail", "delivery delay", "undelivered message", "message delayed", "mail could not be", "rejected mail", "mail failure", "delivery error", "error sending", "mail error",
		"warning: message", "delivery report", "delivery problem", "delivery unsuccess", "problems delivering", "returned message", "user unknown", "mail not delivered", "message not delivered", "not delivered", "dsn:", "dsn ",
		"no se puede entregar", "no se puede entregar:", "no se ha podido entregar", "no entregado:", "no se pudo entregar", "correo devuelto", "mensaje no entregado", "error en la entrega", "entrega fallida", "notificacion de estado de entrega", "no entregable", "mensaje devuelto", "fallo en la entrega",
		"nao entregue", "nao foi possivel entregar", "falha na entrega", "mensagem nao entregue", "devolvida",
		"non remis", "echec de remise", "non distribue", "unzustellbar", "nicht zustellbar", "zustellung", "rucklaufer", "impossibile recapitare", "mancato recapito", "onbestelbaar", "niedostarczon", "не доставлено", "недоставлен", "配信不能", "配信に失敗", "エラーメール", "エラー通知", "배달되지", "退信", "无法投递", "未送达",
	} {
		if strings.Contains(folded, phrase) {
			return true
		}
	}
	return false
}

// bounceBody knows the words of mail systems' notices, in the first lines.
func bounceBody(text string) bool {
	folded := Fold(shorten(text, 4000))
	for _, phrase := range [...]string{
		"could not be delivered", "was not delivered", "undeliverable", "unable to deliver", "delivery to the following", "delivery failed", "following address", "permanent fatal error", "returned to sender", "message you sent", "your message",
		"fatal errors", "user unknown", "unknown user", "mailbox unavailable", "does not exist", "not be delivered", "delivery failure", "could not deliver", "couldn't be delivered", "wasn't delivered", "this is the mail system", "delivery status", "no such user", "over quota", "mailbox full", "mailbox is full", "unroutable", "rejected", "smtp error",
		"no se pudo entregar", "no se ha podido entregar", "no pudo ser entregado", "no se entrego", "no ha sido entregado", "error permanente", "nao pode ser entregue", "nao foi entregue", "n'a pas pu etre", "konnte nicht zugestellt", "impossibile recapitare", "non e stato possibile",
		"配信", "送信できません", "届きません", "550 5.", "554 5.", "552 5.", "553 5.", "550-5.",
	} {
		if strings.Contains(folded, phrase) {
			return true
		}
	}
	return false
}

func receiptEvidence(b *builder) string {
	if b.reportType() == "disposition-notification" {
		return "report-type=disposition-notification"
	}
	if b.reportType() != "" && b.fileOf("message/disposition-notification", "message/global-disposition-notification") != nil {
		return "message/disposition-notification"
	}
	return ""
}

func complaintEvidence(b *builder) string {
	if b.reportType() == "feedback-report" {
		return "report-type=feedback-report"
	}
	if n, kind := b.m.readNotification(); kind == "complaint" {
		b.m.fillFromNotification(n)
		return "SES: complaint"
	}
	if b.fileOf("message/feedback-report") != nil {
		return "message/feedback-report"
	}
	// Microsoft's reports are mails with the one complained of attached.
	if strings.HasPrefix(strings.ToLower(b.m.Subject), "complaint about message from ") && b.fileOf("message/rfc822") != nil {
		return "Subject: " + b.m.Subject
	}
	return ""
}

// evidence returns "Name: value" of a field that is there and whose first word is
// one of words; with no words any value but "no" and "false" will do.
func (m *Message) evidence(name string, words ...string) string {
	for _, f := range m.Header {
		if !strings.EqualFold(f.Name, name) {
			continue
		}
		value := firstWord(f.Value)
		if len(words) == 0 && value != "" && value != "no" && value != "false" {
			return f.Name + ": " + f.Value
		}
		for _, w := range words {
			if value == w {
				return f.Name + ": " + f.Value
			}
		}
	}
	return ""
}

func autoReplyEvidence(b *builder) string {
	m := b.m
	for _, e := range []string{
		m.evidence("Auto-Submitted", "auto-replied"),
		m.evidence("X-Autoreply"),
		m.evidence("X-Autorespond"),
		m.evidence("X-Autoresponder"),
		m.evidence("X-Auto-Reply"),
		m.evidence("X-Autoreply-From"),
		m.evidence("X-Mail-Autoreply"),
		m.evidence("X-AutoReply-Domain"),
		m.evidence("X-Autogenerated", "reply"),
		m.evidence("X-Vacation"),
		m.evidence("Precedence", "auto_reply", "auto-reply", "autoreply"),
		m.evidence("X-Precedence", "auto_reply", "auto-reply"),
		m.evidence("Delivered-To", "autoresponder"),
	} {
		if e != "" {
			return e
		}
	}
	return absence(m.Subject, m.Reply)
}

func machineEvidence(b *builder) string {
	m := b.m
	if e := m.evidence("Auto-Submitted"); e != "" {
		return e
	}
	if e := m.evidence("Precedence", "bulk", "junk"); e != "" {
		return e
	}
	return m.evidence("X-Auto-Generated")
}

func calendarEvidence(b *builder) string {
	for _, n := range b.files {
		if n.typ != "text/calendar" {
			continue
		}
		method := strings.ToLower(parameter(n.contentType, "method"))
		if method == "" {
			method = calendarMethod(decodeTransfer(n.encoding, b.raw[n.start:min(n.end, n.start+4096)]))
		}
		switch method {
		case "reply", "counter", "declinecounter", "refresh":
			return "text/calendar; method=" + method
		}
	}
	return recall(b.m.Subject, b.m.Text)
}

// calendarMethod returns the method that a calendar itself names (RFC 5546).
func calendarMethod(calendar []byte) string {
	for pos := 0; pos < len(calendar); {
		end := lineEnd(calendar, pos)
		line := trimLineEnd(calendar[pos:end])
		if isPrefixFold(line, "method:") {
			return strings.ToLower(strings.TrimSpace(string(line[len("method:"):])))
		}
		pos = end
	}
	return ""
}

// recall knows Outlook's wish to have a mail back: subject and text together,
// since "Recuperar: mi clave" is a person's.
func recall(subject, text string) string {
	mark, _, found := strings.Cut(Fold(subject), ":")
	if !found {
		return ""
	}
	switch strings.TrimSpace(mark) {
	case "recall", "recuperar", "message recall report", "rappel", "ruckruf", "richiamo", "retirar", "revocar":
	default:
		return ""
	}
	folded := Fold(shorten(text, 2000))
	for _, phrase := range [...]string{
		"recall the message", "recall this message", "recuperar el mensaje", "recuperar este mensaje", "recuperar el correo", "retirar el mensaje",
		"recuperar a mensagem", "rappeler le message", "nachricht zuruckrufen", "richiamare il messaggio",
	} {
		if strings.Contains(folded, phrase) {
			return "Subject: " + subject
		}
	}
	return ""
}

func listEvidence(b *builder) string {
	m := b.m
	if e := m.evidence("List-Id"); e != "" {
		return e
	}
	if e := m.evidence("Precedence", "list"); e != "" {
		return e
	}
	for _, name := range []string{"List-Post", "X-Mailing-List", "X-Mailman-Version", "Mailing-List"} {
		if e := m.evidence(name); e != "" {
			return e
		}
	}
	return ""
}
