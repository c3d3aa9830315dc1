package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ventanilla/demo"
	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/mailin"
	"ventanilla/mailout"
	"ventanilla/store/intake"
	"ventanilla/web"
)

// rowsPlayed are the rows of what the five manuals ask for that must have a play.
var rowsPlayed = strings.Fields("B3 B4 B5 B11 C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C18 D6 D7 D8 D9 D10 D11 D12 E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 E11 F6 F7 F8 F9 F10 F11 G1 G2 G7 G10 G12")

const playedFolder = "../../testdata/played"

// TestPlayed plays the rows of the manuals on the whole program: a desk like that of
// «ventanilla demo» takes each mail by SMTP and sends its own by SMTP. A row is a folder
// of testdata/played; the file play.txt in it is a run of steps as those of
// testdata/gateway: a line, the text that belongs to it and, behind a line of dashes,
// what must follow.
//
//	mail [stranger] [to=…]       a mail comes in; its text follows. stranger: nothing proves its sender
//	later 2h                     time passes, and what is due is done
//	post x e score=5 …           somebody presses a button on the page behind the last link /e/… sent to x;
//	                             the text that follows is his comment
//	index                        the search index is brought to where the desk is
//	learn                        the articles that agents asked for are written, and shown
//	write knowledge/x.md         the admin writes a file, whose text follows, and the desk reads its files again
//	keep out-03-1.eml x.mbox     the file attached to a mail is kept in the desk's folder, which $folder stands for in commands
//	show 000001                  what «ventanilla ticket show» prints
//	run report …                 what another command prints
//
// In mails $reply(x), $id(x) and the like stand for what the desk's last mail to x has.
// Each mail is kept as it was sent: in-NN.eml by the step's number, and out-NN-K.eml for
// what the desk sent after it. «go test ./cmd/ventanilla -run TestPlayed/C7 -update»
// writes them all; without -update they are what is sent, and what must come.
func TestPlayed(t *testing.T) {
	entries, err := os.ReadDir(playedFolder)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, e := range entries {
		if e.Name() == "desk" || !e.IsDir() {
			continue
		}
		have[e.Name()] = true
		t.Run(e.Name(), func(t *testing.T) { t.Parallel(); playRow(t, filepath.Join(playedFolder, e.Name())) })
	}
	for _, row := range rowsPlayed {
		if !have[row] {
			t.Errorf("row %s has no play", row)
		}
	}
}

// playing is a row being played.
type playing struct {
	t       *testing.T
	folder  string
	house   *house
	service *service
	doors   map[bool]string // addresses of the SMTP doors; true: the one that proves nothing
	inbox   *demo.Inbox
	pages   http.Handler
	now     time.Time
	mark    intake.Position
	step    int
	sent    map[string]bool   // Message-IDs
	last    map[string][]byte // the last mail to each address
	out     strings.Builder   // play.txt as it is
	files   map[string][]byte // as they are
}

