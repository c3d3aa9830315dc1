package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"ventanilla/desk"
	"ventanilla/mail"
)

// knowledgeWords are what the head of an article can say, as a reader may write it.
var knowledgeWords = map[string]string{"titulo": "Título", "title": "Título", "etiquetas": "Etiquetas", "tags": "Etiquetas",
	"publicado": "Publicado", "published": "Publicado", "ticket": "Ticket"}

// readKnowledge reads what the desk knows: knowledge/NAME.md, some lines of a head,
// an empty line, and Markdown.
func readKnowledge(installation fs.FS) (all []desk.Knowledge, err error) {
	names, err := fs.Glob(installation, "knowledge/*.md")
	if err != nil {
		return nil, fmt.Errorf("read knowledge: %w", err)
	}
	var faults []error
	for _, file := range names {
		data, err := fs.ReadFile(installation, file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		k, wrong := readArticle(file, strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n"))
		faults = append(faults, wrong...)
		all = append(all, k)
	}
	return all, errors.Join(faults...)
}

// readArticle reads one file. Its mistakes have their lines.
func readArticle(file, text string) (k desk.Knowledge, faults []error) {
	k.Name = strings.TrimSuffix(path.Base(file), ".md")
	wrong := func(line int, source, format string, values ...any) {
		faults = append(faults, &FileError{File: file, Line: line, Column: 1, Source: source, Message: fmt.Sprintf(format, values...)})
	}
	if !utf8.ValidString(text) {
		wrong(1, "", "el archivo no está en UTF-8: guárdelo así")
		return k, faults
	}
	head, body, _ := strings.Cut(text, "\n\n")
	for i, line := range strings.Split(strings.TrimRight(head, "\n"), "\n") {
		key, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch what := knowledgeWords[mail.Fold(strings.TrimSpace(key))]; {
		case !ok || what == "" && strings.Contains(strings.TrimSpace(key), " "):
			wrong(i+1, line, "antes de la primera línea en blanco van %s, cada una como «Título: …»", strings.Join(desk.KnowledgeKeys, ", "))
		case what == "Título":
			k.Title = value
		case what == "Etiquetas":
			k.Tags = splitTags(value)
		case what == "Ticket":
			k.Ticket = strings.TrimPrefix(value, "#")
		case what == "Publicado":
			yes, known := yesOrNo[mail.Fold(value)]
			if !known {
				wrong(i+1, line, "Publicado dice sí o no")
			}
			k.Published = yes
		default:
			wrong(i+1, line, "no se conoce %q%s", strings.TrimSpace(key), meant(strings.TrimSpace(key), desk.KnowledgeKeys, "se conocen"))
		}
	}
	k.Text = strings.TrimSpace(body)
	switch {
	case len(faults) > 0:
	case k.Title == "":
		wrong(1, "", "falta la línea «Título: …»")
	case k.Text == "":
		wrong(1, "", "el artículo está vacío: escriba su texto bajo una línea en blanco, o borre el archivo")
	}
	return k, faults
}

var yesOrNo = map[string]bool{"si": true, "yes": true, "sim": true, "no": false, "nao": false, "": false}

func splitTags(value string) (tags []string) {
	for _, tag := range strings.Split(value, ",") {
		if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// readLearn reads «#conocimiento [título]»: what the ticket says becomes an article.
func readLearn(r *reading) ([]desk.Command, Problem) {
	title := r.argument
	if title == "" {
		title = r.ticket.Subject
	}
	name := desk.KnowledgeName(title, r.ticket.Number)
	if _, ok := r.world.Knows(name); ok {
		return nil, Problem{Reason: "knowledge-exists"}
	}
	return []desk.Command{{Kind: desk.CmdLearn, Value: name, Text: title}}, Problem{}
}

// knowledgeAsked are the beginnings of a text that asks what the desk knows.
var knowledgeAsked = []string{"buscar en conocimiento", "buscar en la base de conocimiento", "buscar en la base de conocimientos",
	"search knowledge", "search in knowledge", "procurar no conhecimento"}

// knowledge hears somebody ask what the desk knows, in the only line of a mail or in
// its subject. Agents get all of it, others what is published.
func (d *decider) knowledge(agent bool) bool {
	m := d.Message
	text := strings.TrimSpace(m.Reply)
	if text == "" {
		text = mail.StripPrefixes(mail.StripTags(m.Subject))
	}
	var asked string
	if m.Class != mail.ClassHuman || len(m.Parts) > 0 || strings.Contains(text, "\n") || !begins(mail.Fold(text), knowledgeAsked, &asked) || asked == "" {
		return false
	}
	l := Letter{Template: "conocimiento", To: d.from().Address, Name: d.from().Name, Question: asked}
	switch {
	case agent && d.Policy.Verdict(ActAgentList, d.Decision.Trust) == Yes:
		a, _ := d.agent()
		l.To, l.Name, l.Unpublished = a.Address, a.Title, true
	case agent || len(d.World.Knowledge) == 0 || d.acknowledge() != desk.AckFull:
		return false
	default:
		l.Counted = true
	}
	d.Letters = append(d.Letters, l)
	d.settle(ToCommand, "pregunta por lo que la mesa sabe")
	return true
}
