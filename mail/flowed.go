package mail

import "strings"

// unflow joins the lines that format=flowed has broken (RFC 3676 §4): a line
// ends a paragraph unless it ends in a space. What is quoted stays as it is,
// since its marks stand at its own line ends. With DelSp=yes the space before a
// break was added and goes.
func unflow(text string, delSp bool) string {
	var b strings.Builder
	b.Grow(len(text))
	open := false // a paragraph is under way
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		own := !strings.HasPrefix(line, ">")
		if own {
			line = strings.TrimPrefix(line, " ") // space-stuffing
		}
		if open && (!own || line == "-- ") {
			b.WriteByte('\n')
		}
		open = own && ended && strings.HasSuffix(line, " ") && line != "-- "
		if open && delSp {
			line = line[:len(line)-1]
		}
		b.WriteString(line)
		if ended && !open {
			b.WriteByte('\n')
		}
	}
	if open {
		b.WriteByte('\n')
	}
	return b.String()
}

// isFlowed says that a text is format=flowed, and whether its breaks have a
// space of their own.
func isFlowed(contentType []byte) (flowed, delSp bool) {
	return strings.EqualFold(parameter(contentType, "format"), "flowed"), strings.EqualFold(parameter(contentType, "delsp"), "yes")
}
