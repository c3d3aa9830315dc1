package store_test

import (
	"errors"
	"strings"
	"testing"

	"ventanilla/mail"
	"ventanilla/store"
)

func TestPrefix(t *testing.T) {
	for _, c := range []struct{ prefix, from, to string }{
		{"", "", ""},
		{"ticket/", "ticket/", "ticket0"},
		{"ticket/12", "ticket/12", "ticket/13"},
		{"a\xff", "a\xff", "b"},
		{"a\xfe\xff\xff", "a\xfe\xff\xff", "a\xff"},
		{"\xff\xff", "\xff\xff", ""},
	} {
		from, to := store.Prefix(c.prefix)
		if from != c.from || to != c.to {
			t.Errorf("Prefix(%q) = %q, %q; want %q, %q", c.prefix, from, to, c.from, c.to)
		}
		for _, key := range []string{c.prefix, c.prefix + "\x00", c.prefix + "\xff\xff"} {
			if key < from || to != "" && key >= to {
				t.Errorf("%q is not within Prefix(%q)", key, c.prefix)
			}
		}
		if to != "" && strings.HasPrefix(to, c.prefix) {
			t.Errorf("Prefix(%q) ends at %q, which begins with it", c.prefix, to)
		}
	}
}

func TestCheckKey(t *testing.T) {
	for key, good := range map[string]bool{
		"a/b":    true,
		"a//":    true,
		"a/b/":   true,
		"ñ/\x00": true,
		"a/" + strings.Repeat("x", store.MaxKey-2): true,
		"a/" + strings.Repeat("x", store.MaxKey-1): false,
		"":   false,
		"a":  false,
		"/":  false,
		"a/": false,
		"/a": false,
	} {
		if err := store.CheckKey(key); (err == nil) != good {
			t.Errorf("CheckKey(%.20q) = %v", key, err)
		}
	}
}

func TestNoSpaceIsTheMails(t *testing.T) {
	if !errors.Is(store.ErrNoSpace, mail.ErrNoSpace) {
		t.Error("ErrNoSpace is no mail.ErrNoSpace: the sender would not be told to come again")
	}
}
