package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
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

// await returns when the desk was asked for that, and fails when that takes
// longer than a browser needs.
func await(t *testing.T, calls <-chan string, what string) {
	t.Helper()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for {
		select {
		case got := <-calls:
			if got == what {
				return
			}
		case <-late.C:
			t.Fatalf("the browser never asked: %s", what)
		}
	}
}

// TestBrowserLooks: a real browser that loads, prefetches and prerenders the
// page decides nothing; the button does.
func TestBrowserLooks(t *testing.T) {
	for tries := 1; ; tries++ {
		err := browserLooks(t)
		if err == nil {
			return
		}
		if crashed := strings.Contains(err.Error(), "browser process exited"); !crashed || tries == 3 {
			t.Fatal(err)
		}
		t.Logf("the browser crashed, so once more: %v", err) // prerendering it is not always steady
	}
}

func browserLooks(t *testing.T) error {
	t.Helper()
	d := newDesk()
	calls := make(chan string, 100)
	d.watch = calls
	s := newSite(t, d)
	purposes := make(chan string, 100)
	mux := http.NewServeMux()
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/d/") { // and not for an icon
			purposes <- r.Method + " " + r.Header.Get("Sec-Purpose")
		}
		s.ServeHTTP(w, r)
	}))
	mux.HandleFunc("/mail", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		kind := r.URL.Query().Get("kind")
		_, _ = w.Write([]byte(`<!DOCTYPE html><script type="speculationrules">{"` + kind + `":[{"source":"list","urls":["/d/` + goodToken + `"],"eagerness":"immediate"}]}</script>a link`))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx := browser(t)

	var asked []string
	for _, kind := range []string{"prefetch", "prerender"} {
		if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/mail?kind="+kind)); err != nil {
			return err
		}
		await(t, calls, "shown")
		asked = append(asked, <-purposes)
	}
	if want := []string{"GET prefetch", "GET prefetch;prerender"}; !slices.Equal(asked, want) {
		t.Errorf("the browser asked %q, want %q: else this test shows nothing", asked, want)
	}
	page := server.URL + "/d/" + goodToken
	if err := chromedp.Do(ctx, chromedp.Navigate(page), chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS("button.yes"))); err != nil {
		return err
	}
	if got := d.decisions(); len(got) != 0 {
		t.Fatalf("looking decided %q", got)
	}
	ink, err := chromedp.Run(ctx, chromedp.Evaluate[string](`getComputedStyle(document.querySelector("button.yes")).backgroundColor`))
	if err != nil {
		return err
	}
	err = chromedp.Do(ctx,
		chromedp.SendKeys(chromedp.CSS("#comment"), "Mil gracias\nya imprime"),
		chromedp.Click(chromedp.CSS("button.yes")),
		chromedp.WaitNotPresent(chromedp.CSS("form")),
		chromedp.Reload(), // repeats nothing
	)
	if err != nil {
		return err
	}
	title, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("h1")))
	if err != nil {
		return err
	}
	if got, want := d.decisions(), []string{"approve: Mil gracias\nya imprime"}; !slices.Equal(got, want) {
		t.Errorf("the button decided %q, want %q", got, want)
	}
	if title != "Solución aprobada" {
		t.Errorf("title afterwards %q", title)
	}
	if ink != "rgb(23, 105, 58)" {
		t.Errorf("the button's colour is %s: the policy keeps the style out", ink)
	}
	return nil
}

