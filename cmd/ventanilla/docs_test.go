package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestDocumentedCommands: every command line of the README and the guides is one
// that the program understands.
func TestDocumentedCommands(t *testing.T) {
	count := 0
	for _, file := range []string{"../../README.md", "../../docs/administracion.md", "../../docs/instalacion.md", "../../docs/guia-del-jefe.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?m)(?:^ *|`|-- )ventanilla ([^`\n]+)").FindAllStringSubmatch(strings.ReplaceAll(string(text), "\\\n", ""), -1) {
			line := strings.NewReplacer("CARPETA", "x", "…", "x").Replace(m[1])
			var c commandLine
			p, err := kong.New(&c, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Parse(strings.Fields(line)); err != nil {
				t.Errorf("%s: ventanilla %s: %v", file, m[1], err)
			}
			count++
		}
	}
	if count < 20 {
		t.Errorf("only %d commands found", count)
	}
}
