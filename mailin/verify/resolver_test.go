package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"ventanilla/mail"
)

// clock is a clock that stands.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// asking returns a verifier of a zone, and a function that asks it for a text.
func asking(t *testing.T, z *zone, o Options) (*Verifier, func(name string) ([]string, error)) {
	o.Servers = []string{z.serve(t)}
	v := New(o)
	return v, func(name string) ([]string, error) {
		return v.resolver.ask(context.Background(), 1).LookupTXT(context.Background(), name)
	}
}

// TestCache: answers are kept for their TTL, within a least and a most, and so is
// the absence of one; trouble is not kept.
func TestCache(t *testing.T) {
	for _, test := range []struct {
		name, zone, ask string
		before, after   time.Duration // kept until then, and asked for again
	}{
		{"TTL", `a.example TTL 90 TXT "x"`, "a.example", 89 * time.Second, 91 * time.Second},
		{"a long TTL", `a.example TTL 86400 TXT "x"`, "a.example", 59 * time.Minute, 61 * time.Minute},
		{"the shorter one of an alias", "a.example TTL 30 CNAME b.example\n" + `b.example TTL 90 TXT "x"`, "a.example", 29 * time.Second, 31 * time.Second},
		{"no such name", `a.example TXT "x"`, "z.example", 59 * time.Second, 61 * time.Second},
		{"no such name for an hour", "absent 3600", "z.example", 4 * time.Minute, 6 * time.Minute},
		{"no such record", `a.example A 192.0.2.1`, "a.example", 59 * time.Second, 61 * time.Second},
		{"TTL 0", `a.example TTL 0 TXT "x"`, "a.example", -1, 0},
		{"trouble", "a.example SERVFAIL", "a.example", -1, 0},
		{"larger than 4 KiB", `a.example TTL 90 TXT "` + strings.Repeat("x", 5000) + `"`, "a.example", -1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			z, c := readZone(t, test.zone), &clock{now: time.Now()}
			_, ask := asking(t, z, Options{Now: c.Now})
			_, first := ask(test.ask)
			asked := z.total()
			if asked == 0 {
				t.Fatal("nobody was asked")
			}
			if test.before >= 0 {
				c.add(test.before)
				_, again := ask(strings.ToUpper(test.ask) + ".")
				if z.total() != asked || (first == nil) != (again == nil) {
					t.Errorf("asked again %d times before its time: %v, %v", z.total()-asked, first, again)
				}
			}
			c.add(test.after - max(0, test.before))
			if ask(test.ask); z.total() == asked {
				t.Error("not asked again in time")
			}
		})
	}
}

// TestCacheBound: of more answers than there is room for, the one not used for
// longest goes.
func TestCacheBound(t *testing.T) {
	var text strings.Builder
	for i := range 10 {
		fmt.Fprintf(&text, "n%d.example TXT \"x\"\n", i)
	}
	z := readZone(t, text.String())
	v, ask := asking(t, z, Options{Entries: 4})
	for i := range 4 {
		ask(fmt.Sprintf("n%d.example", i))
	}
	ask("n0.example")
	ask("n4.example")
	if n := v.resolver.recent.Len(); n != 4 || len(v.resolver.kept) != 4 {
		t.Errorf("%d and %d answers are kept, want 4", n, len(v.resolver.kept))
	}
	ask("n0.example")
	if n := z.count("n0.example"); n != 1 {
		t.Errorf("the one used lately was asked for %d times", n)
	}
	ask("n1.example")
	if n := z.count("n1.example"); n != 2 {
		t.Errorf("the one not used for longest was asked for %d times", n)
	}
}

// TestOneFlight: who asks what is being asked waits for that answer, and one who
// gives up does not spoil it for the others.
func TestOneFlight(t *testing.T) {
	z := readZone(t, `a.example TXT "x"`)
	v, _ := asking(t, z, Options{})
	z.mu.Lock() // the server waits
	gone, leave := context.WithCancel(context.Background())
	first := make(chan error, 1)
	go func() { _, err := v.resolver.lookup(gone, question{"a.example", typeTXT}); first <- err }()
	await(t, func() bool { v.resolver.mu.Lock(); defer v.resolver.mu.Unlock(); return len(v.resolver.under) == 1 })
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("who has left hears %v", err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if a, err := v.resolver.lookup(context.Background(), question{"a.example", typeTXT}); err != nil || len(a.texts) != 1 {
				t.Errorf("%v, %v", a, err)
			}
		})
	}
	z.mu.Unlock()
	all.Wait()
	if n := z.total(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func await(t *testing.T, ready func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come to that")
		}
	}
}

