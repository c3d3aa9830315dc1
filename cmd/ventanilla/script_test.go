package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ventanilla/demo"
	"ventanilla/mailin"
	"ventanilla/peers"
)

// TestMain lets this binary be the program: scripts run it as "ventanilla".
// Scripts wait more than they work, so that more of them run at once.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"ventanilla": main})
}

// TestScripts types commands as people do, beside a desk that serves and without
// one. Beside the commands of testscript these can be used:
//
//	exits CODE COMMAND…          runs it; it must end with that code
//	until REGEXP COMMAND…        runs it until its output matches
//	installation FOLDER […]      init, with free ports, loopback trusted and mails going to "mailbox"
//	begin NAME ARGUMENTS…        starts ventanilla and waits until it serves; $smtp and $web say where
//	end NAME SIGNAL CODE         sends a signal and waits for the end
//	told NAME REGEXP             waits for a line of its log behind those told before
//	mailbox                      starts a mail server that takes all; $smarthost says where
//	mail ADDRESS REGEXP          waits for a mail there, sets $message_id and $reply_to, and shows it
//	send ADDRESS FROM TO FILE    sends a mail by SMTP, or by LMTP to unix:PATH, with $variables filled in; shows the last answer
//	certificate FILE KEY NAME    makes one
//	presents ADDRESS NAME        STARTTLS there, or TLS at https:ADDRESS, shows the certificate of that name
//	occupied                     takes a port; $occupied says which
//	resolver FILE                makes a configuration ask $dns
//	zone FILE                    answers questions for TXT with the lines "NAME TEXT" of a file; $dns says where
//	tokens                       starts an OAuth2 server; $tokens is its address
//	tokens approve|deny          once somebody logs in by device code, says yes or no
//	tokens revoke|down|up        makes what was given worthless; answers 503; answers again
//	tokens browser FILE          opens the address that stands in a file, as a browser does
//	tmpfs FOLDER SIZE            mounts a small disk there
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setUpScript,
		Condition: func(name string) (bool, error) {
			if name == "mount" {
				return canMount(), nil
			}
			return false, fmt.Errorf("no such condition")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "until": until, "installation": installation, "begin": begin, "end": end, "told": tells,
			"mailbox": mailbox, "mail": awaitMail, "send": sendFile, "certificate": certificate, "presents": presents,
			"occupied": occupied, "tmpfs": tmpfs, "zone": zone, "resolver": resolver, "tokens": tokens,
		},
	})
}

const patience = 20 * time.Second // of a script with one step, on a busy machine

// stage is what a script has going on.
type stage struct {
	inbox     *demo.Inbox
	processes map[string]*process
	tokens    *peers.Tokens
}

type stageKey struct{}

func setUpScript(e *testscript.Env) error {
	e.Values[stageKey{}] = &stage{processes: map[string]*process{}}
	return nil
}

func on(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

func zone(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	records := map[string]string{}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		records[name] = text
	}
	address, end, err := texts(records)
	ts.Check(err)
	ts.Defer(end)
	ts.Setenv("dns", address)
}

func resolver(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	file := ts.MkAbs(args[0])
	text, err := os.ReadFile(file)
	ts.Check(err)
	line := regexp.MustCompile(`(?m)^#?resolver = .*$`)
	if !line.Match(text) {
		ts.Fatalf("no resolver in %s", file)
	}
	ts.Check(os.WriteFile(file, line.ReplaceAll(text, []byte(`resolver = "`+ts.Getenv("dns")+`"`)), 0o600))
}

func need(ts *testscript.TestScript, neg bool, args []string, least int) {
	if neg || len(args) < least {
		ts.Fatalf("wrong use: %q", args)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	code := 0
	err := ts.Exec("timeout", append([]string{"30"}, args[1:]...)...) // one that does not end ends with 124
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%q ended with %d, not %s", args[1:], code, args[0])
	}
}

func until(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	want := regexp.MustCompile("(?m)" + args[0])
	for by := time.Now().Add(patience); ; <-time.After(50 * time.Millisecond) {
		c := exec.Command(args[1], args[2:]...)
		c.Dir, c.Env = ts.MkAbs("."), environment(ts)
		out, err := c.CombinedOutput()
		if err == nil && want.Match(out) {
			_, _ = ts.Stdout().Write(out)
			return
		}
		if time.Now().After(by) {
			ts.Fatalf("never matched %s: %v\n%s", want, err, out)
		}
	}
}

func environment(ts *testscript.TestScript) []string {
	return append(os.Environ(), "VENTANILLA_CONFIG="+ts.Getenv("VENTANILLA_CONFIG"), "TMPDIR="+ts.Getenv("TMPDIR"))
}

