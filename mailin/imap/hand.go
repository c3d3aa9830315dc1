package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"ventanilla/mail"
)

// handing reads the mails of one batch and hands them to the desk, several at
// once: those that wait for the disk together share the wait.
type handing struct {
	*taking
	batch   batch
	cmd     *imapclient.FetchCommand // nil where nothing is to be fetched
	missing map[imap.UID]candidate   // asked for and not come
	read    chan struct{}            // closed when all has come
	wg      sync.WaitGroup           // mails being handed over

	n       int // taken
	err     error
	refused error // the server does not send one; the others are taken
}

// ask asks for the batch's mails.
func (h *handing) ask() {
	h.missing = map[imap.UID]candidate{}
	var uids imap.UIDSet
	for _, c := range h.batch.whole {
		if h.missing[c.uid] = c; c.err == nil {
			uids.AddNum(c.uid)
		}
	}
	if len(uids) > 0 {
		h.cmd = h.Fetch(uids, whole)
	}
}

// whole is what is asked of a mail.
var whole = &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}} // it stays unseen

// broke notes why the batch cannot be had whole.
func (h *handing) broke(err error) {
	if err == nil {
		return
	}
	h.mu.Lock()
	if h.err == nil {
		h.err = err
	}
	h.mu.Unlock()
	h.fail(err)
}

// done waits until all is durable, and says whether it is.
func (h *handing) done() bool {
	<-h.read
	h.wg.Wait()
	return h.err == nil
}

// fetch reads the batch and hands it over. It returns an error after which the
// connection is of no use.
func (h *handing) fetch() error {
	if h.cmd != nil {
		if err := h.readAll(h.cmd); err != nil && !refusal(err) {
			return err
		}
	}
	if len(h.missing) > 0 {
		if err := h.recover(); err != nil {
			return err
		}
	}
	for _, c := range h.batch.notes {
		if err := h.note(c); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads the answers to a command.
func (h *handing) readAll(cmd *imapclient.FetchCommand) error {
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		if err := h.message(m); err != nil {
			return err // the library must not read on in what has failed
		}
	}
	if err := cmd.Close(); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	return nil
}

// message takes one answer of the server.
func (h *handing) message(m *imapclient.FetchMessageData) error {
	var c candidate
	for item := m.Next(); item != nil; item = m.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			c = h.missing[item.UID]
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil || c.uid == 0 {
				continue
			}
			if size := item.Literal.Size(); h.maxSize > 0 && size > h.maxSize {
				h.folder.memory.blame(c.uid, h.now(), true, false)
				h.letGo(item.Literal)
				return fmt.Errorf("mail %d has %d bytes by one answer and %d by another", c.uid, c.size, size)
			}
			delete(h.missing, c.uid)
			if item.Literal.Size() > small {
				if err := h.stream(c, item.Literal); err != nil {
					return err
				}
				continue
			}
			text, err := read(item.Literal)
			if err != nil {
				return fmt.Errorf("%w: %w", errBroken, err)
			}
			h.handOver(c, text)
		}
	}
	return nil
}

// letGo ends a connection in a literal that nobody wants to read: the library waits
// until a read of it fails.
func (c *connection) letGo(l imap.LiteralReader) {
	c.cutOff()
	_, _ = io.Copy(io.Discard, l)
}

// errNotSent says that the server does not send a mail that it has.
var errNotSent = errors.New("the server does not send mail")

// errBroken says that the connection broke within a mail.
var errBroken = errors.New("read a mail")

// strays are mails whose UID came behind them: the library looks for it only
// before the mail, and does not know them for an answer.
type strays struct {
	mu    sync.Mutex
	texts map[imap.UID][]byte
	bytes int
}

const strayBytes = 16 << 20 // of strays in memory; what comes beyond is fetched again, alone

func (s *strays) keep(uid imap.UID, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.texts[uid]; known || len(s.texts) > 0 && s.bytes+len(text) > strayBytes {
		return
	}
	if s.texts == nil {
		s.texts = map[imap.UID][]byte{}
	}
	s.texts[uid] = text
	s.bytes += len(text)
}

