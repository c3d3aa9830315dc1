package dossier

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Report says what a file is.
type Report struct {
	Desk   string    `json:"desk,omitempty"`
	Number string    `json:"number,omitempty"`
	Made   time.Time `json:"made,omitzero"`
	Mails  int       `json:"mails"`
	Facts  int       `json:"facts"`
	Whole  bool      `json:"whole"`  // no byte was changed since the sum was written
	Sealed bool      `json:"sealed"` // and the sum is that of the desk whose keys are at hand

	// Changed says what is not as it was, in Spanish; a change that touches none of
	// these is one of the parts that people read.
	Changed []string `json:"changed,omitempty"`
}

// ErrNoDossier says that a file is none, or so broken that nothing can be said of it.
var ErrNoDossier = errors.New("no es un expediente")

// fileMost is how many bytes of a file are read at most: 50 mails of the largest
// size that a desk takes by default.
const fileMost = 50 * 26 << 20

// Verify reads a file and says whether it is as it was written. sealed checks the seal
// of a sum; nil means that there are no keys at hand.
func Verify(r io.Reader, sealed func(sum, seal string) bool) (Report, error) {
	data, err := io.ReadAll(bufio.NewReader(io.LimitReader(r, fileMost)))
	if err != nil {
		return Report{}, err
	}
	mails, last, sum, seal, ok := split(data)
	if !ok {
		return Report{}, ErrNoDossier
	}
	h, ok := readHistory(last)
	report := Report{Desk: h.Desk, Number: h.Number, Made: h.Made, Mails: len(mails), Facts: len(h.Facts)}
	all := sha256.New()
	all.Write(data[:len(data)-len(last.whole)])
	all.Write(last.first)
	all.Write(last.rest)
	report.Whole = ok && hex.EncodeToString(all.Sum(nil)) == sum
	if !ok {
		report.Changed = []string{"la historia: ya no se puede leer"}
		return report, nil
	}
	report.Changed = append(h.changed(), h.changedMails(mails)...)
	report.Whole = report.Whole && len(report.Changed) == 0
	if !report.Whole && len(report.Changed) == 0 {
		report.Changed = []string{"algo fuera de los correos y de los hechos: los textos para leer, o la suma misma"}
	}
	report.Sealed = report.Whole && sealed != nil && sealed(sum, seal)
	return report, nil
}

// lastMessage is the message with the history.
type lastMessage struct{ whole, first, rest []byte }

// split takes a file apart: the mails, and the last message with its sum and seal.
func split(data []byte) (mails [][]byte, last lastMessage, sum, seal string, ok bool) {
	var starts []int
	for at := 0; at < len(data); {
		if bytes.HasPrefix(data[at:], []byte("From ")) {
			starts = append(starts, at)
		}
		next := bytes.IndexByte(data[at:], '\n')
		if next < 0 {
			break
		}
		at += next + 1
	}
	if len(starts) == 0 {
		return nil, last, "", "", false
	}
	for i, start := range starts[:len(starts)-1] {
		mails = append(mails, data[start:starts[i+1]])
	}
	last.whole = data[starts[len(starts)-1]:]
	first, after, _ := bytes.Cut(last.whole, []byte("\n"))
	sumLine, after, _ := bytes.Cut(after, []byte("\n"))
	sealLine, rest, _ := bytes.Cut(after, []byte("\n"))
	last.first, last.rest = append(bytes.Clone(first), '\n'), rest
	sum, isSum := strings.CutPrefix(string(sumLine), sumField)
	seal, isSeal := strings.CutPrefix(string(sealLine), sealField)
	return mails, last, sum, seal, isSum && isSeal
}

// readHistory reads historia.json out of the last message.
func readHistory(last lastMessage) (h history, ok bool) {
	_, body, _ := strings.Cut(string(last.rest), "filename=\""+jsonName+"\"")
	_, body, _ = strings.Cut(body, "\n\n")
	body, _, _ = strings.Cut(body, "\n--"+boundary)
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(body, "\n", ""))
	if err != nil || json.Unmarshal(data, &h) != nil {
		return h, false
	}
	return h, h.Version == version
}

// changed names the facts that are not chained to those before them.
func (h history) changed() (changed []string) {
	if h.Ticket = compact(h.Ticket); h.Begins != h.begins() {
		changed = append(changed, "el ticket")
	}
	before := h.Begins
	for i, f := range h.Facts {
		if f.Hash != link(before, f.Kind, f.At, compact(f.Data), f.SHA256) {
			changed = append(changed, fmt.Sprintf("el hecho %d (%s, %s)", i+1, f.Kind, f.At.Format("2006-01-02 15:04")))
		}
		before = f.Hash
	}
	return changed
}

// changedMails names the mails that are not those of the facts.
func (h history) changedMails(mails [][]byte) (changed []string) {
	n := 0
	for _, f := range h.Facts {
		if f.Kind != Received {
			continue
		}
		n++
		if n > len(mails) {
			changed = append(changed, fmt.Sprintf("el correo %d: falta", n))
		} else if raw := unquoted(mails[n-1], f.Bytes); sumOf(raw) != f.SHA256 {
			changed = append(changed, fmt.Sprintf("el correo %d", n))
		}
	}
	if n < len(mails) {
		changed = append(changed, fmt.Sprintf("sobran %d correos", len(mails)-n))
	}
	return changed
}

// unquoted returns a mail as it came, size bytes if nothing was changed.
func unquoted(mail []byte, size int64) []byte {
	_, mail, _ = bytes.Cut(mail, []byte("\n"))
	mail = bytes.TrimSuffix(mail, []byte("\n"))
	var b bytes.Buffer
	for len(mail) > 0 {
		line, rest, found := bytes.Cut(mail, []byte("\n"))
		if bytes.HasPrefix(line, []byte(">")) && quoted(line) {
			line = line[1:]
		}
		b.Write(line)
		if found {
			b.WriteByte('\n')
		}
		mail = rest
	}
	if raw := b.Bytes(); int64(len(raw)) == size+1 && bytes.HasSuffix(raw, []byte("\n")) {
		return raw[:size] // it did not end in a line end of its own
	}
	return b.Bytes()
}