func installation(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 1 {
		folder := ts.MkAbs(args[0])
		ts.Check(writeInstallation(folder, answers{domain: "mesa.example", name: "Mesa de ayuda", queueAddress: "soporte@mesa.example"}))
	} else { // as init itself writes it: --like minem
		ts.Check(ts.Exec("ventanilla", append([]string{"init"}, args...)...))
	}
	folder := ts.MkAbs(args[0])
	smarthost := ts.Getenv("smarthost")
	if smarthost == "" {
		smarthost = "127.0.0.1:1"
	}
	edit(ts, filepath.Join(folder, "ventanilla.toml"), "127.0.0.1:2525", "127.0.0.1:0", `listen = "127.0.0.1:8025"`, `listen = "127.0.0.1:0"`,
		"127.0.0.1:1025", smarthost, `#relays = ["10.0.0.5", "10.1.0.0/24"]`, `relays = ["127.0.0.1"]`, `reserve = "256MB"`, `reserve = "1MB"`,
		`#resolver = "127.0.0.1:53"`, `resolver = "`+cmp.Or(ts.Getenv("dns"), "127.0.0.1:1")+`"`)
	ts.Setenv("VENTANILLA_CONFIG", filepath.Join(folder, "ventanilla.toml"))
}

func edit(ts *testscript.TestScript, path string, changes ...string) {
	text := ts.ReadFile(path)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			ts.Fatalf("%s does not have %q", path, changes[i])
		}
	}
	ts.Check(os.WriteFile(path, []byte(strings.NewReplacer(changes...).Replace(text)), 0o600))
}

// process is a ventanilla that runs beside the script.
type process struct {
	*exec.Cmd
	ended chan struct{}
	mu    sync.Mutex
	log   bytes.Buffer
	read  int // of log, by tells
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

// say returns the next place of the log that matches, once there is one.
func (p *process) say(want string) ([]string, error) {
	find := regexp.MustCompile("(?m)" + want)
	for by := time.Now().Add(patience); ; {
		over := false
		select {
		case <-p.ended:
			over = true
		case <-time.After(10 * time.Millisecond):
			over = time.Now().After(by)
		}
		p.mu.Lock()
		rest := p.log.String()[p.read:]
		at := find.FindStringSubmatchIndex(rest)
		if at != nil {
			p.read += at[1]
		}
		p.mu.Unlock()
		if at != nil {
			return find.FindStringSubmatch(rest), nil
		}
		if over {
			return nil, fmt.Errorf("it never said %q; it said:\n%s", want, rest)
		}
	}
}

func begin(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	p := &process{Cmd: exec.Command("ventanilla", args[1:]...), ended: make(chan struct{})}
	p.Dir, p.Env = ts.MkAbs("."), environment(ts)
	p.Stdout, p.Stderr = p, p
	ts.Check(p.Start())
	go func() { _ = p.Wait(); close(p.ended) }()
	ts.Defer(func() {
		_ = p.Process.Kill()
		<-p.ended
		ts.Logf("[%s]\n%s", args[0], p.log.String())
	})
	on(ts).processes[args[0]] = p
	at, err := p.say(`(?:serving smtp=|smtp://|"smtp":")([\d.:]+)(?:.*?web=([\d.:]+)|.*http://([\d.:]+))?`)
	ts.Check(err)
	p.read = 0
	ts.Setenv("smtp", at[1])
	ts.Setenv("web", at[2]+at[3])
}

func end(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 3)
	p := on(ts).processes[args[0]]
	signals := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}
	ts.Check(p.Process.Signal(signals[args[1]]))
	select {
	case <-p.ended:
	case <-time.After(stopWithin + time.Second):
		ts.Fatalf("%s did not end within %s", args[0], stopWithin)
	}
	if code := p.ProcessState.ExitCode(); strconv.Itoa(code) != args[2] {
		ts.Fatalf("%s ended with %d, not %s", args[0], code, args[2])
	}
}

func tells(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	if args[1] == "HUP" && len(args) == 3 { // first send the signal
		ts.Check(on(ts).processes[args[0]].Process.Signal(syscall.SIGHUP))
		args = []string{args[0], args[2]}
	}
	_, err := on(ts).processes[args[0]].say(args[1])
	ts.Check(err)
}

func mailbox(ts *testscript.TestScript, neg bool, _ []string) {
	need(ts, neg, nil, 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	inbox := &demo.Inbox{}
	server, err := mailin.NewServer(inbox, mailin.Options{Hostname: "smarthost.example"})
	ts.Check(err)
	go func() { _ = server.Serve(l) }()
	ts.Defer(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	})
	on(ts).inbox = inbox
	ts.Setenv("smarthost", l.Addr().String())
}