func (s *strays) take(uid imap.UID) (text []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok = s.texts[uid]
	delete(s.texts, uid)
	s.bytes -= len(text)
	return text, ok
}

// stray takes an answer that the library does not take for one.
func (c *connection) stray(m *imapclient.FetchMessageData) {
	var uid imap.UID
	var text []byte
	for item := m.Next(); item != nil; item = m.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			uid = item.UID
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil || c.largest > 0 && item.Literal.Size() > c.largest {
				continue
			}
			var err error
			if text, err = read(item.Literal); err != nil {
				return
			}
		}
	}
	if uid != 0 && text != nil {
		c.strays.keep(uid, text)
	}
}

// recover finds out about mails that were asked for and did not come: expunged
// ones are behind us, strays are handed over, and all others are asked for one by
// one: news of a mail's flags, which came first, may have been taken for the
// answer, or the server refuses one and for its sake the others.
func (h *handing) recover() error {
	there, err := h.describe(slices.Sorted(maps.Keys(h.missing)))
	if err != nil {
		return err
	}
	var refused []candidate
	for _, c := range there {
		why := c.err
		if why == nil {
			if why, err = h.fetchOne(c); err != nil {
				return err
			}
		}
		if why == nil {
			continue
		}
		if refused = append(refused, c); len(refused) > doubtful {
			return fmt.Errorf("the server sends hardly a mail: %w", why) // it counts against none of them
		}
		if h.refused == nil {
			h.refused = fmt.Errorf("%w %d: %v", errNotSent, c.uid, why) // no refusal of all
		}
	}
	for _, c := range refused {
		h.folder.memory.refuse(c.uid, h.now())
	}
	return nil
}

// fetchOne asks for one mail alone. It returns why the server does not send it,
// or an error after which the connection is of no use.
func (h *handing) fetchOne(c candidate) (why, err error) {
	if h.strayed(c) {
		return nil, nil
	}
	err = h.readAll(h.Fetch(imap.UIDSetNum(c.uid), whole))
	if refusal(err) {
		return err, nil
	}
	for range 3 { // a stray may need a moment
		if _, ok := h.missing[c.uid]; !ok || err != nil || h.strayed(c) {
			return nil, err
		}
		err = h.Noop().Wait()
	}
	return errors.New("its answer is without it"), err
}

// strayed hands over a mail that came as a stray.
func (h *handing) strayed(c candidate) bool {
	text, ok := h.strays.take(c.uid)
	if ok {
		delete(h.missing, c.uid)
		h.handOver(c, text)
	}
	return ok
}

// handOver hands over a mail in memory, and does not wait for it unless many are
// under way.
func (h *handing) handOver(c candidate, text []byte) {
	h.room.enter(len(text))
	h.wg.Add(1)
	h.crew.do(func() {
		defer h.wg.Done()
		h.receive(h.envelope(c), bytes.NewReader(text))
		h.room.leave(len(text))
	})
}

// envelope is what is known of a mail before it is read.
func (h *handing) envelope(c candidate) mail.Envelope {
	at := c.at
	if now := h.now(); at.IsZero() || at.After(now) {
		at = now
	}
	return mail.Envelope{Source: "imap", Rcpts: []string{h.account.Recipient}, ReceivedAt: at.UTC(),
		Place: mail.Place{Account: h.account.Name, Folder: h.folder.name, Validity: h.data.UIDValidity, UID: uint32(c.uid)},
		Auth:  mail.Auth{Front: true, Provider: h.account.Provider},
		Quiet: h.quiet(c)}
}

// quiet says that a mail may be an old one: it was there long before the folder was
// first read, or was there when it had to be read again and had come before the last
// whole look.
func (h *handing) quiet(c candidate) bool {
	if c.at.IsZero() {
		return false // nothing is known of it
	}
	last := h.folder.last
	if last.IsZero() {
		last = h.begun.Looked
	}
	if c.at.Before(h.begun.QuietBefore) {
		return true
	}
	if uint32(c.uid) >= h.begun.QuietBelow {
		return false
	}
	if last.IsZero() { // its first reading has not come to its end: those that were taken are known by their content
		return h.begun.QuietBefore.IsZero()
	}
	return c.at.Before(last.Add(-clocks))
}

