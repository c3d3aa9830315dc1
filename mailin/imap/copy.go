package imap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/emersion/go-imap/v2"
)

const (
	copiesAtOnce = 50                 // that are asked for
	copyIdle     = 30 * time.Second   // that a session waits for further ones
	copyLife     = 7 * 24 * time.Hour // after which one that is refused is given up
)

// copiesTo says whether an account has a folder for copies.
func (p *Poller) copiesTo(a *Account) bool { return p.sent != nil && a.SentFolder != "" }

// WakeCopies tells that there are more copies to be made. It never waits.
func (p *Poller) WakeCopies() { p.copies.ring() }

// copySent copies what was sent to an account's folder until ctx is done. It opens
// a session when there is something to be copied.
func (p *Poller) copySent(ctx context.Context, a *Account, status *FolderStatus) {
	c := &copier{Poller: p, account: a, status: status, later: map[string]time.Time{}}
	pause := p.first
	for ctx.Err() == nil {
		more := p.copies.heard()
		wait, err := c.wait(ctx)
		if err == nil && wait == 0 {
			var n int
			n, err = c.session(ctx)
			if err == nil || ctx.Err() != nil || n > 0 {
				pause = p.first
			}
			if err == nil || ctx.Err() != nil {
				continue
			}
		}
		if err != nil {
			p.troubled(status, err)
			most := p.most
			if errors.Is(err, errLogin) {
				most, pause = p.locked, max(pause, time.Minute)
			}
			more, wait = nil, pause+rand.N(pause/4+1)
			pause = min(2*pause, most)
		}
		select {
		case <-ctx.Done():
		case <-more:
		case <-p.again.heard():
		case <-time.After(wait):
		}
	}
}

// copier copies to one account's folder.
type copier struct {
	*Poller
	account *Account
	status  *FolderStatus
	later   map[string]time.Time // copies that were refused → when they are tried again
}

// wait returns how long there is nothing to be copied, as far as is known now.
func (c *copier) wait(ctx context.Context) (time.Duration, error) {
	wait, now := time.Hour, c.now()
	err := c.each(ctx, func(copy Copy) error {
		wait = min(wait, max(c.later[copy.Key].Sub(now), 0))
		if wait == 0 {
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		err = nil
	}
	return wait, err
}

var errEnough = errors.New("enough")

// each calls fn for all copies that are missing, until it returns an error.
func (c *copier) each(ctx context.Context, fn func(Copy) error) error {
	after := ""
	for more := true; more && ctx.Err() == nil; {
		copies, err := c.sent.Copies(ctx, c.account.Name, after, copiesAtOnce)
		if err != nil {
			return fmt.Errorf("ask for copies: %w", err)
		}
		for _, copy := range copies {
			after = copy.Key
			if err := fn(copy); err != nil {
				return err
			}
		}
		more = len(copies) == copiesAtOnce
	}
	return ctx.Err()
}

// session copies over one connection, until there has been nothing to copy for a
// while. It returns how many were copied, and why it ended before.
func (c *copier) session(ctx context.Context) (n int, err error) {
	connection, err := c.connect(ctx, c.account)
	if err != nil {
		return 0, err
	}
	defer connection.close()
	s := &copying{copier: c, connection: connection, ctx: ctx}
	if err := s.find(); err != nil {
		return 0, err
	}
	for {
		more := c.copies.heard()
		// Those that were refused come last: each refusal ends a session.
		for _, s.again = range []bool{false, true} {
			if err := c.each(ctx, s.copy); err != nil {
				return n + s.n, err
			}
		}
		n += s.n
		s.well()
		select {
		case <-more:
			continue
		case <-connection.Closed():
			return n, nil // whoever comes next opens another
		case <-ctx.Done():
		case <-time.After(copyIdle):
		}
		connection.quit()
		return n, nil
	}
}

// copying is one session's work.
type copying struct {
	*copier
	*connection
	ctx context.Context
	n   int // copied and not yet shown

	again bool // those are copied that were refused before, else the others
}

// find selects the folder, to look whether it has a copy already; it is made if it
// is missing.
func (s *copying) find() error {
	folder := s.copier.account.SentFolder
	open := func() error {
		_, err := s.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
		return err
	}
	err := open()
	if refusal(err) && s.Create(folder, nil).Wait() == nil {
		err = open()
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", folder, err)
	}
	return nil
}

// copy copies one that is due. One that the server refuses, or that cannot be read,
// is put off, so that it does not keep those behind it, and given up after a week.
// The library breaks the connection of a refusal off.
func (s *copying) copy(c Copy) error {
	if due, refused := s.later[c.Key]; refused != s.again || s.now().Before(due) {
		return nil
	}
	err := s.one(c)
	switch {
	case err == nil:
		s.n++
	case !refusal(err) && !errors.Is(err, errUnreadable):
		return err
	case s.now().Sub(c.At) < copyLife:
		s.later[c.Key] = s.now().Add(s.most)
		return err
	default:
		s.log.Warn("copy of a sent mail given up", "account", s.copier.account.Name, "mail", c.MessageID, "error", err)
	}
	delete(s.later, c.Key)
	if noted := s.sent.Copied(s.ctx, s.copier.account.Name, c.Key); noted != nil {
		return fmt.Errorf("note a copy: %w", noted)
	}
	return err
}

// well shows how the folder does after all that was due was copied.
func (s *copying) well() {
	s.copier.mu.Lock()
	defer s.copier.mu.Unlock()
	st := s.status
	st.Connected, st.Looked, st.Taken, st.Remaining = true, s.now(), st.Taken+s.n, len(s.later)
	s.n = 0
	if len(s.later) == 0 {
		st.Trouble, st.Since = "", time.Time{}
	}
}

// one copies one mail, unless the folder has it: a connection may have broken behind
// an APPEND, and the smarthost may keep copies by itself.
func (s *copying) one(c Copy) error {
	found, err := s.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: c.MessageID}}}, nil).Wait()
	if err != nil {
		return fmt.Errorf("search for a copy: %w", err)
	}
	if len(found.AllUIDs()) > 0 {
		return nil
	}
	if err := c.readable(); err != nil {
		return err
	}
	cmd := s.Append(s.copier.account.SentFolder, c.Size, &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}, Time: c.At})
	wrote := c.Write(cmd)
	if wrote != nil {
		s.cutOff() // there is no way out of it but the whole mail
	}
	closed := cmd.Close()
	_, err = cmd.Wait()
	if !refusal(err) {
		err = cmp.Or(wrote, closed, err)
	}
	if err != nil {
		return fmt.Errorf("copy a mail: %w", err)
	}
	return nil
}

// errUnreadable says that it is not the server's fault.
var errUnreadable = errors.New("the mail cannot be read")

// readable writes a mail to nowhere: once its APPEND has begun there is no way out of
// it but the whole mail.
func (c Copy) readable() error {
	var n count
	if err := c.Write(&n); err != nil {
		return fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if int64(n) != c.Size {
		return fmt.Errorf("%w: it has %d bytes, not %d", errUnreadable, n, c.Size)
	}
	return nil
}

type count int64

var _ io.Writer = (*count)(nil)

func (n *count) Write(b []byte) (int, error) {
	*n += count(len(b))
	return len(b), nil
}
