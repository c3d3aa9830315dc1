package mailout

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// host is a smarthost that does as told.
type host struct {
	// answer returns what to say at a stage instead of the ordinary answer: "" is
	// the ordinary one, hangUp closes the connection without a word, silence says
	// nothing more, take takes the mail and then hangs up. line is the command.
	answer     func(stage, line string) string
	extensions []string
	user       string // AUTH is wanted if set
	password   string
	logins     []string // mechanisms offered
	identity   *tls.Certificate
	implicit   bool          // TLS from the first byte
	old        bool          // speaks no newer TLS than 1.1
	sessions   int           // allowed at once, 0 is any number
	idle       time.Duration // after which it closes with 421, 0 is never
	pace       time.Duration // that it thinks about a mail
	slow       time.Duration // that it takes to greet
	eager      bool          // asks for the data of a mail without recipients (RFC 2920 §3.1)

	mu       sync.Mutex
	open     int
	greeted  int      // sessions let in
	commands []string // of all sessions
	answers  []string // to AUTH
	taken    []taken
}

// taken is a mail that the host has taken charge of, or said to have.
type taken struct {
	at       time.Time
	from, to string
	body     string
}

const (
	hangUp  = "hang up"
	silence = "silence"
	take    = "take"
)

// listen serves on a port of this machine until the test ends.
func (h *host) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { h.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return l.Addr().String()
}

// dial makes a connection to the host without any network.
func (h *host) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go h.serve(far)
	return near, nil
}

// session is one connection to a host.
type session struct {
	*host
	conn          net.Conn
	in            *bufio.Reader
	tls, loggedIn bool
	inMail        bool // between MAIL and the end of the data
	named         bool // a recipient was taken
	from, to      string
}

func (h *host) serve(conn net.Conn) {
	s := &session{host: h, conn: conn}
	defer func() { s.conn.Close() }()
	if h.implicit {
		s.encrypt()
	}
	s.in = bufio.NewReader(s.conn)
	h.mu.Lock()
	h.open++
	tooMany := h.sessions > 0 && h.open > h.sessions
	if !tooMany {
		h.greeted++
	}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.open--
		h.mu.Unlock()
	}()
	if tooMany {
		s.say("421 4.7.0 too many connections")
		return
	}
	time.Sleep(h.slow)
	if !s.reply("greeting", "", "220 sink.example ESMTP") {
		return
	}
	for {
		if h.idle > 0 {
			s.conn.SetReadDeadline(time.Now().Add(h.idle))
		}
		line, err := s.in.ReadString('\n')
		if err != nil {
			if h.idle > 0 {
				s.conn.SetDeadline(time.Now().Add(time.Millisecond)) // a pipe's other end may not listen
				s.say("421 4.4.2 idle for too long")
			}
			return
		}
		line = strings.TrimRight(line, "\r\n")
		h.mu.Lock()
		h.commands = append(h.commands, line)
		h.mu.Unlock()
		if !s.command(line) {
			return
		}
	}
}

func (s *session) encrypt() {
	config := &tls.Config{Certificates: []tls.Certificate{*s.identity}}
	if s.old {
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	}
	s.conn = tls.Server(s.conn, config)
	s.in = bufio.NewReader(s.conn)
}

func (s *session) say(lines string) bool {
	_, err := io.WriteString(s.conn, strings.ReplaceAll(lines, "\n", "\r\n")+"\r\n")
	return err == nil
}

// reply says the ordinary answer, or what it was told to say. It returns
// whether the session goes on.
func (s *session) reply(stage, line, ordinary string) bool {
	return s.speak(s.told(stage, line, ordinary))
}

// told returns the ordinary answer, or what the host was told to say.
func (s *session) told(stage, line, ordinary string) string {
	if s.answer != nil {
		if told := s.answer(stage, line); told != "" {
			return told
		}
	}
	return ordinary
}

func (s *session) speak(told string) bool {
	switch told {
	case hangUp:
		return false
	case silence:
		io.Copy(io.Discard, s.in)
		return false
	}
	return s.say(told) && !strings.HasPrefix(told, "421")
}