// TestServers: when a server does not answer the next one is asked, and from
// then on that one first.
func TestServers(t *testing.T) {
	hanging, refusing, good := readZone(t, "a.example HANG\nb.example HANG"), readZone(t, "a.example REFUSED\nb.example REFUSED"), readZone(t, "a.example TXT \"x\"\nb.example TXT \"x\"")
	v := New(Options{Timeout: 2 * time.Second, Servers: []string{hanging.serve(t), refusing.serve(t), good.serve(t)}})
	for _, name := range []string{"a.example", "b.example"} {
		texts, err := v.resolver.ask(context.Background(), 1).LookupTXT(context.Background(), name)
		if err != nil || len(texts) != 1 {
			t.Fatal(name, texts, err)
		}
	}
	if hanging.total() != 1 || refusing.total() != 1 || good.total() != 2 {
		t.Errorf("asked %d, %d and %d times", hanging.total(), refusing.total(), good.total())
	}
}

// TestQuestions: one mail makes us ask so many questions and no more, whatever
// its domains publish.
func TestQuestions(t *testing.T) {
	var text strings.Builder
	text.WriteString(`otra.example TXT "v=spf1`)
	for i := range 10 {
		fmt.Fprintf(&text, " mx:m%d.otra.example", i)
	}
	text.WriteString(" +all\"\n")
	for i := range 10 {
		for j := range 10 {
			fmt.Fprintf(&text, "m%d.otra.example MX h%d%d.otra.example\nh%d%d.otra.example A 192.0.2.9\n", i, i, j, i, j)
		}
	}
	text.WriteString(`_dmarc.uni.example TXT "v=DMARC1; p=reject"`)
	z := readZone(t, text.String())
	v, _ := asking(t, z, Options{})
	var raw strings.Builder
	for i := range 30 {
		fmt.Fprintf(&raw, "DKIM-Signature: v=1; a=rsa-sha256; d=a%d.b.c.d.e.f.g.h.uni.example; s=x; h=from; bh=eA==; b=eA==\r\n", i)
	}
	raw.WriteString("From: ana@uni.example\r\n\r\nx\r\n")
	c := v.Check(context.Background(), mail.Envelope{Peer: "192.0.2.1", From: "x@otra.example", Helo: "mx.otra.example"}, strings.NewReader(raw.String()))
	if c.SPF.Result != "temperror" || len(c.DKIM) != signaturesMost || !c.Fail {
		t.Errorf("%+v", c)
	}
	if n := z.total(); n > questionsSPF+questionsDKIM+walkMost || n < questionsSPF {
		t.Errorf("%d questions", n)
	}
	if c.SPF.Why == "" {
		t.Error("no reason")
	}
}

// TestTime: with a DNS that never answers, a check ends in its time, and proves
// nothing. No goroutine stays behind.
func TestTime(t *testing.T) {
	z := readZone(t, "uni.example HANG\n_dmarc.uni.example HANG\n_dmarc.example HANG\ns._domainkey.uni.example HANG")
	v, _ := asking(t, z, Options{Timeout: 400 * time.Millisecond})
	raw := "DKIM-Signature: v=1; a=rsa-sha256; d=uni.example; s=s; h=from; bh=eA==; b=eA==\r\nFrom: ana@uni.example\r\n\r\nx\r\n"
	before := runtime.NumGoroutine()
	began := time.Now()
	c := v.Check(context.Background(), mail.Envelope{Peer: "192.0.2.1", From: "ana@uni.example"}, strings.NewReader(raw))
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if c.Pass || c.Fail || c.SPF.Result != "temperror" || c.DMARC.Result != "temperror" {
		t.Errorf("%+v", c)
	}
	await(t, func() bool { return runtime.NumGoroutine() <= before })
}

