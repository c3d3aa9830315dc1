package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/store/bolt"
	"ventanilla/store/intake"
	"ventanilla/store/mem"
	"ventanilla/store/storetest"
	"ventanilla/templates"
)

var update = flag.Bool("update", false, "write what the cases do as what they should do")

// engines are all that a case is played on; the outcome must be the same.
func engines(t testing.TB) map[string]store.Engine {
	b, err := bolt.Open(filepath.Join(t.TempDir(), "desk.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return map[string]store.Engine{
		"bolt":      b,
		"mem":       mem.New(),
		"ambiguous": storetest.Ambiguous(mem.New(), 2),
	}
}

// played is a desk that a case is played on, with a clock of its own.
type played struct {
	*gateway.Gateway
	t       testing.TB
	options gateway.Options
	log     *intake.Log
	mark    intake.Position
	now     time.Time
	tick    func() time.Time            // in place of now, where it is set
	seen    map[string]bool             // ids of mails already told of
	last    map[string]mailout.Outgoing // the last mail to each address
	out     strings.Builder

	files fs.FS // the admin's
	base  desk.World
}

func newPlayed(t testing.TB, e store.Engine) *played {
	return newPlayedDesk(t, e, os.DirFS("../testdata/gateway/desk"), desk.World{Name: "Mesa de ayuda", NumberStyle: desk.NumberSequence, NumberDigits: 6})
}

// newPlayedDesk is a desk by an admin's files.
func newPlayedDesk(t testing.TB, e store.Engine, files fs.FS, base desk.World) *played {
	log, err := intake.Open(filepath.Join(t.TempDir(), "log"), intake.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	base.Domain, base.PublicURL, base.Language, base.AdminAddress = "mesa.example", "https://mesa.example", "es", "admin@mesa.example"
	base.ReopenWithin, base.OwnDomains = 30*24*time.Hour, []string{"mesa.example"}
	world, err := rules.LoadWorld(files, base)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load(files, world)
	if err != nil {
		t.Fatal(err)
	}
	over, err := fs.Sub(files, "templates")
	if err != nil {
		t.Fatal(err)
	}
	words, err := templates.Load(over)
	if err != nil || len(words.Problems()) > 0 {
		t.Fatal(err, words.Problems())
	}
	p := &played{t: t, log: log, files: files, base: base, now: time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC), seen: map[string]bool{}, last: map[string]mailout.Outgoing{}}
	s := store.Store{Engine: e}
	if _, speed := t.(*testing.B); !speed {
		s.Engine = storetest.Twice(e) // every Update of every test
	}
	again(t, func() error { return s.Migrate(context.Background()) })
	p.options = gateway.Options{Store: s, Log: log, Keys: desk.NewKeys(bytes.Repeat([]byte{7}, 32)), Now: p.clock,
		Setup: &gateway.Setup{World: world, Rules: set, Words: gateway.Words(words, world), Shelf: gateway.NewShelf(world), Authserv: []string{"mx.mesa.example"},
			Caps: rules.Caps{UnverifiedPerHour: 1, UnverifiedPerDay: 5, DomainPerHour: 50, VerifiedPerHour: 20, AllPerHour: 500}}}
	p.Gateway = gateway.New(p.options)
	return p
}

func (p *played) clock() time.Time {
	if p.tick != nil {
		return p.tick()
	}
	return p.now
}

// again repeats what ended in doubt, as a caller would.
func again(t testing.TB, fn func() error) {
	t.Helper()
	for range 10 {
		err := fn()
		if err == nil {
			return
		}
		if !errors.Is(err, storetest.ErrAmbiguous) {
			t.Fatal(err)
		}
	}
	t.Fatal("in doubt ten times")
}

// receive takes a mail and settles it.
func (p *played) receive(env mail.Envelope, raw string) {
	p.t.Helper()
	if _, err := p.Receive(context.Background(), env, strings.NewReader(strings.ReplaceAll(raw, "\n", "\r\n"))); err != nil {
		p.t.Fatal(err)
	}
	p.settle()
}

func (p *played) settle() {
	p.t.Helper()
	again(p.t, func() error {
		next, err := p.Process(context.Background(), p.mark, 100)
		if err == nil {
			p.mark = next
		}
		return err
	})
}

// tell writes what has become of the last mail, and what goes out since.
func (p *played) tell() {
	p.t.Helper()
	ctx := context.Background()
	var last gateway.Exported
	if err := p.Export(ctx, func(e gateway.Exported) error { last = e; return nil }); err != nil {
		p.t.Fatal(err)
	}
	r := last.Receipt
	fmt.Fprintf(&p.out, "%s", r.Disposition)
	if r.Reason != "" {
		fmt.Fprintf(&p.out, " (%s)", r.Reason)
	}
	if r.Ticket != 0 {
		ts, err := p.Tickets(ctx, "", 0, 0)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, t := range ts {
			if t.ID == r.Ticket {
				fmt.Fprintf(&p.out, " #%s/%d %s %s", t.Number, r.Article, t.State, t.Queue)
				if t.Assignee != "" {
					fmt.Fprintf(&p.out, " @%s", t.Assignee)
				}
			}
		}
	}
	p.out.WriteString("\n")
	p.tellMails()
}

// tellMails writes the mails that were put into the outbox since the last time.
func (p *played) tellMails() {
	p.t.Helper()
	os, err := p.Outbox(context.Background(), "", 0)
	if err != nil {
		p.t.Fatal(err)
	}
	var lines []string
	for _, o := range os {
		if !p.seen[o.ID] {
			p.seen[o.ID], p.last["before "+o.To] = true, p.last[o.To]
			p.last[o.To] = o
			for what, link := range links {
				if link.MatchString(mail.Parse(p.raw(o)).Text) {
					p.last[what+" "+o.To] = o
				}
			}
			lines = append(lines, fmt.Sprintf("  %s → %s: %s\n", o.Kind, o.To, o.Subject))
		}
	}
	slices.Sort(lines)
	p.out.WriteString(strings.Join(lines, ""))
}

// raw returns the assembled bytes of a mail of ours.
func (p *played) raw(o mailout.Outgoing) []byte {
	p.t.Helper()
	var b bytes.Buffer
	if err := mailout.Assemble(&b, o.Pieces, func(ref string) ([]byte, func(), error) { return p.Raw(context.Background(), ref) }); err != nil {
		p.t.Fatal(err)
	}
	return b.Bytes()
}

var (
	placeholder = regexp.MustCompile(`\$(reply1?|id|ticket|approve|reject|page|survey|confirm|stop|bounce|undo|yes|no)\(([^)]+)\)`)
	links       = map[string]*regexp.Regexp{"approve": regexp.MustCompile(`mailto:([^?\s]+\+a[a-z2-7]+@[^?\s]+)\?`), "reject": regexp.MustCompile(`mailto:([^?\s]+\+r[a-z2-7]+@[^?\s]+)\?`),
		"confirm": regexp.MustCompile(`mailto:([^?\s]+\+c[a-z2-7]+@[^?\s]+)\?`),
		"survey":  regexp.MustCompile(`https://mesa\.example/e/([a-z2-7]+)`),
		"undo":    regexp.MustCompile(`mailto:([^?\s]+\+u[a-z2-7]+@[^?\s]+)\?`),
		"yes":     regexp.MustCompile(`mailto:([^?\s]+\+y[a-z2-7]+@[^?\s]+)\?`),
		"no":      regexp.MustCompile(`mailto:([^?\s]+\+n[a-z2-7]+@[^?\s]+)\?`),
		"page":    regexp.MustCompile(`https://mesa\.example/d/([a-z2-7]+)`)}
)

// fill puts into a case what only the desk's own mails tell: $reply(x) is the
// Reply-To of the last mail to x, $id(x) its Message-ID, $approve(x) and
// $reject(x) the addresses that decide, $page(x) the token of the page.
func (p *played) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(s string) string {
		m := placeholder.FindStringSubmatch(s)
		to := m[2]
		if m[1] == "reply1" { // of the mail before the last
			to, m[1] = "before "+to, "reply"
		} else if _, decides := links[m[1]]; decides {
			to = m[1] + " " + to
		}
		o, ok := p.last[to]
		if !ok {
			p.t.Fatalf("%s: no mail went to %s", s, m[2])
		}
		ours := mail.Parse(p.raw(o))
		switch m[1] {
		case "reply":
			return ours.ReplyTo[0].Address
		case "id":
			return "<" + ours.MessageID + ">"
		case "ticket":
			return "<" + ours.References[0] + ">"
		case "bounce":
			return o.From
		case "stop":
			return regexp.MustCompile(`mailto:([^?]+)`).FindStringSubmatch(string(p.raw(o)))[1]
		}
		found := links[m[1]].FindStringSubmatch(ours.Text)
		if found == nil {
			p.t.Fatalf("%s: not in\n%s\nafter\n%s", s, ours.Text, p.out.String())
		}
		return found[1]
	})
}