func (s *session) command(line string) bool {
	verb, argument, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); verb {
	case "EHLO":
		return s.reply(verb, line, s.greeting())
	case "STARTTLS":
		if !s.reply(verb, line, "220 go ahead") {
			return false
		}
		s.tls = true
		s.encrypt()
		return true
	case "AUTH":
		return s.auth(argument)
	case "MAIL":
		s.from = between(argument)
		if s.user != "" && !s.loggedIn {
			return s.say("530 5.7.0 authentication required")
		}
		if s.inMail {
			return s.say("503 5.5.1 one mail at a time")
		}
		told := s.told(verb, line, "250 2.1.0 sender ok")
		s.inMail, s.named = told[0] == '2', false
		return s.speak(told)
	case "RCPT":
		if !s.inMail {
			return s.say("503 5.5.1 MAIL first")
		}
		s.to = between(argument)
		told := s.told(verb, line, "250 2.1.5 recipient ok")
		s.named = told[0] == '2'
		return s.speak(told)
	case "DATA":
		return s.data(line)
	case "RSET":
		s.inMail, s.named = false, false
	case "QUIT":
		s.reply(verb, line, "221 bye")
		return false
	}
	return s.reply(verb, line, "250 ok")
}

func (s *session) greeting() string {
	lines := append([]string{"sink.example"}, s.extensions...)
	if s.identity != nil && !s.implicit && !s.tls {
		lines = append(lines, "STARTTLS")
	}
	if s.user != "" {
		lines = append(lines, "AUTH "+strings.Join(s.logins, " "))
	}
	for i := range lines {
		sign := "-"
		if i == len(lines)-1 {
			sign = " "
		}
		lines[i] = "250" + sign + lines[i]
	}
	return strings.Join(lines, "\n")
}

func (s *session) auth(argument string) bool {
	mechanism, initial, _ := strings.Cut(argument, " ")
	first, _ := base64.StdEncoding.DecodeString(initial)
	got := string(first)
	if mechanism == "LOGIN" {
		s.say("334 " + base64.StdEncoding.EncodeToString([]byte("Password:")))
		line, err := s.in.ReadString('\n')
		if err != nil {
			return false
		}
		second, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		got = "\x00" + got + "\x00" + string(second)
	}
	if mechanism == "XOAUTH2" || mechanism == "OAUTHBEARER" {
		return s.bearer(argument, got)
	}
	s.loggedIn = slices.Contains(s.logins, mechanism) && got == "\x00"+s.user+"\x00"+s.password
	if !s.loggedIn {
		// A server may well repeat what it did not like.
		answer := "535 5.7.8 wrong: " + initial + " " + got[strings.LastIndex(got, "\x00")+1:]
		s.mu.Lock()
		s.answers = append(s.answers, answer)
		s.mu.Unlock()
		return s.reply("AUTH", argument, answer)
	}
	return s.reply("AUTH", argument, "235 2.7.0 welcome")
}

// bearer takes the token that the password says. A refusal comes as a challenge
// with its reason, which has to be answered first.
func (s *session) bearer(argument, got string) bool {
	if s.loggedIn = strings.Contains(got, "\x01auth=Bearer "+s.password+"\x01"); s.loggedIn {
		return s.reply("AUTH", argument, "235 2.7.0 welcome")
	}
	s.say("334 " + base64.StdEncoding.EncodeToString([]byte(`{"status":"401"}`)))
	if _, err := s.in.ReadString('\n'); err != nil {
		return false
	}
	return s.reply("AUTH", argument, "535 5.7.3 wrong: "+got)
}

