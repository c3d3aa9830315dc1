package imap

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// message is a mail in the scripted server.
type message struct {
	uid   uint32
	text  string
	flags []string
	at    time.Time
}

// server is an IMAP server that does what its fields say, right or wrong.
type server struct {
	t    *testing.T
	addr string

	mu          sync.Mutex
	caps        string
	validity    uint32
	inbox       []message
	target      []message // of the folder "Hechos"
	next        uint32
	cut         int               // close the connection after so many lines in all; 0: never
	lines       int               // sent
	cutTimes    int               // connections cut
	answers     map[string]string // a command's name → its tagged answer instead of what is right
	always      map[string]string // the same, every time
	seenFirst   bool              // once, the question for sizes is answered with flags first
	noNext      bool              // UIDNEXT is not told
	vanish      map[uint32]bool   // UIDs that are expunged before they are fetched
	goes        uint32            // once, this mail is expunged while mails are fetched, before its turn
	unasked     bool              // news stand between the answers
	omit        bool              // once, FETCH leaves a mail out
	flagsFirst  bool              // once, FETCH answers with flags that somebody has changed before the mail
	uidLast     bool              // FETCH answers with the UID behind the body
	backward    bool              // FETCH answers in the reverse order
	short       bool              // a literal ends before its length
	noTarget    bool              // the folder to move to is missing
	dumb        bool              // nothing is answered after the login
	mute        bool              // an answer begins and does not go on
	deaf        bool              // IDLE is not ended
	refuse      map[uint32]string // UIDs whose text is never sent → the answer to who asks for it
	undescribed map[uint32]bool   // UIDs of which not even the size is told
	breaks      map[uint32]string // UIDs at which the connection breaks: at their "text", or at "header" or "size" too
	broken      int               // so often it did
	noHeader    bool              // nor is the header of those in refuse
	huge        map[uint32]int    // UIDs whose literal is announced with so many bytes, of which few come
	most        int               // connections at once so far
	missing     string            // a folder that there is not
	selects     []string          // folders, in the order in which they were selected
	logins      int
	badLogin    bool     // LOGIN is answered BAD, with what was sent
	sent        []string // mails of the folder "Enviados"
	noSent      bool     // there is no such folder
	cutAppend   int      // so many times, the connection is cut when a mail has been appended
	unwanted    string   // a mail with these words is not appended
	ways        []string // in which somebody has logged in, or tried to
	kick        bool     // once, BYE to the next command: the token has died
	news        chan struct{}
	log         []string // commands
	conns       map[net.Conn]bool
	last        map[string]chan struct{} // connections of quiet, by their address
}

func newServer(t *testing.T) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, addr: l.Addr().String(), caps: "IMAP4rev1 IDLE MOVE UIDPLUS", validity: 7, next: 1, news: make(chan struct{}, 16),
		answers: map[string]string{}, always: map[string]string{}, vanish: map[uint32]bool{}, conns: map[net.Conn]bool{}, last: map[string]chan struct{}{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			last := s.last[c.RemoteAddr().String()]
			if last == nil {
				s.conns[c] = true
				s.most = max(s.most, len(s.conns))
			}
			s.mu.Unlock()
			if last != nil {
				c.Close()
				close(last)
				continue
			}
			wg.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		for c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		wg.Wait()
	})
	return s
}