// TestCases plays every case of testdata/gateway on every engine. A case is a
// run of steps, each a line, the text that belongs to it, and, after a line of
// dashes, what must follow:
//
//	mail [relay] [from=…] [to=…]    a mail comes in; its text follows
//	decide approve|reject x         somebody presses a button on the page sent to x
//	score 4 x                       somebody answers the survey on the page sent to x
//	undo x                          somebody presses the button that takes back what the last transcript to x told
//	later 2h                        time passes
//	wake                            what has come due meanwhile is done
//	worked 2026-03-02               the time noted on that day
//	rules file                      an admin writes a rule file, and its tests are run
//	explain                         what would become of a mail of this text, and why
//	show number                     a ticket and its history
//	learn                           what agents wanted to be known is written
//	shown x                         what its HTML part shows
//	read x                          the last mail to x: its text, pictures and files
func TestCases(t *testing.T) {
	files, err := filepath.Glob("../testdata/gateway/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { playFile(t, f, newPlayed) })
	}
}

// playFile plays a case on every engine; under the race detector, which takes many
// times as long and sees in one what it sees in all, on that of the desk alone.
func playFile(t *testing.T, file string, newDesk func(testing.TB, store.Engine) *played) {
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range engines(t) {
		if slow && name != "bolt" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newDesk(t, e)
			p.play(string(want))
			p.healthy()
			if *update && name == "mem" {
				if err := os.WriteFile(file, []byte(p.out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(want), p.out.String()); diff != "" && !*update {
				t.Error(diff)
			}
		})
	}
}

