package desk

import (
	"strings"
	"unicode"
)

// Knowledge is something that the desk knows how to answer: an article in a file
// that admins edit, knowledge/NAME.md.
type Knowledge struct {
	Name      string // of the file, without .md
	Title     string
	Tags      []string
	Published bool   // requesters may read it; else only agents
	Ticket    string // number of the ticket that it came from, "" if none
	Text      string // Markdown: the question and its answer
}

// Knows returns the article of that name.
func (w *World) Knows(name string) (Knowledge, bool) {
	return named(w.Knowledge, name, func(k Knowledge) string { return k.Name })
}

// KnowledgeKeys are the lines at the head of an article's file, in order.
var KnowledgeKeys = []string{"Título", "Etiquetas", "Publicado", "Ticket"}

// File is the article as its file has it: lines of a head, an empty line, and
// Markdown.
func (k Knowledge) File() string {
	published := "no"
	if k.Published {
		published = "sí"
	}
	var b strings.Builder
	for i, value := range []string{k.Title, strings.Join(k.Tags, ", "), published, k.Ticket} {
		if value != "" {
			b.WriteString(KnowledgeKeys[i] + ": " + value + "\n")
		}
	}
	return b.String() + "\n" + strings.TrimSpace(k.Text) + "\n"
}

// knowledgeNameMost is how long the part of a name is that comes from a title.
const knowledgeNameMost = 60

// KnowledgeName returns the name of the article that a ticket's number and a title
// give: small letters without accents, figures and «-».
func KnowledgeName(title, number string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.Map(plain, strings.ToLower(title)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		default:
			gap = true
		}
		if b.Len() >= knowledgeNameMost {
			break
		}
	}
	if b.Len() == 0 {
		return number
	}
	return b.String() + "-" + number
}

// plain takes the accents off the letters of Spanish and Portuguese.
func plain(r rune) rune {
	const accented, without = "áàâãäéèêëíìîïóòôõöúùûüñç", "aaaaaeeeeiiiiooooouuuunc"
	if i := strings.IndexRune(accented, r); i >= 0 {
		return rune(without[len([]rune(accented[:i]))])
	}
	if unicode.IsMark(r) {
		return -1
	}
	return r
}
