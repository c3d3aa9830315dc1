package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"ventanilla/gateway"
	"ventanilla/mail"
)

// TestExportAgain delivers mails a second time: identical ones are told apart
// from those that only mean the same.
func TestExportAgain(t *testing.T) {
	const text = "From: ana@x.example\nTo: soporte@mesa.example\nMessage-ID: <1@x.example>\nSubject: uno\n\nHola\n"
	ours := func(n int) string {
		return fmt.Sprintf("Return-Path: <x@y.example>\nReceived: from a\n\tby b id %d;\n\tMon, 2 Jan 2006 15:04:0%d -0700\n", n, n)
	}
	long := "From: ana@x.example\nSubject: largo\n" + strings.Repeat("X-A: b\n", mail.DefaultLimits.HeaderLines) + "\nHola\n"
	for name, c := range map[string]struct {
		mails []string
		want  string // a letter a mail: n for one that is new, a for one that came again
		kinds string // dispositions
	}{
		"the same again":            {[]string{ours(1) + text, ours(2) + text, ours(3) + text}, "naa", "ticket duplicate duplicate"},
		"another":                   {[]string{ours(1) + text, ours(2) + strings.Replace(text, "Hola", "Adiós", 1)}, "nn", "ticket ticket"},
		"by another way":            {[]string{ours(1) + text, ours(2) + ours(3) + text, ours(4) + ours(3) + text}, "nna", "ticket duplicate duplicate"},
		"another Return-Path":       {[]string{ours(1) + text, "Return-Path: <z@y.example>\n" + text}, "na", "ticket duplicate"},
		"as bare as it was written": {[]string{text, ours(1) + text, text}, "naa", "ticket duplicate duplicate"},
		"nothing but a trace":       {[]string{"Return-Path: <x@y.example>\n", "Return-Path: <x@y.example>\nReceived: from a\n"}, "na", "quarantine duplicate"},
		"over a limit":              {[]string{ours(1) + long, ours(2) + long}, "na", "quarantine duplicate"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, e := range engines(t) {
				p := newPlayed(t, e)
				for _, raw := range c.mails {
					raw = strings.ReplaceAll(raw, "\n", "\r\n")
					env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}}
					if _, err := p.Receive(context.Background(), env, strings.NewReader(raw)); err != nil {
						t.Fatal(err)
					}
				}
				before, _ := p.exported()
				p.settle()
				after, kinds := p.exported()
				if before != c.want || after != c.want || kinds != c.kinds {
					t.Errorf("before it was settled %s, after %s (%s), want %s (%s)", before, after, kinds, c.want, c.kinds)
				}
			}
		})
	}
}

func (p *played) exported() (letters, dispositions string) {
	p.t.Helper()
	var kinds []string
	err := p.Export(context.Background(), func(e gateway.Exported) error {
		letters += map[bool]string{false: "n", true: "a"}[e.Again]
		kinds = append(kinds, e.Receipt.Disposition)
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return letters, strings.Join(kinds, " ")
}
