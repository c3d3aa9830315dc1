package gateway

import (
	"errors"

	"ventanilla/desk"
	"ventanilla/mailout"
	"ventanilla/store/intake"
)

// confirmHeld settles a held mail anew, as one that its agent says is his, and
// takes his further mails with his own tokens for some hours.
func (s *settling) confirmHeld(token desk.Token) error {
	a, err := s.tx.Article(token.Ticket, token.Revision)
	if err != nil {
		return err
	}
	p, err := intake.ParsePosition(a.Mail)
	if err != nil {
		return err
	}
	record, release, err := s.g.log.Read(p)
	if err != nil {
		return err
	}
	defer release()
	it := item{record: record}
	s.g.parse(&it)
	if it.message == nil {
		return errors.New(it.limit)
	}
	again := s.g.settling(s.setup, s.now, &it)
	again.tx, again.released, again.confirmed, again.explain = s.tx, true, true, s.explain
	again.about = token.Ticket
	if agent, ok := s.setup.World.AgentAt(again.from()); ok {
		if err := s.tx.SetConfirmed(agent.Name, s.now.Add(mailout.ConfirmTerm)); err != nil {
			return err
		}
	}
	err = again.mail()
	s.sent += again.sent
	s.mails = append(s.mails, again.mails...)
	return err
}
