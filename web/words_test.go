package web

import (
	"sync"
	"testing"

	"ventanilla/templates"
)

// shipped is loaded once for all tests: loading checks every mail there is.
var shipped = sync.OnceValues(func() (*templates.Set, error) { return templates.Load(nil) })

func shippedWords(t testing.TB) func(lang, key string) string {
	t.Helper()
	set, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	return set.Word
}
