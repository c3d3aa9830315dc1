package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/store"
)

// inSpanish says what errors mean to whoever sits at the terminal, and what to
// do. Of those that wrap each other the inner one stands behind.
var inSpanish = [...]struct {
	err   error
	words string
}{
	{gateway.ErrNotFound, "no se encuentra"},
	{gateway.ErrNotQuarantined, "el correo no está en cuarentena, o ya no: vea «ventanilla quarantine list»"},
	{gateway.ErrUnreadable, "el correo pasa un límite y no se lee: mírelo con «ventanilla quarantine show»"},
	{mail.ErrNoRecipient, "no hay aquí un buzón con esa dirección: las de las colas están en desk/queues.toml"},
	{mail.ErrTooLarge, "el correo es más grande que max_size de [smtp]"},
	{store.ErrNoSpace, "queda menos espacio en el disco que reserve de [disk]: libere espacio; lo ya aceptado está a salvo"},
	{mail.ErrNoSpace, "queda menos espacio en el disco que reserve de [disk]: libere espacio; lo ya aceptado está a salvo"},
	{mail.ErrLoop, "el correo da vueltas: ha pasado por demasiados servidores (Received)"},
	{store.ErrLocked, "ciérrelo, o espere a que termine («ventanilla serve» y otras órdenes lo abren)"},
	{syscall.ENOENT, "no existe"},
	{syscall.EACCES, "sin permiso: ejecute la orden como el usuario del servicio"},
	{syscall.EISDIR, "es una carpeta"},
	{syscall.ENOTDIR, "no es una carpeta"},
	{syscall.ENOSPC, "no queda espacio en el disco"},
	{syscall.EROFS, "el disco es de solo lectura"},
}

// explained returns an error's text with the errors that it wraps in Spanish.
func explained(err error) string {
	text := err.Error()
	for _, w := range inSpanish {
		if errors.Is(err, w.err) {
			text = strings.ReplaceAll(text, w.err.Error(), w.words)
		}
	}
	return text
}

// complain writes an error: as text, or as one line of JSON for programs.
func complain(w io.Writer, asJSON bool, text string, code int) {
	if !asJSON {
		fmt.Fprintln(w, "ventanilla:", text)
		return
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(map[string]any{"error": text, "code": code}) // a terminal that is gone is told nothing
}

// misuse puts what is wrong with a command line into Spanish.
var misuse = [...]struct {
	found *regexp.Regexp
	words string
}{
	{regexp.MustCompile(`^unknown flag ([^,]+)(?:, did you mean (.+)\?)?$`), "no hay una opción $1|; ¿quiso decir $2?"},
	{regexp.MustCompile(`^unexpected argument ([^,]+)(?:, did you mean (.+)\?)?$`), "«$1» no se entiende ahí|; ¿quiso decir $2?"},
	{regexp.MustCompile(`^unexpected token (.+)$`), "«$1» no se entiende ahí"},
	{regexp.MustCompile(`^expected one of (.+)$`), "falta decir qué: $1"},
	{regexp.MustCompile(`^expected "(.+)"$`), "falta $1"},
	{regexp.MustCompile(`^missing positional arguments (.+)$`), "falta $1"},
	{regexp.MustCompile(`^(--[\w-]+)(?:=\S+)? must be one of (.+) but got "(.*)"$`), "$1: «$3» no vale; puede ser $2"},
	{regexp.MustCompile(`^(--[\w-]+)(?:=\S+)?: (?:\S+: )?expected a valid \d+ bit u?int but got "(.*)"$`), "$1: «$2» no es un número entero que quepa"},
	{regexp.MustCompile(`^(--[\w-]+)(?:=\S+)?: (?:\S+: )?expected duration but got "([^"]*)".*$`), "$1: «$2» no es un tiempo: escriba algo como 30s"},
	{regexp.MustCompile(`^(--[\w-]+)(?:=\S+)?: (?:missing value|expected .+ value but got "EOL".*)$`), "$1: falta el valor"},
}

// misused returns in Spanish what is wrong with a command line.
func misused(err error) string {
	text := err.Error()
	for _, m := range misuse {
		at := m.found.FindStringSubmatchIndex(text)
		if at == nil {
			continue
		}
		words, also, _ := strings.Cut(m.words, "|")
		if len(at) > 4 && at[4] >= 0 {
			words += also
		}
		return strings.TrimSuffix(strings.ReplaceAll(string(m.found.ExpandString(nil, words, text, at)), `"`, ""), " ...")
	}
	return text
}

var helpWords = strings.NewReplacer(
	"Usage: ", "Uso: ", "<command>", "<orden>", "[flags]", "[opciones]",
	"\nFlags:\n", "\nOpciones:\n", "\nCommands:\n", "\nÓrdenes:\n", "\nArguments:\n", "\nArgumentos:\n",
	"Show context-sensitive help.", "Muestra esta ayuda.")

var helpMore = regexp.MustCompile(`(?m)^Run "(.*)" for more information on a command\.$`)

// help prints the help of the whole or of one command, with examples.
func help(options kong.HelpOptions, k *kong.Context) error {
	var b bytes.Buffer
	out := k.Stdout
	k.Stdout = &b
	err := kong.DefaultHelpPrinter(options, k)
	k.Stdout = out
	text := helpMore.ReplaceAllString(helpWords.Replace(b.String()), "«$1» dice más de cada una.")
	if selected := k.Selected(); selected != nil {
		of := strings.TrimPrefix(selected.Path(), "ventanilla ")
		for i, e := range slices.DeleteFunc(examples(), func(e sample) bool { return e.command != of }) {
			if i == 0 {
				text += "\nEjemplos:\n"
			}
			text += fmt.Sprintf("  %s\n      %s\n", e.line, e.does)
		}
	}
	_, errOut := io.WriteString(out, text)
	return errors.Join(err, errOut)
}

// visible takes out of a text of strangers what would move a terminal's cursor,
// change its colours or title, or turn the direction of writing.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r < ' ', r >= 0x7f && r < 0xa0: // C0, DEL, C1
			return -1
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // bidirectional overrides
			return -1
		}
		return r
	}, s)
}
