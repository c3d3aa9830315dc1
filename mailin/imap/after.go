package imap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"
)

// chores is what marking and moving remembers from one session to the next.
type chores struct {
	pause   time.Duration // before what was refused is asked for again
	next    time.Time     // when that is
	refusal string        // in the status; "" if all went well
}

// clear marks and moves all that is settled. What the server refuses is left to
// be done, shown, and asked for again, ever less often; mails are taken
// meanwhile.
func (s *session) clear(ctx context.Context) (err error) {
	left := &s.folder.chores
	if time.Now().Before(left.next) {
		return nil
	}
	for more := true; more && err == nil; {
		more, err = s.tidy(ctx)
	}
	var refused *imap.Error
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	before := left.refusal
	if err == nil {
		left.pause, left.next, left.refusal = 0, time.Time{}, ""
	} else {
		left.pause = min(max(2*left.pause, s.first), s.most)
		left.next, left.refusal = time.Now().Add(left.pause), err.Error()
	}
	if left.refusal != before && err != nil {
		s.log.Warn("settled mails cannot be marked or moved", "account", s.account.Name, "folder", s.folder.name, "error", err)
	}
	s.progress(func(f *FolderStatus) {
		switch {
		case err != nil && f.Trouble == "":
			f.Trouble, f.Since = left.refusal, s.now()
		case f.Trouble == before:
			f.Trouble = left.refusal
		}
		if f.Trouble == "" {
			f.Since = time.Time{}
		}
	})
	return nil
}

// tidy marks or moves what the desk has settled. It returns whether there may be
// more. What fails is left to be done.
func (s *session) tidy(ctx context.Context) (more bool, err error) {
	const limit = 200
	uids, err := s.desk.Settled(ctx, s.account.Name, s.folder.name, s.data.UIDValidity, limit)
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
	return len(uids) == limit, s.desk.Finished(ctx, s.account.Name, s.folder.name, s.data.UIDValidity, uids)
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
		if s.can.Has(imap.CapMove) {
			_, err := s.Client.Move(set, s.account.MoveTo).Wait()
			return err
		}
		return s.copy(set)
	}); err != nil {
		return fmt.Errorf("move to %s: %w", s.account.MoveTo, err)
	}
	if s.can.Has(imap.CapMove) {
		return nil
	}
	if err := s.flag(set, imap.FlagDeleted); err != nil {
		return err
	}
	if s.can.Has(imap.CapUIDPlus) {
		if err := s.UIDExpunge(set).Close(); err != nil {
			return fmt.Errorf("expunge: %w", err)
		}
	}
	delete(s.copied, s.selected())
	return nil
}

// copy copies those mails that are not copied yet: where they may be copied and
// not taken away, each attempt would make one more. That is remembered for one session only: in
// another the numbers may be those of other mails.
func (s *session) copy(set imap.UIDSet) error {
	var missing imap.UIDSet
	copied := s.copied[s.selected()]
	if copied == nil {
		copied = &imap.UIDSet{}
		s.copied[s.selected()] = copied
	}
	uids, _ := set.Nums()
	for _, uid := range uids {
		if !copied.Contains(uid) {
			missing.AddNum(uid)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := s.Copy(missing, s.account.MoveTo).Wait(); err != nil {
		return err
	}
	copied.AddSet(missing)
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
