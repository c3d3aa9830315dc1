package mail

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// A winmail.dat is a mail as Outlook keeps it, sent to somebody who has no
// Outlook: a stream of attributes (MS-OXTNEF §2.1.3). Its files become
// attachments of their own; of the stream nothing is kept but their places.

// tnefFile is a file within a winmail.dat.
type tnefFile struct {
	name          string
	typ           string
	offset, bytes int64  // in the decoded stream
	sum           []byte // SHA-256
}

// tnef is what was found in a winmail.dat.
type tnef struct {
	body  string
	files []tnefFile
}

const (
	tnefSignature = 0x223E9F78

	tnefBody       = 0x0002800C // attBody
	tnefRendering  = 0x00069002 // attAttachRenddata: a file begins
	tnefTitle      = 0x00018010 // attAttachTitle
	tnefData       = 0x0006800F // attAttachData
	tnefAttachment = 0x00069005 // attAttachment: properties of the file
	tnefProperties = 0x00069003 // attMAPIProps: properties of the mail

	propBody     = 0x1000 // PidTagBody
	propName     = 0x3707 // PidTagAttachLongFilename
	propType     = 0x370E // PidTagAttachMimeTag
	propTypeText = 0x001E // PtypString8
	propTypeWide = 0x001F // PtypString
)

// Limits of a winmail.dat.
const (
	maxTNEFFiles      = 100
	maxTNEFProperties = 1 << 20 // bytes of one list of properties that are read
	maxTNEFCount      = 10_000  // attributes, and properties of one list
)

// readTNEF reads a stream. What is broken ends it: the files found so far count.
// An error says that it is none, or holds nothing.
func readTNEF(r io.Reader) (t tnef, err error) {
	s := &tnefReader{r: r}
	if s.uint32() != tnefSignature {
		return t, fmt.Errorf("no TNEF")
	}
	s.skip(2) // key
	for range maxTNEFCount {
		level, id, length := s.byte(), s.uint32(), int64(s.uint32())
		if s.err != nil || level != 1 && level != 2 {
			break
		}
		t.attribute(s, id, length)
		s.skip(2) // checksum
	}
	files := t.files[:0]
	for _, f := range t.files {
		if f.bytes > 0 {
			files = append(files, f)
		}
	}
	t.files = files
	if len(t.files) == 0 && t.body == "" {
		return t, fmt.Errorf("empty TNEF")
	}
	return t, nil
}

// attribute takes one attribute of so many bytes.
func (t *tnef) attribute(s *tnefReader, id uint32, length int64) {
	last := len(t.files) - 1
	switch {
	case id == tnefRendering && len(t.files) < maxTNEFFiles:
		t.files = append(t.files, tnefFile{})
		s.skip(length)
	case id == tnefBody:
		t.body = tnefText(s.read(length))
	case id == tnefProperties:
		if props := s.read(length); t.body == "" {
			t.body, _ = tnefProperty(props, propBody)
		}
	case last < 0:
		s.skip(length)
	case id == tnefTitle:
		if name := tnefText(s.read(length)); t.files[last].name == "" {
			t.files[last].name = name
		}
	case id == tnefData:
		f := &t.files[last]
		f.offset = s.at
		if f.sum = s.sum(length); s.err == nil {
			f.bytes = length
		}
	case id == tnefAttachment:
		props := s.read(length)
		if name, ok := tnefProperty(props, propName); ok {
			t.files[last].name = name
		}
		t.files[last].typ, _ = tnefProperty(props, propType)
	default:
		s.skip(length)
	}
}

// tnefReader reads a stream in order and knows where it is.
type tnefReader struct {
	r   io.Reader
	at  int64
	err error
}

func (s *tnefReader) skip(n int64) {
	if s.err != nil {
		return
	}
	skipped, err := io.CopyN(io.Discard, s.r, n)
	s.at += skipped
	s.err = err
}

// sum passes over the next n bytes and returns their SHA-256.
func (s *tnefReader) sum(n int64) []byte {
	h := sha256.New()
	if s.err == nil {
		var got int64
		got, s.err = io.CopyN(h, s.r, n)
		s.at += got
	}
	return h.Sum(nil)
}

// read returns the next n bytes, or passes them over if they are too many.
func (s *tnefReader) read(n int64) []byte {
	if n > maxTNEFProperties {
		s.skip(n)
		return nil
	}
	b := make([]byte, n)
	if s.err == nil {
		var got int
		got, s.err = io.ReadFull(s.r, b)
		s.at += int64(got)
		return b[:got]
	}
	return nil
}

