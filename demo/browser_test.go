package demo

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

const chromium = "/usr/bin/chromium"

// browser starts a real browser with a profile of its own. Where there is none
// the test is skipped, except where everything is meant to be there.
func browser(t *testing.T) context.Context {
	t.Helper()
	if _, err := os.Stat(chromium); errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing", chromium)
		}
		t.Skipf("%s is missing", chromium)
	}
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(chromium), chromedp.UserDataDir(t.TempDir())}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
		"disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, cancelTime := context.WithTimeout(t.Context(), 60*time.Second)
	ctx, cancelProcess := chromedp.NewExecAllocator(ctx, options...)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // closes the browser and waits for it
		cancelTab()
		cancelProcess()
		cancelTime()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return ctx
}

// trap counts what is asked of it.
type trap struct {
	mu    sync.Mutex
	paths []string
}

func (tr *trap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.paths = append(tr.paths, r.URL.Path)
}

func (tr *trap) asked() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return append([]string(nil), tr.paths...)
}

// hungry is a mail that tries to load and run things of another server.
const hungry = `<html><head><link rel=stylesheet href="TRAP/css"><style>@import "TRAP/import"; body{background:url(TRAP/background)} @font-face{font-family:f;src:url(TRAP/font)} p{font-family:f}</style>
<meta http-equiv=refresh content="0;url=TRAP/refresh"></head><body>
<p id=p>Hola</p><img src="TRAP/img"><img srcset="TRAP/srcset 1x"><div style="background:url(TRAP/inline)">x</div><video src="TRAP/video" poster="TRAP/poster"></video>
<iframe src="TRAP/iframe"></iframe><object data="TRAP/object"></object><script src="TRAP/script"></script><script>location="TRAP/location"</script>
<form action="TRAP/form"><input></form><svg><image href="TRAP/svg"/></svg><img src="x" onerror="location='TRAP/onerror'"></body></html>`

// TestBrowserLoadsNothing: a mail on the page asks nothing of anybody. The
// control shows the same mail bare.
func TestBrowserLoadsNothing(t *testing.T) {
	tr := &trap{}
	theirs := httptest.NewServer(tr)
	defer theirs.Close()
	source := strings.ReplaceAll(hungry, "TRAP", theirs.URL)
	server, _, d := serve(t)
	put(t, d.outbox, "ana@example.org", rich(source))
	ctx := browser(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/demo/mail/1"), chromedp.WaitVisible(chromedp.CSS("iframe"))); err != nil {
		t.Fatal(err)
	}
	// A second page after it: by then the first has loaded what it could.
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/demo/")); err != nil {
		t.Fatal(err)
	}
	if got := tr.asked(); len(got) != 0 {
		t.Errorf("the mail loaded %q", got)
	}

	// The policy alone keeps it in too, whatever framed lets through.
	unread := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", policy)
		fmt.Fprintf(w, `<!DOCTYPE html><iframe sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="%s"></iframe>`, html.EscapeString(source))
	}))
	defer unread.Close()
	if err := chromedp.Do(ctx, chromedp.Navigate(unread.URL), chromedp.Navigate(server.URL+"/demo/")); err != nil {
		t.Fatal(err)
	}
	if got := tr.asked(); len(got) != 0 {
		t.Errorf("past the policy, the mail loaded %q", got)
	}

	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, strings.NewReplacer(`<meta http-equiv=refresh content="0;url=`+theirs.URL+`/refresh">`, "", `location="`, `"`).Replace(source))
	}))
	defer bare.Close()
	if err := chromedp.Do(ctx, chromedp.Navigate(bare.URL)); err != nil {
		t.Fatal(err)
	}
	if got := tr.asked(); len(got) < 5 {
		t.Errorf("bare, the mail loaded only %q: this test shows little", got)
	}
}

// TestBrowserFrame: the frame shows the mail with its style and its picture, and
// its button opens the page behind it in a new tab.
func TestBrowserFrame(t *testing.T) {
	server, _, d := serve(t)
	visited := make(chan string, 10)
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visited <- r.Method + " " + r.URL.Path + " from " + r.Referer()
	}))
	defer behind.Close()
	put(t, d.outbox, "ana@example.org", rich(`<body style="margin:0"><a href="`+behind.URL+`/d/dabc" style="display:block;height:200px;background:#17693a">Aprobar</a><img id=logo src="cid:logo@x" width=50 height=50></body>`))
	ctx := browser(t)
	frame := chromedp.CSS("iframe")
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1200, 900), chromedp.Navigate(server.URL+"/demo/mail/1"), chromedp.WaitVisible(frame), chromedp.ScrollIntoView(frame)); err != nil {
		t.Fatal(err)
	}
	targets, err := chromedp.Targets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	inside := slices.IndexFunc(targets, func(i *target.Info) bool { return i.Type == "iframe" && i.URL == "about:srcdoc" })
	if inside < 0 {
		t.Fatal("the frame has no process of its own: it is not sandboxed")
	}
	frameCtx, cancel := chromedp.NewContext(ctx, chromedp.WithTargetID(targets[inside].TargetID))
	defer cancel()
	looks, err := chromedp.Run(frameCtx, chromedp.Evaluate[string](`document.getElementById("logo").naturalWidth + " " + getComputedStyle(document.querySelector("a")).backgroundColor + " " + origin`))
	if err != nil || looks != "1 rgb(23, 105, 58) null" {
		t.Errorf("the frame looks %q, %v", looks, err)
	}
	if err := chromedp.Do(frameCtx, chromedp.Click(chromedp.CSS("a"))); err != nil {
		t.Fatal(err)
	}
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	select {
	case got := <-visited:
		if got != "GET /d/dabc from " {
			t.Errorf("the new tab asked %q", got)
		}
	case <-late.C:
		t.Fatal("the click opened nothing")
	}
}

// TestBrowserForm: the form of a real browser passes the guards, and what came
// back is on the page that follows.
func TestBrowserForm(t *testing.T) {
	server, _, d := serve(t)
	ctx := browser(t)
	err := chromedp.Do(ctx,
		chromedp.Navigate(server.URL+"/demo/"),
		chromedp.SendKeys(chromedp.CSS("[name=subject]"), "No imprime"),
		chromedp.SendKeys(chromedp.CSS("[name=text]"), "Buenos días"),
		chromedp.Click(chromedp.CSS("form button")),
		chromedp.WaitVisible(chromedp.CSS("li.new a")),
		chromedp.Click(chromedp.CSS("li.new a")),
		chromedp.WaitVisible(chromedp.CSS("#responder")))
	if err != nil {
		t.Fatal(err)
	}
	got := d.taken.Mails()
	if len(got) != 1 || got[0].Message.Subject != "No imprime" || got[0].Message.From[0].Name != "Ana Núñez" {
		t.Errorf("the desk got %+v", got)
	}
	wide, err := chromedp.Run(ctx, chromedp.Evaluate[[]float64](`[document.documentElement.scrollWidth, innerWidth]`))
	if err != nil || wide[0] > wide[1] {
		t.Errorf("the page is %v wide, %v", wide, err)
	}
}
