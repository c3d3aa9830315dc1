package bolt

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"

	"ventanilla/store"
)

// mailWrites puts what one mail of a busy day leaves: a ticket or an answer to an
// older one, with events, article, indexes and a mail going out. Some twenty
// keys, half of them in order and half scattered.
func mailWrites(kv store.KV, n int, value []byte) error {
	hash := func(what string) string {
		return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s %d", what, n)))[:32]
	}
	ticket, first := n, 1
	if n%3 == 0 { // an answer
		ticket, first = n*7919%(n+1), 4
	}
	size := func(from, to int) []byte { return value[:from+n*31%(to-from)] }
	puts := []struct {
		key   string
		value []byte
	}{
		{fmt.Sprintf("ticket/%012d", ticket), size(500, 900)},
		{fmt.Sprintf("article/%012d/%06d", ticket, first), size(300, 600)},
		{"thread/" + hash("one"), value[:12]},
		{"thread/" + hash("two"), value[:12]},
		{"mail/" + hash("mail"), size(300, 600)},
		{"trace/" + hash("mail"), size(300, 1500)},
		{"person/" + hash("person"), size(100, 300)},
		{"address/" + hash("person"), value[:12]},
		{fmt.Sprintf("out/%012d", n), size(2000, 6000)},
		{fmt.Sprintf("due/%012d/%012d", 1_700_000_000+n/50, n), value[:12]},
		{fmt.Sprintf("queue/%d/open/%012d", n%7, ticket), value[:12]},
		{fmt.Sprintf("requester/%05d/%012d", n*31%5000, ticket), value[:12]},
		{"meta/watermark", value[:40]},
		{"meta/counter", value[:12]},
	}
	for _, p := range puts {
		if err := kv.Put(p.key, p.value); err != nil {
			return err
		}
	}
	for i := range 3 {
		if err := kv.Put(fmt.Sprintf("event/%012d/%06d", ticket, first+i), size(300, 500)); err != nil {
			return err
		}
		if err := kv.Put(fmt.Sprintf("feed/%012d", n*3+i), size(20, 40)); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkBatch is one Update with the writes of 200 mails, each in an overlay
// of its own.
func BenchmarkBatch(b *testing.B) {
	const batch = 200
	e, err := Open(b.TempDir() + "/db")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	value := make([]byte, 8192)
	for i := range value {
		value[i] = byte(i * 31)
	}
	n := 0
	for b.Loop() {
		err := e.Update(context.Background(), func(kv store.KV) error {
			for i := range batch {
				o := store.NewOverlay(kv)
				if err := mailWrites(o, n+i, value); err != nil {
					return err
				}
				if err := o.Flush(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		n += batch
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "mails/s")
	s, err := e.Stats(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(s.Used)/float64(n), "bytes/mail")
}

// BenchmarkGet reads values of 500 bytes from a table of 100,000.
func BenchmarkGet(b *testing.B) {
	e := filled(b, 100_000)
	n := 0
	err := e.View(context.Background(), func(kv store.KV) error {
		for b.Loop() {
			n++
			if _, err := kv.Get(fmt.Sprintf("a/%06d", n*7919%100_000)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkScan tells a page of 50 keys, in a View and where it may be written.
func BenchmarkScan(b *testing.B) {
	e := filled(b, 100_000)
	for name, run := range map[string]func(context.Context, func(store.KV) error) error{"View": e.View, "Update": e.Update} {
		b.Run(name, func(b *testing.B) {
			err := run(context.Background(), func(kv store.KV) error {
				for b.Loop() {
					err := kv.Scan("a/", "a/05", 50, true, func(string, []byte) error { return nil })
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

func filled(b *testing.B, count int) *Engine {
	b.Helper()
	e, err := Open(b.TempDir() + "/db")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	err = e.Update(context.Background(), func(kv store.KV) error {
		for i := range count {
			if err := kv.Put(fmt.Sprintf("a/%06d", i), make([]byte, 500)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return e
}
