// Command bench measures Ventanilla side by side with two floors in one run, on
// this machine: a bare go-smtp sink that appends every mail to one file behind a
// shared fdatasync, and a minimal pipeline of net/mail and bbolt with a fixed
// answer. Load, sink and the server under test share the processors; each server
// is a process of its own. It prints figures, ratios and the bounds that they
// have to keep, and ends with 1 if one is missed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	short := flag.Bool("short", false, "a tenth of the mails, for a look; its ratios mean less")
	program := flag.String("program", "", "a ventanilla that is built already")
	floor := flag.String("floor", "", "internal: serve as this floor")
	dir := flag.String("dir", "", "internal: the floor's folder")
	smarthost := flag.String("smarthost", "", "internal: where the floor sends")
	only := flag.String("only", "", "burst, sustained, lone or large: that measurement alone")
	flag.Parse()
	if *floor != "" {
		exit(serveFloor(*floor, *dir, *smarthost))
	}
	b := bench{sizes: full, patience: 20 * time.Second, program: *program, only: *only}
	limit := 4 * time.Minute
	if *short {
		b.sizes, limit = tenth, 40*time.Second
	}
	time.AfterFunc(limit, func() { // the children end with their parent
		exit(fmt.Errorf("not done within %s", limit))
	})
	exit(b.run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// sizes are how many mails the measurements send.
type sizes struct{ rounds, burst, sustained, lone, large int }

var (
	full  = sizes{rounds: 3, burst: 20_000, sustained: 20_000, lone: 400, large: 2_000}
	tenth = sizes{rounds: 1, burst: 3_000, sustained: 3_000, lone: 100, large: 300}
)

const (
	connections = 32
	window      = 2_000 // mails that a sustained load is ahead of their answers
)

// bench is one run.
type bench struct {
	sizes
	program  string
	only     string
	patience time.Duration // with a server that does not go on

	dir    string
	sink   *sink
	sender int // the next one
	table  table
}

func (b *bench) run() (err error) {
	if b.dir, err = os.MkdirTemp("", "ventanilla-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if err := b.build(); err != nil {
		return err
	}
	if b.sink, err = newSink(1 << 18); err != nil {
		return err
	}
	defer b.sink.close()
	began := time.Now()
	if err := b.small(); err != nil {
		return err
	}
	if b.wants("sustained") {
		if err := b.lean(); err != nil {
			return err
		}
	}
	if b.wants("large") {
		if err := b.big(); err != nil {
			return err
		}
	}
	fmt.Print(b.table.String())
	fmt.Printf("\n%.0f s. Exactly one acknowledgement for each mail, exactly one notice for each agent: counted.\n", time.Since(began).Seconds())
	if missed := b.table.missed(); missed > 0 {
		return fmt.Errorf("%d bounds missed", missed)
	}
	return nil
}

func (b *bench) wants(what string) bool { return b.only == "" || b.only == what }

// build builds the real binary.
func (b *bench) build() error {
	if b.program != "" {
		return nil
	}
	b.program = filepath.Join(b.dir, "ventanilla")
	out, err := exec.Command("go", "build", "-o", b.program, "./cmd/ventanilla").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build ventanilla: %w\n%s", err, out)
	}
	return nil
}

// desk starts Ventanilla with an empty state and the example's queue, which so
// many agents work on.
func (b *bench) desk(state string, agents int) (*child, error) {
	dir := filepath.Join(b.dir, state)
	if out, err := exec.Command(b.program, "init", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ventanilla init: %w\n%s", err, out)
	}
	names := []string{`"luis"`, `"ana"`}[:agents]
	if err := edit(filepath.Join(dir, "desk", "queues.toml"), `"luis", "ana"`, strings.Join(names, ", ")); err != nil {
		return nil, err
	}
	if err := edit(filepath.Join(dir, "ventanilla.toml"), `state = "estado"`, `state = "."`); err != nil {
		return nil, err
	}
	return start(b.program, "demo", "--state", dir, "--smtp", "127.0.0.1:0", "--web", "127.0.0.1:0",
		"--smarthost", b.sink.address, "--uncapped")
}

// edit replaces what stands once in a file.
func edit(path, old, new string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if strings.Count(string(text), old) != 1 {
		return fmt.Errorf("%s: %q does not stand there once", path, old)
	}
	return os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o600)
}

// floor starts a floor.
func (b *bench) floor(kind string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, kind)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return start(self, "-floor", kind, "-dir", dir, "-smarthost", b.sink.address)
}

// threesome are the servers of a comparison.
type threesome struct {
	desk, bare, minimal *child
	agents              int // who are told of each ticket of the desk
}

// mails is how many mails a ticket of the desk makes.
func (t threesome) mails() int { return 1 + t.agents }

func (b *bench) threesome(state string, agents int) (t threesome, err error) {
	var errs [3]error
	t.agents = agents
	t.desk, errs[0] = b.desk(state, agents)
	t.bare, errs[1] = b.floor("bare")
	t.minimal, errs[2] = b.floor("minimal")
	return t, errors.Join(errs[:]...)
}

func (t threesome) stop() {
	for _, c := range []*child{t.desk, t.bare, t.minimal} {
		if c != nil {
			c.stop()
		}
	}
}

// small measures with mails of 4 KB.
func (b *bench) small() error {
	t, err := b.threesome("small", 2)
	defer t.stop()
	if err != nil {
		return err
	}
	mails := forms(false)
	if b.wants("lone") {
		if err := b.latency(t, mails); err != nil {
			return err
		}
	}
	if b.wants("burst") {
		title := fmt.Sprintf("burst of %d mails of %.1f KB, %d connections", b.burst, mails[0].size(), connections)
		words, least := "≥ 0.60", 0.6
		if b.sizes == tenth { // over before settling notices that it is one
			words, least = "", 0
		}
		if err := b.accept(t, mails, title, b.burst, b.rounds, words, least); err != nil {
			return err
		}
	}
	if b.wants("sustained") {
		b.table.title(fmt.Sprintf("sustained: %d mails of %.1f KB, half of them with HTML, two agents told of each", b.sustained, mails[0].size()))
		if err := b.keepUp(t, mails, b.sustained, false); err != nil {
			return err
		}
	}
	b.table.atMost("peak of anonymous memory, MB", 0, float64(t.desk.peakMemory())/1e6, 200)
	return nil
}

// lean measures what a ticket costs by itself: mails of plain text, one agent
// told of each beside its acknowledgement.
func (b *bench) lean() error {
	t, err := b.threesome("lean", 1)
	defer t.stop()
	if err != nil {
		return err
	}
	mails := forms(false)[:1]
	b.table.title(fmt.Sprintf("sustained: %d mails of %.1f KB plain text, one agent told of each, at most %d ahead of their answers", b.sustained, mails[0].size(), window))
	return b.keepUp(t, mails, b.sustained, true)
}

// big measures with mails of 100 KB.
func (b *bench) big() error {
	t, err := b.threesome("big", 2)
	defer t.stop()
	if err != nil {
		return err
	}
	mails := forms(true)
	title := fmt.Sprintf("burst of %d mails of %.0f KB, %d connections", b.large, mails[0].size(), connections)
	if err := b.accept(t, mails, title, b.large, 1, "", 0); err != nil {
		return err
	}
	b.table.title(fmt.Sprintf("sustained: %d mails of %.0f KB, which go on to two agents", b.large, mails[0].size()))
	if err := b.keepUp(t, mails, b.large, false); err != nil {
		return err
	}
	b.table.atMost("peak of anonymous memory, MB", 0, float64(t.desk.peakMemory())/1e6, 200)
	return nil
}
