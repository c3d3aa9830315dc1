package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
)

const (
	describeMails = 8192     // whose size and age is asked for at once: some batches, so that there is always one to be fetched
	describeRuns  = 400      // of UIDs that follow each other, of these: a command is no longer than 8 KiB (RFC 7162 §4)
	batchBytes    = 8 << 20  // of mails that are asked for at once, but for a larger one alone
	window        = 2        // batches that are asked for and not all here
	handedMails   = 1024     // mails handed over at once: more than share a wait for the disk, so that others come meanwhile
	handedBytes   = 8 << 20  // of them
	small         = 64 << 10 // bytes of a mail that is read whole before it is handed over
	doubtful      = 20       // mails of a batch that are refused: more, and it is the server's fault and not theirs
)

// candidate is a mail in a folder.
type candidate struct {
	uid  imap.UID
	size int64
	at   time.Time // INTERNALDATE
	seen bool
	err  error // why the server does not describe it
	bare bool  // nothing more is to be asked of it
}

// look takes all mails that are new in the folder. It returns how many.
func (s *session) look(ctx context.Context) (taken int, err error) {
	begun := s.now()
	p, err := s.point(ctx)
	if err != nil {
		return 0, err
	}
	uids, err := s.behind(p)
	if err != nil {
		return 0, err
	}
	s.progress(func(f *FolderStatus) { f.Found, f.Remaining = len(uids), len(uids) })
	if taken, err = s.takeAll(ctx, uids, p); err != nil {
		return taken, err
	}
	// What was expunged meanwhile is behind us too.
	news := false
	if next := s.data.UIDNext; len(uids) == 0 && next > 1 && uint32(next-1) > p.UID {
		p.UID, news = uint32(next-1), true
	}
	if len(uids) > 0 {
		p.UID, news = uint32(uids[len(uids)-1]), true
	}
	if now := s.now(); news || now.Sub(p.Looked) >= time.Minute {
		p.Looked = begun.UTC()
		err = s.desk.SetPoint(ctx, s.account.Name, s.folder.name, p)
	}
	s.progress(func(f *FolderStatus) { f.Looked = s.now() })
	s.folder.last, s.looked = begun, true
	return taken, err
}

// point returns from where the folder is to be read. Where its mails have new
// numbers, or none that last, it is read from the start, and what may be old is
// quiet. The point tells so, for the next session if this one breaks.
func (s *session) point(ctx context.Context) (p Point, err error) {
	if p, err = s.desk.Point(ctx, s.account.Name, s.folder.name); err != nil {
		return p, fmt.Errorf("ask for the point: %w", err)
	}
	validity := s.data.UIDValidity
	switch {
	case p == (Point{}):
		next, err := s.next()
		if err != nil {
			return p, err
		}
		p = s.begin(validity, next)
		return p, s.desk.SetPoint(ctx, s.account.Name, s.folder.name, p)
	case p.Validity != validity, validity == 0 && !s.rescanned, s.backwards(p):
		next, err := s.next()
		if err != nil {
			return p, err
		}
		s.rescanned = true
		s.folder.memory = memory{}
		p.Validity, p.UID, p.UnseenBelow, p.QuietBelow = validity, 0, 0, uint32(next)
		return p, s.desk.SetPoint(ctx, s.account.Name, s.folder.name, p)
	}
	return p, nil
}

// next is the UID of the next mail that comes, or one that is not above it. A
// server that does not tell it (RFC 9051 §6.3.2) is asked for the last there is.
func (s *session) next() (imap.UID, error) {
	if s.data.UIDNext != 0 {
		return s.data.UIDNext, nil
	}
	data, err := s.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{imap.UIDSetNum(0)}}, nil).Wait()
	if err != nil {
		return 0, fmt.Errorf("search for the last: %w", err)
	}
	last := imap.UID(0)
	for _, uid := range data.AllUIDs() {
		last = max(last, uid)
	}
	return last + 1, nil
}

// backwards says that the numbers of a folder have begun anew though the server
// does not say so, as when it was made again within a second.
func (s *session) backwards(p Point) bool {
	return !s.looked && s.data.UIDNext != 0 && uint32(s.data.UIDNext) <= p.UID
}

// fresh is how long before the first look a mail may have arrived whose sender
// still expects an acknowledgement.
const fresh = 24 * time.Hour

// begin is the point from which a folder is read for the first time.
func (s *session) begin(validity uint32, next imap.UID) Point {
	p := Point{Validity: validity, QuietBefore: s.now().Add(-fresh)}
	switch s.account.Start {
	case StartAll:
	case StartSince:
		p.Since = s.account.Since
	case StartUnseen:
		p.UnseenBelow, p.Since = uint32(next), s.now()
	default:
		p.UID, p.Since = uint32(next)-1, s.now()
	}
	return p
}

