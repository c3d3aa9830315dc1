package gateway_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"ventanilla/mail"
	"ventanilla/store/mem"
)

// TestPages: «más» answers a list with its next page until there is none, a requester's
// list goes on in the same way, and every ticket is on one page.
func TestPages(t *testing.T) {
	p := newPlayed(t, mem.New())
	env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}}
	env.Auth.Relay = true
	n := 0
	write := func(from, to, subject, text string) {
		n++
		env.Rcpts = []string{to}
		p.receive(env, fmt.Sprintf("From: %s\nTo: %s\nSubject: %s\nMessage-ID: <%d@x.example>\n\n%s\n", from, to, subject, n, text))
		p.tellMails()
	}
	const most = 120
	for i := range most {
		write("ana@uni.example", "soporte@mesa.example", fmt.Sprintf("Asunto %d", i), "x")
	}
	numbers := regexp.MustCompile(`(?m)^#(\d{6}) `)
	pages := func(to string, next func(text string) bool) (found []string, sizes []int) {
		for range 10 {
			text := mail.Parse(p.raw(p.last[to])).Text
			page := numbers.FindAllStringSubmatch(text, -1)
			for _, m := range page {
				found = append(found, m[1])
			}
			if sizes = append(sizes, len(page)); !next(text) {
				break
			}
		}
		return found, sizes
	}
	check := func(what string, found []string, sizes []int) {
		t.Helper()
		slices.Sort(found)
		if len(slices.Compact(found)) != most || !slices.Equal(sizes, []int{50, 50, 20}) {
			t.Errorf("%s: %d tickets on pages of %v", what, len(found), sizes)
		}
	}
	write("luis@mesa.example", "soporte@mesa.example", "cola soporte", "")
	found, sizes := pages("luis@mesa.example", func(text string) bool {
		if !regexp.MustCompile(`responda más`).MatchString(text) {
			return false
		}
		write("luis@mesa.example", p.fill("$reply(luis@mesa.example)"), "Re: Cola", "Más")
		return true
	})
	check("an agent's list", found, sizes)
	p.now = p.now.Add(2 * time.Hour) // so many mails in an hour are answered in one
	write("ana@uni.example", "soporte@mesa.example", "mis solicitudes", "")
	found, sizes = pages("ana@uni.example", func(text string) bool {
		more := regexp.MustCompile(`responda\s+(mis\s+solicitudes\s+antes:\d+)`).FindStringSubmatch(text)
		if more == nil {
			return false
		}
		write("ana@uni.example", "soporte@mesa.example", "Re: Sus solicitudes", regexp.MustCompile(`\s+`).ReplaceAllString(more[1], " "))
		return true
	})
	check("a requester's list", found, sizes)
	write("luis@mesa.example", p.fill("$reply(luis@mesa.example)"), "Re: Cola", "cerrar 120")
	if text := mail.Parse(p.raw(p.last["luis@mesa.example"])).Text; !regexp.MustCompile(`no está en la lista`).MatchString(text) {
		t.Errorf("a number of another page:\n%s", text)
	}
}
