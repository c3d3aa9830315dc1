package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"ventanilla/desk"
)

// braces are what an answer has filled in.
var braces = regexp.MustCompile(`\{([^{}\n]*)\}`)

// readAnswers reads the answers that agents have ready: desk/answers/NAME.md, in
// Markdown, the words of [CannedWords] in braces.
func readAnswers(installation fs.FS) (all []desk.Canned, err error) {
	names, err := fs.Glob(installation, "desk/answers/*.md")
	if err != nil {
		return nil, fmt.Errorf("read desk/answers: %w", err)
	}
	var faults []error
	for _, file := range names {
		data, err := fs.ReadFile(installation, file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		name, text := strings.TrimSuffix(path.Base(file), ".md"), strings.ReplaceAll(string(data), "\r\n", "\n")
		wrong := func(format string, values ...any) {
			faults = append(faults, &FileError{File: file, Line: 1, Column: 1, Message: fmt.Sprintf(format, values...)})
		}
		switch {
		case strings.ContainsFunc(name, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
		}):
			wrong("el nombre %q solo puede llevar minúsculas sin tilde, cifras, punto, - y _, porque se escribe en #plantilla", name)
		case !utf8.ValidString(text):
			wrong("el archivo no está en UTF-8: guárdelo así")
		case strings.TrimSpace(text) == "":
			wrong("la respuesta está vacía: escriba su texto o borre el archivo")
		default:
			faults = append(faults, wrongBraces(file, text)...)
			all = append(all, desk.Canned{Name: name, Text: strings.TrimSpace(text)})
		}
	}
	return all, errors.Join(faults...)
}

// wrongBraces finds the words in braces that nothing fills in.
func wrongBraces(file, text string) (faults []error) {
	for i, line := range strings.Split(text, "\n") {
		for _, m := range braces.FindAllStringSubmatchIndex(line, -1) {
			if word := line[m[2]:m[3]]; !slices.Contains(CannedWords, word) {
				faults = append(faults, &FileError{File: file, Line: i + 1, Column: utf8.RuneCountInString(line[:m[0]]) + 1, Source: line,
					Message: fmt.Sprintf("no hay nada que poner en {%s}%s", word, meant(word, CannedWords, "palabras"))})
			}
		}
	}
	return faults
}
