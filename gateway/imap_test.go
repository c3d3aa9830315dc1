package gateway_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/store/mem"
)

// byIMAP is an envelope of a mail fetched from a folder.
func byIMAP(uid uint32) mail.Envelope {
	return mail.Envelope{Source: "imap", Rcpts: []string{"soporte@mesa.example"}, Auth: mail.Auth{Front: true},
		Place: mail.Place{Account: "buzon", Folder: "INBOX", Validity: 7, UID: uid}}
}

// verdict is what became of the mail that came last.
func (p *played) verdict(env mail.Envelope, raw string) (disposition, trust string, acknowledged bool) {
	p.t.Helper()
	before := count(p.kinds(), "acuse")
	p.receive(env, raw)
	err := p.Export(context.Background(), func(e gateway.Exported) error {
		disposition, trust = e.Receipt.Disposition, e.Receipt.Trust
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return disposition, trust, count(p.kinds(), "acuse") > before
}

// TestResultsNeedAFront: what a mail says of itself is worth nothing where no
// server of ours has taken away what strangers write.
func TestResultsNeedAFront(t *testing.T) {
	const pass = "Authentication-Results: mx.mesa.example; dmarc=pass header.from=uni.example\n"
	for _, c := range []struct {
		name, header, trust string
		auth                mail.Auth
		from                string
	}{
		{"a stranger at our door", pass, "nothing", mail.Auth{}, "ana1@uni"},
		{"behind our own server", pass, "auth", mail.Auth{Front: true}, "ana1@uni"},
		{"of another server", strings.Replace(pass, "mx.mesa", "mx.otra", 1), "nothing", mail.Auth{Front: true}, "ana1@uni"},
		{"checked at our door", "", "auth", mail.Auth{Checked: &mail.Checked{Pass: true}}, "ana1@uni"},
		{"checked, and refused by its domain", "", "fails", mail.Auth{Checked: &mail.Checked{Fail: true}}, "ana1@uni"},
		{"checked, and refused, whatever it says", pass, "fails", mail.Auth{Checked: &mail.Checked{Fail: true}}, "ana1@uni"},
		{"without an id, at Microsoft 365", "Authentication-Results: dmarc=pass header.from=uni.example\n", "auth", mail.Auth{Front: true, Provider: mail.Microsoft365}, "ana1@uni"},
		{"without an id, elsewhere", "Authentication-Results: dmarc=pass header.from=uni.example\n", "nothing", mail.Auth{Front: true}, "ana1@uni"},
		{"below another field, at Microsoft 365", "Authentication-Results: mx.otra.example; none\nAuthentication-Results: dmarc=pass header.from=uni.example\n", "nothing", mail.Auth{Provider: mail.Microsoft365}, "ana1@uni"},
		{"within the tenant", "X-MS-Exchange-Organization-AuthAs: Internal\n", "auth", mail.Auth{Provider: mail.Microsoft365}, "ana1@mesa"},
		{"within the tenant, says a stranger", "X-MS-Exchange-Organization-AuthAs: Internal\n", "nothing", mail.Auth{Front: true}, "ana1@mesa"},
		{"within the tenant, of a domain that is not ours", "X-MS-Exchange-Organization-AuthAs: Internal\n", "nothing", mail.Auth{Provider: mail.Microsoft365}, "ana1@uni"},
		{"of another tenant", "X-MS-Exchange-CrossTenant-AuthAs: Internal\n", "nothing", mail.Auth{Provider: mail.Microsoft365}, "ana1@mesa"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlayed(t, mem.New())
			env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}, Auth: c.auth}
			if _, trust, _ := p.verdict(env, c.header+strings.ReplaceAll(opening(1), "ana1@uni", c.from)); trust != c.trust {
				t.Errorf("trust %s, want %s", trust, c.trust)
			}
		})
	}
}

// TestQuiet: what may be an old mail is taken and not answered, and known however
// long ago it came.
func TestQuiet(t *testing.T) {
	p := newPlayed(t, mem.New())
	p.receive(verified, opening(1))
	p.now = p.now.Add(90 * 24 * time.Hour)
	if d, _, _ := p.verdict(byIMAP(1), opening(1)); d != "ticket" {
		t.Errorf("the same after 90 days: %s, want a ticket", d) // the control
	}
	old := byIMAP(2)
	old.Quiet = true
	p.now = p.now.Add(90 * 24 * time.Hour)
	if d, _, _ := p.verdict(old, opening(1)); d != "duplicate" {
		t.Errorf("an old mail read again: %s", d)
	}
	before := len(p.kinds())
	if d, _, told := p.verdict(old, opening(2)); d != "ticket" || told {
		t.Errorf("an old mail that never came: %s, acknowledged %t", d, told)
	}
	if after := p.kinds(); len(after) != before {
		t.Errorf("somebody is told of an old mail: %v", after[before:])
	}
	agents := count(p.kinds(), "ticket-nuevo")
	if d, _, told := p.verdict(byIMAP(3), opening(3)); d != "ticket" || !told {
		t.Errorf("a new one: %s, acknowledged %t", d, told)
	}
	if count(p.kinds(), "ticket-nuevo") == agents {
		t.Error("no agent is told of a new one") // the control
	}
	p.healthy()
}