// play plays a case and writes it again, with what really followed.
func (p *played) play(script string) {
	in := bufio.NewScanner(strings.NewReader(script))
	for in.Scan() {
		line := in.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			p.out.WriteString(line + "\n")
			continue
		}
		var text []string
		for in.Scan() && in.Text() != "----" {
			text = append(text, in.Text())
		}
		p.out.WriteString(line + "\n")
		for _, l := range text {
			p.out.WriteString(l + "\n")
		}
		p.out.WriteString("----\n")
		p.step(strings.Fields(line), strings.Join(text, "\n")+"\n")
		for in.Scan() && in.Text() != "" { // what was to follow
		}
		p.out.WriteString("\n")
	}
}

func (p *played) step(words []string, text string) {
	switch words[0] {
	case "mail":
		env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}}
		for _, w := range words[1:] {
			switch k, v, _ := strings.Cut(p.fill(w), "="); k {
			case "relay":
				env.Auth.Relay = true
			case "from":
				env.From = v
			case "to":
				env.Rcpts = strings.Split(v, ",")
			}
		}
		p.receive(env, p.fill(text))
		p.tell()
	case "learn":
		written := map[string]string{}
		again(p.t, func() error {
			return p.Learn(context.Background(), func(k desk.Knowledge) error { written[k.Name] = k.File(); return nil })
		})
		for _, name := range slices.Sorted(maps.Keys(written)) {
			p.out.WriteString("knowledge/" + name + ".md:\n" + strings.ReplaceAll(strings.TrimSpace(written[name]), "\n\n", "\n") + "\n")
		}
	case "decide":
		token := p.fill("$page(" + words[2] + ")")
		pages := gateway.Pages{Gateway: p.Gateway}
		again(p.t, func() error {
			d, err := pages.Decide(context.Background(), token, words[1] == "approve", strings.TrimSpace(text))
			if err == nil {
				fmt.Fprintf(&p.out, "page: %s open=%v decided=%q\n", d.State, d.Open, d.Decided)
			}
			return err
		})
		p.tellMails()
	case "score":
		token, score := p.fill("$survey("+words[2]+")"), int(words[1][0]-'0')
		again(p.t, func() error {
			v, err := gateway.Pages{Gateway: p.Gateway}.Score(context.Background(), token, score, strings.TrimSpace(text))
			if err == nil {
				fmt.Fprintf(&p.out, "page: open=%v score=%d\n", v.Open, v.Score)
			}
			return err
		})
		p.tellMails()
	case "undo":
		address := p.fill("$undo(" + words[1] + ")")
		_, token, _ := strings.Cut(address[:strings.IndexByte(address, '@')], "+")
		again(p.t, func() error {
			u, err := gateway.Pages{Gateway: p.Gateway}.TakeBack(context.Background(), token)
			if err == nil {
				fmt.Fprintf(&p.out, "page: %s done=%v %s\n", u.State, u.Done, u.Reason)
			}
			return err
		})
		p.tellMails()
	case "later":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.now = p.now.Add(d)
	case "rules":
		p.write(words[1], text)
	case "explain":
		p.explain(p.fill(text))
	case "show":
		p.show(words[1])
	case "worked": // what was noted of everybody's work on one day
		day, err := time.Parse(time.DateOnly, words[1])
		if err != nil {
			p.t.Fatal(err)
		}
		if err := p.Activities(context.Background(), day, day, func(a desk.Activity) error {
			fmt.Fprintf(&p.out, "%s %d %q ticket=%d\n", a.Agent, a.Minutes, a.Text, a.Ticket)
			return nil
		}); err != nil {
			p.t.Fatal(err)
		}
	case "wake": // what is due is done
		again(p.t, func() error { return p.TellDue(context.Background()) })
		p.tellMails()
	case "shown": // the last mail to x, as its HTML part shows it
		html := mail.Parse(p.raw(p.last[words[1]])).HTML
		for _, l := range strings.Split(tag.ReplaceAllString(body.FindString(html), "\n"), "\n") {
			if l = strings.TrimSpace(l); l != "" {
				fmt.Fprintln(&p.out, l)
			}
		}
	case "read":
		p.read(words[1])
	default:
		p.listStep(words)
	}
}

