package imap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Options are the settings of a [Poller].
type Options struct {
	Accounts []Account
	MaxSize  int64            // bytes of a mail that is fetched; of a larger one only the header is; 0: any
	Sent     Sent             // nil where no mail is sent
	Log      *slog.Logger     // nil means nowhere
	Now      func() time.Time // nil means time.Now
}

// FolderStatus is how one folder does.
type FolderStatus struct {
	Account   string    `json:"account"`
	Folder    string    `json:"folder"`
	Connected bool      `json:"connected"`
	Trouble   string    `json:"trouble,omitempty"` // in one line, without secrets
	Since     time.Time `json:"since,omitzero"`    // of Trouble
	Looked    time.Time `json:"looked,omitzero"`   // when all was taken last
	Taken     int       `json:"taken"`             // mails since the start
	Found     int       `json:"found"`             // mails by the look under way
	Remaining int       `json:"remaining"`         // of them, not yet taken or passed over
	Begun     time.Time `json:"begun,omitzero"`    // of the look under way
	Copies    bool      `json:"copies,omitempty"`  // mails that were sent are copied to it; it is not read
}

// Poller takes mails from all folders of all accounts.
type Poller struct {
	desk     Desk
	sent     Sent // nil where nothing is copied
	accounts []Account
	maxSize  int64
	log      *slog.Logger
	now      func() time.Time
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	patience time.Duration // with a server that says nothing; then the connection is dead
	settling time.Duration // after mails were taken, until what is settled is asked for
	first    time.Duration // after a failure, until the next attempt
	most     time.Duration // the longest such time
	locked   time.Duration // the same where user and password are refused
	refusing time.Duration // for which a mail was refused before it is passed over

	mu     sync.Mutex
	status []*FolderStatus
	again  bell // ends the pauses after failures
	copies bell // there are more copies
}

// NewPoller checks the accounts. It does not connect.
func NewPoller(desk Desk, o Options) (*Poller, error) {
	p := &Poller{desk: desk, sent: o.Sent, accounts: slices.Clone(o.Accounts), maxSize: o.MaxSize, log: o.Log, now: o.Now, dial: new(net.Dialer).DialContext,
		patience: 10 * time.Minute, settling: time.Second, first: time.Second, most: 5 * time.Minute, locked: 15 * time.Minute, refusing: 10 * time.Minute}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.now == nil {
		p.now = time.Now
	}
	for i := range p.accounts {
		a := &p.accounts[i]
		a.setDefaults()
		if err := a.check(); err != nil {
			return nil, err
		}
	}
	p.arrange()
	return p, nil
}

// arrange makes the status of all folders.
func (p *Poller) arrange() {
	p.status = nil
	for i := range p.accounts {
		a := &p.accounts[i]
		for _, f := range a.Folders {
			p.status = append(p.status, &FolderStatus{Account: a.Name, Folder: f})
		}
		if p.copiesTo(a) {
			p.status = append(p.status, &FolderStatus{Account: a.Name, Folder: a.SentFolder, Copies: true})
		}
	}
}

// Status returns how each folder does.
func (p *Poller) Status() []FolderStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]FolderStatus, len(p.status))
	for i, s := range p.status {
		all[i] = *s
	}
	return all
}

// Run takes mails until ctx is done.
func (p *Poller) Run(ctx context.Context) error {
	var lines sync.WaitGroup
	i := 0
	for a := range p.accounts {
		account := &p.accounts[a]
		var folders []*folder
		for _, name := range account.Folders {
			folders = append(folders, &folder{name: name, status: p.status[i]})
			i++
		}
		if p.copiesTo(account) {
			status := p.status[i]
			i++
			lines.Go(func() { p.copySent(ctx, account, status) })
		}
		own := len(folders)
		if own > account.Connections {
			own = account.Connections - 1
		}
		for k := range own {
			lines.Go(func() { p.follow(ctx, account, folders[k:k+1]) })
		}
		if own < len(folders) { // the others in turn
			lines.Go(func() { p.follow(ctx, account, folders[own:]) })
		}
	}
	lines.Wait()
	return nil
}

// Wake has all accounts that wait after a failure try again at once.
func (p *Poller) Wake() { p.again.ring() }

// bell wakes all who listen.
type bell struct {
	mu sync.Mutex
	ch chan struct{} // closed when it rings, and made anew
}

// heard returns a channel that is closed when it rings next.
func (b *bell) heard() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// folder is what is remembered of a folder from one session to the next.
type folder struct {
	name   string
	status *FolderStatus
	last   time.Time // of a whole look
	chores chores
	memory memory
}

