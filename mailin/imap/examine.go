package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Examined is what a look at an account has found. What was found before an error
// stands in it.
type Examined struct {
	Account      string           `json:"account"`
	Address      string           `json:"address"`
	Encrypted    string           `json:"encrypted,omitempty"` // version of TLS
	Certificate  string           `json:"certificate,omitempty"`
	Until        time.Time        `json:"until,omitzero"` // the certificate's end
	Capabilities []string         `json:"capabilities,omitempty"`
	There        []string         `json:"there,omitempty"` // folders of the account
	Folders      []ExaminedFolder `json:"folders"`
}

// ExaminedFolder is a folder that is to be read.
type ExaminedFolder struct {
	Folder string `json:"folder"`
	Mails  uint32 `json:"mails"`
	Begun  bool   `json:"begun"` // it was read before
	Takes  int    `json:"takes"` // mails that would be taken now
	Error  string `json:"error,omitempty"`
}

// Refused says that the server does not let the user in.
func Refused(err error) bool { return errors.Is(err, errLogin) }

// Examine connects to an account and tells what it finds. It changes nothing there,
// and notes nothing here.
func (p *Poller) Examine(ctx context.Context, name string) (found Examined, err error) {
	i := slices.IndexFunc(p.accounts, func(a Account) bool { return a.Name == name })
	if i < 0 {
		return found, fmt.Errorf("no account %q", name)
	}
	a := p.accounts[i]
	a.After = Leave // it is only looked at
	found = Examined{Account: a.Name, Address: a.Address, Folders: []ExaminedFolder{}}
	c, err := p.connect(ctx, &a)
	if err != nil {
		return found, err
	}
	defer c.close()
	c.tell(&found)
	boxes, err := c.List("", "*", nil).Collect()
	if err != nil {
		return found, fmt.Errorf("list of folders: %w", err)
	}
	for _, b := range boxes {
		found.There = append(found.There, b.Mailbox)
	}
	for _, f := range a.Folders {
		found.Folders = append(found.Folders, p.examine(ctx, c, f))
	}
	c.quit()
	return found, nil
}

// tell tells of the connection.
func (c *connection) tell(found *Examined) {
	for capability := range c.can {
		found.Capabilities = append(found.Capabilities, string(capability))
	}
	slices.Sort(found.Capabilities)
	state := c.secured
	if state.Version == 0 {
		return
	}
	found.Encrypted = tls.VersionName(state.Version)
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		found.Until = leaf.NotAfter.UTC()
		found.Certificate = strings.Join(leaf.DNSNames, " ") + " (" + leaf.Issuer.CommonName + ")"
	}
}

// examine looks at one folder.
func (p *Poller) examine(ctx context.Context, c *connection, name string) (found ExaminedFolder) {
	found.Folder = name
	s := session{Poller: p, connection: c, folder: &folder{name: name, status: &FolderStatus{}}}
	fail := func(err error) ExaminedFolder { found.Error = err.Error(); return found }
	if err := c.open(name); err != nil {
		return fail(err)
	}
	found.Mails = c.data.NumMessages
	at, err := p.desk.Point(ctx, c.account.Name, name)
	if err != nil {
		return fail(err)
	}
	found.Begun = at != (Point{})
	if !found.Begun {
		next, err := s.next()
		if err != nil {
			return fail(err)
		}
		at = s.begin(c.data.UIDValidity, next)
	} else if at.Validity != c.data.UIDValidity || s.backwards(at) {
		at.UID, at.UnseenBelow = 0, 0
	}
	if found.Takes, err = s.takes(at); err != nil {
		return fail(err)
	}
	return found
}

// takes counts the mails that are for the desk behind a point.
func (s *session) takes(p Point) (n int, err error) {
	uids, err := s.behind(p)
	if err != nil {
		return 0, err
	}
	if p.Since.IsZero() {
		return len(uids), nil
	}
	for len(uids) > 0 {
		chunk := described(uids)
		uids = uids[len(chunk):]
		mails, err := s.describe(chunk)
		if err != nil {
			return 0, err
		}
		for _, c := range mails {
			if !s.passedOver(c, p) {
				n++
			}
		}
	}
	return n, nil
}
