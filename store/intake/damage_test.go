package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// small returns the only segment of a log of n mails, one after the other, and
// their records.
func small(t testing.TB, n int) ([]byte, []Record) {
	t.Helper()
	d := newFakeDisk()
	l, err := openFake(d)
	if err != nil {
		t.Fatal(err)
	}
	var records []Record
	for i := range n {
		records = append(records, appendTest(t, l, i, 40*i))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return d.names[segmentName(1)].data, records
}

// with returns a folder with that one segment.
func with(segment []byte) *fakeDisk {
	d := newFakeDisk()
	d.names[segmentName(1)] = &fakeFile{disk: d, name: segmentName(1), data: bytes.Clone(segment)}
	return d
}

// holds says whether l has just the first n of the records, and goes on.
func holds(t *testing.T, l *Log, records []Record, n int) error {
	t.Helper()
	got := all(t, l)
	if len(got) != n {
		return fmt.Errorf("%d records, want %d", len(got), n)
	}
	for i, r := range got {
		if r.ID != records[i].ID || r.Position != records[i].Position {
			return fmt.Errorf("record %d is another", i)
		}
	}
	r := appendTest(t, l, 99, 10)
	if got = all(t, l); len(got) != n+1 || got[n].ID != r.ID {
		return fmt.Errorf("%d records after one more", len(got))
	}
	return nil
}

func TestEveryPrefix(t *testing.T) {
	segment, records := small(t, 5)
	for size := range len(segment) + 1 {
		for _, tail := range []int{0, 5000} { // bare, and with zeros set apart
			n := 0
			for n < len(records) && records[n].Next.Offset <= int64(size) {
				n++
			}
			l, err := openFake(with(append(bytes.Clone(segment[:size]), make([]byte, tail)...)))
			if size < segmentHeaderSize {
				if err == nil {
					t.Fatalf("opened with %d bytes of the header", size)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			cut := len(bytes.TrimRight(segment[:size], "\x00")) - int(l.End().Offset)
			if l.Stats().Cut != int64(max(cut, 0)) && n > 0 {
				t.Errorf("%d bytes: cut %d, want %d", size, l.Stats().Cut, cut)
			}
			if err := holds(t, l, records, n); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
		}
	}
}

// What is known to have been durable is refused when it is damaged, wherever
// the damage is; in the last record it cannot be told from a torn tail.
func TestEveryFlip(t *testing.T) {
	segment, records := small(t, 5)
	last := records[len(records)-1].Position.Offset
	for at := range segment {
		damaged := bytes.Clone(segment)
		damaged[at] ^= 1 << (at % 8)
		l, err := openFake(with(damaged))
		if int64(at) < last {
			if err == nil {
				t.Fatalf("opened with a bad byte %d", at)
			}
			n := 0
			for n < len(records) && records[n].Next.Offset <= int64(at) {
				n++
			}
			place := fmt.Sprintf("%s: damaged record at offset %d:", segmentName(1), records[n].Position.Offset)
			if at >= segmentHeaderSize && !strings.Contains(err.Error(), place) {
				t.Fatalf("byte %d: %v, want it to say %q", at, err, place)
			}
			continue
		}
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		if err := holds(t, l, records, len(records)-1); err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
	}
}

// Records that shared a sync may reach the disk in any order: a bad one cuts
// the good ones behind it, for none of them knows that it was durable.
func TestTornBatch(t *testing.T) {
	d := newFakeDisk()
	l, err := openFake(d)
	if err != nil {
		t.Fatal(err)
	}
	first := appendTest(t, l, 0, 100)
	var drafts []*draft
	for i := range 3 {
		drafts = append(drafts, testDraft(t, l, i, testMail(10+i, 100)))
	}
	if err := l.write(drafts); err != nil {
		t.Fatal(err)
	}
	l.Close()
	segment := d.names[segmentName(1)].data
	segment[first.Next.Offset+recordHeaderSize+3] ^= 1
	l, err = openFake(with(segment))
	if err != nil {
		t.Fatal(err)
	}
	if err := holds(t, l, []Record{first}, 1); err != nil {
		t.Error(err)
	}
}

// A record is one only where it was written, and in its own segment.
func TestElsewhere(t *testing.T) {
	segment, records := small(t, 3)
	first := segment[records[0].Position.Offset:records[0].Next.Offset]
	foreign := bytes.Clone(first)
	h := recordHeader{Envelope: 2, Body: crc32.Checksum([]byte("{}"), castagnoli), Offset: int64(len(segment))}
	encode(foreign, &h)
	copy(foreign[recordHeaderSize:], "{}")
	for _, tail := range [][]byte{first, foreign} {
		l, err := openFake(with(append(bytes.Clone(segment), tail...)))
		if err != nil {
			t.Fatal(err)
		}
		if err := holds(t, l, records, 3); err != nil {
			t.Error(err)
		}
	}
}

// A mail that holds a record header, with its mark ahead of a torn place, is
// none: it does not know the marker of the segment that it will be in.
func TestForged(t *testing.T) {
	for _, known := range []bool{false, true} {
		d := newFakeDisk()
		l, err := openFake(d)
		if err != nil {
			t.Fatal(err)
		}
		var marker [8]byte
		if known {
			marker = l.segments[0].marker
		}
		env, err := json.Marshal(testEnvelope(1))
		if err != nil {
			t.Fatal(err)
		}
		at := int64(segmentHeaderSize + recordHeaderSize + len(env))
		forged := make([]byte, 200)
		encode(forged, &recordHeader{Marker: marker, Offset: at, Durable: at})
		r, err := l.Append(context.Background(), testEnvelope(1), bytes.NewReader(forged))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		segment := d.names[segmentName(1)].data
		segment[r.Position.Offset+recordHeaderSize] ^= 1 // torn
		l, err = openFake(with(segment))
		if known {
			if err == nil {
				t.Error("a header with the right marker proves nothing")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := holds(t, l, nil, 0); err != nil {
			t.Error(err)
		}
	}
}

func TestSegmentsMissing(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fakeDisk)
		want   string // "" if the log opens
	}{
		{"all there", func(d *fakeDisk) {}, ""},
		{"left from before", func(d *fakeDisk) { d.names["77.tmp"] = &fakeFile{disk: d} }, ""},
		{"first missing", func(d *fakeDisk) { delete(d.names, segmentName(1)) }, "00000001.seg is missing"},
		{"one missing", func(d *fakeDisk) { delete(d.names, segmentName(2)) }, "00000002.seg is missing"},
		{"one short", func(d *fakeDisk) {
			f := d.names[segmentName(1)]
			f.data = f.data[:len(f.data)-1]
		}, "00000002.seg: the segment before has only"},
		{"one empty", func(d *fakeDisk) { d.names[segmentName(2)].data = nil }, "00000002.seg: damaged header"},
		{"one twice", func(d *fakeDisk) { d.names[segmentName(2)] = d.names[segmentName(1)] }, "00000001.seg: damaged header, or not segment 2"},
		{"large mail damaged", func(d *fakeDisk) { d.names[segmentName(3)].data[5000] ^= 1 }, "00000003.seg: damaged record at offset 44"},
	} {
		d := newFakeDisk()
		l, err := openFake(d)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			appendTest(t, l, i, 5500)
		}
		appendTest(t, l, 4, largeRecord)
		want := all(t, l)
		l.Close()
		if len(d.names) != 3 {
			t.Fatalf("segments: %s", d)
		}
		c.change(d)
		l, err = openFake(d)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := all(t, l); len(got) != len(want) || len(d.names) != 3 {
			t.Errorf("%s: %d records, want %d", c.name, len(got), len(want))
		}
	}
}

// Damage in a segment that Open does not read is found by those who read it.
func TestDamagedArchive(t *testing.T) {
	d := newFakeDisk()
	l, err := openFake(d)
	if err != nil {
		t.Fatal(err)
	}
	var records []Record
	for i := range 4 {
		records = append(records, appendTest(t, l, i, 5500))
	}
	d.names[segmentName(1)].data[records[1].Next.Offset-1] ^= 1
	got, err := l.After(Position{}, 10, 1<<20)
	if err != nil || len(got) != 1 || got[0].ID != records[0].ID {
		t.Errorf("up to the damage: %d records, %v", len(got), err)
	}
	place := fmt.Sprintf("%s at offset %d: damaged", segmentName(1), records[1].Position.Offset)
	if got, err = l.After(got[0].Next, 10, 1<<20); err == nil || len(got) != 0 || !strings.Contains(err.Error(), place) {
		t.Errorf("After: %d records, %v, want %q", len(got), err, place)
	}
	if _, _, err := l.Read(records[1].Position); err == nil || !strings.Contains(err.Error(), place) {
		t.Errorf("Read: %v, want %q", err, place)
	}
	if got, err = l.After(records[1].Next, 10, 1<<20); err != nil || len(got) != 2 {
		t.Errorf("behind the damage: %d records, %v", len(got), err)
	}
	for _, p := range []Position{{}, {1, 0}, {1, 45}, {1, 1 << 40}, {1, -1}, {9, 44}, l.End()} {
		if _, _, err := l.Read(p); err == nil {
			t.Errorf("there is a record at %s", p)
		}
	}
}

// A mapped page that the disk cannot read is an error, not the end.
func TestMappedFault(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := openTest(t, dir, Options{})
	r := appendTest(t, l, 1, 3<<20)
	if err := os.Truncate(filepath.Join(dir, segmentName(2)), 2<<20); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Read(r.Position); err == nil || !strings.Contains(err.Error(), syscall.EIO.Error()) {
		t.Errorf("read of missing pages: %v", err)
	}
}

func TestPrivate(t *testing.T) {
	for _, c := range []struct {
		path string
		mode os.FileMode
		cure string
	}{
		{".", 0o750, "chmod 700 "},
		{".", 0o701, "chmod 700 "},
		{"lock", 0o604, "chmod 600 "},
		{segmentName(1), 0o640, "chmod 600 "},
	} {
		dir := filepath.Join(t.TempDir(), "log")
		openTest(t, dir, Options{}).Close()
		path := filepath.Join(dir, c.path)
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, Options{})
		if err == nil || !strings.Contains(err.Error(), c.cure+path) {
			t.Errorf("%s with mode %o: %v, want %q", c.path, c.mode, err, c.cure+path)
		}
		if err := os.Chmod(path, c.mode&0o700); err != nil {
			t.Fatal(err)
		}
		openTest(t, dir, Options{}).Close()
	}
}

func TestOneProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := openTest(t, dir, Options{})
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened twice: %v", err)
	}
	l.Close()
	openTest(t, dir, Options{})
}

// Whatever stands behind a good header, Open refuses it or cuts it to records
// that can be read, and finds the same the next time.
func FuzzRecover(f *testing.F) {
	segment, records := small(f, 4)
	f.Add(segment[segmentHeaderSize:])
	f.Add(segment[segmentHeaderSize:records[2].Next.Offset])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, tail []byte) {
		d := with(append(bytes.Clone(segment[:segmentHeaderSize]), tail...))
		l, err := openFake(d)
		if err != nil {
			return
		}
		n := len(all(t, l))
		appendTest(t, l, 1, 10)
		l.Close()
		if l, err = openFake(d); err != nil {
			t.Fatal(err)
		}
		if got := len(all(t, l)); got != n+1 || l.Stats().Cut != 0 {
			t.Fatalf("%d records, want %d; cut %d", got, n+1, l.Stats().Cut)
		}
	})
}