// TestBrowserCrossSite: the form in another site's page, sent by a script, is
// refused; and the page does not show in that site's frame.
func TestBrowserCrossSite(t *testing.T) {
	ctx := browser(t)
	for _, guard := range []bool{true, false} {
		d := newDesk()
		s := newSite(t, d)
		if !guard {
			s.crossSite = func(*http.Request, string) bool { return false }
		}
		ours := httptest.NewServer(s)
		defer ours.Close()
		theirs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<!DOCTYPE html><form method=post action="` + ours.URL + `/d/` + goodToken + `"><input name=decision value=approve></form><script>document.forms[0].submit()</script>`))
		}))
		defer theirs.Close()
		elsewhere := strings.Replace(theirs.URL, "127.0.0.1", "localhost", 1)
		if err := chromedp.Do(ctx, chromedp.Navigate(elsewhere), chromedp.WaitVisible(chromedp.CSS("main h1"))); err != nil {
			t.Fatal(err)
		}
		if got, want := len(d.decisions()), map[bool]int{true: 0, false: 1}[guard]; got != want {
			t.Errorf("with the guard %v: %d decisions, want %d", guard, got, want)
		}
	}
}

// TestBrowserSees: the page fits a phone, its controls are labelled and as
// large as a thumb, and every text stands out from its ground, by day and night.
func TestBrowserSees(t *testing.T) {
	d := newDesk()
	server := httptest.NewServer(newSite(t, d))
	defer server.Close()
	ctx := browser(t)
	for _, width := range []int64{320, 390, 1200} {
		for _, scheme := range []string{"light", "dark"} {
			for _, state := range []string{"", Approved, "survey"} {
				d.mu.Lock()
				d.decision.Decided = state
				d.mu.Unlock()
				page := "/d/"
				if state == "survey" {
					page = "/e/"
				}
				night := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
				if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, night); err != nil {
					t.Fatal(err)
				}
				if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800), chromedp.Navigate(server.URL+page+goodToken)); err != nil {
					t.Fatal(err)
				}
				faults, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](lookCloser))
				if err != nil {
					t.Fatal(err)
				}
				if len(faults) > 0 {
					t.Errorf("%d px, %s, %q: %s", width, scheme, state, strings.Join(faults, "; "))
				}
			}
		}
	}
}

// TestBrowserSeesFaults is the control of the test above.
func TestBrowserSeesFaults(t *testing.T) {
	server := httptest.NewServer(newSite(t, newDesk()))
	defer server.Close()
	ctx := browser(t)
	const spoil = `(() => {
  document.querySelector("h1").style.color = getComputedStyle(document.querySelector("main")).backgroundColor;
  document.querySelector("button").style.minWidth = "4000px";
  document.querySelector("textarea").labels[0].remove();
  document.querySelector("textarea").style.height = document.querySelector("textarea").style.minHeight = "20px";
  document.documentElement.lang = "";
  return true;
})()`
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(390, 800), chromedp.Navigate(server.URL+"/d/"+goodToken)); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](spoil)); err != nil {
		t.Fatal(err)
	}
	faults, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](lookCloser))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"contrast 1.0", "TEXTAREA is", "TEXTAREA has no name", "wider than the screen", "no language"} {
		if !strings.Contains(strings.Join(faults, "; "), want) {
			t.Errorf("not found: %s, in %q", want, faults)
		}
	}
}

// lookCloser returns what is wrong with the page, by WCAG 2.2 (1.4.3 contrast,
// 1.4.10 reflow, 2.5.5 target size, 3.1.1 language, 4.1.2 names).
const lookCloser = `(() => {
  const faults = [];
  const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walker.nextNode();) {
    if (!n.textContent.trim()) continue;
    const a = light(parse(getComputedStyle(n.parentElement).color)), b = light(ground(n.parentElement));
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faults.push("contrast " + contrast.toFixed(1) + " of " + n.textContent.trim());
  }
  for (const e of document.querySelectorAll("button, textarea")) {
    const box = e.getBoundingClientRect();
    if (box.height < 44 || box.width < 44) faults.push(e.tagName + " is " + box.width + " by " + box.height);
    if (!e.textContent.trim() && !(e.labels && e.labels.length)) faults.push(e.tagName + " has no name");
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push("wider than the screen");
  if (!document.documentElement.lang) faults.push("no language");
  if (document.querySelectorAll("h1").length != 1) faults.push("not one h1");
  if (document.scripts.length) faults.push("scripts");
  return faults;
})()`