func playRow(t *testing.T, folder string) {
	script, err := os.ReadFile(filepath.Join(folder, "play.txt"))
	if err != nil {
		t.Fatal(err)
	}
	p := &playing{t: t, folder: folder, inbox: &demo.Inbox{}, now: time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC), doors: map[bool]string{},
		sent: map[string]bool{}, last: map[string][]byte{}, files: map[string][]byte{}}
	p.open()
	p.play(string(script))
	kept := map[string][]byte{}
	names, _ := filepath.Glob(filepath.Join(folder, "*.eml"))
	for _, name := range names {
		if kept[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		for name := range kept {
			_ = os.Remove(filepath.Join(folder, name))
		}
		p.files["play.txt"] = []byte(p.out.String())
		for name, raw := range p.files {
			if err := os.WriteFile(filepath.Join(folder, name), raw, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	if diff := cmp.Diff(string(script), p.out.String()); diff != "" {
		t.Error(diff)
	}
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		if diff := cmp.Diff(string(kept[name]), string(p.files[name])); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name := range kept {
		if p.files[name] == nil {
			t.Errorf("%s: no such mail was sent", name)
		}
	}
}

// open makes the desk: that of the demo, with the files of testdata/played/desk and of
// the row's own folder desk over it, known keys and a clock of its own.
func (p *playing) open() {
	dir := p.t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		p.t.Fatal(err)
	}
	d := demoCmd{State: dir}
	if err := d.install(); err != nil {
		p.t.Fatal(err)
	}
	for _, over := range []string{filepath.Join(playedFolder, "desk"), filepath.Join(p.folder, "desk")} {
		if _, err := os.Stat(over); err == nil {
			p.copyFiles(over, filepath.Join(dir, "desk"))
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "keys"), []byte(strings.Repeat("07", desk.KeySize)+"\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	c, err := LoadConfig(d.configFile())
	if err != nil {
		p.t.Fatal(err)
	}
	c.Desk.PublicURL, c.Disk.Reserve, c.Trust.Verify, c.relays = "https://mesa.example", 0, false, nil
	c.now = func() time.Time { return p.now }
	log := slog.New(slog.DiscardHandler)
	if p.house, err = openHouse(context.Background(), c, osFiles(c), log); err != nil {
		p.t.Fatal(err)
	}
	p.service = &service{house: p.house}
	if err := p.service.openSockets(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { p.service.closeDoors(context.Background()); _ = p.house.close() })
	p.doors[true], p.doors[false] = p.door(p.house.Gateway, false), p.door(p.house.Gateway, true)
	c.Smarthost = SmarthostConfig{Address: p.door(p.inbox, false), TLS: "none", Connections: 1}
	p.pages = web.Handler(gateway.Pages{Gateway: p.house.Gateway}, web.Options{Words: p.service.word, Name: c.Desk.Name, Language: c.Desk.Language,
		PublicURL: c.Desk.PublicURL, Zone: c.zone, Log: log})
}

func (p *playing) copyFiles(from, to string) {
	err := fs.WalkDir(os.DirFS(from), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(from, path))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, path)), 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), data, 0o600)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// door opens an SMTP port, and returns where it is.
func (p *playing) door(r mailin.Receiver, trusted bool) string {
	o := mailin.Options{Hostname: "mesa.example", Log: slog.New(slog.DiscardHandler)}
	if trusted {
		o.TrustedRelays = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	server, err := mailin.NewServer(steady{r, p}, o)
	if err != nil {
		p.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	p.t.Cleanup(func() { _ = server.Shutdown(context.Background()) })
	return l.Addr().String()
}

// steady is a receiver whose mails bear the same trace each time: the real one says when
// they really came, and names them by chance.
type steady struct {
	mailin.Receiver
	p *playing
}

var trace = regexp.MustCompile(`(?s)\AReturn-Path: [^\r]*\r\nReceived: .*?;\r\n\t[^\r]*\r\n`)

// Receive takes a mail.
func (s steady) Receive(ctx context.Context, env mail.Envelope, r io.Reader) (mail.ID, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	at := trace.FindIndex(raw)
	if at == nil {
		return "", errors.New("the door wrote no trace")
	}
	env.ReceivedAt = s.p.now
	fixed := fmt.Sprintf("Return-Path: <%s>\r\nReceived: from localhost ([127.0.0.1])\r\n\tby mesa.example with ESMTP id %d;\r\n\t%s\r\n",
		env.From, s.p.step, s.p.now.Format(time.RFC1123Z))
	return s.Receiver.Receive(ctx, env, io.MultiReader(strings.NewReader(fixed), bytes.NewReader(raw[at[1]:])))
}

// play plays a script and writes it again, with what really followed.
func (p *playing) play(script string) {
	lines := strings.Split(strings.TrimRight(script, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		p.out.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var text []string
		for i++; i < len(lines) && lines[i] != "----"; i++ {
			text = append(text, lines[i])
			p.out.WriteString(lines[i] + "\n")
		}
		p.out.WriteString("----\n")
		p.step++
		p.do(strings.Fields(line), strings.Join(text, "\n"))
		for i++; i < len(lines) && lines[i] != "===="; i++ { // what was to follow
		}
		p.out.WriteString("====\n")
	}
}

func (p *playing) do(words []string, text string) {
	switch words[0] {
	case "mail":
		p.mail(words[1:], text)
	case "later":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.now = p.now.Add(d)
		if err := p.house.DoDue(context.Background()); err != nil {
			p.t.Fatal(err)
		}
	case "post":
		p.post(words[1], words[2], words[3:], text)
	case "index", "learn", "write", "keep":
		if err := p.keepUp(words, text); err != nil {
			p.t.Fatalf("step %d: %v", p.step, err)
		}
	case "show":
		p.run("ticket", "show", words[1])
		return
	case "run":
		p.run(words[1:]...)
		return
	default:
		p.t.Fatalf("unknown step %q", words[0])
	}
	p.collect()
}

// mail sends a mail to the desk as it stands in its file.
func (p *playing) mail(words []string, text string) {
	raw := []byte(strings.ReplaceAll(p.fill(text)+"\n", "\n", "\r\n"))
	name := fmt.Sprintf("in-%02d.eml", p.step)
	p.files[name] = raw
	if kept, err := os.ReadFile(filepath.Join(p.folder, name)); err == nil && !*update {
		raw = kept
	}
	m := mail.Parse(raw)
	from, stranger, rcpts := m.From[0].Address, false, []string(nil)
	for _, a := range slices.Concat(m.To, m.Cc) {
		if p.house.Accepts(mail.Envelope{}, a.Address) == nil {
			rcpts = append(rcpts, a.Address)
		}
	}
	for _, w := range words {
		if to, ok := strings.CutPrefix(w, "to="); ok {
			rcpts = strings.Split(p.fill(to), ",")
		}
		stranger = stranger || w == "stranger"
	}
	if err := smtp.SendMail(p.doors[stranger], nil, from, rcpts, raw); err != nil {
		p.t.Fatalf("step %d: %v", p.step, err)
	}
	next, err := p.house.Process(context.Background(), p.mark, 100)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mark = next
}

// keepUp does what workers and the admin do besides: see [TestPlayed].
func (p *playing) keepUp(words []string, text string) error {
	ctx, folder := context.Background(), p.house.config.folder
	switch words[0] {
	case "index":
		x, err := p.house.openIndex(ctx, false)
		return errors.Join(err, p.house.CatchUp(ctx, x))
	case "write":
		err := os.WriteFile(filepath.Join(folder, words[1]), []byte(text+"\n"), 0o600)
		return errors.Join(err, p.house.reload())
	case "keep":
		raw := p.files[words[1]]
		parts := mail.Parse(raw).Parts
		if len(parts) != 1 {
			return fmt.Errorf("%s has %d files", words[1], len(parts))
		}
		data, err := io.ReadAll(parts[0].Open(raw))
		return errors.Join(err, os.WriteFile(filepath.Join(folder, words[2]), data, 0o600))
	}
	articles := filepath.Join(folder, "knowledge", "*.md")
	before, _ := filepath.Glob(articles)
	p.house.learn(ctx)
	after, _ := filepath.Glob(articles)
	for _, name := range after {
		if slices.Contains(before, name) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&p.out, "knowledge/%s:\n%s", filepath.Base(name), text)
	}
	return p.house.reload()
}

// post presses a button on a page behind a link in the last mail to somebody.
func (p *playing) post(to, page string, fields []string, comment string) {
	link := regexp.MustCompile(`https://mesa\.example(/` + page + `/[a-z2-7]+)`).FindStringSubmatch(mail.Parse(p.last[to]).Text)
	if link == nil {
		p.t.Fatalf("step %d: the last mail to %s has no link to a page %s", p.step, to, page)
	}
	form := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		form.Set(name, value)
	}
	if comment != "" {
		form.Set("comment", comment)
	}
	r := httptest.NewRequest("POST", link[1], strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	p.pages.ServeHTTP(w, r)
	fmt.Fprintf(&p.out, "%d\n", w.Code)
}

// run runs a command of the program.
func (p *playing) run(args ...string) {
	var out, errOut bytes.Buffer
	folder := p.house.config.folder
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "$folder", folder)
	}
	code := run(context.Background(), append([]string{"-c", p.house.config.path("ventanilla.toml")}, args...), strings.NewReader(""), &out, &errOut)
	if code != 0 {
		fmt.Fprintf(&p.out, "%s(%d)\n", errOut.String(), code)
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, ": enviado 2") {
			continue // when it was delivered, and under what name, is the other server's
		}
		p.out.WriteString(strings.TrimRight(strings.ReplaceAll(line, folder, "$folder"), " \n") + "\n")
	}
}

