package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

// backedUp is a desk at work that can be copied.
func backedUp(t *testing.T) (*house, *Config) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "mesa")
	if err := writeInstallation(folder, answers{domain: "mesa.example", name: "Mesa", queueAddress: "soporte@mesa.example"}); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(filepath.Join(folder, "ventanilla.toml"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := openHouse(t.Context(), c, osFiles(c), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return h, c
}

func (h *house) takes(ctx context.Context, n int) error {
	raw := fmt.Sprintf("From: Ana %d <ana%d@uni.example>\r\nTo: soporte@mesa.example\r\nSubject: Solicitud %d\r\nMessage-ID: <%d@uni.example>\r\n\r\n%s\r\n", n, n, n, n, strings.Repeat("No imprime. ", n%50*100))
	_, err := h.Receive(ctx, mail.Envelope{Source: "smtp", From: "x@uni.example", Rcpts: []string{"soporte@mesa.example"}, Auth: mail.Auth{Relay: true}}, strings.NewReader(raw))
	return err
}

// restored opens what was restored from a copy.
func restored(t *testing.T, c *Config, file string) *house {
	t.Helper()
	r := *c
	r.State = filepath.Join(t.TempDir(), "otro")
	if err := extract(file, r.State); err != nil {
		t.Fatal(err)
	}
	h, err := openHouse(t.Context(), &r, osFiles(c), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.close() })
	return h
}

// TestBackupUnderLoad: a copy made while mails come in has all that were taken
// before it began, each with at most one destination, and nothing is sent from
// what was restored until somebody says so.
func TestBackupUnderLoad(t *testing.T) {
	h, c := backedUp(t)
	ctx, stop := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	workers.Go(func() { _ = h.Run(ctx) })
	var taken atomic.Int64
	for w := range 4 {
		workers.Go(func() {
			for n := w; ctx.Err() == nil && n < 4000; n += 4 {
				if err := h.takes(ctx, n); err == nil {
					taken.Add(1)
				}
			}
		})
	}
	for taken.Load() < 300 {
		time.Sleep(time.Millisecond)
	}
	before := taken.Load()
	var copied bytes.Buffer
	err := writeCopy(t.Context(), h, &copied)
	stop()
	workers.Wait()
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "copia.tar")
	if err := os.WriteFile(file, copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	again := restored(t, c, file)
	a, err := again.Doctor(t.Context())
	if err != nil || len(a.Faults) > 0 || int64(a.Accepted) < before {
		t.Errorf("%+v, %v; %d were taken before", a, err, before)
	}
	held(t, again, a.Tickets)
}

// held proves that a restored desk sends nothing until it is told to, and gives
// no number twice.
func held(t *testing.T, h *house, tickets int) {
	t.Helper()
	due := func() int {
		t.Helper()
		mails, _, err := h.Due(t.Context(), time.Now().Add(time.Hour), 10, func(string) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		return len(mails)
	}
	if due() == 0 {
		t.Fatal("nothing is to be sent: this proves nothing")
	}
	if err := h.Restored(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := due(); n != 0 {
		t.Errorf("%d mails would go out", n)
	}
	if err := h.LetGo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if due() == 0 {
		t.Error("nothing goes out once it is let go")
	}
	ctx, stop := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = h.Run(ctx) })
	if err := h.takes(ctx, 999999); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		ts, err := h.Tickets(ctx, "", 0, 1)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%v, %v", ts, err)
		}
		if len(ts) == 1 && ts[0].Subject == "Solicitud 999999" {
			if ts[0].ID <= desk.TicketID(tickets)+1000 {
				t.Errorf("the new ticket is %d, after %d", ts[0].ID, tickets)
			}
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	run.Wait()
}

// TestBackupDamaged: a copy that is cut short, or of which a byte is not what it
// was, is refused; only bytes that say nothing may differ.
func TestBackupDamaged(t *testing.T) {
	h, _ := backedUp(t)
	for n := range 5 {
		if err := h.takes(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	var copied bytes.Buffer
	err := writeCopy(t.Context(), h, &copied)
	if err2 := h.close(); err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	whole := copied.Bytes()
	try := func(data []byte) (string, error) {
		dir := t.TempDir()
		file := filepath.Join(dir, "copia.tar")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		state := filepath.Join(dir, "estado")
		return state, extract(file, state)
	}
	good, err := try(whole)
	if err != nil {
		t.Fatal(err)
	}
	content := func(dir string) string {
		var b strings.Builder
		_ = fs.WalkDir(os.DirFS(dir), ".", func(p string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				data, _ := os.ReadFile(filepath.Join(dir, p))
				fmt.Fprintf(&b, "%s %x\n", p, data)
			}
			return nil
		})
		return b.String()
	}
	want, refused := content(good), 0
	for at := 0; at < len(whole); at += max(1, len(whole)/150) {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x20
		state, err := try(damaged)
		if err != nil {
			refused++
		} else if content(state) != want {
			t.Errorf("byte %d: another state was restored", at)
		}
	}
	if refused < 50 {
		t.Errorf("only %d of the damaged copies were refused", refused)
	}
	for at := 0; at < len(whole)-2048; at += max(1, len(whole)/60) {
		if _, err := try(whole[:at]); err == nil {
			t.Errorf("cut at %d: restored", at)
		}
	}
}
