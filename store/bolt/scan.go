package bolt

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"

	"ventanilla/store"
)

// scan is a Scan under way. It walks bbolt's tree as it is at each step. So
// that it tells the state at its start, the writes of its transaction to keys
// that it has not come to yet leave an image of what was there before.
type scan struct {
	from, to string
	reverse  bool
	at       string // the key that it has come to, "" at the start
	images   []image
}

// image is what stood at a key; a nil value says that nothing did. Images are
// sorted by key.
type image struct {
	key   string
	value []byte
}

// Scan is [store.KV.Scan].
func (k *kv) Scan(from, to string, limit int, reverse bool, fn func(key string, value []byte) error) error {
	if k.ended {
		return store.ErrClosed
	}
	s := &scan{from: from, to: to, reverse: reverse}
	k.scans = append(k.scans, s)
	defer func() { k.scans = slices.DeleteFunc(k.scans, func(other *scan) bool { return other == s }) }()

	told := 0
	for _, t := range k.tablesOf(s) {
		w := newWalk(k, s, t)
		for limit <= 0 || told < limit {
			key, value, ok := w.next()
			if !ok {
				break
			}
			if err := k.ctx.Err(); err != nil {
				return fmt.Errorf("scan: %w", err)
			}
			if err := fn(key, value); err != nil {
				return err
			}
			told++
		}
	}
	return nil
}

// tablesOf returns the tables with keys in the scan's range, in its order.
func (k *kv) tablesOf(s *scan) []*table {
	if s.to != "" && s.from >= s.to {
		return nil
	}
	name := s.from[:strings.IndexByte(s.from, '/')+1]
	if name != "" && s.to != "" && s.to <= after(name) { // nearly always
		if t, _ := k.find(name); t != nil {
			return []*table{t}
		}
		return nil
	}
	var tables []*table
	c := k.tx.Cursor()
	for key, _ := c.Seek([]byte(name)); key != nil; key, _ = c.Next() {
		name := string(key)
		if s.to != "" && name >= s.to {
			break
		}
		if after(name) > s.from {
			t, _ := k.find(name)
			tables = append(tables, t)
		}
	}
	if s.reverse {
		slices.Reverse(tables)
	}
	return tables
}

// after returns the least string greater than all the keys of a table.
func after(name string) string { return name[:len(name)-1] + string('/'+1) }

// ahead says that the scan still has to come to key.
func (s *scan) ahead(key string) bool {
	if key < s.from || s.to != "" && key >= s.to {
		return false
	}
	return s.at == "" || key != s.at && (key < s.at) == s.reverse
}

// keep makes the image of a key about to be written, if it has none yet. The
// value may be bbolt's memory: that stays as it is until the transaction ends.
func (s *scan) keep(key string, value []byte) {
	i, found := s.place(key)
	if !found {
		s.images = slices.Insert(s.images, i, image{key, value})
	}
}

func (s *scan) place(key string) (int, bool) {
	return slices.BinarySearchFunc(s.images, key, func(i image, key string) int { return strings.Compare(i.key, key) })
}

// nearest returns the image that the scan comes to next, of a table.
func (s *scan) nearest(t *table) (image, bool) {
	if len(s.images) == 0 {
		return image{}, false
	}
	var i int
	switch {
	case s.reverse && (s.at == "" || s.at > after(t.name)):
		i, _ = s.place(after(t.name))
		i--
	case s.reverse:
		i, _ = s.place(s.at)
		i--
	default:
		at, found := s.place(max(s.at, t.name))
		i = at
		if found {
			i++ // the one that it stands at
		}
	}
	if i < 0 || i == len(s.images) || !strings.HasPrefix(s.images[i].key, t.name) {
		return image{}, false
	}
	return s.images[i], true
}

// walk is a scan's way through one table.
type walk struct {
	kv        *kv
	scan      *scan
	table     *table
	low, high []byte // bounds of the key's rest; no high: none
	cursor    *bolt.Cursor
	fresh     bool // the cursor stands at scan.at
	writes    int  // when the cursor was set
	entered   bool // scan.at lies in this table
}

func newWalk(k *kv, s *scan, t *table) *walk {
	w := &walk{kv: k, scan: s, table: t, cursor: t.bucket.Cursor()}
	if rest, ok := strings.CutPrefix(s.from, t.name); ok {
		w.low = []byte(rest)
	}
	if rest, ok := strings.CutPrefix(s.to, t.name); ok {
		w.high = []byte(rest)
	}
	return w
}

// next returns the next key and its value, both copies, and moves scan.at.
func (w *walk) next() (key string, value []byte, ok bool) {
	for {
		rest, stored := w.step()
		if rest != nil {
			key = w.table.name + string(rest)
		}
		before, found := w.scan.nearest(w.table)
		switch {
		case found && (rest == nil || before.key == key || (before.key < key) != w.scan.reverse):
			key, stored = before.key, before.value
			w.fresh = rest != nil && w.fresh && string(rest) == key[len(w.table.name):]
		case rest == nil:
			return "", nil, false
		}
		w.scan.at, w.entered = key, true
		if stored != nil {
			return key, bytes.Clone(stored), true
		}
	}
}

// step returns the stored key that comes after scan.at in this table, within
// the range, or nil.
func (w *walk) step() (rest, value []byte) {
	w.fresh = w.fresh && w.writes == w.kv.writes
	switch {
	case w.scan.reverse && w.fresh:
		rest, value = w.prev()
	case w.scan.reverse:
		rest, value = w.seekBefore()
	case w.fresh:
		rest, value = w.cursor.Next()
	default:
		rest, value = w.seekAfter()
	}
	w.fresh, w.writes = true, w.kv.writes
	if rest == nil || bytes.Compare(rest, w.low) < 0 || w.high != nil && bytes.Compare(rest, w.high) >= 0 {
		return nil, nil
	}
	return rest, value
}

// position is the rest of scan.at.
func (w *walk) position() []byte { return []byte(w.scan.at[len(w.table.name):]) }

func (w *walk) seekAfter() (rest, value []byte) {
	if !w.entered {
		return w.cursor.Seek(w.low)
	}
	at := w.position()
	rest, value = w.cursor.Seek(at)
	if bytes.Equal(rest, at) {
		return w.cursor.Next()
	}
	return rest, value
}

func (w *walk) seekBefore() (rest, value []byte) {
	end := w.end()
	if end == nil {
		return last(w.cursor)
	}
	if rest, _ := w.cursor.Seek(end); rest == nil {
		return last(w.cursor)
	}
	return w.prev()
}

// end is what the next key of a reverse scan must be less than; nil: nothing.
func (w *walk) end() []byte {
	if w.entered {
		return w.position()
	}
	return w.high
}

// prev is the cursor's Prev, which takes a page that this transaction has
// emptied for the beginning of the bucket: it returns nil there, too, and goes
// on when called again.
func (w *walk) prev() (rest, value []byte) {
	rest, value = w.cursor.Prev()
	if rest != nil || w.kv.writes == 0 {
		return rest, value
	}
	first, _ := w.table.bucket.Cursor().First()
	if first == nil || bytes.Compare(first, w.end()) >= 0 {
		return nil, nil
	}
	for rest == nil {
		rest, value = w.cursor.Prev()
	}
	return rest, value
}

// last moves the cursor to the last key. The cursor's own Last never returns
// when this transaction has emptied all the pages of the bucket.
func last(c *bolt.Cursor) (key, value []byte) {
	if key, _ := c.First(); key == nil {
		return nil, nil
	}
	return c.Last()
}
