package imap

import (
	"context"
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"
)

// tidy marks or moves what the desk has settled. It returns whether there may be
// more. What fails is left to be done.
func (s *session) tidy(ctx context.Context) (more bool, err error) {
	const limit = 200
	uids, err := s.desk.Settled(ctx, s.account.Name, s.folder, s.data.UIDValidity, limit)
	if err != nil || len(uids) == 0 {
		return false, err
	}
	var set imap.UIDSet
	for _, uid := range uids {
		set.AddNum(imap.UID(uid))
	}
	switch s.account.After {
	case Seen:
		err = s.flag(set, imap.FlagSeen)
	case Move:
		err = s.move(set)
	}
	if err != nil {
		return false, err
	}
	return len(uids) == limit, s.desk.Finished(ctx, s.account.Name, s.folder, s.data.UIDValidity, uids)
}

func (s *session) flag(set imap.UIDSet, flag imap.Flag) error {
	if err := s.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{flag}}, nil).Close(); err != nil {
		return fmt.Errorf("mark: %w", err)
	}
	return nil
}

// move moves mails to another folder. Without MOVE (RFC 6851) they are copied,
// and only when that is done marked as deleted; without UIDPLUS (RFC 4315) that
// is all, since EXPUNGE would also take what others have marked.
func (s *session) move(set imap.UIDSet) error {
	if err := s.inTarget(func() error {
		if s.Caps().Has(imap.CapMove) {
			_, err := s.Client.Move(set, s.account.MoveTo).Wait()
			return err
		}
		_, err := s.Copy(set, s.account.MoveTo).Wait()
		return err
	}); err != nil {
		return fmt.Errorf("move to %s: %w", s.account.MoveTo, err)
	}
	if s.Caps().Has(imap.CapMove) {
		return nil
	}
	if err := s.flag(set, imap.FlagDeleted); err != nil {
		return err
	}
	if !s.Caps().Has(imap.CapUIDPlus) {
		return nil
	}
	if err := s.UIDExpunge(set).Close(); err != nil {
		return fmt.Errorf("expunge: %w", err)
	}
	return nil
}

// inTarget does something with the folder to move to, which is made if the
// server says that it is missing.
func (s *session) inTarget(do func() error) error {
	err := do()
	var refused *imap.Error
	if !errors.As(err, &refused) || refused.Code != imap.ResponseCodeTryCreate && refused.Code != imap.ResponseCodeNonExistent {
		return err
	}
	if err := s.Create(s.account.MoveTo, nil).Wait(); err != nil {
		return err
	}
	return do()
}
