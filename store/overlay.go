package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Overlay is a KV that keeps its writes to itself until [Overlay.Flush]. Its
// reads and scans see them over what lies beneath. An Overlay that is not
// flushed has never been, so a part of a transaction can fail without the
// others. It is meant for some dozens of writes. Over the KV of a View it takes
// writes too, but cannot be flushed.
type Overlay struct {
	under  KV
	writes map[string][]byte // nil: deleted
}

// NewOverlay returns an empty Overlay over kv. It is good as long as kv is.
func NewOverlay(kv KV) *Overlay {
	return &Overlay{under: kv, writes: map[string][]byte{}}
}

// Flush writes what the overlay has gathered to the KV beneath, in the order of
// the keys, and empties the overlay. After an error some of it may have been
// written: the whole transaction has to fail then.
func (o *Overlay) Flush() error {
	for _, key := range slices.Sorted(maps.Keys(o.writes)) {
		var err error
		if value := o.writes[key]; value == nil {
			err = o.under.Delete(key)
		} else {
			err = give(o.under, key, value)
		}
		if err != nil {
			return fmt.Errorf("flush: %w", err)
		}
	}
	clear(o.writes)
	return nil
}

// Get is [KV.Get].
func (o *Overlay) Get(key string) ([]byte, error) {
	value, written := o.writes[key]
	if !written {
		return o.under.Get(key)
	}
	if value == nil {
		return nil, ErrNotFound
	}
	return bytes.Clone(value), nil
}

// GetMany is [KV.GetMany].
func (o *Overlay) GetMany(keys []string) ([][]byte, error) {
	values := make([][]byte, len(keys))
	var missing []string
	var places []int // of the missing
	for i, key := range keys {
		if value, written := o.writes[key]; written {
			values[i] = bytes.Clone(value)
			continue
		}
		missing, places = append(missing, key), append(places, i)
	}
	if len(missing) == 0 {
		return values, nil
	}
	found, err := o.under.GetMany(missing)
	if err != nil {
		return nil, err
	}
	for i, value := range found {
		values[places[i]] = value
	}
	return values, nil
}

// Put is [KV.Put].
func (o *Overlay) Put(key string, value []byte) error {
	return o.Give(key, append([]byte{}, value...))
}

// Give is [Giver].
func (o *Overlay) Give(key string, value []byte) error {
	if err := CheckKey(key); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	if value == nil {
		value = []byte{} // nil stands for a deletion
	}
	o.writes[key] = value
	return nil
}

// Delete is [KV.Delete].
func (o *Overlay) Delete(key string) error {
	o.writes[key] = nil
	return nil
}

// Scan is [KV.Scan].
func (o *Overlay) Scan(from, to string, limit int, reverse bool, fn func(key string, value []byte) error) error {
	own, deletions := o.between(from, to, reverse)
	m := merge{own: own, reverse: reverse, limit: limit, fn: fn}
	under := 0
	if limit > 0 {
		under = limit + deletions // so many of the keys beneath may be hidden
	}
	err := o.under.Scan(from, to, under, reverse, m.under)
	for err == nil && len(m.own) > 0 {
		err = m.next()
	}
	if m.enough() {
		return nil
	}
	return err
}

// between returns the writes to the keys of a range in the order of a scan,
// and how many of them are deletions.
func (o *Overlay) between(from, to string, reverse bool) (own []write, deletions int) {
	for key, value := range o.writes {
		if key < from || to != "" && key >= to {
			continue
		}
		if value == nil {
			deletions++
		}
		own = append(own, write{key, value})
	}
	slices.SortFunc(own, func(a, b write) int {
		if reverse {
			a, b = b, a
		}
		return strings.Compare(a.key, b.key)
	})
	return own, deletions
}

// write is one write of an overlay; a nil value is a deletion.
type write struct {
	key   string
	value []byte
}

// merge tells the writes of an overlay and what lies beneath it as one
// sequence.
type merge struct {
	own         []write // still to be told, in the order of the scan
	reverse     bool
	limit, told int
	fn          func(key string, value []byte) error
}

// errEnough ends the scan beneath when the limit has been reached.
var errEnough = errors.New("enough")

func (m *merge) enough() bool { return m.limit > 0 && m.told == m.limit }

// under takes the next key from beneath.
func (m *merge) under(key string, value []byte) error {
	for len(m.own) > 0 && m.own[0].key != key && (m.own[0].key < key) != m.reverse {
		if err := m.next(); err != nil {
			return err
		}
	}
	if len(m.own) > 0 && m.own[0].key == key {
		return m.next()
	}
	return m.tell(key, value)
}

// next tells the first of the overlay's own writes, if it is no deletion.
func (m *merge) next() error {
	first := m.own[0]
	m.own = m.own[1:]
	if first.value == nil {
		return nil
	}
	return m.tell(first.key, bytes.Clone(first.value))
}

func (m *merge) tell(key string, value []byte) error {
	if err := m.fn(key, value); err != nil {
		return err
	}
	if m.told++; m.enough() {
		return errEnough
	}
	return nil
}