// collect lets the desk send what it has to send, and keeps it.
func (p *playing) collect() {
	ctx, stop := context.WithCancel(context.Background())
	waiting, err := p.house.Outbox(ctx, "", 0)
	if err != nil {
		p.t.Fatal(err)
	}
	sender, err := p.service.sender()
	if err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sender.Run(ctx) }()
	defer func() { stop(); <-ended }()
	slices.SortFunc(waiting, func(a, b mailout.Outgoing) int { return strings.Compare(a.To+" "+a.Kind+a.ID, b.To+" "+b.Kind+b.ID) })
	n := 0
	for _, o := range waiting {
		if p.sent[o.MessageID] || o.Failed || o.Due.After(p.now) {
			continue
		}
		patience, cancel := context.WithTimeout(ctx, time.Minute)
		c, err := p.inbox.Wait(patience, func(c demo.Captured) bool { return c.Message.MessageID == o.MessageID })
		cancel()
		if err != nil {
			p.t.Fatalf("step %d: %s to %s was not sent: %v", p.step, o.Kind, o.To, err)
		}
		n++
		name := fmt.Sprintf("out-%02d-%d.eml", p.step, n)
		raw := c.Raw[bytes.Index(c.Raw, []byte("From: ")):] // without the trace that the door wrote
		p.sent[o.MessageID], p.last[o.To], p.files[name] = true, raw, raw
		if o.Kind == "lista" || o.Kind == "resumen" {
			p.last["digest "+o.To] = raw
		}
		fmt.Fprintf(&p.out, "%s  %s → %s: %s\n", name, o.Kind, o.To, o.Subject)
	}
}