// clocks is how far that of a server may be behind ours, which is no more precise than
// a second either. Who came so shortly before a look, and was taken, is known by its
// content.
const clocks = 15 * time.Minute

// stream hands over a large mail while it comes.
func (h *handing) stream(c candidate, l imap.LiteralReader) error {
	r := exactly{r: l, left: l.Size()}
	h.receive(h.envelope(c), &r)
	if r.err != nil {
		return fmt.Errorf("%w: %w", errBroken, r.err)
	}
	return nil
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
	switch {
	case err == nil:
		h.mu.Lock()
		h.n++
		h.mu.Unlock()
		h.log.Debug("mail taken", "mail", id, "account", h.account.Name, "uid", env.Place.UID)
	case errors.Is(err, mail.ErrTooLarge) || errors.Is(err, mail.ErrLoop):
		h.log.Warn("mail left in its folder", "account", h.account.Name, "uid", env.Place.UID, "error", err)
	default:
		h.broke(ours{fmt.Errorf("hand over a mail: %w", err)})
		return
	}
	h.mu.Lock()
	h.moved = true
	h.mu.Unlock()
	h.folder.memory.tookAt(imap.UID(env.Place.UID), h.now())
}

// note hands over the header of a mail that is not fetched, with a text that says
// why. Where the server refuses that too, the text stands alone.
func (h *handing) note(c candidate) error {
	header, err := "", error(nil)
	if !c.bare {
		header, err = h.header(c)
	}
	hopeless := h.maxSize <= 0 || c.size <= h.maxSize
	switch {
	case err != nil && !(hopeless && refusal(err)):
		return err
	case header == "" && !hopeless:
		return nil // it is no more there
	case header == "":
		header = "Subject: Un correo que no se pudo traer\r\n"
	}
	text := fmt.Sprintf("[Este correo pesa %s, más de los %s que se reciben. No se trajo: está en la carpeta %s del buzón %s.]",
		megabytes(c.size), megabytes(h.maxSize), h.folder.name, h.account.Name)
	if hopeless {
		text = fmt.Sprintf("[El servidor no entrega este correo por más que se le pide. No se trajo: está en la carpeta %s del buzón %s, con el UID %d.]",
			h.folder.name, h.account.Name, c.uid)
		h.log.Warn("mail passed over: the server does not send it", "account", h.account.Name, "folder", h.folder.name, "uid", c.uid)
	}
	env := h.envelope(c)
	env.Oversize = max(c.size, 1)
	h.receive(env, strings.NewReader(noteOf(header, text)))
	return nil
}

// headerBytes is how much of a header is fetched, as much as mail reads of one.
const headerBytes = 256 << 10

// header fetches a mail's header, "" if it does not come. Of one that is too long
// it is the beginning.
func (h *handing) header(c candidate) (header string, err error) {
	section := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, Peek: true, Partial: &imap.SectionPartial{Size: headerBytes}}
	cmd := h.Fetch(imap.UIDSetNum(c.uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		for item := m.Next(); item != nil; item = m.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || body.Literal == nil {
				continue
			}
			if size := body.Literal.Size(); size > headerBytes {
				h.folder.memory.blame(c.uid, h.now(), true, false)
				h.letGo(body.Literal)
				return "", fmt.Errorf("the header of mail %d has %d bytes, of %d asked for", c.uid, size, headerBytes)
			}
			text, err := read(body.Literal)
			if err != nil {
				return "", fmt.Errorf("%w: %w", errBroken, err)
			}
			header = string(text)
		}
	}
	if err := cmd.Close(); err != nil {
		return "", fmt.Errorf("fetch a header: %w", err)
	}
	if len(header) == headerBytes {
		header = header[:strings.LastIndexByte(header, '\n')+1]
	}
	return header, nil
}

// noteOf makes a mail of a header, without what it says of the body that is not
// there, and a text.
func noteOf(header, text string) string {
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
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text + "\r\n")
	return b.String()
}

func megabytes(n int64) string {
	return strings.Replace(fmt.Sprintf("%.1f MB", float64(n)/(1<<20)), ".", ",", 1)
}
