package mailin

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"ventanilla/mail"
)

// sink is a Receiver that reads and forgets.
type sink struct{}

func (sink) Accepts(mail.Envelope, string) error { return nil }
func (sink) Receive(_ context.Context, _ mail.Envelope, r io.Reader) (mail.ID, error) {
	_, err := io.Copy(io.Discard, r)
	return "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", err
}

// bareSink is the same straight on go-smtp.
type bareSink struct{}

func (bareSink) NewSession(*smtp.Conn) (smtp.Session, error) { return bareSink{}, nil }
func (bareSink) Reset()                                      {}
func (bareSink) Logout() error                               { return nil }
func (bareSink) Mail(string, *smtp.MailOptions) error        { return nil }
func (bareSink) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (bareSink) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

var speedText = "Subject: speed\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 57) + ".\r\n"

// load sends mails over connections, each waiting for its answers as most
// senders do, and returns the mails per second.
func load(t testing.TB, address string, connections, mails int) float64 {
	var wg sync.WaitGroup
	failed := make(chan error, connections)
	start := time.Now()
	for range connections {
		wg.Go(func() {
			if err := sendMails(address, mails/connections); err != nil {
				failed <- err
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
	return float64(mails/connections*connections) / time.Since(start).Seconds()
}

func sendMails(address string, mails int) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	ask := func(text string, answers int) error {
		if _, err := io.WriteString(conn, text); err != nil {
			return err
		}
		for range answers {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return err
			}
			if line[0] != '2' && line[0] != '3' {
				return fmt.Errorf("%q", line)
			}
		}
		return nil
	}
	if err := ask("HELO a.example\r\n", 2); err != nil {
		return err
	}
	for range mails {
		if err := ask("MAIL FROM:<ana@example.org>\r\n", 1); err != nil {
			return err
		}
		if err := ask("RCPT TO:<mesa@desk.example.org>\r\n", 1); err != nil {
			return err
		}
		if err := ask("DATA\r\n", 1); err != nil {
			return err
		}
		if err := ask(speedText, 1); err != nil {
			return err
		}
	}
	return nil
}

// speedServers are ours and the library alone, both on TCP.
func speedServers(t testing.TB) (ours, library string) {
	_, ours = serve(t, sink{}, Options{})
	s := smtp.NewServer(bareSink{})
	s.Domain = "desk.example.org"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-served
	})
	return ours, l.Addr().String()
}

// TestSpeed: the guards cost at most a tenth of go-smtp's own speed, 4 KB mails
// over 32 connections, in alternating rounds.
func TestSpeed(t *testing.T) {
	if os.Getenv("VENTANILLA_EVIDENCE") != "1" {
		t.Skip("wants VENTANILLA_EVIDENCE=1")
	}
	ours, library := speedServers(t)
	var ratios []float64
	for range 7 {
		theirs := load(t, library, 32, 12800)
		mine := load(t, ours, 32, 12800)
		t.Logf("go-smtp alone %.0f mails/s, mailin %.0f mails/s", theirs, mine)
		ratios = append(ratios, mine/theirs)
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	t.Logf("median ratio %.2f", median)
	if median < 0.9 {
		t.Errorf("mailin reaches %.2f of go-smtp's speed, want 0.90", median)
	}
}

func BenchmarkServer(b *testing.B)  { benchmark(b, true) }
func BenchmarkLibrary(b *testing.B) { benchmark(b, false) }

func benchmark(b *testing.B, ours bool) {
	address, library := speedServers(b)
	if !ours {
		address = library
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(speedText)))
	b.ResetTimer()
	load(b, address, 32, max(b.N, 32))
}