// listStep is a step that has to do with digests, alerts and the desk's files.
func (p *played) listStep(words []string) {
	switch words[0] {
	case "digest": // what an agent wants at eight, as often as it is asked for
		w := p.Setup().World
		for i, a := range w.Agents {
			if a.Name == words[1] {
				w.Agents[i].Digest = 8 * time.Hour
			}
		}
		again(p.t, func() error { return p.TellDigests(context.Background()) })
		p.tellMails()
	case "digests": // those that are due
		again(p.t, func() error { return p.TellDigests(context.Background()) })
		p.tellMails()
	case "alerts": // what was gathered for long enough
		again(p.t, func() error { return p.TellAlerts(context.Background()) })
		p.tellMails()
	case "world": // what the admin's files say is changed
		p.setWorld(words[1:])
	case "headers": // of the last mail to somebody, those whose names begin with a word
		for _, f := range mail.Parse(p.raw(p.last[words[1]])).Header {
			if strings.HasPrefix(f.Name, words[2]) {
				fmt.Fprintf(&p.out, "%s: %s\n", f.Name, f.Value)
			}
		}
	case "stop": // the page behind the link of the last mail to somebody that stops it
		link := regexp.MustCompile(`https://mesa\.example/l/([a-z2-7]+)`).FindStringSubmatch(mail.Parse(p.raw(p.last[words[1]])).Text)
		pages := gateway.Pages{Gateway: p.Gateway}
		seen, err := pages.Digest(context.Background(), link[1])
		if err != nil {
			p.t.Fatal(err)
		}
		again(p.t, func() error {
			after, err := pages.StopDigest(context.Background(), link[1])
			if err == nil {
				fmt.Fprintf(&p.out, "stopped: %v, then %v\n", seen.Stopped, after.Stopped)
			}
			return err
		})
	default:
		p.t.Fatalf("unknown step %q", words[0])
	}
}

// setWorld changes what the admin's files say: «agent luis digest 9h», «queue soporte
// digest 8h eva», «control ordenes@mesa.example», «gather 2m».
func (p *played) setWorld(words []string) {
	w := *p.Setup().World
	w.Agents, w.Queues = slices.Clone(w.Agents), slices.Clone(w.Queues)
	span := func(s string) time.Duration {
		d, err := time.ParseDuration(s)
		if err != nil {
			p.t.Fatal(err)
		}
		return d
	}
	switch words[0] {
	case "control":
		w.Control = words[1]
	case "gather":
		w.Gather = span(words[1])
		for i := range w.Agents {
			w.Agents[i].Gather = w.Gather
		}
	case "agent":
		i := slices.IndexFunc(w.Agents, func(a desk.Agent) bool { return a.Name == words[1] })
		w.Agents[i].Digest = span(words[3])
	case "queue":
		i := slices.IndexFunc(w.Queues, func(q desk.Queue) bool { return q.Name == words[1] })
		w.Queues[i].Digest, w.Queues[i].DigestTo = span(words[3]), words[4:]
	}
	setup := *p.Setup()
	setup.World = &w
	p.Use(&setup)
}

var (
	body = regexp.MustCompile(`(?s)<body.*`)
	tag  = regexp.MustCompile(`<[^>]*>`)
)

