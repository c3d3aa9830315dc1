package mail

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestCasesDiffer counts the cases that have a structure of their own: the
// fields of their header, the tree of their parts, and the shape of their text.
func TestCasesDiffer(t *testing.T) {
	seen := map[string]string{}
	automatic, replies := 0, 0
	for _, file := range caseFiles(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		facts, raw, _ := bytes.Cut(data, []byte("\n---\n"))
		s := skeleton(raw)
		if _, again := seen[s]; again {
			continue
		}
		seen[s] = file
		if bytes.Contains(facts, []byte("class: auto-reply")) || bytes.Contains(facts, []byte("class: bounce")) || bytes.Contains(facts, []byte("class: machine")) {
			automatic++
		}
		if bytes.HasPrefix(facts, []byte("reply: ")) {
			replies++
		}
	}
	t.Logf("%d structures, %d of them automatic mails and %d replies", len(seen), automatic, replies)
	if len(seen) < 300 || automatic < 120 || replies < 150 {
		t.Errorf("%d structures, want 300; %d automatic, want 120; %d replies, want 150", len(seen), automatic, replies)
	}
}

// skeleton returns what a mail is built like, without its words.
func skeleton(raw []byte) string {
	m := &Message{ID: ContentID(raw)}
	b := builder{raw: raw, m: m}
	b.root.typ = "multipart/mixed"
	b.inside = append(b.inside, &b.root)
	w := walk{raw: raw, build: &b, limits: Limits{Nesting: DefaultLimits.Nesting, Parts: DefaultLimits.Parts}}
	w.entity(0, false)
	var names []string
	for _, f := range m.Header {
		names = append(names, strings.ToLower(f.Name))
	}
	slices.Sort(names)
	return strings.Join(names, " ") + "|" + tree(&b.root) + "|" + shape(Parse(raw).Text)
}

func tree(n *node) string {
	var inner []string
	for _, c := range n.children {
		inner = append(inner, tree(c))
	}
	return n.typ + " " + n.encoding + "(" + strings.Join(inner, ",") + ")"
}

// shape returns the kinds of a text's lines, each stretch once, and for an
// attribution how it is built: its digits, marks and words' number.
func shape(text string) string {
	s := splitter{lines: strings.Split(text, "\n")}
	s.kinds = make([]lineKind, len(s.lines))
	s.scan()
	var b strings.Builder
	last := lineKind(255)
	for i, k := range s.kinds {
		if k != last {
			b.WriteByte("obqasr"[k])
		}
		if k == lineAttribution || k == lineRest && last != lineRest {
			b.WriteString(strings.Map(func(r rune) rune {
				switch {
				case r >= '0' && r <= '9':
					return '0'
				case strings.ContainsRune(" ,.:/<>()@-", r):
					return r
				}
				return -1
			}, s.lines[i]))
		}
		last = k
	}
	return b.String()
}
