package mail

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCases reads the cases of testdata/mail and its folders: what is to be
// found, a line of three hyphens, and the mail. Each is read with LF and with
// CRLF line ends.
func TestCases(t *testing.T) {
	for _, file := range caseFiles(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "../testdata/mail/"), ".case"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, raw, ok := bytes.Cut(data, []byte("\n---\n"))
			if !ok {
				t.Fatal("no line of hyphens")
			}
			checkCase(t, string(want), raw)
			checkCase(t, string(want), bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n")))
		})
	}
}

func caseFiles(t *testing.T) []string {
	t.Helper()
	top, err1 := filepath.Glob("../testdata/mail/*.case")
	below, err2 := filepath.Glob("../testdata/mail/*/*.case")
	if err1 != nil || err2 != nil || len(top) == 0 || len(below) == 0 {
		t.Fatalf("%d and %d cases, %v, %v", len(top), len(below), err1, err2)
	}
	return append(top, below...)
}

func checkCase(t *testing.T, want string, raw []byte) {
	t.Helper()
	if err := Prescan(raw, DefaultLimits); err != nil {
		t.Errorf("Prescan: %v", err)
	}
	m := Parse(raw)
	checkMessage(t, raw, m)
	for line := range strings.Lines(want) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		value = strings.ReplaceAll(value, `\n`, "\n")
		got := fact(m, key, bytes.Contains(raw, []byte("\r\n")))
		if got != value {
			t.Errorf("%s:\n got %q\nwant %q\n(%s)", key, got, value, m.ClassReason)
		}
	}
}

// fact returns one thing that a case can ask for.
func fact(m *Message, key string, crlf bool) string {
	switch key {
	case "class":
		return string(m.Class)
	case "subject":
		return m.Subject
	case "from":
		return list(m.From, formatAddress)
	case "to":
		return list(m.To, formatAddress)
	case "text":
		return m.Text
	case "reply":
		return m.Reply
	case "markdown":
		return m.Markdown()
	case "loop":
		return m.Loop
	case "original":
		return m.Original
	case "header":
		names := list(m.Header, func(f Field) string { return f.Name })
		return strings.ReplaceAll(names, ";", ",")
	case "message-id":
		if m.MessageID == string(m.ID[:32])+"@content.invalid" {
			return "made"
		}
		return m.MessageID
	case "defects":
		if m.Defects == nil {
			return "none"
		}
		return strings.Join(m.Defects, ", ")
	case "recipients":
		return list(m.Recipients, func(r Recipient) string {
			text := r.Address
			if r.Final != "" {
				text += " (" + r.Final + ")"
			}
			if text += fmt.Sprintf(" %s %s (%s)", r.Action, r.Status, r.Diagnostic); r.Permanent {
				text += " permanent"
			}
			return text
		})
	case "files":
		return list(m.Parts, func(p Part) string {
			size := p.Size
			if crlf && p.Type == "message/rfc822" {
				size -= 2 // two line ends
			}
			return fmt.Sprintf("%s (%s, %s, %d)", p.Name, p.Disposition, p.Type, size)
		})
	case "answerable":
		if ok, reason := Answerable(Envelope{}, m); !ok {
			return "no: " + reason
		}
		return "yes"
	}
	return "unknown key " + key
}

func formatAddress(a Address) string { return strings.TrimSpace(a.Name + " <" + a.Address + ">") }

func list[T any](items []T, format func(T) string) string {
	var texts []string
	for _, item := range items {
		texts = append(texts, format(item))
	}
	return strings.Join(texts, "; ")
}
