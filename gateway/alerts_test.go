package gateway_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/store/mem"
	"ventanilla/web"
)

// TestAlertsOverRestart: what was gathered is told by the next start, once, however late.
func TestAlertsOverRestart(t *testing.T) {
	e := mem.New()
	p := newPlayed(t, e)
	p.setWorld([]string{"gather", "2m"})
	env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}}
	env.Auth.Relay = true
	write := func(text string) {
		t.Helper()
		env.Rcpts = env.Rcpts[:1]
		p.receive(env, p.fill(text))
		p.tellMails()
	}
	write("From: ana@uni.example\nTo: soporte@mesa.example\nSubject: Sin red\nMessage-ID: <1@uni.example>\n\nx\n")
	for i, order := range []string{"#asignar eva", "#cola redes", "#asignar eva"} {
		env.Rcpts[0] = p.fill("$reply(luis@mesa.example)")
		write("From: luis@mesa.example\nTo: $reply(luis@mesa.example)\nSubject: Re: [#000001]\nIn-Reply-To: $id(luis@mesa.example)\nMessage-ID: <" + string(rune('a'+i)) + "@mesa.example>\n\n" + order + "\n")
	}
	again := newPlayed(t, e)
	again.setWorld([]string{"gather", "2m"})
	told := func(after time.Duration) string {
		t.Helper()
		again.now = p.now.Add(after)
		if err := again.TellAlerts(context.Background()); err != nil {
			t.Fatal(err)
		}
		again.out.Reset()
		again.tellMails()
		return again.out.String()
	}
	told(time.Minute) // what was sent before is new to it
	if early := told(time.Minute); early != "" {
		t.Errorf("before its time:\n%s", early)
	}
	late := told(5 * time.Hour)
	if !strings.Contains(late, "novedades → eva@mesa.example") || !strings.Contains(late, "estado → ana@uni.example") {
		t.Errorf("after the restart:\n%s", late)
	}
	if twice := told(10 * time.Hour); twice != "" {
		t.Errorf("a second time:\n%s", twice)
	}
}

// TestStopPage: only the token of a digest stops one.
func TestStopPage(t *testing.T) {
	p := newPlayed(t, mem.New())
	pages := gateway.Pages{Gateway: p.Gateway}
	env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}}
	env.Auth.Relay = true
	p.receive(env, "From: luis@mesa.example\nTo: soporte@mesa.example\nSubject: Sin red\nMessage-ID: <1@mesa.example>\n\nx\n")
	p.tellMails()
	reply := p.fill("$reply(luis@mesa.example)")
	_, token, _ := strings.Cut(strings.TrimSuffix(reply, "@mesa.example"), "+")
	for _, other := range []string{token, "l" + token[1:], "", "lx"} {
		if _, err := pages.StopDigest(context.Background(), other); !errors.Is(err, web.ErrNotFound) {
			t.Errorf("token %q: %v", other, err)
		}
	}
}
