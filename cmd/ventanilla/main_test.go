package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alecthomas/kong"

	"ventanilla/demo"
	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/rules"
	"ventanilla/store"
)

// The table of exit codes, whole. What is unknown is temporary.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{errSaid, 1}, {gateway.ErrNotFound, 1}, {gateway.ErrNotQuarantined, 1}, {gateway.ErrUnreadable, 1}, {errInstalled, 1},
		{&demo.StopError{Stop: "x", Err: io.EOF}, 1},
		{usageError("x"), 64},
		{errData, 65}, {mail.ErrTooLarge, 65},
		{mail.ErrNoRecipient, 67},
		{mail.ErrLoop, 69},
		{errors.New("who knows"), 75}, {mail.ErrNoSpace, 75}, {store.ErrLocked, 75}, {store.ErrBroken, 75}, {fs.ErrPermission, 75}, {io.ErrUnexpectedEOF, 75},
		{configError{io.EOF}, 78}, {configError{errSaid}, 78}, {&rules.FileError{File: "x"}, 78},
	} {
		if got := exitCode(c.err); got != c.code {
			t.Errorf("%v: %d, want %d", c.err, got, c.code)
		}
		if c.err == nil {
			continue
		}
		if got := exitCode(fmt.Errorf("while: %w", c.err)); got != c.code {
			t.Errorf("%v, wrapped: %d, want %d", c.err, got, c.code)
		}
	}
}

func TestExplained(t *testing.T) {
	for want, err := range map[string]error{
		"open x: no existe": &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT},
		"open x: sin permiso: ejecute la orden como el usuario del servicio": fmt.Errorf("open x: %w", syscall.EACCES),
		"a@b: no hay aquí un buzón con esa dirección":                        fmt.Errorf("a@b: %w", mail.ErrNoRecipient),
		"queda menos espacio en el disco que reserve de [disk]":              store.ErrNoSpace,
		"otra cosa": errors.New("otra cosa"),
		"not found": errors.New("not found"), // the words alone are not the error
	} {
		if got := explained(err); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %q, want %q…", err, got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"ñandú\n\t🎫":                    "ñandú\n\t🎫",
		"\x1b[2Jx\x07\r\x00\x7f":        "[2Jx",
		"\u009b31mx":                    "31mx",
		"a\u202egpj.exe\u2066b\u2069":   "agpj.exeb",
		"\u200bz\u00a0w e\u0301 \ufffd": "\u200bz\u00a0w e\u0301 \ufffd",
	} {
		if got := visible(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Every command has examples, and each of them can be typed.
func TestExamples(t *testing.T) {
	parser := func() *kong.Kong {
		k, err := kong.New(&commandLine{}, kong.Name("ventanilla"))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	var without []string
	for _, leaf := range parser().Model.Leaves(true) {
		without = append(without, strings.TrimPrefix(leaf.Path(), "ventanilla "))
	}
	if len(without) < 18 {
		t.Fatalf("only %d commands: %q", len(without), without)
	}
	for _, e := range examples() {
		k, err := parser().Parse(strings.Fields(e.line)[1:])
		if err != nil {
			t.Errorf("%s: %v", e.line, err)
			continue
		}
		if got := strings.TrimPrefix(k.Selected().Path(), "ventanilla "); got != e.command || e.does == "" {
			t.Errorf("%s is an example of %q, not %q", e.line, got, e.command)
		}
		without = slices.DeleteFunc(without, func(c string) bool { return c == e.command })
	}
	if len(without) > 0 {
		t.Errorf("without an example: %q", without)
	}
}

func TestWrongOwner(t *testing.T) {
	dir := t.TempDir()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := wrongOwner(dir, info, os.Geteuid()); got != "" {
		t.Errorf("its owner: %s", got)
	}
	if got := wrongOwner(dir, info, os.Geteuid()+1); !strings.Contains(got, fmt.Sprintf("sudo -u '#%d' ventanilla", os.Geteuid())) {
		t.Errorf("another user: %q", got)
	}
}

// Progress is for people who wait in front of a screen, and only when it takes.
func TestProgress(t *testing.T) {
	for _, c := range []struct {
		terminal terminal
		takes    time.Duration
		want     string
	}{
		{terminal{watched: true}, 500 * time.Millisecond, ""},
		{terminal{watched: true}, 2500 * time.Millisecond, "\rhechos: 7\rhechos: 7\n"},
		{terminal{}, time.Minute, ""},
		{terminal{watched: true, json: true}, time.Minute, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			c.terminal.err = &out
			end := c.terminal.progress(func() string { return "hechos: 7" })
			time.Sleep(c.takes) // of the bubble's clock
			end()
			if out.String() != c.want {
				t.Errorf("%+v %s: %q, want %q", c.terminal, c.takes, out.String(), c.want)
			}
		})
	}
}

// serving starts a desk of its own and returns the process and its SMTP address.
func serving(t *testing.T) (*process, string) {
	t.Helper()
	folder := t.TempDir()
	if err := writeInstallation(folder, answers{domain: "mesa.example", name: "Mesa", queueAddress: "soporte@mesa.example"}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "ventanilla.toml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	free := strings.NewReplacer("127.0.0.1:2525", "127.0.0.1:0", `listen = "127.0.0.1:8025"`, `listen = "127.0.0.1:0"`, "256MB", "1MB").Replace(string(text))
	if strings.Contains(free, `listen = "127.0.0.1:8025"`) || strings.Count(free, "127.0.0.1:0") < 2 {
		t.Fatalf("a port is left:\n%s", free)
	}
	text = []byte(free)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command("ventanilla", "-c", path, "serve"), ended: make(chan struct{})}
	p.Stdout, p.Stderr = p, p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.ended) }()
	t.Cleanup(func() { _ = p.Process.Kill(); <-p.ended })
	at, err := p.say(`serving smtp=(\S+)`)
	if err != nil {
		t.Fatal(err)
	}
	return p, at[1]
}

