package imap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"ventanilla/mail"
)

// handing hands the mails of one batch to the desk, several at once: those that
// wait for the disk together share the wait.
type handing struct {
	*session
	ctx        context.Context
	quietBelow imap.UID
	slots      chan struct{}
	wg         sync.WaitGroup

	mu  sync.Mutex
	n   int
	err error
}

// wait waits for all and returns how many were taken, and the first error.
func (h *handing) wait(err error) (int, error) {
	h.wg.Wait()
	if err == nil {
		err = h.err
	}
	return h.n, err
}

// fetch fetches mails whole and hands them over as they come. It returns an error
// for one that the server has and did not send.
func (h *handing) fetch(mails []candidate) error {
	if len(mails) == 0 {
		return nil
	}
	missing := map[imap.UID]candidate{}
	var uids imap.UIDSet
	for _, c := range mails {
		uids.AddNum(c.uid)
		missing[c.uid] = c
	}
	cmd := h.Fetch(uids, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{body}})
	var failed error
	for m := cmd.Next(); m != nil && failed == nil; m = cmd.Next() {
		if failed = h.message(m, missing); errors.Is(failed, errBroken) {
			return failed // the library must not read on in what has failed
		}
	}
	if err := cmd.Close(); failed == nil && err != nil {
		failed = fmt.Errorf("fetch: %w", err)
	}
	if failed != nil || len(missing) == 0 {
		return failed
	}
	return h.recover(missing)
}

// message takes one answer of the server.
func (h *handing) message(m *imapclient.FetchMessageData, missing map[imap.UID]candidate) error {
	var c candidate
	for item := m.Next(); item != nil; item = m.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			c = missing[item.UID]
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil || c.uid == 0 {
				continue
			}
			delete(missing, c.uid)
			if item.Literal.Size() > small {
				if err := h.stream(c, item.Literal); err != nil {
					return err
				}
				continue
			}
			whole, err := read(item.Literal)
			if err != nil {
				return fmt.Errorf("%w: %w", errBroken, err)
			}
			h.handOver(c, whole)
		}
	}
	return nil
}

// errBroken says that the connection broke within a mail.
var errBroken = errors.New("read a mail")

// stray is a mail whose UID came behind it.
type stray struct {
	uid  imap.UID
	text []byte
}

// stray takes an answer that the library does not take for one: it looks for the
// UID only before the mail.
func (c *connection) stray(m *imapclient.FetchMessageData) {
	var s stray
	for item := m.Next(); item != nil; item = m.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			s.uid = item.UID
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil || c.largest > 0 && item.Literal.Size() > c.largest {
				continue
			}
			text, err := read(item.Literal)
			if err != nil {
				return
			}
			s.text = text
		}
	}
	if s.uid == 0 || s.text == nil {
		return
	}
	select {
	case c.strays <- s:
	default: // it is fetched again
	}
}

// recover finds out about mails that were asked for and did not come: strays are
// handed over, expunged ones are behind us, and one that is still there is an
// error. News of its flags, which came first, may have been taken for the answer.
func (h *handing) recover(missing map[imap.UID]candidate) error {
	uids := slices.Sorted(maps.Keys(missing))
	there, err := h.describe(uids)
	if err != nil {
		return err
	}
	for len(h.strays) > 0 {
		s := <-h.strays
		if c, ok := missing[s.uid]; ok {
			delete(missing, s.uid)
			h.handOver(c, s.text)
		}
	}
	for _, c := range there {
		if _, ok := missing[c.uid]; ok {
			return fmt.Errorf("the server did not send mail %d", c.uid)
		}
	}
	return nil
}

// handOver hands over a mail in memory, and does not wait for it unless many are
// under way.
func (h *handing) handOver(c candidate, whole []byte) {
	h.slots <- struct{}{}
	h.wg.Go(func() {
		h.receive(h.envelope(c, c.uid < h.quietBelow), bytes.NewReader(whole))
		<-h.slots
	})
}

// stream hands over a large mail while it comes.
func (h *handing) stream(c candidate, l imap.LiteralReader) error {
	r := exactly{r: l, left: l.Size()}
	h.receive(h.envelope(c, c.uid < h.quietBelow), &r)
	if r.err != nil {
		return fmt.Errorf("%w: %w", errBroken, r.err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// exactly reads so many bytes, or fails: half a mail is none.
type exactly struct {
	r    io.Reader
	left int64
	err  error // of r
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = errShort
	}
	if err != nil && err != io.EOF {
		e.err = err
	}
	return n, err
}

// receive gives a mail to the desk. One that it will never take is left where it
// is, and is behind us.
func (h *handing) receive(env mail.Envelope, r io.Reader) {
	id, err := h.desk.Receive(h.ctx, env, r)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil:
		h.n++
		h.log.Debug("mail taken", "mail", id, "account", h.account.Name, "uid", env.Place.UID)
	case errors.Is(err, mail.ErrTooLarge) || errors.Is(err, mail.ErrLoop):
		h.log.Warn("mail left in its folder", "account", h.account.Name, "uid", env.Place.UID, "error", err)
	case h.err == nil:
		h.err = fmt.Errorf("hand over a mail: %w", err)
	}
}

// note hands over the header of a mail that is too large to be fetched, with a
// text that says so.
func (h *handing) note(c candidate) error {
	section := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, Peek: true}
	data, err := h.Fetch(imap.UIDSetNum(c.uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		return fmt.Errorf("fetch a header: %w", err)
	}
	for _, d := range data {
		if d.UID != c.uid || len(d.BodySection) != 1 {
			continue
		}
		env := h.envelope(c, c.uid < h.quietBelow)
		env.Oversize = c.size
		h.receive(env, strings.NewReader(noteOf(string(d.BodySection[0].Bytes), c.size, h.maxSize, h.account.Name, h.folder)))
	}
	return nil
}

// noteOf makes a mail of a header, without what it says of the body that is not
// there.
func noteOf(header string, size, most int64, account, folder string) string {
	var b strings.Builder
	keep := true
	for line := range strings.Lines(strings.TrimRight(header, "\r\n")) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := strings.Cut(strings.ToLower(line), ":")
			keep = !strings.HasPrefix(name, "content-") && name != "mime-version"
		}
		if keep {
			b.WriteString(strings.TrimRight(line, "\r\n") + "\r\n")
		}
	}
	fmt.Fprintf(&b, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"+
		"[Este correo pesa %s, más de los %s que se reciben. No se trajo: está en la carpeta %s del buzón %s.]\r\n",
		megabytes(size), megabytes(most), folder, account)
	return b.String()
}

func megabytes(n int64) string {
	return strings.Replace(fmt.Sprintf("%.1f MB", float64(n)/(1<<20)), ".", ",", 1)
}