// behind returns the UIDs behind a point that are for the desk, in their order.
// A server answers n:* with its last mail even if that stands before n.
func (s *session) behind(p Point) ([]imap.UID, error) {
	search := func(from, to imap.UID, c imap.SearchCriteria) ([]imap.UID, error) {
		var set imap.UIDSet
		set.AddRange(from, to)
		c.UID = []imap.UIDSet{set}
		data, err := s.UIDSearch(&c, nil).Wait()
		if err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		return data.AllUIDs(), nil
	}
	var all []imap.UID
	from := imap.UID(p.UID) + 1
	if below := imap.UID(p.UnseenBelow); from < below {
		unseen, err := search(from, below-1, imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}})
		if err != nil {
			return nil, err
		}
		all, from = unseen, below
	}
	rest, err := search(from, 0, imap.SearchCriteria{})
	if err != nil {
		return nil, err
	}
	all = append(all, rest...)
	all = slices.DeleteFunc(all, func(uid imap.UID) bool { return uint32(uid) <= p.UID })
	slices.Sort(all)
	return slices.Compact(all), nil
}

// passedOver says that a mail came before the desk's time. Of a folder that was
// begun with what nobody had seen, the unseen ones are taken all the same.
func (s *session) passedOver(c candidate, p Point) bool {
	old := c.at.Before(p.Since.Truncate(time.Second))
	switch s.account.Start {
	case StartSince:
		return old
	case StartUnseen:
		return old && c.seen && c.uid < imap.UID(p.QuietBelow)
	}
	return old && c.uid < imap.UID(p.QuietBelow)
}

// describe asks for the size and the age of mails. Where the server refuses that
// for several, halves of them are asked for, so that one does not keep the others.
func (s *session) describe(uids []imap.UID) ([]candidate, error) {
	if len(uids) == 0 {
		return nil, nil
	}
	refused := 0
	return s.describeHalves(uids, &refused)
}

func (s *session) describeHalves(uids []imap.UID, refused *int) (mails []candidate, err error) {
	mails, err = s.describeSet(uids)
	switch {
	case !refusal(err):
		return mails, err
	case len(uids) == 1:
		if *refused++; *refused > doubtful {
			return nil, err
		}
		return []candidate{{uid: uids[0], err: err}}, nil
	}
	half := len(uids) / 2
	first, err := s.describeHalves(uids[:half], refused)
	if err != nil {
		return nil, err
	}
	second, err := s.describeHalves(uids[half:], refused)
	return append(first, second...), err
}

// describeSet asks with one command. The library takes news of a mail's flags
// that come first for the answer, which has a date: such mails are asked for once
// more.
func (s *session) describeSet(uids []imap.UID) (mails []candidate, err error) {
	asked := map[imap.UID]bool{}
	for _, uid := range uids {
		asked[uid] = true
	}
	ask := uids
	for range 3 {
		data, err := s.Fetch(imap.UIDSetNum(ask...), &imap.FetchOptions{UID: true, RFC822Size: true, InternalDate: true, Flags: s.account.Start == StartUnseen}).Collect()
		if err != nil {
			return nil, fmt.Errorf("fetch sizes: %w", err)
		}
		var again []imap.UID
		for _, d := range data {
			switch {
			case !asked[d.UID]: // others come unasked
			case d.InternalDate.IsZero():
				again = append(again, d.UID)
			default:
				mails = append(mails, candidate{uid: d.UID, size: d.RFC822Size, at: d.InternalDate, seen: slices.Contains(d.Flags, imap.FlagSeen)})
			}
		}
		if ask = again; len(ask) == 0 {
			return ordered(mails), nil
		}
	}
	return nil, fmt.Errorf("the server does not tell when mail %d arrived", ask[0])
}

// described returns so many UIDs, from the first, as are described at once.
func described(uids []imap.UID) []imap.UID {
	runs := 0
	for i, uid := range uids {
		if i == describeMails {
			return uids[:i]
		}
		if i == 0 || uid != uids[i-1]+1 {
			if runs++; runs > describeRuns {
				return uids[:i]
			}
		}
	}
	return uids
}

// ordered sorts mails by their UIDs, each once.
func ordered(mails []candidate) []candidate {
	slices.SortFunc(mails, func(a, b candidate) int { return int(a.uid) - int(b.uid) })
	return slices.CompactFunc(mails, func(a, b candidate) bool { return a.uid == b.uid })
}

// errShort says that a mail was cut off.
var errShort = errors.New("the server sent less of a mail than it announced")

// read reads a literal of a known length whole.
func read(l imap.LiteralReader) ([]byte, error) {
	b := make([]byte, l.Size()+1) // its end is to be seen
	n, err := io.ReadFull(l, b)
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		err = nil
	}
	if err == nil && int64(n) != l.Size() {
		err = errShort
	}
	return b[:n], err
}
