package desk

import "testing"

// TestFilePolicy: type by name and content, and size.
func TestFilePolicy(t *testing.T) {
	p := FilePolicy{Types: []string{"doc", "ods", "zip", "png", "jpg", "pdf"}, MaxSize: 3 << 20}
	for _, c := range []struct {
		name, kind string
		size       int64
		want       string
	}{
		{"acta.PDF", "pdf", 100, ""},
		{"acta.pdf", "", 100, ""}, // damaged, or a kind that is not known
		{"acta.pdf", "pdf", 3<<20 + 1, FileTooLarge},
		{"acta.pdf", "pdf", 3 << 20, ""},
		{"hoja.ods", "zip", 1, ""},
		{"carta.doc", "ole", 1, ""},
		{"carta.doc", "zip", 1, FileDisguise},
		{"foto.jpeg", "jpg", 1, ""},
		{"foto.png", "jpg", 1, ""},
		{"foto.png", "exe", 1, FileDisguise},
		{"programa.exe", "exe", 1, FileRefused},
		{"carta.docx", "zip", 1, FileRefused},
		{"sin nombre", "png", 1, ""},
		{"sin nombre", "exe", 1, FileRefused},
		{"sin nombre", "", 1, FileRefused},
	} {
		if got := p.Refuses(c.name, c.kind, c.size); got != c.want {
			t.Errorf("%s as %q, %d bytes: %q, not %q", c.name, c.kind, c.size, got, c.want)
		}
	}
	if got := (FilePolicy{}).Refuses("programa.exe", "exe", 1<<40); got != "" {
		t.Errorf("a desk without a policy refuses: %s", got)
	}
}
