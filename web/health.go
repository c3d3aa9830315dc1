package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// Health says whether the desk works, for whoever watches it. Its texts are in
// Spanish and name nobody: the page is for everybody who reaches it.
type Health struct {
	Problems []Problem `json:"problems"` // for which it is not ready
	Warnings []Problem `json:"warnings"` // that need somebody, while it works all the same
}

// Problem is one thing that is not as it should be.
type Problem struct {
	Code string `json:"code"` // stays the same, for programs
	Text string `json:"text"`
}

// Ready says whether the desk can do its work.
func (h Health) Ready() bool { return len(h.Problems) == 0 }

// HealthHandler serves /healthz, which answers as long as the process does, and
// /readyz, which asks: 200 when ready, else 503. Both are plain text, or JSON for
// who accepts application/json.
func HealthHandler(ask func(context.Context) Health) http.Handler {
	return Handler(nil, Options{Ready: ask})
}

// ready answers /readyz.
func (s *site) ready(r *http.Request) answer {
	var h Health
	if s.Ready != nil {
		h = s.Ready(r.Context())
	}
	a := answer{status: http.StatusOK, plain: true}
	if !h.Ready() {
		a.status = http.StatusServiceUnavailable
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		return h.asJSON(a)
	}
	var b strings.Builder
	b.WriteString(map[bool]string{true: "listo\n", false: "no está listo\n"}[h.Ready()])
	for _, p := range h.Problems {
		b.WriteString("! " + p.Text + "\n")
	}
	for _, p := range h.Warnings {
		b.WriteString("- " + p.Text + "\n")
	}
	a.body = []byte(b.String())
	return a
}

func (h Health) asJSON(a answer) answer {
	shown := struct {
		Ready bool `json:"ready"`
		Health
	}{h.Ready(), h}
	if shown.Problems == nil {
		shown.Problems = []Problem{}
	}
	if shown.Warnings == nil {
		shown.Warnings = []Problem{}
	}
	a.body, _ = json.Marshal(shown) // of strings: it cannot fail
	a.kind = "application/json"
	return a
}