// TestFolders: a mail may be marked when it is settled, and not before; one that
// was too large to be fetched never.
func TestFolders(t *testing.T) {
	type point struct{ UID int }
	ctx := context.Background()
	p := newPlayed(t, mem.New())
	f := gateway.Folders[point]{Gateway: p.Gateway}
	settled := func(want ...uint32) {
		t.Helper()
		got, err := f.Settled(ctx, "buzon", "INBOX", 7, 10)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("settled %v, %v; want %v", got, err, want)
		}
	}
	if at, err := f.Point(ctx, "buzon", "INBOX"); err != nil || at != (point{}) {
		t.Errorf("point %v, %v", at, err)
	}
	if err := f.SetPoint(ctx, "buzon", "INBOX", point{5}); err != nil {
		t.Fatal(err)
	}
	if at, err := f.Point(ctx, "buzon", "INBOX"); err != nil || at.UID != 5 {
		t.Errorf("point %v, %v", at, err)
	}
	if at, _ := f.Point(ctx, "otro", "INBOX"); at.UID != 0 {
		t.Errorf("another account's: %v", at)
	}
	settled()
	p.receive(byIMAP(12), opening(1))
	p.receive(byIMAP(3), opening(2))
	large := byIMAP(13)
	large.Oversize = 1 << 30
	p.receive(large, opening(3))
	settled(3, 12)
	if err := f.Finished(ctx, "buzon", "INBOX", 7, []uint32{3}); err != nil {
		t.Fatal(err)
	}
	settled(12)
	p.healthy()
}

// TestDeliveredTo: an answer that went to a mailbox by way of an alias names our
// token only where its server says to whom it delivered it. Others may write
// such a field too.
func TestDeliveredTo(t *testing.T) {
	for _, name := range []string{"Delivered-To", "X-Original-To", "X-Delivered-To", "Envelope-To", "X-Other-To"} {
		for _, front := range []bool{true, false} {
			p := newPlayed(t, mem.New())
			p.receive(byIMAP(1), opening(1))
			p.tellMails()
			env := byIMAP(2)
			env.Auth.Front = front
			answer := name + ": " + p.fill("<$reply(ana1@uni.example)>") + "\n" +
				strings.NewReplacer("Subject: ", "Subject: Re: ", "<1@", "<2@", "soporte@mesa.example", "alias@uni.example").Replace(opening(1))
			want := "ticket"
			if front && name != "X-Other-To" {
				want = "append"
			}
			if d, _, _ := p.verdict(env, answer); d != want {
				t.Errorf("%s, front %t: %s, want %s", name, front, d, want)
			}
		}
	}
}

// TestQuietReply: an old mail that belongs to a ticket is appended, and tells
// nobody.
func TestQuietReply(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		p := newPlayed(t, mem.New())
		p.receive(verified, opening(1))
		before := len(p.kinds())
		env := byIMAP(2)
		env.Auth, env.Quiet = verified.Auth, quiet
		d, _, _ := p.verdict(env, strings.Replace(strings.Replace(opening(2), "ana2@", "ana1@", 1), "Subject: ", "Subject: [#000001] ", 1))
		if told := len(p.kinds()) > before; d != "append" || told == quiet {
			t.Errorf("quiet %t: %s, somebody is told %t", quiet, d, told)
		}
	}
}

// TestExplainPlace: of a mail that came by IMAP explain tells from where, and that
// it was an old one.
func TestExplainPlace(t *testing.T) {
	p := newPlayed(t, mem.New())
	env := byIMAP(12)
	env.Quiet = true
	p.receive(env, opening(1))
	for n, want := range map[int]bool{1: true, 2: false} { // the second never came
		r, err := p.ExplainAnew(t.Context(), mail.Envelope{Rcpts: []string{"soporte@mesa.example"}}, strings.NewReader(opening(n)))
		if err != nil || (r.Place.UID == 12) != want || r.Quiet != want {
			t.Errorf("mail %d: %+v, quiet %t, %v", n, r.Place, r.Quiet, err)
		}
	}
}