// TestUnreadable: a text that cannot be read to its end, or not in time, makes no
// result, and leaves no goroutine behind.
func TestUnreadable(t *testing.T) {
	c := readCase(t, "testdata/cases/dkim-both.txtar", keys(t))
	v, _ := asking(t, c.zone, Options{})
	cut := bytes.Index(c.mail, []byte("\r\n\r\n")) + 8
	before := runtime.NumGoroutine()
	got := v.Check(context.Background(), c.env, &broken{bytes.NewReader(c.mail[:cut])})
	if got.Pass || got.Fail || len(got.DKIM) != 2 || got.DKIM[0].Result != "temperror" || got.DMARC.Result != "temperror" {
		t.Errorf("%+v", got)
	}
	await(t, func() bool { return runtime.NumGoroutine() <= before })
}

// broken is a disk that breaks where the text should go on.
type broken struct{ *bytes.Reader }

func (b *broken) Read(p []byte) (int, error) {
	if b.Len() == 0 {
		return 0, errors.New("input/output error")
	}
	return b.Reader.Read(p)
}

// TestPanic: what goes wrong while checking is no result, and no end.
func TestPanic(t *testing.T) {
	v := New(Options{Servers: []string{"127.0.0.1:9"}})
	v.resolver.servers = func() []string { return nil }
	v.safely(func() { panic("x") })()
	c := v.Check(context.Background(), mail.Envelope{Peer: "192.0.2.1", From: "ana@uni.example"}, strings.NewReader("From: ana@uni.example\r\n\r\n"))
	if c.Pass || c.Fail {
		t.Errorf("%+v", c)
	}
}

// TestReverse: where the names of an address stand.
func TestReverse(t *testing.T) {
	z := readZone(t, "1.2.0.192.in-addr.arpa PTR a.example")
	v, _ := asking(t, z, Options{})
	for addr, want := range map[string]string{"192.0.2.1": "a.example", "::ffff:192.0.2.1": "a.example", "192.0.2.2": "", "x": ""} {
		names, err := v.resolver.ask(context.Background(), 1).LookupAddr(context.Background(), addr)
		if strings.Join(names, " ") != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", addr, names, err)
		}
		var d *net.DNSError
		if err != nil && (!errors.As(err, &d) || !d.IsNotFound) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestNameservers(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "127.0.0.1:53",
		"# nameserver 192.0.2.9\nsearch x\n": "127.0.0.1:53",
		"nameserver 192.0.2.1\nnameserver 2001:db8::1 # x\noptions edns0\n":              "192.0.2.1:53 [2001:db8::1]:53",
		"nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4": "1.1.1.1:53 2.2.2.2:53 3.3.3.3:53",
	} {
		if got := strings.Join(nameservers(text), " "); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestRecord reads records, good and bad.
func TestRecord(t *testing.T) {
	for text, want := range map[string]string{
		"v=DMARC1; p=reject": "p=reject",
		"v=DMARC1;p=Quarantine;sp=none;np=reject;adkim=s;aspf=S;t=y": "p=quarantine sp=none np=reject adkim aspf t",
		" v = DMARC1 ; p = none ; psd = y ;":                         "p=none psd=y",
		"v=DMARC1; p=none; psd=u":                                    "p=none",
		"v=DMARC1; p=none; unknown=1; fo":                            "p=none",
		"v=DMARC1; rua=mailto:a@b.example":                           "p=none",
		"v=DMARC1; p=reject; sp=nunca; rua=mailto:a@b.example":       "p=none",
		"v=DMARC1; p=reject; pct=0":                                  "p=reject t",
		"v=DMARC1; p=reject; pct=50":                                 "p=reject",
		"v=DMARC1; p=reject; sp=nunca":                               "",
		"v=DMARC1":                                                   "",
		"v=DMARC1; p=reject; p=none":                                 "",
		"v=DMARC1; p=":                                               "",
		"v=dmarc1; p=none":                                           "",
		"p=none; v=DMARC1":                                           "",
		"v=DMARC10; p=none":                                          "",
		"":                                                           "",
	} {
		r, ok := parseRecord(text)
		if got := r.String(); got != want || ok != (want != "") {
			t.Errorf("%q: %q (%v), want %q", text, got, ok, want)
		}
	}
}

func (r record) String() string {
	var words []string
	add := func(is bool, word string) {
		if is {
			words = append(words, word)
		}
	}
	add(r.policy != "", "p="+r.policy)
	add(r.subdomain != "", "sp="+r.subdomain)
	add(r.missing != "", "np="+r.missing)
	add(r.strictDKIM, "adkim")
	add(r.strictSPF, "aspf")
	add(r.psd != "", "psd="+r.psd)
	add(r.testing, "t")
	return strings.Join(words, " ")
}

// FuzzRecord: whatever a domain publishes, a record read has a policy that
// exists, and reads the same when written again.
func FuzzRecord(f *testing.F) {
	f.Add("v=DMARC1; p=reject; sp=none; np=quarantine; adkim=s; aspf=r; psd=n; t=y; pct=0; rua=mailto:a@b.example")
	f.Add("v=DMARC1;;;p=none=none;\x00")
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := parseRecord(text)
		if !ok {
			if r != (record{}) {
				t.Errorf("%q: refused, and %+v", text, r)
			}
			return
		}
		for _, p := range []string{r.policy, r.subdomain, r.missing} {
			if p != "none" && p != "quarantine" && p != "reject" && (p != "" || r.policy == "") {
				t.Errorf("%q: policy %q", text, p)
			}
		}
		if !strings.Contains(text, "DMARC1") {
			t.Errorf("%q is a record", text)
		}
		again := "v=DMARC1; p=" + r.policy
		for name, value := range map[string]string{"sp": r.subdomain, "np": r.missing, "psd": r.psd} {
			if value != "" {
				again += ";" + name + "=" + value
			}
		}
		for name, is := range map[string]bool{"adkim=s": r.strictDKIM, "aspf=s": r.strictSPF, "t=y": r.testing} {
			if is {
				again += ";" + name
			}
		}
		if r2, ok := parseRecord(again); !ok || r2 != r {
			t.Errorf("%q is %+v, and %q is %+v", text, r, again, r2)
		}
	})
}