func (s *session) data(line string) bool {
	if !s.named && !s.eager {
		return s.say("503 5.5.1 RCPT first")
	}
	told := ""
	if s.answer != nil {
		told = s.answer("body", line)
	}
	switch told {
	case hangUp:
		s.say("354 go ahead")
		return false
	case silence:
		s.say("354 go ahead")
		time.Sleep(time.Hour) // reads nothing
		return false
	}
	if words, ok := strings.CutPrefix(told, "middle"); ok { // refuses when it has read some of it
		s.say("354 go ahead")
		io.CopyN(io.Discard, s.in, 100<<10)
		if words = strings.TrimSpace(words); words != "" {
			s.say(words)
		}
		return false
	}
	told = ""
	if s.answer != nil {
		told = s.answer("DATA", line)
	}
	if told != "" {
		return s.reply("DATA", line, told)
	}
	s.say("354 go ahead")
	body, err := dotted(s.in)
	if err != nil {
		return false
	}
	if s.pace > 0 {
		time.Sleep(s.pace)
	}
	s.inMail = false
	if !s.named {
		return s.say("554 5.5.1 no valid recipients")
	}
	told = ""
	if s.answer != nil {
		told = s.answer("end", s.to)
	}
	if told == "" || told == take {
		s.mu.Lock()
		s.taken = append(s.taken, taken{time.Now(), s.from, s.to, body})
		s.mu.Unlock()
	}
	switch told {
	case "":
		return s.say("250 2.0.0 queued as 4711")
	case take, hangUp:
		return false
	case silence:
		io.Copy(io.Discard, s.in)
		return false
	}
	return s.say(told)
}

// dotted reads a mail up to the final dot and takes the stuffed dots out.
func dotted(in *bufio.Reader) (string, error) {
	var body bytes.Buffer
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		if line == ".\r\n" {
			return body.String(), nil
		}
		body.WriteString(strings.TrimPrefix(line, "."))
	}
}

func between(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}

func (h *host) mails() []taken {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.taken)
}

func (h *host) count(verb string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, c := range h.commands {
		if strings.HasPrefix(c, verb) {
			n++
		}
	}
	return n
}

// heard returns the commands of all sessions.
func (h *host) heard() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.commands, "\n")
}

// connections returns how many sessions were let in.
func (h *host) connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.greeted
}

func (h *host) stillOpen() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open
}

// said returns the answers to AUTH.
func (h *host) said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.answers, "\n")
}

// always gives the same answer at one stage.
func always(stage, answer string) func(string, string) string {
	return func(at, _ string) string {
		if at == stage {
			return answer
		}
		return ""
	}
}

// once gives an answer at one stage the first time.
func once(stage, answer string) func(string, string) string {
	var mu sync.Mutex
	done := false
	return func(at, _ string) string {
		mu.Lock()
		defer mu.Unlock()
		if at != stage || done {
			return ""
		}
		done = true
		return answer
	}
}

// rows is an outbox in memory, and keeps what was told to it.
type rows struct {
	mu         sync.Mutex
	waiting    []Outgoing // by Due
	gone       map[string]bool
	failed     []Outgoing
	results    []Result
	commits    int
	raw        map[string]string
	refuse     func() error // the answer of Settle, before it does anything
	snapshot   func()       // called while Due runs, after it has looked
	settleTime time.Duration
}

func (o *rows) Due(_ context.Context, now time.Time, limit int, skip func(string) bool) (mails []Outgoing, next time.Time, err error) {
	o.mu.Lock()
	for len(o.waiting) > 0 && o.gone[o.waiting[0].ID] {
		o.waiting = o.waiting[1:]
	}
	end := len(o.waiting)
	if at, _ := slices.BinarySearchFunc(o.waiting, now, func(m Outgoing, t time.Time) int { return m.Due.Compare(t.Add(1)) }); at < end {
		next, end = o.waiting[at].Due, at
	}
	var due []Outgoing
	if o.snapshot != nil {
		due = o.waiting[:end]
	} else {
		for i := 0; i < end && len(mails) < limit; i++ {
			if id := o.waiting[i].ID; !o.gone[id] && !skip(id) {
				mails = append(mails, o.waiting[i])
			}
		}
	}
	due = slices.Clone(due)
	o.mu.Unlock()
	if o.snapshot == nil {
		return mails, next, nil
	}
	o.snapshot()
	for _, m := range due {
		if len(mails) < limit && !skip(m.ID) {
			mails = append(mails, m)
		}
	}
	return mails, next, nil
}

