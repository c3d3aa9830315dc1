package mailin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"ventanilla/mail"
)

// Verify finds out about the sender of a mail that a stranger brings by SMTP:
// not by LMTP, and from no peer of this machine, of TrustedRelays or of
// FrontServers. text is the mail as it was sent, without the fields that we put
// before it. Verify reads it no longer when it has returned, and must return
// within seconds: the peer waits for its answer.
type Verify func(ctx context.Context, env mail.Envelope, text io.Reader) *mail.Checked

// receiveVerified takes the whole text, has its sender verified, and hands it on.
// What was found out is in the envelope by then.
func (s *session) receiveVerified() (mail.ID, error) {
	c := s.conn
	s.text.start(nil)
	h := hold{most: c.server.guards.memory, folder: c.server.SpoolFolder, reserve: c.server.SpoolReserve}
	defer h.close()
	err := h.fill(&s.text)
	if incomplete := s.text.finish(); incomplete != nil && (err == nil || incomplete != errUnread) {
		err = incomplete
	}
	if err != nil {
		return "", err
	}
	env := s.env
	env.Auth.Checked = c.server.Verify(c.server.ctx, s.env, h.text())
	whole := &toEnd{r: io.MultiReader(bytes.NewReader(s.trace), h.text())}
	id, err := c.server.receiver.Receive(c.server.ctx, env, whole)
	if err == nil && !whole.ended && c.server.guards.complete {
		err = errUnread
	}
	return id, err
}

// hold keeps a mail's text until it is handed on: in memory, and from a size on
// in a file that has no name, so that it is gone when the process is.
type hold struct {
	most    int    // bytes in memory
	folder  string // of the file
	reserve int64  // bytes left free there

	memory []byte
	file   *os.File // nil while there is none
	size   int64    // bytes in the file, behind those in memory
}

// fill takes all of r. [mail.ErrNoSpace] says that the reserve is reached.
func (h *hold) fill(r io.Reader) error {
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(r, int64(h.most)))
	h.memory = b.Bytes()
	if err != nil || n < int64(h.most) {
		return err
	}
	var next [1]byte
	if n, err := io.ReadFull(r, next[:]); n == 0 {
		if err == io.EOF {
			err = nil
		}
		return err
	}
	return h.spool(io.MultiReader(bytes.NewReader(next[:]), r))
}

// spool takes what does not go into memory.
func (h *hold) spool(r io.Reader) (err error) {
	if err := h.room(); err != nil {
		return err
	}
	if h.file, err = os.CreateTemp(h.folder, "incoming-*"); err != nil { // 0600
		return full(err)
	}
	if err := os.Remove(h.file.Name()); err != nil {
		return err
	}
	for {
		piece, err := io.CopyN(h.file, r, int64(h.most))
		h.size += piece
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = h.room()
		}
		if err != nil {
			return full(err)
		}
	}
}

// room says whether there is more space left than the reserve.
func (h *hold) room() error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(h.folder, &s); err != nil {
		return err
	}
	if int64(s.Bavail)*s.Bsize < h.reserve {
		return mail.ErrNoSpace
	}
	return nil
}

// full gives the error of a full disk its name.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return mail.ErrNoSpace
	}
	return err
}

// text reads what is held, from its start.
func (h *hold) text() io.Reader {
	if h.file == nil {
		return bytes.NewReader(h.memory)
	}
	return io.MultiReader(bytes.NewReader(h.memory), io.NewSectionReader(h.file, 0, h.size))
}

func (h *hold) close() {
	if h.file != nil {
		h.file.Close() // nothing is lost with it
	}
}

// toEnd notes whether a reader was read to its end.
type toEnd struct {
	r     io.Reader
	ended bool
}

func (t *toEnd) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.ended = t.ended || err == io.EOF
	return n, err
}