// with changes what the server is like.
func (s *server) with(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// quiet returns when nobody is connected any more, nor waits to be: whoever has dialled
// before is accepted before a connection of its own.
func (s *server) quiet() {
	accepted := make(chan struct{})
	s.with(func() {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			s.t.Error(err)
			close(accepted)
			return
		}
		defer c.Close()
		s.last[c.LocalAddr().String()] = accepted
	})
	<-accepted
	for {
		s.mu.Lock()
		n := len(s.conns)
		s.mu.Unlock()
		if n == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// put adds mails to the inbox.
func (s *server) put(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range texts {
		s.inbox = append(s.inbox, message{uid: s.next, text: "Subject: " + text + "\r\n\r\n" + text + "\r\n", at: time.Now()})
		s.next++
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// mail adds a mail as it is to the inbox.
func (s *server) mail(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inbox = append(s.inbox, message{uid: s.next, text: text, at: time.Now()})
	s.next++
}

// renumber gives the mails of the inbox new UIDs once somebody connects again.
func (s *server) renumber(dial dialer) dialer {
	n := 0
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if n++; n == 2 {
			s.with(func() {
				s.validity, s.next = s.validity+1, s.next+10
				for i := range s.inbox {
					s.inbox[i].uid, s.inbox[i].flags = s.next, nil
					s.next++
				}
			})
		}
		return dial(ctx, network, address)
	}
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// wire is one connection.
type wire struct {
	*server
	c     net.Conn
	r     *bufio.Reader
	w     *bufio.Writer
	ended bool
}

func (s *server) serve(c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	w := &wire{server: s, c: c, r: bufio.NewReader(c), w: bufio.NewWriter(c)}
	s.mu.Lock()
	w.say("* OK [CAPABILITY %s] hola", s.caps)
	s.mu.Unlock()
	for !w.ended {
		line, err := w.r.ReadString('\n')
		if err != nil {
			return
		}
		tag, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		for strings.HasSuffix(rest, "}") { // a literal: the server asks for it
			size, _ := strconv.Atoi(rest[strings.LastIndexByte(rest, '{')+1 : len(rest)-1])
			fmt.Fprintf(c, "+ ok\r\n")
			b := make([]byte, size)
			if _, err := io.ReadFull(w.r, b); err != nil {
				return
			}
			more, _ := w.r.ReadString('\n')
			rest = rest[:strings.LastIndexByte(rest, '{')] + string(b) + strings.TrimRight(more, "\r\n")
		}
		w.command(tag, rest)
	}
}

// say sends a line, unless the connection is to be cut here.
func (w *wire) say(format string, args ...any) {
	if w.ended {
		return
	}
	fmt.Fprintf(w.w, format+"\r\n", args...)
	w.lines++
	if w.cut > 0 && w.lines >= w.cut {
		w.cut, w.ended = 0, true
		w.cutTimes++
	}
	w.w.Flush()
}

func (w *wire) command(tag, rest string) {
	name, args, _ := strings.Cut(rest, " ")
	name = strings.ToUpper(name)
	if name == "UID" {
		verb, more, _ := strings.Cut(args, " ")
		name, args = "UID "+strings.ToUpper(verb), more
	}
	w.mu.Lock()
	refused := w.always[name] != ""
	w.mu.Unlock()
	if name == "IDLE" && !refused {
		w.idle(tag)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, name)
	if w.kick && name != "AUTHENTICATE" {
		w.kick = false
		w.say("* BYE Session invalidated - AccessTokenExpired")
		w.ended = true
		return
	}
	if w.dumb && name != "LOGIN" {
		return
	}
	if w.mute && name == "UID SEARCH" {
		fmt.Fprint(w.w, "* SEARCH 1")
		w.w.Flush()
		return
	}
	if answer, ok := w.answers[name]; ok {
		delete(w.answers, name)
		if answer == "BYE" {
			w.say("* BYE me voy")
			w.ended = true
			return
		}
		w.say("%s %s", tag, answer)
		return
	}
	if answer, ok := w.always[name]; ok {
		w.say("%s %s", tag, answer)
		return
	}
	if w.unasked {
		w.say("* %d EXISTS", len(w.inbox))
		if len(w.inbox) > 0 {
			w.say("* 1 FETCH (FLAGS (\\Recent))")
		}
	}
	switch name {
	case "CAPABILITY":
		w.say("* CAPABILITY %s", w.caps)
	case "AUTHENTICATE":
		if !w.authenticate(args) {
			w.say("%s NO [AUTHENTICATIONFAILED] no: %s", tag, args)
			return
		}
	case "LOGIN":
		w.logins++
		w.ways = append(w.ways, "LOGIN")
		if w.badLogin {
			w.say("%s BAD no entiendo: %s", tag, args)
			return
		}
		if strings.Contains(w.caps, "LOGINDISABLED") || !strings.Contains(args, "secreto") {
			w.say("%s NO [AUTHENTICATIONFAILED] no: %s", tag, args)
			return
		}
	case "SELECT", "EXAMINE":
		w.selects = append(w.selects, args)
		if args == `"Enviados"` && w.noSent {
			w.say("%s NO [NONEXISTENT] no hay", tag)
			return
		}
		if w.missing != "" && strings.Contains(args, w.missing) {
			w.say("%s NO [NONEXISTENT] no hay", tag)
			return
		}
		w.say("* %d EXISTS", len(w.inbox))
		w.say("* OK [UIDVALIDITY %d] ok", w.validity)
		if !w.noNext {
			w.say("* OK [UIDNEXT %d] ok", w.next)
		}
	case "UID SEARCH":
		if strings.Contains(args, "Message-ID") {
			w.searchSent(args)
			break
		}
		w.search(args)
	case "APPEND":
		switch text := args[strings.Index(args, "\" ")+2:]; {
		case w.unwanted != "" && strings.Contains(text, w.unwanted):
			w.say("%s NO [OVERQUOTA] no cabe", tag)
			return
		case w.cutAppend > 0:
			w.cutAppend--
			w.sent = append(w.sent, text)
			w.ended = true
			return
		default:
			w.sent = append(w.sent, text)
		}
	case "UID FETCH":
		if answer := w.refused(args); answer != "" {
			w.say("%s %s", tag, answer)
			return
		}
		w.fetch(args)
	case "UID STORE":
		w.store(args)
	case "UID COPY", "UID MOVE":
		if w.noTarget {
			w.say("%s NO [TRYCREATE] no existe", tag)
			return
		}
		w.copy(args)
		if name == "UID MOVE" {
			w.expunge(strings.Fields(args)[0], false)
		}
	case "UID EXPUNGE":
		w.expunge(args, true)
	case "EXPUNGE":
		w.t.Error("plain EXPUNGE")
	case "CREATE":
		w.noTarget, w.noSent = false, w.noSent && args != `"Enviados"`
	case "LOGOUT":
		w.say("* BYE adios")
		w.say("%s OK fin", tag)
		w.ended = true
		return
	}
	w.say("%s OK hecho", tag)
}

// authenticate says whether somebody is let in: by the password "secreto" or by the
// token "t0ken", with the initial response in the command or behind a challenge. A
// token that is not good is answered with a challenge that tells so.
func (w *wire) authenticate(args string) bool {
	w.logins++
	mechanism, initial, _ := strings.Cut(args, " ")
	w.ways = append(w.ways, mechanism)
	if initial == "" {
		w.say("+ ")
		line, _ := w.r.ReadString('\n')
		initial = strings.TrimSpace(line)
	}
	said, _ := base64.StdEncoding.DecodeString(initial)
	switch mechanism {
	case "PLAIN":
		return string(said) == "\x00ana\x00secreto"
	case "XOAUTH2", "OAUTHBEARER":
		prefix := map[string]string{"XOAUTH2": "user=ana\x01", "OAUTHBEARER": "n,a=ana,\x01"}[mechanism]
		if string(said) == prefix+"auth=Bearer t0ken\x01\x01" {
			return true
		}
		w.say("+ %s", base64.StdEncoding.EncodeToString([]byte(`{"status":"invalid_token"}`)))
		if answer, _ := w.r.ReadString('\n'); answer != "AQ==\r\n" {
			w.t.Errorf("the answer to the refusal is %q", answer)
		}
	}
	return false
}

func (w *wire) idle(tag string) {
	w.mu.Lock()
	w.say("+ espero")
	dumb := w.dumb
	w.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = w.r.ReadString('\n')
	}()
	select {
	case <-done:
	case <-w.news:
		w.mu.Lock()
		w.say("* %d EXISTS", len(w.inbox))
		w.mu.Unlock()
		<-done
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !dumb && !w.deaf && !w.ended {
		w.say("%s OK fin", tag)
	}
}

// in says whether a UID is in a set.
func (w *wire) in(set string, uid uint32) bool {
	for _, part := range strings.Split(set, ",") {
		from, to, ranged := strings.Cut(part, ":")
		low, _ := strconv.Atoi(from)
		if from == "*" {
			low = int(w.next) - 1
		}
		high := low
		if ranged {
			high, _ = strconv.Atoi(to)
			if to == "*" {
				high = int(w.next) - 1
				low, high = min(low, high), max(low, high) // n:* has the last mail even if n is beyond
			}
		}
		if int(uid) >= low && int(uid) <= high {
			return true
		}
	}
	return false
}

func (w *wire) search(args string) {
	var set string
	fields := strings.Fields(strings.Trim(args, "()"))
	for i, f := range fields {
		if strings.EqualFold(strings.Trim(f, "()"), "UID") {
			set = strings.Trim(fields[i+1], "()")
		}
	}
	var b strings.Builder
	for _, m := range w.inbox {
		if w.in(set, m.uid) && !(strings.Contains(strings.ToUpper(args), "UNSEEN") && slices.Contains(m.flags, "\\Seen")) {
			fmt.Fprintf(&b, " %d", m.uid)
		}
	}
	w.say("* SEARCH%s", b.String())
}

// searchSent looks for a Message-ID among the mails that were appended.
func (w *wire) searchSent(args string) {
	id := strings.Trim(args[strings.Index(args, "Message-ID")+len("Message-ID"):], ` ()"`)
	for i, text := range w.sent {
		if strings.Contains(text, id) {
			w.say("* SEARCH %d", i+1)
			return
		}
	}
	w.say("* SEARCH")
}

// refused is the answer to a FETCH that has a mail in it which is never sent, ""
// if there is none.
func (w *wire) refused(args string) string {
	set, items, _ := strings.Cut(args, " ")
	text := strings.Contains(strings.ToUpper(items), "BODY")
	header := strings.Contains(strings.ToUpper(items), "[HEADER]")
	for _, m := range w.inbox {
		switch answer, refused := w.refuse[m.uid]; {
		case !w.in(set, m.uid):
		case !text && w.undescribed[m.uid]:
			return "NO me niego"
		case text && refused && (!header || w.noHeader):
			return answer
		}
	}
	return ""
}

func (w *wire) fetch(args string) {
	set, items, _ := strings.Cut(args, " ")
	found := slices.Clone(w.inbox)
	if w.backward {
		slices.Reverse(found)
	}
	shift := 0 // of sequence numbers, by what is expunged meanwhile
	for i, m := range found {
		if m.uid == w.goes && strings.Contains(strings.ToUpper(items), "BODY") {
			w.goes = 0
			w.say("* %d EXPUNGE", i+1)
			w.inbox = slices.DeleteFunc(w.inbox, func(o message) bool { return o.uid == m.uid })
			shift++
			continue
		}
		if !w.in(set, m.uid) || w.vanish[m.uid] {
			continue
		}
		if w.breaksAt(m.uid, strings.ToUpper(items)) {
			w.broken++
			w.ended = true
			return
		}
		seq := i + 1 - shift
		if !strings.Contains(strings.ToUpper(items), "BODY") {
			if w.seenFirst {
				w.seenFirst = false
				w.say("* %d FETCH (UID %d FLAGS (\\Seen))", seq, m.uid)
			}
			w.say("* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE \"%s\" FLAGS (%s))", seq, m.uid, len(m.text), m.at.Format("02-Jan-2006 15:04:05 -0700"), strings.Join(m.flags, " "))
			continue
		}
		if !strings.Contains(strings.ToUpper(items), "PEEK") {
			w.t.Error("a fetch that marks mails as seen")
		}
		section, text := "BODY[]", m.text
		if strings.Contains(strings.ToUpper(items), "[HEADER]") {
			section = "BODY[HEADER]<0>"
			text, _, _ = strings.Cut(m.text, "\r\n\r\n")
			text += "\r\n\r\n"
			var most int
			if _, err := fmt.Sscanf(items[strings.Index(items, "<"):], "<0.%d>", &most); err != nil {
				w.t.Errorf("a header without bound: %s", items)
			}
			text = text[:min(most, len(text))]
		}
		if w.omit {
			w.omit = false
			continue
		}
		if w.flagsFirst {
			w.flagsFirst = false
			w.say("* %d FETCH (UID %d FLAGS (\\Seen))", seq, m.uid)
		}
		if w.short {
			w.short, w.ended = false, true
			fmt.Fprintf(w.w, "* %d FETCH (UID %d %s {%d}\r\n%s", seq, m.uid, section, len(text), text[:len(text)/2])
			w.w.Flush()
			return
		}
		if n := w.huge[m.uid]; n > 0 && !strings.Contains(section, "HEADER") {
			fmt.Fprintf(w.w, "* %d FETCH (UID %d %s {%d}\r\n%s", seq, m.uid, section, n, text)
			w.w.Flush()
			w.ended = true
			_, _ = w.r.ReadByte() // until the client goes
			return
		}
		if w.uidLast {
			w.say("* %d FETCH (%s {%d}\r\n%s UID %d)", seq, section, len(text), text, m.uid)
		} else {
			w.say("* %d FETCH (UID %d %s {%d}\r\n%s)", seq, m.uid, section, len(text), text)
		}
	}
}

// breaksAt says that the connection breaks at a question for a mail.
func (w *wire) breaksAt(uid uint32, items string) bool {
	switch w.breaks[uid] {
	case "text":
		return strings.Contains(items, "BODY") && !strings.Contains(items, "[HEADER]")
	case "header":
		return strings.Contains(items, "BODY")
	case "size":
		return true
	}
	return false
}

func (w *wire) store(args string) {
	set, items, _ := strings.Cut(args, " ")
	flag := items[strings.IndexByte(items, '\\') : len(items)-1]
	for i, m := range w.inbox {
		if w.in(set, m.uid) {
			w.inbox[i].flags = append(w.inbox[i].flags, flag)
		}
	}
}

func (w *wire) copy(args string) {
	set, _, _ := strings.Cut(args, " ")
	for _, m := range w.inbox {
		if w.in(set, m.uid) {
			w.target = append(w.target, m)
		}
	}
}

// expunge takes mails away; deleted says that only those so marked go.
func (w *wire) expunge(set string, deleted bool) {
	for i := len(w.inbox) - 1; i >= 0; i-- {
		if m := w.inbox[i]; w.in(set, m.uid) && (!deleted || slices.Contains(m.flags, "\\Deleted")) {
			w.inbox = slices.Delete(w.inbox, i, i+1)
			w.say("* %d EXPUNGE", i+1)
		}
	}
}
