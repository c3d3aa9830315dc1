package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/rules"
	"ventanilla/search"
	"ventanilla/store"
	"ventanilla/templates"
)

const (
	suitsMost   = 2  // articles that a new request is offered
	toldMost    = 5  // articles that an answer to a question tells
	lessonsMost = 20 // articles that are written at once
)

// NewShelf returns a shelf of what the desk knows, for [Setup].
func NewShelf(w *desk.World) *search.Shelf {
	pages := make([]search.Page, len(w.Knowledge))
	for i, k := range w.Knowledge {
		pages[i] = search.Page{Title: k.Title, Tags: k.Tags, Text: k.Text}
	}
	return search.NewShelf(pages)
}

// gatherKnowledge finds what the desk knows that is likely to answer the mail.
func (s *settling) gatherKnowledge(c *rules.Case) {
	if s.setup.Shelf == nil {
		return
	}
	for _, i := range s.setup.Shelf.Suits(c.Message.Subject, c.Message.Reply, suitsMost) {
		c.Suits = append(c.Suits, s.setup.World.Knowledge[i].Name)
	}
}

// answer puts what the desk knows of a question into a letter: the best articles, one
// below the other.
func (s *Setup) answer(d *templates.Data, l rules.Letter, language string) {
	d.Subject = l.Question
	if s.Shelf == nil {
		return
	}
	var found []string
	for _, i := range s.Shelf.Find(l.Question, len(s.World.Knowledge)) {
		if k := s.World.Knowledge[i]; (k.Published || l.Unpublished) && len(found) < toldMost {
			found = append(found, s.told(k, l.Unpublished, language))
		}
	}
	d.Body.Markdown = strings.Join(found, "\n\n---\n\n")
}

// told is an article as a mail tells it. Agents learn where it is kept.
func (s *Setup) told(k desk.Knowledge, agent bool, language string) string {
	text := "## " + mail.EscapeMarkdown(k.Title) + "\n\n" + k.Text
	if agent {
		text += "\n\n`knowledge/" + k.Name + ".md`"
		if !k.Published {
			text += " · " + s.Words.Word(language, "knowledge-draft")
		}
	}
	return text
}

// Learn makes articles of the tickets that agents want to be known. put writes one
// where there is none of that name yet; what it cannot write is tried again by the
// next call.
func (g *Gateway) Learn(ctx context.Context, put func(desk.Knowledge) error) error {
	var lessons []store.Lesson
	if err := g.store.View(ctx, func(tx store.Tx) (err error) { lessons, err = tx.Lessons(lessonsMost); return err }); err != nil {
		return err
	}
	var faults []error
	for _, l := range lessons {
		k, err := g.lesson(ctx, l)
		if err == nil {
			err = put(k)
		}
		if err == nil {
			err = g.store.Update(ctx, func(tx store.Tx) error { return tx.Learnt(l) })
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("article of ticket %d: %w", l.Ticket, err))
		}
	}
	return errors.Join(faults...)
}

// lesson writes an article out of a ticket: what was asked first, and what an agent
// answered last. An admin reads it before anybody outside does.
func (g *Gateway) lesson(ctx context.Context, l store.Lesson) (k desk.Knowledge, err error) {
	var t desk.Ticket
	var articles []desk.Article
	err = g.store.View(ctx, func(tx store.Tx) error {
		evs, err := tx.EventsBetween(l.Ticket, l.Seq, l.Seq)
		if err != nil || len(evs) != 1 {
			return errors.Join(err, store.ErrNotFound)
		}
		k.Name, k.Title = evs[0].New, evs[0].Text
		if t, err = tx.Ticket(l.Ticket); err == nil {
			articles, err = tx.Articles(l.Ticket, 0, renamedMost)
		}
		return err
	})
	if err != nil {
		return k, err
	}
	k.Ticket = t.Number
	category, _ := g.Setup().World.Category(t.Category)
	for _, tag := range append([]string{category.Title}, t.Tags...) {
		if tag != "" {
			k.Tags = append(k.Tags, tag)
		}
	}
	question, answer := "", ""
	for _, a := range articles {
		if a.Kind != desk.KindPublic {
			continue
		}
		text, err := g.articleText(a)
		if err != nil {
			return k, err
		}
		if a.Author.Agent() != "" {
			answer = rules.WithoutCommands(text, true)
		} else if question == "" {
			question = text
		}
	}
	setup := g.Setup()
	word, r := func(key string) string { return setup.Words.Word(setup.World.Language, key) }, g.renderer(setup)
	if strings.TrimSpace(answer) == "" {
		answer = word("knowledge-missing")
	}
	k.Text = "## " + word("knowledge-question") + "\n\n" + r.Scrub(question) + "\n\n## " + word("knowledge-answer") + "\n\n" + r.Scrub(answer)
	return k, nil
}