var playedPlaceholder = regexp.MustCompile(`\$(reply|digest|id|unsubscribe|link)\(([^), ]+)(?:, *([a-z]))?\)`)

// fill puts into a mail what only the desk's own mails tell: $reply(x) is the Reply-To
// of its last mail to x, $digest(x) that of its last list or digest, $id(x) a Message-ID, $unsubscribe(x) the address of
// List-Unsubscribe, $link(x, a) the address behind its mailto: that begins with a letter.
func (p *playing) fill(text string) string {
	return playedPlaceholder.ReplaceAllStringFunc(text, func(s string) string {
		m := playedPlaceholder.FindStringSubmatch(s)
		raw, ok := p.last[m[2]]
		if !ok {
			p.t.Fatalf("step %d: %s: no mail went to %s", p.step, s, m[2])
		}
		ours := mail.Parse(raw)
		switch m[1] {
		case "reply":
			return slices.Concat(ours.ReplyTo, ours.From)[0].Address
		case "digest":
			return mail.Parse(p.last["digest "+m[2]]).ReplyTo[0].Address
		case "id":
			return "<" + ours.MessageID + ">"
		}
		within, letter := ours.Text, m[3]
		if m[1] == "unsubscribe" {
			within, letter = string(raw), "l"
		}
		found := regexp.MustCompile(`mailto:([^?\s]+\+` + letter + `[a-z2-7]+@[^?\s>]+)`).FindStringSubmatch(within)
		if found == nil {
			p.t.Fatalf("step %d: %s is not in\n%s", p.step, s, within)
		}
		return found[1]
	})
}
