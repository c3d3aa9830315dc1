package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func (f *fakeDesk) scores() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.scored)
}

// TestScore: a look at the page asks and records nothing; its form records once; and
// the page then shows what is recorded.
func TestScore(t *testing.T) {
	d := newDesk()
	s := newSite(t, d)
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "PUT"} {
		ask(s, method, "/e/"+goodToken+"?score=1", "score=1", "Content-Type: application/x-www-form-urlencoded")
	}
	ask(s, "POST", "/e/"+goodToken, "score=1", "Purpose: prefetch")
	ask(s, "POST", "/e/"+goodToken, "score=1", "Sec-Fetch-Site: cross-site")
	if got := d.scores(); len(got) != 0 {
		t.Fatalf("looking recorded %q", got)
	}
	page := ask(s, "GET", "/e/"+goodToken, "").Body.String()
	if strings.Count(page, `type="radio"`) != 5 || !strings.Contains(page, "<h1>¿Cómo lo atendimos?</h1>") || strings.Contains(page, "required checked") {
		t.Errorf("page:\n%s", page)
	}
	w := ask(s, "POST", "/e/"+goodToken, "score=4&comment=Muy+amables%0D%0A")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != goodToken {
		t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	if got := d.scores(); !slices.Equal(got, []string{"4: Muy amables"}) {
		t.Fatalf("recorded %q", got)
	}
	page = ask(s, "GET", "/e/"+goodToken, "").Body.String()
	if !strings.Contains(page, "<h1>Gracias por su respuesta</h1>") || !strings.Contains(page, "4 de 5 (bien)") || strings.Contains(page, "<form") {
		t.Errorf("page afterwards:\n%s", page)
	}
	if w := ask(s, "POST", "/e/"+goodToken, "score=4"); w.Code != http.StatusSeeOther {
		t.Errorf("the same again: %d", w.Code)
	}
	if w := ask(s, "POST", "/e/"+goodToken, "score=1"); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "4 de 5") || !strings.Contains(w.Body.String(), "no se registró") {
		t.Errorf("another score: %d\n%s", w.Code, w.Body)
	}
}

// TestScoreMended: a form with a mistake comes back with what was chosen and written;
// who comes too late is told so.
func TestScoreMended(t *testing.T) {
	d := newDesk()
	s := newSite(t, d)
	w := ask(s, "POST", "/e/"+goodToken, "score=3&comment="+strings.Repeat("x", MaxComment+1))
	if page := w.Body.String(); w.Code != http.StatusBadRequest || !strings.Contains(page, `value="3" required checked`) || !strings.Contains(page, "xxx</textarea>") {
		t.Errorf("too long: %d\n%s", w.Code, page)
	}
	if w := ask(s, "POST", "/e/"+goodToken, "comment=hola"); !strings.Contains(w.Body.String(), "elija un número") || !strings.Contains(w.Body.String(), "hola</textarea>") {
		t.Errorf("no score: %d\n%s", w.Code, w.Body)
	}
	if got := d.scores(); len(got) != 0 {
		t.Fatalf("recorded %q", got)
	}
	d.mu.Lock()
	d.survey.Open = false
	d.mu.Unlock()
	for _, method := range []string{"GET", "POST"} {
		if w := ask(s, method, "/e/"+goodToken, "score=3"); !strings.Contains(w.Body.String(), "Esta encuesta terminó") || strings.Contains(w.Body.String(), "<form") {
			t.Errorf("%s when it is over: %d\n%s", method, w.Code, w.Body)
		}
	}
}
