package intake

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// fakeDisk is a folder in memory that remembers in which order it was written
// and synced, so that a test can ask what a power cut might have left of it
// ([fakeDisk.crash]), and whose operations a test can make fail or wait.
type fakeDisk struct {
	mu     sync.Mutex
	names  map[string]*fakeFile
	trace  []operation
	before func(op string) error // called with each operation, may be nil
	// negative controls
	unsynced      bool // bytes are not synced, whatever Sync says
	unsyncedNames bool // names are not
}

// operation is one step of the trace. What a sender was told is a step too.
type operation struct {
	op       string
	file     *fakeFile
	offset   int64
	bytes    []byte
	from, to string
}

type fakeFile struct {
	disk *fakeDisk
	name string
	data []byte // as the page cache has it
}

func newFakeDisk() *fakeDisk { return &fakeDisk{names: map[string]*fakeFile{}} }

// do lets the test fail the operation, else records and does it.
func (d *fakeDisk) do(o operation, fn func() error) error {
	if d.before != nil {
		if err := d.before(o.op); err != nil {
			if o.op == "write" { // half of it has been done
				o.bytes = o.bytes[:len(o.bytes)/2]
				d.mu.Lock()
				defer d.mu.Unlock()
				d.trace = append(d.trace, o)
				_ = fn2write(o)
			}
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := fn(); err != nil {
		return err
	}
	if o.op == "sync" && d.unsynced || o.op == "syncnames" && d.unsyncedNames {
		return nil
	}
	d.trace = append(d.trace, o)
	return nil
}

func fn2write(o operation) error {
	o.file.data = overwrite(o.file.data, o.offset, o.bytes)
	return nil
}

func overwrite(data []byte, offset int64, b []byte) []byte {
	if short := offset + int64(len(b)) - int64(len(data)); short > 0 && len(b) > 0 {
		data = append(data, make([]byte, short)...)
	}
	copy(data[min(offset, int64(len(data))):], b)
	return data
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

func (d *fakeDisk) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.names)), nil
}

func (d *fakeDisk) Create(name string) (file, error) {
	d.mu.Lock()
	f := &fakeFile{disk: d, name: name}
	d.mu.Unlock()
	err := d.do(operation{op: "create", file: f, to: name}, func() error {
		if d.names[name] != nil {
			return fs.ErrExist
		}
		d.names[name] = f
		return nil
	})
	return f, err
}

func (d *fakeDisk) Open(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.names[name]; f != nil {
		return f, nil
	}
	return nil, fs.ErrNotExist
}

func (d *fakeDisk) Rename(from, to string) error {
	return d.do(operation{op: "rename", from: from, to: to}, func() error {
		d.names[to] = d.names[from]
		d.names[to].name = to
		delete(d.names, from)
		return nil
	})
}

func (d *fakeDisk) Remove(name string) error {
	return d.do(operation{op: "remove", from: name}, func() error {
		delete(d.names, name)
		return nil
	})
}

func (d *fakeDisk) Sync() error {
	return d.do(operation{op: "syncnames"}, func() error { return nil })
}

func (d *fakeDisk) Free() (int64, error) { return 1 << 40, nil }
func (d *fakeDisk) Close() error         { return nil }

func (f *fakeFile) Name() string { return f.name }
func (f *fakeFile) Close() error { return nil }

func (f *fakeFile) ReadAt(b []byte, offset int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return bytes.NewReader(f.data).ReadAt(b, offset)
}

func (f *fakeFile) WriteAt(b []byte, offset int64) (int, error) {
	o := operation{op: "write", file: f, offset: offset, bytes: bytes.Clone(b)}
	if err := f.disk.do(o, func() error { return fn2write(o) }); err != nil {
		return len(b) / 2, err
	}
	return len(b), nil
}

func (f *fakeFile) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *fakeFile) Sync() error {
	return f.disk.do(operation{op: "sync", file: f}, func() error { return nil })
}

func (f *fakeFile) Truncate(size int64) error {
	return f.disk.do(operation{op: "truncate", file: f, offset: size}, func() error {
		f.data = resize(f.data, size)
		return nil
	})
}

func (f *fakeFile) Map(from, size int64) ([]byte, func(), error) {
	b := make([]byte, size)
	_, err := f.ReadAt(b, from)
	if err == io.EOF && size == 0 {
		err = nil
	}
	return b, func() {}, err
}

// answer puts into the trace that a mail was "acknowledged" or "refused".
func (d *fakeDisk) answer(word, id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trace = append(d.trace, operation{op: word, to: id})
}

// crash returns the disk as it may be after a power cut behind the first steps
// of the trace, and what was answered by then. Of what was written and not
// synced any pages may be there, in any mixture; of the names the first
// changes, in order.
func (d *fakeDisk) crash(steps int, chance *rand.Rand) (image *fakeDisk, answers map[string]string) {
	trace := d.trace[:steps]
	answers = map[string]string{}
	synced, names := map[*fakeFile]int{}, 0
	for i, o := range trace {
		switch o.op {
		case "sync":
			synced[o.file] = i
		case "syncnames":
			names = i
		case "acknowledged", "refused":
			answers[o.to] = o.op
		}
	}
	names += chance.IntN(len(trace) - names + 1)
	keep := chance.IntN(5) // of 4 pages
	data, folder := map[*fakeFile][]byte{}, map[string]*fakeFile{}
	for i, o := range trace {
		switch {
		case o.op == "write":
			for at := 0; at < len(o.bytes); {
				page := min(len(o.bytes)-at, 4096-int(o.offset+int64(at))%4096)
				if i < synced[o.file] || chance.IntN(4) < keep {
					data[o.file] = overwrite(data[o.file], o.offset+int64(at), o.bytes[at:at+page])
				}
				at += page
			}
		case o.op == "truncate" && (i < synced[o.file] || chance.IntN(4) < keep):
			data[o.file] = resize(data[o.file], o.offset)
		case i >= names:
		case o.op == "create":
			folder[o.to] = o.file
		case o.op == "rename":
			folder[o.to] = folder[o.from]
			delete(folder, o.from)
		case o.op == "remove":
			delete(folder, o.from)
		}
	}
	image = newFakeDisk()
	for name, f := range folder {
		image.names[name] = &fakeFile{disk: image, name: name, data: bytes.Clone(data[f])}
	}
	return image, answers
}

func (d *fakeDisk) String() string {
	var b bytes.Buffer
	for name, f := range d.names {
		fmt.Fprintf(&b, "%s: %d bytes; ", name, len(f.data))
	}
	return b.String()
}
