package intake

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"ventanilla/mail"
)

// A segment is a segmentHeader and then records; a record is a recordHeader,
// the envelope as JSON and the raw mail. Numbers are little-endian. What lies
// behind the last record is zeros, set apart for records to come.
type segmentHeader struct {
	Magic    [8]byte
	Version  uint32
	Number   uint32
	Previous int64   // where the records of the segment before end
	Durable  int64   // up to where this one was durable when it got its name
	Marker   [8]byte // chance: begins all its records, so that no mail can hold a forged one
	Checksum uint32  // CRC-32C of the fields above
}

type recordHeader struct {
	Marker   [8]byte
	Envelope uint32 // bytes
	Body     uint32 // CRC-32C of envelope and mail
	Mail     int64  // bytes
	Offset   int64  // of this header
	Durable  int64  // up to where the segment was durable when this was written
	Content  [32]byte
	Checksum uint32 // CRC-32C of the fields above
}

const (
	segmentHeaderSize = 44
	recordHeaderSize  = 76
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	magic      = [8]byte{'v', 'e', 'n', 't', 'l', 'o', 'g', 1}
	errDamaged = errors.New("damaged record, or none")
)

// encode writes a header and its checksum into the beginning of b.
func encode(b []byte, header any) {
	n, _ := binary.Encode(b, binary.LittleEndian, header)
	binary.LittleEndian.PutUint32(b[n-4:], crc32.Checksum(b[:n-4], castagnoli))
}

// decode reads a header from the beginning of b and says whether it is whole.
func decode(b []byte, header any) bool {
	n, err := binary.Decode(b, binary.LittleEndian, header)
	return err == nil && binary.LittleEndian.Uint32(b[n-4:]) == crc32.Checksum(b[:n-4], castagnoli)
}

func (h *recordHeader) size() int64 { return recordHeaderSize + int64(h.Envelope) + h.Mail }

// parseHeader reads the header of a record at an offset of a segment.
func parseHeader(b []byte, offset int64, marker [8]byte) (h recordHeader, ok bool) {
	ok = bytes.HasPrefix(b, marker[:]) && decode(b, &h)
	return h, ok && h.Offset == offset && h.Mail >= 0 && h.Mail <= maxMail
}

// whole says whether b begins with the record of h.
func (h *recordHeader) whole(b []byte) bool {
	return int64(len(b)) >= h.size() && crc32.Checksum(b[recordHeaderSize:h.size()], castagnoli) == h.Body
}

// record makes a Record of the bytes b of one. Its Raw is a part of b.
func (h *recordHeader) record(b []byte, segment uint32) (Record, error) {
	if !h.whole(b) {
		return Record{}, errDamaged
	}
	r := Record{
		Position: Position{segment, h.Offset},
		Next:     Position{segment, h.Offset + h.size()},
		ID:       mail.ID(hex.EncodeToString(h.Content[:])),
		Size:     h.Mail,
		Raw:      b[h.size()-h.Mail : h.size() : h.size()],
	}
	err := json.Unmarshal(b[recordHeaderSize:h.size()-h.Mail], &r.Envelope)
	return r, err
}

// scan returns where the whole records in b, the bytes of a segment, end. What
// lies behind is a torn tail, unless a header in it tells that it was durable
// once: pages reach the disk in any order, but none before the records that it
// knows to be there.
func scan(b []byte, h segmentHeader) (end int64, err error) {
	for end = segmentHeaderSize; ; {
		r, ok := parseHeader(b[end:], end, h.Marker)
		if !ok || !r.whole(b[end:]) {
			break
		}
		end += r.size()
	}
	known := h.Durable
	for at := end; ; at++ {
		next := bytes.Index(b[at:], h.Marker[:])
		if next < 0 {
			break
		}
		at += int64(next)
		if r, ok := parseHeader(b[at:], at, h.Marker); ok {
			known = max(known, r.Durable)
		}
	}
	if end < known {
		return end, fmt.Errorf("damaged record at offset %d: all up to %d was durable once", end, known)
	}
	return end, nil
}
