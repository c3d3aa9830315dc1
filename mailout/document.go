package mailout

import (
	"fmt"
	"time"

	"ventanilla/desk"
	"ventanilla/templates"
)

// Document is a mail whose words are made elsewhere, with a file beside it.
type Document struct {
	To         Addressee
	Kind       string
	Seed       string // tells it from others of its kind to the same addressee
	At         time.Time
	Subject    string
	Text, HTML string
	Name, Type string // of the file
	Data       []byte // of the file
}

// Document makes the mail for a document.
func (r Renderer) Document(d Document) (Outgoing, error) {
	m := message{queue: r.Desk.Queues[0], to: d.To, template: d.Kind, seed: d.Seed, at: d.At, token: desk.Token{Addressee: r.Keys.Fingerprint(d.To.Address)},
		files: []File{{Name: d.Name, Type: d.Type, Data: d.Data}}}
	o, err := r.write(m, templates.Words{Subject: d.Subject, Text: d.Text, HTML: d.HTML}, "")
	if err != nil {
		return o, fmt.Errorf("write %s: %w", d.Kind, err)
	}
	return o, nil
}