// FuzzCheck: whatever a mail is, checking it ends without a panic, and a mail
// that none of the keys has signed does not pass.
func FuzzCheck(f *testing.F) {
	names, _ := filepath.Glob("testdata/cases/*.txtar")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("DKIM-Signature: v=1; a=rsa-sha256; d=uni.example; s=sel; h=from; bh=eA==; b=eA==\r\nFrom: ana@uni.example\r\n\r\nx"))
	k := keys(f)
	z := readZone(f, `sel._domainkey.uni.example TXT "v=DKIM1; `+published(f, k["rsa2048"])+"\"\n"+`_dmarc.uni.example TXT "v=DMARC1; p=reject"`)
	v := New(Options{Servers: []string{z.serve(f)}})
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := v.Check(context.Background(), mail.Envelope{Peer: "192.0.2.1", From: mail.NullPath, Helo: "x"}, bytes.NewReader(raw))
		if c.Pass {
			t.Errorf("passes: %+v", c)
		}
	})
}

// TestTimeOfAlignment: whether domains that have signed are of the same
// organisation is asked within the same time.
func TestTimeOfAlignment(t *testing.T) {
	c := readCase(t, "testdata/cases/dmarc-p-reject.txtar", keys(t))
	records := `_dmarc.uni.example TXT "v=DMARC1; p=reject"` + "\n"
	for i := range signaturesMost {
		name := fmt.Sprintf("s%d.uni.example", i)
		c.sign(t, keys(t), []string{"ed25519", name, "x", "from"})
		records += fmt.Sprintf("x._domainkey.%s TXT \"%s\"\n_dmarc.%s HANG\n", name, published(t, keys(t)["ed25519"]), name)
	}
	v, _ := asking(t, readZone(t, records), Options{Timeout: 300 * time.Millisecond})
	began := time.Now()
	got := v.Check(context.Background(), c.env, bytes.NewReader(c.mail))
	if took := time.Since(began); took > 1200*time.Millisecond {
		t.Errorf("took %v", took)
	}
	if got.Pass || got.Fail || got.DMARC.Result != "temperror" || got.DKIM[7].Result != "pass" {
		t.Errorf("%+v", got)
	}
}

