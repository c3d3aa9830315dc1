// Command corpus reads a folder of mails that others have described, and prints
// how much of what they say package mail finds. It proves nothing by itself: a
// corpus lies outside the project.
//
// The folder has a folder for each set, with the mails and expect.jsonl: one
// JSON line a mail. What is scored is what the line's source states and what
// two unrelated parsers agreed on.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ventanilla/mail"
)

func main() {
	misses := flag.Int("misses", 20, "how many misses to list of each figure; 0: none")
	only := flag.String("only", "", "score this set alone")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "corpus [-misses N] [-only SET] DIR\n\nExample: corpus -misses 5 -only bounce ~/mail")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(64)
	}
	if err := run(os.Stdout, flag.Arg(0), *only, *misses); err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

// run scores every set of a folder and prints the figures.
func run(w io.Writer, dir, only string, misses int) error {
	lists, err := filepath.Glob(filepath.Join(dir, "*", "expect.jsonl"))
	if err != nil {
		return err
	}
	if len(lists) == 0 {
		return fmt.Errorf("%s has no set: a folder with expect.jsonl", dir)
	}
	b := board{figures: map[string]*figure{}}
	for _, list := range lists {
		set := filepath.Base(filepath.Dir(list))
		if only != "" && only != set {
			continue
		}
		if err := eachLine(list, func(line []byte) error { return b.score(set, filepath.Dir(list), line) }); err != nil {
			return fmt.Errorf("%s: %w", set, err)
		}
	}
	b.keptWords()
	return b.print(w, misses)
}

func eachLine(path string, fn func([]byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			if err := fn(line); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// score scores one mail by the rules of its set.
func (b *board) score(set, dir string, line []byte) error {
	var e expectation
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(dir, e.File))
	if err != nil {
		return err
	}
	s := scorer{board: b, set: set, e: e}
	switch {
	case strings.HasPrefix(set, "reply-text"):
		s.reply(raw)
	case set == "bounce":
		s.bounce(mail.Parse(raw))
	case set == "volume":
		s.volume(mail.Parse(raw))
	default:
		s.parse(mail.Parse(raw), raw)
	}
	return nil
}

// board collects figures.
type board struct {
	order   []string
	figures map[string]*figure
	replies []keptReply
}

// figure is how many of some facts were found.
type figure struct {
	right, all int
	misses     []string
}

// note counts a fact.
func (b *board) note(name, file string, right bool, format string, args ...any) {
	f := b.figures[name]
	if f == nil {
		f = &figure{}
		b.figures[name] = f
		b.order = append(b.order, name)
	}
	f.all++
	if right {
		f.right++
		return
	}
	f.misses = append(f.misses, file+": "+fmt.Sprintf(format, args...))
}

func (b *board) print(w io.Writer, misses int) error {
	slices.Sort(b.order)
	out := bufio.NewWriter(w)
	for _, name := range b.order {
		f := b.figures[name]
		_, _ = fmt.Fprintf(out, "%-36s %5d of %5d  %6.2f %%\n", name, f.right, f.all, 100*float64(f.right)/float64(f.all))
	}
	for _, name := range b.order {
		f := b.figures[name]
		for i, m := range f.misses {
			if i == misses {
				if misses > 0 {
					_, _ = fmt.Fprintf(out, "%s: and %d more\n", name, len(f.misses)-misses)
				}
				break
			}
			_, _ = fmt.Fprintf(out, "%s: %s\n", name, m)
		}
	}
	return out.Flush()
}
