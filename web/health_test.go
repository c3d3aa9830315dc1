package web

import (
	"context"
	"net/http/httptest"
	"testing"
)

// TestHealth: alive is not ready; what is wrong is said, in text and in JSON, on
// the pages and on a listener of its own.
func TestHealth(t *testing.T) {
	well, ill := Health{Warnings: []Problem{{"smarthost", "ningún smarthost acepta correo"}}}, Health{Problems: []Problem{{"disk", "el disco está lleno"}}}
	for _, c := range []struct {
		name, path, accept string
		health             Health
		status             int
		kind, body         string
	}{
		{"alive", "/healthz", "", ill, 200, "text/plain; charset=utf-8", "ok\n"},
		{"ready", "/readyz", "", Health{}, 200, "text/plain; charset=utf-8", "listo\n"},
		{"warned", "/readyz", "", well, 200, "text/plain; charset=utf-8", "listo\n- ningún smarthost acepta correo\n"},
		{"not ready", "/readyz", "text/html", ill, 503, "text/plain; charset=utf-8", "no está listo\n! el disco está lleno\n"},
		{"ready, JSON", "/readyz", "application/json", Health{}, 200, "application/json", `{"ready":true,"problems":[],"warnings":[]}`},
		{"not ready, JSON", "/readyz", "application/json", ill, 503, "application/json", `{"ready":false,"problems":[{"code":"disk","text":"el disco está lleno"}],"warnings":[]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, newDesk())
			s.Ready = func(context.Context) Health { return c.health }
			own := HealthHandler(s.Ready)
			for _, ask := range []func(*httptest.ResponseRecorder){
				func(w *httptest.ResponseRecorder) {
					r := httptest.NewRequest("GET", c.path, nil)
					r.Header.Set("Accept", c.accept)
					s.ServeHTTP(w, r)
				},
				func(w *httptest.ResponseRecorder) {
					r := httptest.NewRequest("GET", c.path, nil)
					r.Header.Set("Accept", c.accept)
					own.ServeHTTP(w, r)
				},
			} {
				w := httptest.NewRecorder()
				ask(w)
				if w.Code != c.status || w.Body.String() != c.body || w.Header().Get("Content-Type") != c.kind || w.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("%d %s %q", w.Code, w.Header().Get("Content-Type"), w.Body)
				}
			}
		})
	}
	w := httptest.NewRecorder()
	HealthHandler(nil).ServeHTTP(w, httptest.NewRequest("GET", "/d/"+goodToken, nil))
	if w.Code != 404 {
		t.Errorf("a page on the listener of its own: %d", w.Code)
	}
}
