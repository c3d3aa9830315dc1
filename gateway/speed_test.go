package gateway_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store/bolt"
)

// BenchmarkTicket settles mails that open tickets and records the delivery of
// what goes out, without a network: CPU of this process a ticket.
func BenchmarkTicket(b *testing.B) {
	e, err := bolt.Open(filepath.Join(b.TempDir(), "desk.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	p := newPlayed(b, e)
	setup := *p.Setup()
	setup.Caps = rules.Caps{}
	p.Use(&setup)
	ctx := context.Background()
	paragraph := "<p>Buenos d=C3=ADas. Desde <b>ayer</b> la conexi=C3=B3n del sal=C3=B3n no funciona: los equipos encienden y no pasa nada.</p>\r\n"
	for i := range b.N {
		kind, body := "plain", strings.Repeat(paragraph, 26)
		if i%2 == 1 {
			kind, body = "html", "<html><body>"+body+"</body></html>"
		}
		raw := fmt.Sprintf("From: Persona <persona-%d@universidad.example>\r\nTo: soporte@mesa.example\r\nSubject: =?utf-8?q?Da=C3=B1o_en_el_sal=C3=B3n?= %d\r\n"+
			"Message-ID: <%d@universidad.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n%s", i, i, i, kind, body)
		env := mail.Envelope{Source: "smtp", From: "a@universidad.example", Rcpts: []string{"soporte@mesa.example"}, Auth: mail.Auth{Relay: true}, ReceivedAt: p.now}
		if _, err := p.Receive(ctx, env, strings.NewReader(raw)); err != nil {
			b.Fatal(err)
		}
	}
	before := computed()
	b.ReportAllocs()
	b.ResetTimer()
	for mails := 0; ; {
		next, err := p.Process(ctx, p.mark, 128)
		if err != nil {
			b.Fatal(err)
		}
		if next == p.mark {
			b.ReportMetric(float64(mails)/float64(b.N), "mails/op")
			break
		}
		p.mark = next
		mails += deliverAll(b, p.Gateway, p.now)
	}
	b.ReportMetric(float64((computed()-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

func deliverAll(b *testing.B, g *gateway.Gateway, now time.Time) (n int) {
	for {
		due, _, err := g.Due(context.Background(), now.Add(time.Hour), 128, func(string) bool { return false })
		if err != nil {
			b.Fatal(err)
		}
		if len(due) == 0 {
			return n
		}
		var results []mailout.Result
		for _, o := range due {
			results = append(results, mailout.Result{ID: o.ID, At: now, Outcome: mailout.Sent, Attempts: 1, Code: 250})
		}
		if err := g.Settle(context.Background(), results); err != nil {
			b.Fatal(err)
		}
		n += len(due)
	}
}

// computed returns the processor time of this process.
func computed() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