var picture = regexp.MustCompile(`<img[^>]*>`)

func (p *played) read(to string) {
	m := mail.Parse(p.raw(p.last[to]))
	fmt.Fprintf(&p.out, "%s\n", strings.ReplaceAll(strings.TrimSpace(m.Text), "\n\n", "\n"))
	for _, img := range picture.FindAllString(m.HTML, -1) {
		p.out.WriteString(img + "\n")
	}
	for _, bold := range regexp.MustCompile(`<(strong|li|a href)[^>]*>[^<]*`).FindAllString(m.HTML, -1) {
		if strings.Contains(bold, "mundo") || strings.Contains(bold, "uno") || strings.Contains(bold, "sitio") {
			p.out.WriteString(bold + "\n")
		}
	}
	for _, part := range m.Parts {
		fmt.Fprintf(&p.out, "%s %q %s %d %s cid=%s\n", part.Disposition, part.Name, part.Type, part.Size, part.SHA256[:12], part.ContentID)
	}
}

func (p *played) show(number string) {
	h, err := p.History(context.Background(), number)
	if id, _ := strconv.Atoi(number); errors.Is(err, store.ErrNotFound) && id > 0 { // where numbers are no sequence: the n-th ticket
		ts, listed := p.Tickets(context.Background(), "", 0, 0)
		if listed != nil || id > len(ts) {
			p.t.Fatal(listed, len(ts))
		}
		h, err = p.History(context.Background(), ts[len(ts)-id].Number)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	k := h.Ticket
	fmt.Fprintf(&p.out, "#%s %q %s queue=%s type=%s priority=%d assignee=%s unverified=%v held=%d\n", k.Number, k.Subject, k.State, k.Queue, k.Type, k.Priority, k.Assignee, k.Unverified, k.Held)
	if k.Category != "" || len(k.Fields) > 0 || len(k.Tags) > 0 {
		fmt.Fprintf(&p.out, "  category=%s fields=%v missing=%v asked=%d tags=%v\n", k.Category, k.Fields, k.Missing, k.Asked, k.Tags)
	}
	if k.Service+k.Client+k.Level+k.External+k.Asset+k.Channel+k.Responsible+string(k.Waiting) != "" {
		fmt.Fprintf(&p.out, "  service=%s client=%s level=%s external=%s asset=%s channel=%s responsible=%s waiting=%s\n", k.Service, k.Client, k.Level, k.External, k.Asset, k.Channel, k.Responsible, k.Waiting)
	}
	for _, task := range k.Tasks {
		fmt.Fprintf(&p.out, "  task %d %q owner=%s by=%s due=%s state=%s reminded=%v\n", task.Number, task.Text, task.Owner, task.By, task.Due.Format("2006-01-02T15:04"), task.State, task.Reminded)
	}
	if c := k.Clocks.Resolution; !c.Fixed.IsZero() {
		fmt.Fprintf(&p.out, "  due %s %q running=%v\n", c.Fixed.Format("2006-01-02T15:04"), c.Why, c.Running())
	}
	for _, e := range h.Events {
		fmt.Fprintf(&p.out, "  %d %s %s", e.Seq, e.Kind, e.Actor)
		if e.Old != "" || e.New != "" {
			fmt.Fprintf(&p.out, " %s→%s", e.Old, e.New)
		}
		if e.Text != "" {
			fmt.Fprintf(&p.out, " %q", e.Text)
		}
		p.out.WriteString("\n")
	}
	for _, a := range h.Articles {
		text, err := p.ArticleText(a)
		if err != nil {
			p.t.Fatal(err)
		}
		repeated := ""
		if a.Repeated {
			repeated = ", Message-ID repeated"
		}
		fmt.Fprintf(&p.out, "  %s %d by %s, trust %s%s: %q\n", a.Kind, a.Number, a.Author, a.Trust, repeated, strings.TrimSpace(text))
	}
}

// healthy holds after every case: each mail has one disposition, each ticket is
// the sum of its events, every mail of ours has the bytes that its hash says.
func (p *played) healthy() {
	p.t.Helper()
	a, err := p.Doctor(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	sum := 0
	for _, n := range a.Dispositions {
		sum += n
	}
	if len(a.Faults) > 0 || a.Accepted != sum || a.Waiting != 0 {
		p.t.Errorf("doctor: %+v", a)
	}
	os, err := p.Outbox(context.Background(), "", 0)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, o := range os {
		checkOutgoing(p.t, o, p.raw(o))
	}
}
