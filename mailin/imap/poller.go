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
	Remaining int       `json:"remaining"`         // mails found and not yet taken
	Begun     time.Time `json:"begun,omitzero"`    // of the look under way
}

// Poller takes mails from all folders of all accounts.
type Poller struct {
	desk     Desk
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

	mu     sync.Mutex
	status []*FolderStatus
}

// NewPoller checks the accounts. It does not connect.
func NewPoller(desk Desk, o Options) (*Poller, error) {
	p := &Poller{desk: desk, accounts: slices.Clone(o.Accounts), maxSize: o.MaxSize, log: o.Log, now: o.Now, dial: new(net.Dialer).DialContext,
		patience: 10 * time.Minute, settling: time.Second, first: time.Second, most: 5 * time.Minute, locked: 15 * time.Minute}
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
		for _, f := range a.Folders {
			p.status = append(p.status, &FolderStatus{Account: a.Name, Folder: f})
		}
	}
	return p, nil
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
	var folders sync.WaitGroup
	i := 0
	for a := range p.accounts {
		for _, f := range p.accounts[a].Folders {
			status := p.status[i]
			i++
			folders.Go(func() { p.follow(ctx, &p.accounts[a], f, status) })
		}
	}
	folders.Wait()
	return nil
}

// follow keeps a folder's session open, and opens another when it breaks.
func (p *Poller) follow(ctx context.Context, a *Account, folder string, status *FolderStatus) {
	pause := p.first
	var last time.Time // of a whole look
	var left chores
	for ctx.Err() == nil {
		s := session{Poller: p, status: status, lastLook: last, chores: &left}
		err := s.run(ctx, a, folder)
		if ctx.Err() != nil {
			return
		}
		if s.lastLook.After(last) {
			last = s.lastLook
		}
		if s.sound {
			pause = p.first
		}
		most := p.most
		if errors.Is(err, errLogin) {
			most, pause = p.locked, max(pause, time.Minute)
		}
		p.troubled(status, err)
		select {
		case <-ctx.Done():
		case <-time.After(pause + rand.N(pause/4+1)):
		}
		pause = min(2*pause, most)
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

// session is one connection's work on a folder.
type session struct {
	*Poller
	*connection
	status    *FolderStatus
	chores    *chores
	copied    imap.UIDSet // mails that lie in the folder to move to, and here still
	rescanned bool        // this session has begun to read the folder from its start
	looked    bool        // this session has looked once
	sound     bool        // it came far enough for the next to follow at once
	lastLook  time.Time
}

// progress changes the folder's status.
func (s *session) progress(change func(*FolderStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.status)
}

// run connects and works until the connection breaks or ctx is done.
func (s *session) run(ctx context.Context, a *Account, folder string) (err error) {
	if s.connection, err = s.connect(ctx, a, folder); err != nil {
		return err
	}
	defer s.close()
	s.progress(func(f *FolderStatus) {
		if f.Trouble != "" {
			s.log.Info("folder is read again", "account", f.Account, "folder", f.Folder)
		}
		f.Connected, f.Trouble, f.Since = true, "", time.Time{}
	})
	for ctx.Err() == nil {
		s.progress(func(f *FolderStatus) { f.Begun = s.now() })
		taken, err := s.look(ctx)
		if err != nil {
			return err
		}
		if err := s.clear(ctx); err != nil {
			return err
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
