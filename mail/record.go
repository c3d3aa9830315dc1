package mail

import "time"

// Record is what a mail says, in the form in which programs read it: the JSON
// of `ventanilla parse`.
type Record struct {
	File        string          `json:"file"`
	MessageID   string          `json:"message_id"` // without angle brackets
	From        *RecordAddress  `json:"from"`       // the first; null if there is none
	To          []RecordAddress `json:"to"`
	Cc          []RecordAddress `json:"cc"`
	Subject     string          `json:"subject"`
	Date        string          `json:"date"` // RFC 3339, "" if there is none that can be read
	Text        string          `json:"text"`
	HTML        string          `json:"html"`
	Reply       string          `json:"reply"`
	Class       Class           `json:"class"`
	Attachments []RecordFile    `json:"attachments"`
	Recipients  []Recipient     `json:"recipients"` // of a bounce
	Defects     []string        `json:"defects"`
}

// RecordFile is one attachment or inline picture in a [Record].
type RecordFile struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"`
	Disposition string `json:"disposition"`
	ContentID   string `json:"content_id"`
}

// RecordAddress is a mailbox in a [Record], its name there even if empty.
type RecordAddress struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Record returns the message in that form. Its lists are never nil.
func (m *Message) Record(file string) Record {
	r := Record{
		File: file, MessageID: m.MessageID, To: recordAddresses(m.To), Cc: recordAddresses(m.Cc), Subject: m.Subject,
		Text: m.Text, HTML: m.HTML, Reply: m.Reply, Class: m.Class,
		Recipients: m.Recipients, Defects: m.Defects, Attachments: []RecordFile{},
	}
	if len(m.From) > 0 {
		r.From = &recordAddresses(m.From)[0]
	}
	if !m.Date.IsZero() {
		r.Date = m.Date.Format(time.RFC3339)
	}
	for _, p := range m.Parts {
		r.Attachments = append(r.Attachments, RecordFile{p.Name, p.Type, p.Size, p.SHA256, p.Disposition, p.ContentID})
	}
	r.Recipients, r.Defects = notNil(r.Recipients), notNil(r.Defects)
	return r
}

func recordAddresses(list []Address) []RecordAddress {
	addresses := []RecordAddress{}
	for _, a := range list {
		addresses = append(addresses, RecordAddress(a))
	}
	return addresses
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