func (s *tnefReader) byte() byte {
	if b := s.read(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (s *tnefReader) uint32() uint32 {
	if b := s.read(4); len(b) == 4 {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// tnefText reads a text of bytes: UTF-8 or windows-1252, ended by a zero.
func tnefText(b []byte) string {
	text, _, _ := strings.Cut(string(b), "\x00")
	return normalText(decodeUndeclared([]byte(text)))
}

// tnefProperty looks up a text in a list of properties (MS-OXTNEF §2.1.3.4).
func tnefProperty(b []byte, want uint16) (string, bool) {
	p := propertyReader{b}
	count := int(p.uint32())
	for range min(count, maxTNEFCount) {
		kind, id := p.uint16(), p.uint16()
		if id >= 0x8000 {
			p.skipName()
		}
		value, ok := p.value(kind)
		switch {
		case !ok:
			return "", false
		case id != want:
		case kind == propTypeText:
			return tnefText(value), true
		case kind == propTypeWide:
			return wideText(value), true
		}
	}
	return "", false
}

// wideText reads UTF-16LE up to a zero.
func wideText(b []byte) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return normalText(string(utf16.Decode(units)))
}

// propertyReader reads a list of properties. Behind its end all is zero.
type propertyReader struct{ b []byte }

// next returns n bytes and what fills them up to a multiple of four.
func (p *propertyReader) next(n int) []byte {
	if n < 0 || n > len(p.b) {
		p.b = nil
		return nil
	}
	v := p.b[:n]
	p.b = p.b[min((n+3)&^3, len(p.b)):]
	return v
}

func (p *propertyReader) uint32() uint32 {
	if v := p.next(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (p *propertyReader) uint16() uint16 {
	if len(p.b) < 2 {
		p.b = nil
		return 0
	}
	v := binary.LittleEndian.Uint16(p.b)
	p.b = p.b[2:]
	return v
}

// skipName passes over the name of a property that has one.
func (p *propertyReader) skipName() {
	p.next(16)
	if p.uint32() == 0 {
		p.next(4)
		return
	}
	p.next(int(p.uint32()))
}

// value returns a property's value; of one with several, the last. ok is false
// for what cannot be measured, since nothing behind it could be found.
func (p *propertyReader) value(kind uint16) (value []byte, ok bool) {
	size, variable := 0, false
	switch kind &^ 0x1000 {
	case 0x0002, 0x0003, 0x0004, 0x000A, 0x000B:
		size = 4
	case 0x0005, 0x0006, 0x0007, 0x0014, 0x0040:
		size = 8
	case 0x0048:
		size = 16
	case propTypeText, propTypeWide, 0x0102, 0x000D:
		variable = true
	default:
		return nil, false
	}
	count := 1
	if variable || kind&0x1000 != 0 {
		count = int(p.uint32())
	}
	if count < 0 || count > len(p.b) {
		return nil, false
	}
	for range count {
		n := size
		if variable {
			n = int(p.uint32())
		}
		if value = p.next(n); value == nil {
			return nil, false
		}
	}
	return value, true
}

// unpackTNEF puts the files of each winmail.dat in its place.
func (b *builder) unpackTNEF() {
	var files []*node
	for _, n := range b.files {
		if !b.isTNEF(n) {
			files = append(files, n)
			continue
		}
		t, err := readTNEF(openTransfer(n.encoding, b.raw[n.start:n.end]))
		if err != nil {
			b.defect("winmail.dat that cannot be read")
			files = append(files, n)
			continue
		}
		if b.outlook == "" {
			b.outlook = t.body
		}
		encoding := n.encoding
		if encoding == "" {
			encoding = "binary"
		}
		for _, f := range t.files {
			files = append(files, &node{typ: mediaType([]byte(cmp.Or(f.typ, "application/octet-stream"))), name: f.name, start: n.start, end: n.end, size: f.bytes, sum: f.sum,
				encoding: fmt.Sprintf("%s %d+%d", encoding, f.offset, f.bytes)})
		}
	}
	b.files = files
}

// isTNEF says that a part calls itself a winmail.dat.
func (b *builder) isTNEF(n *node) bool {
	if n.typ == "application/ms-tnef" || n.typ == "application/vnd.ms-tnef" {
		return true
	}
	name := cmp.Or(parameter(n.disposition, "filename"), parameter(n.contentType, "name"))
	return n.typ == "application/octet-stream" && (strings.EqualFold(name, "winmail.dat") || strings.EqualFold(name, "win.dat"))
}