// follow keeps a session for folders open, and opens another when it breaks. The
// next one begins with the folder behind that in which it broke.
func (p *Poller) follow(ctx context.Context, a *Account, folders []*folder) {
	pause := p.first
	for ctx.Err() == nil {
		s := session{Poller: p, shared: len(folders) > 1, copied: map[selected]*imap.UIDSet{}}
		err := s.run(ctx, a, folders)
		if ctx.Err() != nil {
			return
		}
		if s.sound {
			pause = p.first
		}
		most := p.most
		if errors.Is(err, errLogin) {
			most, pause = p.locked, max(pause, time.Minute)
		}
		if s.folder == nil { // no connection, for none of them
			for _, f := range folders {
				p.troubled(f.status, err)
			}
		} else {
			p.disconnected(folders)
			p.troubled(s.folder.status, err)
			at := slices.Index(folders, s.folder) + 1
			folders = slices.Concat(folders[at:], folders[:at])
		}
		select {
		case <-ctx.Done():
		case <-p.again.heard():
			pause = p.first / 2
		case <-time.After(pause + rand.N(pause/4+1)):
		}
		pause = min(2*pause, most)
	}
}

// disconnected shows that the connection of folders is gone.
func (p *Poller) disconnected(folders []*folder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range folders {
		f.status.Connected = false
	}
}

// troubled shows why a folder is not read, and logs it when that is news.
func (p *Poller) troubled(status *FolderStatus, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	status.Connected = false
	if err == nil {
		return
	}
	if status.Trouble != err.Error() {
		p.log.Warn("folder cannot be read", "account", status.Account, "folder", status.Folder, "error", err)
	}
	if status.Trouble == "" {
		status.Since = p.now()
	}
	status.Trouble = err.Error()
}

// session is one connection's work on folders, one after the other.
type session struct {
	*Poller
	*connection
	folder    *folder                   // that is selected; nil before the first
	shared    bool                      // several folders take turns
	copied    map[selected]*imap.UIDSet // mails that lie in the folder to move to, and here still
	rescanned bool                      // it is being read from its start
	looked    bool                      // it was looked at since it was selected
	cut       bool                      // the connection was cut off
	sound     bool                      // the session came far enough for the next to follow at once
}

// selected is a folder in which mails have their numbers.
type selected struct {
	folder   string
	validity uint32
}

func (s *session) selected() selected { return selected{s.folder.name, s.data.UIDValidity} }

// progress changes the folder's status.
func (s *session) progress(change func(*FolderStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.folder.status)
}

// run connects and works until the connection breaks or ctx is done.
func (s *session) run(ctx context.Context, a *Account, folders []*folder) (err error) {
	if s.connection, err = s.connect(ctx, a); err != nil {
		return err
	}
	defer s.close()
	for ctx.Err() == nil {
		taken := 0
		for _, f := range folders {
			n, err := s.turn(ctx, f)
			taken += n
			if err != nil && (!s.shared || s.cut || !refusal(err)) {
				return err
			}
			if err != nil {
				s.troubled(f.status, err) // the others go on
			}
		}
		pause := s.account.Poll
		if taken > 0 {
			pause = min(pause, s.settling) // they are settled soon
		}
		if err := s.connection.wait(ctx, pause); err != nil && ctx.Err() == nil {
			return fmt.Errorf("wait for mail: %w", err)
		}
		s.sound = true
	}
	s.quit()
	return nil
}

// turn takes what is new in a folder, and marks and moves what is settled.
func (s *session) turn(ctx context.Context, f *folder) (taken int, err error) {
	if s.folder != f || s.data == nil || s.shared {
		s.folder, s.rescanned, s.looked = f, false, false
		if err := s.open(f.name); err != nil {
			return 0, err
		}
	}
	s.progress(func(st *FolderStatus) {
		if st.Trouble != "" && !st.Connected {
			s.log.Info("folder is read again", "account", st.Account, "folder", st.Folder)
			st.Trouble, st.Since = "", time.Time{}
		}
		st.Connected, st.Begun = true, s.now()
	})
	if taken, err = s.look(ctx); err != nil && !errors.Is(err, errNotSent) {
		return taken, err
	}
	return taken, errors.Join(err, s.clear(ctx))
}

// refusal says that the server answered NO or BAD, and the connection is whole.
func refusal(err error) bool {
	var refused *imap.Error
	return errors.As(err, &refused) && refused.Type != imap.StatusResponseTypeBye
}