func (o *rows) Settle(_ context.Context, results []Result) error {
	if o.refuse != nil {
		if err := o.refuse(); err != nil {
			return err
		}
	}
	if o.settleTime > 0 {
		time.Sleep(o.settleTime)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.commits++
	o.results = append(o.results, results...)
	for _, r := range results {
		if r.Outcome == Sent {
			o.gone[r.ID] = true
			continue
		}
		i := slices.IndexFunc(o.waiting, func(m Outgoing) bool { return m.ID == r.ID })
		m := o.waiting[i]
		o.waiting = slices.Delete(slices.Clone(o.waiting), i, i+1)
		m.Attempts, m.Due, m.LastError = r.Attempts, r.Due, r.Text
		if r.Outcome == Failed {
			o.failed = append(o.failed, m)
			continue
		}
		o.insert(m)
	}
	return nil
}

func (o *rows) Raw(_ context.Context, ref string) ([]byte, func(), error) {
	raw, ok := o.raw[ref]
	if !ok {
		return nil, nil, fmt.Errorf("no raw mail %s", ref)
	}
	return []byte(raw), nil, nil
}

func (o *rows) insert(m Outgoing) {
	i, _ := slices.BinarySearchFunc(o.waiting, m.Due, func(m Outgoing, t time.Time) int { return m.Due.Compare(t.Add(1)) })
	o.waiting = slices.Insert(o.waiting, i, m)
}

func (o *rows) add(mails ...Outgoing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range mails {
		o.insert(m)
	}
}

func (o *rows) recorded() []Result {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.results)
}

func (o *rows) left() []Outgoing {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.waiting), func(m Outgoing) bool { return o.gone[m.ID] })
}

func newRows(mails ...Outgoing) *rows {
	o := &rows{gone: map[string]bool{}, raw: map[string]string{}}
	o.add(mails...)
	return o
}

// told is an outbox that tells of each commit.
type told struct {
	*rows
	settled chan<- struct{}
}

func (o *told) Settle(ctx context.Context, results []Result) error {
	err := o.rows.Settle(ctx, results)
	o.settled <- struct{}{}
	return err
}

// letter makes a mail of about size bytes that is due at once.
func letter(n, size int, now time.Time) Outgoing {
	id := fmt.Sprintf("m%05d", n)
	text := "Message-ID: <" + id + "@desk.example>\r\nSubject: prueba\r\n\r\n.un punto al principio\r\n"
	const line = "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\r\n"
	text += strings.Repeat(line, (max(size-len(text), 0)+len(line)-1)/len(line))
	m := Outgoing{
		ID: id, MessageID: id + "@desk.example", From: "soporte+" + id + "@desk.example", To: id + "@example.org",
		Pieces: []Piece{{Text: text}}, Created: now, Due: now,
	}
	return seal(m, text)
}

func seal(m Outgoing, text string) Outgoing {
	sum := sha256.Sum256([]byte(text))
	m.Size, m.SHA256 = int64(len(text)), hex.EncodeToString(sum[:])
	return m
}

func letters(n int, now time.Time) []Outgoing {
	mails := make([]Outgoing, n)
	for i := range mails {
		mails[i] = letter(i, 300, now)
	}
	return mails
}

// logbook keeps the lines of a log.
type logbook struct {
	mu    sync.Mutex
	lines []string
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

func (l *logbook) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// with returns the lines that contain s.
func (l *logbook) with(s string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.lines), func(line string) bool { return !strings.Contains(line, s) })
}

// running is a sender under way.
type running struct {
	*Sender
	stop func() error // ends Run and returns what it returned
	log  *logbook
}

// start runs a sender that reaches the host without a network, in plain text.
func start(h *host, o Outbox, change func(*Sender)) *running {
	log := &logbook{}
	s := NewSender(o, SenderOptions{
		Smarthost: Smarthost{Address: "127.0.0.1:25", TLS: TLSNone, PlainText: true, Hello: "desk.example"},
		Log:       log.log(),
	})
	s.dial = h.dial
	if change != nil {
		change(s)
	}
	return runIt(s, log)
}

func runIt(s *Sender, log *logbook) *running {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return &running{s, func() error { cancel(); return <-ended }, log}
}

// authority makes certificates for tests.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, certificate: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}}
	der, err := x509.CreateCertificate(rand.Reader, a.certificate, a.certificate, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.certificate)
	return p
}

func (a *authority) issue(t *testing.T, name string, until time.Time) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
