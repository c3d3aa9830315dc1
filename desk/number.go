package desk

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// NumberStyle is how the numbers that people see look.
type NumberStyle string

// The styles, after three help desks that people know.
const (
	NumberSequence NumberStyle = "sequence" // 003181
	NumberRandom   NumberStyle = "random"   // 386306, in no order that tells how many there are
	NumberDate     NumberStyle = "date"     // 2013121610000137: the day, 10, and the day's count
)

// NumberStyles lists them all.
var NumberStyles = []NumberStyle{NumberSequence, NumberRandom, NumberDate}

// Number returns the number of a ticket. id counts all tickets, today those of
// the day of now, both from 1. Different ids have different numbers.
func (k Keys) Number(style NumberStyle, digits int, id TicketID, today int, now time.Time) string {
	switch style {
	case NumberRandom:
		return fmt.Sprintf("%0*d", digits, k.shuffle(uint64(id), digits))
	case NumberDate:
		return fmt.Sprintf("%s10%06d", now.Format("20060102"), today)
	}
	return fmt.Sprintf("%0*d", digits, id)
}

// shuffle maps the numbers of so many digits onto themselves in an order that
// only the key tells: a Feistel network over the next power of four, walked
// until it falls inside. Numbers with more digits are shuffled among their own.
func (k Keys) shuffle(n uint64, digits int) uint64 {
	low, size := uint64(0), pow10(digits)
	for n >= size {
		low, size = size, size*10
	}
	span := size - low
	half := uint(1)
	for uint64(1)<<(2*half) < span {
		half++
	}
	for n -= low; ; {
		if n = k.feistel(n, half); n < span {
			return n + low
		}
	}
}

func (k Keys) feistel(n uint64, half uint) uint64 {
	mask := uint64(1)<<half - 1
	left, right := n>>half, n&mask
	for round := range byte(4) {
		h := hmac.New(sha256.New, k.secrets[0])
		h.Write(binary.BigEndian.AppendUint64([]byte{'n', round}, right))
		left, right = right, left^(binary.BigEndian.Uint64(h.Sum(nil))&mask)
	}
	return left<<half | right
}

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}