// talk opens a dialogue and says the lines; each must be answered with a code
// below 400.
func talk(t *testing.T, address string, lines ...string) *textproto.Conn {
	t.Helper()
	c, err := textproto.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for _, l := range append([]string{""}, lines...) {
		if l != "" {
			if err := c.PrintfLine("%s", l); err != nil {
				t.Fatal(err)
			}
		}
		if code, said, err := c.ReadResponse(0); err != nil || code >= 400 {
			t.Fatalf("%q: %d %s, %v", l, code, said, err)
		}
	}
	return c
}

var inData = []string{"EHLO x.example", "MAIL FROM:<a@x.example>", "RCPT TO:<soporte@mesa.example>", "DATA"}

// SIGTERM: those who are idle hear 421, a mail under way is taken, nobody new
// comes in, and the process ends with 0.
func TestStop(t *testing.T) {
	t.Parallel()
	p, address := serving(t)
	idle := talk(t, address, "EHLO x.example")
	sending := talk(t, address, inData...)
	if err := sending.PrintfLine("Subject: a medias\r\n\r\nEmpieza"); err != nil {
		t.Fatal(err)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, said, err := idle.ReadResponse(0); code != 421 {
		t.Errorf("idle: %d %s, %v", code, said, err)
	}
	if c, err := textproto.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("somebody new came in")
	}
	if err := sending.PrintfLine("y termina.\r\n."); err != nil {
		t.Fatal(err)
	}
	if code, said, err := sending.ReadResponse(0); code != 250 {
		t.Errorf("under way: %d %s, %v", code, said, err)
	}
	select {
	case <-p.ended:
	case <-time.After(stopWithin):
		t.Fatal("it does not end")
	}
	if code := p.ProcessState.ExitCode(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	out, err := exec.Command("ventanilla", append(p.Args[1:3:3], "doctor")...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "aceptados: 1 ") {
		t.Errorf("%v: %s", err, out)
	}
}

// Somebody who never finishes his mail does not keep the process: it ends within
// 20 s.
func TestStopInTime(t *testing.T) {
	if os.Getenv("VENTANILLA_EVIDENCE") == "" {
		t.Skip("takes 12 s: make evidence")
	}
	t.Parallel()
	p, address := serving(t)
	talk(t, address, inData...)
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(stopWithin):
		t.Fatal("it does not end")
	}
	if code := p.ProcessState.ExitCode(); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

// TestFromServer: without recipients on the command line those that a mail server
// leaves in the environment count, and its sender; an empty one is the null path.
func TestFromServer(t *testing.T) {
	for name, c := range map[string]struct {
		given, want deliverCmd
		environment map[string]string
	}{
		"environment": {want: deliverCmd{From: "ana@uni.example", Rcpts: []string{"a@b"}}, environment: map[string]string{"SENDER": "ana@uni.example", "RECIPIENT": "a@b"}},
		"null":        {want: deliverCmd{From: mail.NullPath, Rcpts: []string{"a@b"}}, environment: map[string]string{"SENDER": "", "RECIPIENT": "a@b"}},
		"null, shown": {want: deliverCmd{From: mail.NullPath, Rcpts: []string{"a@b"}}, environment: map[string]string{"SENDER": "<>", "RECIPIENT": "a@b"}},
		"no sender":   {want: deliverCmd{Rcpts: []string{"a@b"}}, environment: map[string]string{"RECIPIENT": "a@b"}},
		"sender given": {given: deliverCmd{From: "x@y"}, want: deliverCmd{From: "x@y", Rcpts: []string{"a@b"}},
			environment: map[string]string{"SENDER": "ana@uni.example", "RECIPIENT": "a@b"}},
		"all given": {given: deliverCmd{Rcpts: []string{"c@d"}}, want: deliverCmd{Rcpts: []string{"c@d"}}, environment: map[string]string{"SENDER": "ana@uni.example", "RECIPIENT": "a@b"}},
	} {
		got := c.given
		err := got.fromServer(func(name string) (string, bool) { v, ok := c.environment[name]; return v, ok })
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	if err := new(deliverCmd).fromServer(func(string) (string, bool) { return "", false }); !errors.Is(err, errLater) {
		t.Errorf("nothing at all: %v", err)
	}
}