// TestHeaderLimits: beyond them, and where a header can be read in two ways, no
// signature counts.
func TestHeaderLimits(t *testing.T) {
	for name, c := range map[string]struct {
		before string
		want   string
	}{
		"at the limit of lines": {strings.Repeat("X: y\r\n", linesMost-30), "pass"},
		"too many lines":        {strings.Repeat("X: y\r\n", linesMost), "permerror"},
		"large":                 {"X: " + strings.Repeat("y", headerMost-10000) + "\r\n", "pass"},
		"too large":             {"X: " + strings.Repeat("y", headerMost) + "\r\n", "permerror"},
		"a fold first":          {" x\r\n", "permerror"},
		"a line of no field":    {"x y\r\n", "permerror"},
		"From of an mbox":       {"From ana Mon Dec  9 2024\r\n", "permerror"},
		"no name":               {": x\r\n", "permerror"},
	} {
		t.Run(name, func(t *testing.T) {
			k := readCase(t, "testdata/cases/dkim-rsa2048.txtar", keys(t))
			v, _ := asking(t, k.zone, Options{})
			raw := []byte(c.before + string(k.mail))
			if name == "large" || name == "too large" { // From stays within what is read
				raw = bytes.Replace(k.mail, []byte("Subject: "), []byte(c.before+"Subject: "), 1)
			}
			got := v.Check(context.Background(), k.env, bytes.NewReader(raw))
			if len(got.DKIM) == 0 && got.Pass || len(got.DKIM) > 0 && got.DKIM[0].Result != c.want || got.Pass != (c.want == "pass") {
				t.Errorf("%+v", got)
			}
		})
	}
	long := strings.NewReader("X: " + strings.Repeat("y", 10<<20))
	if h, _ := readHeader(long); len(h.raw) > headerMost+64<<10 || h.why == "" {
		t.Errorf("%d bytes of a header without an end are kept", len(h.raw))
	}
}

// TestExpired: a signature ends by the clock of the verifier.
func TestExpired(t *testing.T) {
	k := readCase(t, "testdata/cases/dkim-not-expired.txtar", keys(t))
	for at, want := range map[int64]string{3999999999: "pass", 4000000001: "permerror"} {
		v, _ := asking(t, k.zone, Options{Now: func() time.Time { return time.Unix(at, 0) }})
		if got := v.Check(context.Background(), k.env, bytes.NewReader(k.mail)); got.DKIM[0].Result != want {
			t.Errorf("at %d: %+v", at, got.DKIM)
		}
	}
}

// TestTimeForText: of the time that a mail may take, a part is left for checking
// the signature whose key came, however long others are waited for.
func TestTimeForText(t *testing.T) {
	k := readCase(t, "testdata/cases/dns-hangs-beside-signature.txtar", keys(t))
	const all = 2 * time.Second
	v := New(Options{Timeout: all, Servers: []string{k.zone.serve(t), k.zone.serve(t), k.zone.serve(t)}})
	began := time.Now()
	text := &ending{r: bytes.NewReader(k.mail)}
	got := v.Check(context.Background(), k.env, text)
	if !got.Pass || got.DKIM[0].Result != "temperror" {
		t.Errorf("%+v", got)
	}
	if at := text.at.Sub(began); at < all/2 || at > all*9/10 {
		t.Errorf("the text was read to its end after %v of %v", at, all)
	}
}

// ending notes when a reader first ended.
type ending struct {
	r  *bytes.Reader
	at time.Time
}

func (e *ending) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && e.at.IsZero() {
		e.at = time.Now()
	}
	return n, err
}

// TestOrganisation: where an organisation ends.
func TestOrganisation(t *testing.T) {
	for _, c := range []struct {
		domain string
		found  []asked
		want   string
	}{
		{"a.uni.example", nil, "a.uni.example"},
		{"a.uni.example", []asked{{"a.uni.example", record{}}, {"uni.example", record{}}}, "uni.example"},
		{"a.uni.example", []asked{{"a.uni.example", record{psd: "n"}}}, "a.uni.example"},
		{"b.a.uni.example", []asked{{"uni.example", record{psd: "y"}}}, "a.uni.example"},
		{"uni.example", []asked{{"uni.example", record{psd: "y"}}}, "uni.example"},
	} {
		if got := organisation(c.domain, c.found); got != c.want {
			t.Errorf("%s, %v: %s, want %s", c.domain, c.found, got, c.want)
		}
	}
}
