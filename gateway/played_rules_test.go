package gateway_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"

	"ventanilla/mail"
	"ventanilla/rules"
)

// write puts a file over the admin's and takes them into force if they are right and
// their tests pass, as a desk that runs does; else those before stay.
func (p *played) write(name, text string) {
	p.t.Helper()
	tree := fstest.MapFS{}
	err := fs.WalkDir(p.files, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(p.files, path)
		tree[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	tree[name] = &fstest.MapFile{Data: []byte(text)}
	world, err := rules.LoadWorld(tree, p.base)
	var set *rules.Set
	if err == nil {
		set, err = rules.Load(tree, world)
	}
	if err == nil {
		err = set.Test(world)
	}
	if err != nil {
		fmt.Fprintf(&p.out, "refused: %v\n", err)
		return
	}
	setup := *p.Setup()
	setup.World, setup.Rules = world, set
	p.files = tree
	p.Use(&setup)
	fmt.Fprintf(&p.out, "in force: %d rules, %d tests\n", set.Len(), set.Tests())
}

// explain tells what would become of a mail, and what it was that decided.
func (p *played) explain(text string) {
	p.t.Helper()
	env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}}
	env.Auth.Relay = true
	r, err := p.Explain(context.Background(), env, strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		p.t.Fatal(err)
	}
	fmt.Fprintf(&p.out, "%s (%s)\n", r.Disposition, r.Reason)
	for _, s := range r.Trace {
		mark := "-"
		if s.Matched {
			mark = "+"
		}
		line := fmt.Sprintf("  %s %s %s %s", mark, s.Rule, s.Place, s.Why)
		p.out.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	for _, m := range r.Mails {
		fmt.Fprintf(&p.out, "  would send %s → %s\n", m.Template, m.To)
	}
}
