package mail

import (
	"bytes"
	"strings"
)

// uuFile is a file that stands within a text, uuencoded (IEEE Std 1003.1,
// "uuencode"): where it begins and ends there, and its name.
type uuFile struct {
	start, end int
	name       string
}

// maxUUFiles is how many files of a text are taken out.
const maxUUFiles = 50

// findUU returns the uuencoded files of a text. One without its end, or with a
// line that has not the length it says, is text.
func findUU(body []byte) (files []uuFile) {
	for pos := 0; pos < len(body) && len(files) < maxUUFiles; {
		next := bytes.Index(body[pos:], []byte("begin "))
		if next < 0 {
			return files
		}
		start := pos + next
		pos = start + len("begin ")
		if start > 0 && body[start-1] != '\n' {
			continue
		}
		name, end := readUU(body, start)
		if end > 0 {
			files = append(files, uuFile{start, end, name})
			pos = end
		}
	}
	return files
}

// readUU returns the name and the end of the file that begins at start; end is 0
// if there is none.
func readUU(body []byte, start int) (name string, end int) {
	pos := lineEnd(body, start)
	words := strings.SplitN(strings.TrimSpace(string(body[start:min(pos, start+300)])), " ", 3)
	if len(words) != 3 || len(words[1]) < 3 || len(words[1]) > 4 || strings.Trim(words[1], "01234567") != "" {
		return "", 0
	}
	for lines := 0; pos < len(body); lines++ {
		next := lineEnd(body, pos)
		line := bytes.TrimRight(body[pos:next], " \r\n")
		pos = next
		if string(line) == "end" {
			if lines == 0 {
				return "", 0
			}
			return words[2], pos
		}
		if !isUULine(line) {
			return "", 0
		}
	}
	return "", 0
}

// isUULine says that a line has the length that its first character says, or
// only lacks the spaces that mail servers have cut off its end.
func isUULine(line []byte) bool {
	if len(line) == 0 {
		return true // a line of no bytes, written with a space
	}
	size := int(line[0]-' ') & 63
	if line[0] < ' ' || line[0] > '`' || len(line) > (size+2)/3*4+3 {
		return false
	}
	for _, c := range line {
		if c < ' ' || c > '`' {
			return false
		}
	}
	return size == 0 || len(line) > 1
}

// takeUU makes files of those that stand uuencoded in a text, which must lie in
// the mail as it is, and leaves them out of it.
func (b *builder) takeUU(n *node) {
	if n.encoding == "base64" || n.encoding == "quoted-printable" {
		return
	}
	body := b.raw[n.start:n.end]
	for _, f := range findUU(body) {
		b.files = append(b.files, &node{typ: "application/octet-stream", encoding: "x-uuencode", name: f.name,
			start: n.start + f.start, end: n.start + f.end})
		n.without = append(n.without, [2]int{f.start, f.end})
	}
}

// leaveOut leaves stretches out of a body.
func leaveOut(body []byte, without [][2]int) []byte {
	if len(without) == 0 {
		return body
	}
	var kept []byte
	at := 0
	for _, w := range without {
		if w[1] > len(body) { // of a text that is not read whole
			break
		}
		kept = append(kept, body[at:w[0]]...)
		at = w[1]
	}
	return append(kept, body[at:]...)
}
