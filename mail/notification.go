package mail

import (
	"encoding/json"
	"strings"
)

// notification is what Amazon SES reports of a mail: JSON, within a mail of
// Amazon SNS or within the JSON of one.
type notification struct {
	Message string // of SNS: the notification itself
	Type    string `json:"notificationType"`
	Event   string `json:"eventType"`
	Bounce  struct {
		Type       string `json:"bounceType"`
		Recipients []struct {
			Address    string `json:"emailAddress"`
			Action     string `json:"action"`
			Status     string `json:"status"`
			Diagnostic string `json:"diagnosticCode"`
		} `json:"bouncedRecipients"`
	} `json:"bounce"`
	Complaint struct {
		Recipients []struct {
			Address string `json:"emailAddress"`
		} `json:"complainedRecipients"`
	} `json:"complaint"`
	Mail struct {
		CommonHeaders struct {
			MessageID string `json:"messageId"`
		} `json:"commonHeaders"`
		ID string `json:"messageId"`
	} `json:"mail"`
}

// readNotification reads the notification that a mail of Amazon SNS holds. kind is
// "bounce", "complaint" or another in lower case, "" for what is none.
func (m *Message) readNotification() (n notification, kind string) {
	if len(m.From) != 1 || !strings.HasSuffix(m.From[0].Address, "amazonaws.com") {
		return n, ""
	}
	text := shorten(m.Text, maxOriginal)
	for range 2 {
		if !n.decode(text) {
			return n, ""
		}
		if kind = strings.ToLower(n.Type + n.Event); kind != "" {
			return n, kind
		}
		text, n.Message = n.Message, ""
	}
	return n, ""
}

// decode reads the first JSON object of a text, whose lines may have been broken
// as old servers do: by "!", the line's end and a space.
func (n *notification) decode(text string) bool {
	start := strings.IndexByte(text, '{')
	if start < 0 {
		return false
	}
	whole := strings.NewReplacer("!\n ", "", "\n", "").Replace(text[start:])
	return json.NewDecoder(strings.NewReader(whole)).Decode(n) == nil
}

// fillFromNotification takes recipients and original from a notification.
func (m *Message) fillFromNotification(n notification) {
	m.Original = firstID(n.Mail.CommonHeaders.MessageID)
	if m.Original == "" && n.Mail.ID != "" {
		m.Original = n.Mail.ID + "@email.amazonses.com" // SES's own
	}
	for _, r := range n.Bounce.Recipients {
		_, diagnostic, typed := strings.Cut(r.Diagnostic, ";")
		if !typed {
			diagnostic = r.Diagnostic
		}
		action := r.Action
		if action == "" && n.Bounce.Type == "Transient" {
			action = "delayed"
		}
		m.addRecipient(Recipient{Address: recipientAddress(r.Address), Action: action, Status: statusCode(r.Status),
			Diagnostic: shorten(strings.Join(strings.Fields(diagnostic), " "), maxDiagnostic)})
	}
	for _, r := range n.Complaint.Recipients {
		m.addRecipient(Recipient{Address: recipientAddress(r.Address)})
	}
}