func awaitMail(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	want := regexp.MustCompile("(?m)" + args[1])
	c, err := on(ts).inbox.Wait(ctx, func(c demo.Captured) bool {
		return c.To(args[0]) && want.MatchString(c.Message.Subject+"\n"+c.Message.Text)
	})
	if err != nil {
		for _, c := range on(ts).inbox.Mails() {
			ts.Logf("mail to %v: %s\n%s", c.Envelope.Rcpts, c.Message.Subject, c.Message.Text)
		}
		ts.Fatalf("no mail to %s with %s", args[0], args[1])
	}
	ts.Setenv("message_id", c.Message.MessageID)
	ts.Setenv("reply_to", "")
	if len(c.Message.ReplyTo) > 0 {
		ts.Setenv("reply_to", c.Message.ReplyTo[0].Address)
	}
	fmt.Fprintf(ts.Stdout(), "%s\n\n%s\n", c.Message.Subject, c.Message.Text)
}

// sendFile speaks SMTP by itself, so that it can show the server's answers.
func sendFile(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 4)
	text := os.Expand(ts.ReadFile(args[3]), ts.Getenv)
	network, address, hello := "tcp", args[0], "EHLO"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address, hello = "unix", path, "LHLO"
	}
	conn, err := textproto.Dial(network, address)
	ts.Check(err)
	defer conn.Close()
	var code int
	var said string
	for _, line := range []string{"", hello + " script.example", "MAIL FROM:<" + args[1] + ">", "RCPT TO:<" + args[2] + ">", "DATA"} {
		if line != "" {
			ts.Check(conn.PrintfLine("%s", line))
		}
		if code, said, err = conn.ReadResponse(0); err != nil || code >= 400 {
			break
		}
	}
	if code == 354 {
		w := conn.DotWriter()
		_, err := io.WriteString(w, text)
		ts.Check(errors.Join(err, w.Close()))
		code, said, _ = conn.ReadResponse(0)
	}
	fmt.Fprintf(ts.Stdout(), "%d %s\n", code, said)
}

func certificate(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 3)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	c := x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: args[2]}, DNSNames: []string{args[2]},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, key.Public(), key)
	ts.Check(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	write := func(name, kind string, b []byte) {
		path := ts.MkAbs(name)
		ts.Check(os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600))
		ts.Check(os.Rename(path+".new", path))
	}
	write(args[1], "PRIVATE KEY", secret)
	write(args[0], "CERTIFICATE", der)
}

func presents(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	for by := time.Now().Add(patience); ; <-time.After(50 * time.Millisecond) {
		name, err := presented(args[0])
		if name == args[1] {
			return
		}
		if time.Now().After(by) {
			ts.Fatalf("presents %q, %v", name, err)
		}
	}
}

func presented(address string) (string, error) {
	if pages, ok := strings.CutPrefix(address, "https:"); ok {
		conn, err := tls.Dial("tcp", pages, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return "", err
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
	}
	raw, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer raw.Close()
	conn := textproto.NewConn(raw)
	for _, line := range []string{"", "EHLO script.example", "STARTTLS"} {
		if line != "" {
			_ = conn.PrintfLine("%s", line)
		}
		if code, said, err := conn.ReadResponse(0); err != nil || code >= 400 {
			return "", fmt.Errorf("%s: %d %s %w", line, code, said, err)
		}
	}
	secure := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	if err := secure.Handshake(); err != nil {
		return "", err
	}
	return secure.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func occupied(ts *testscript.TestScript, neg bool, _ []string) {
	need(ts, neg, nil, 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv("occupied", l.Addr().String())
}

func tokens(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 0)
	s := on(ts)
	if len(args) == 0 {
		s.tokens = peers.NewTokens("soporte@mesa.example", time.Hour)
		ts.Defer(s.tokens.Close)
		ts.Setenv("tokens", s.tokens.URL)
		return
	}
	switch args[0] {
	case "approve", "deny":
		ts.Check(s.tokens.Approve(args[0] == "approve"))
	case "revoke":
		s.tokens.Revoke()
	case "down":
		s.tokens.With(503, 0, time.Hour)
	case "up":
		s.tokens.With(0, 0, time.Hour)
	case "browser":
		ts.Check(browse(ts.MkAbs(args[1])))
	default:
		ts.Fatalf("wrong use: %q", args)
	}
}

// browse waits for an address in a file and opens it.
func browse(file string) error {
	for by := time.Now().Add(patience); time.Now().Before(by); time.Sleep(20 * time.Millisecond) {
		said, _ := os.ReadFile(file)
		if address := regexp.MustCompile(`http://\S+/authorize\S+`).Find(said); address != nil {
			r, err := http.Get(string(address))
			if err == nil {
				err = r.Body.Close()
			}
			return err
		}
	}
	return errors.New("no address came")
}

// canMount says whether this process may mount a disk of its own.
var canMount = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "ventanilla-mount-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k") != nil {
		return false
	}
	return syscall.Unmount(dir, 0) == nil
})

func tmpfs(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size="+args[1]))
	ts.Defer(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}
