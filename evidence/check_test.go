package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stored is a line of "export --raw --format jsonl".
type stored struct {
	Position    string
	Disposition string
	Raw         []byte
	Envelope    struct{ From string }

	sum sum // of the mail as it was sent
}

// readExport reads an export and takes off each mail what the desk has put
// before it.
func readExport(t *testing.T, out []byte) (all []stored) {
	t.Helper()
	for line := range bytes.Lines(out) {
		var s stored
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatalf("export: %v in %.200s", err, line)
		}
		data, ok := untraced(s.Raw, s.Envelope.From)
		if !ok {
			t.Fatalf("export: %s does not begin with the desk's own trace: %.300q", s.Position, s.Raw)
		}
		s.sum = sumOf(data)
		all = append(all, s)
	}
	return all
}

var received = regexp.MustCompile(`^Received: from sender\.example \(\[127\.0\.0\.1\]\)\r\n\tby [a-z.]+ with ESMTP id [a-z2-7]{13}\r\n\tfor <` + regexp.QuoteMeta(desk) + `>;\r\n\t[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} \+0000\r\n`)

// untraced takes off the two fields that the last server puts before a mail
// (RFC 5321 §4.4), to the byte.
func untraced(raw []byte, from string) ([]byte, bool) {
	if from != "<>" {
		from = "<" + from + ">"
	}
	raw, ok := bytes.CutPrefix(raw, []byte("Return-Path: "+from+"\r\n"))
	own := received.Find(raw)
	return raw[len(own):], ok && own != nil
}

// mboxSums reads an mboxrd file: a separator line before each mail, an empty
// line behind it, and one ">" too many before lines like the separator.
func mboxSums(out []byte) (sums []sum) {
	quoted := regexp.MustCompile(`(?m)^>(>*From )`)
	for _, at := range mboxStarts(out) {
		m := out[at[0]:at[1]]
		_, m, _ = bytes.Cut(m, []byte("\n"))
		m = quoted.ReplaceAll(bytes.TrimSuffix(m, []byte("\n")), []byte("$1"))
		sums = append(sums, sumOf(m))
	}
	return sums
}

// mboxStarts returns where each mail of an mbox begins and ends.
func mboxStarts(out []byte) (spans [][2]int) {
	for _, m := range regexp.MustCompile(`(?m)^From `).FindAllIndex(out, -1) {
		if n := len(spans); n > 0 {
			spans[n-1][1] = m[0]
		}
		spans = append(spans, [2]int{m[0], len(out)})
	}
	return spans
}

// checkOnce says which mails that were sent do not stand exactly once in an
// export, and what stands there that was not sent.
func checkOnce(mails []sample, found []sum) (faults []string) {
	times := map[sum]int{}
	for _, s := range found {
		times[s]++
	}
	known := map[sum]bool{}
	for _, m := range mails {
		if n := times[m.sum]; n != 1 && !known[m.sum] {
			faults = append(faults, fmt.Sprintf("%s stands %d times in the export", m.name, n))
		}
		known[m.sum] = true
	}
	for s := range times {
		if !known[s] {
			faults = append(faults, fmt.Sprintf("a mail that was not sent stands in the export: %x", s[:8]))
		}
	}
	slices.Sort(faults)
	return faults
}

// outgoing names a mail of the desk's by whom it went to and which mail it
// answers. One that passes on what somebody else has written answers none.
type outgoing struct{ to, by string }

const passedOn = "(what somebody else has written)"

// play plays the log by the test's own understanding, and returns what should have been
// sent outside, and where the desk has decided otherwise.
func play(x *expected, bySum map[sum]sample, log []stored) (wanted map[outgoing]int, kinds map[string]int, faults []string) {
	wanted, kinds = map[outgoing]int{}, map[string]int{}
	for _, r := range log {
		m, ok := bySum[r.sum]
		if !ok {
			faults = append(faults, r.Position+" was not sent")
			continue
		}
		o := x.next(m)
		kinds[o.disposition]++
		if o.disposition == "ticket" {
			kinds["ticket: "+strings.SplitN(o.acknowledge, ":", 2)[0]]++
		}
		if o.disposition != r.Disposition {
			faults = append(faults, fmt.Sprintf("%s (%s): is %q, its header calls for %q (%s)", m.name, m.kind, r.Disposition, o.disposition, o.acknowledge))
		}
		if o.acknowledge == acknowledged {
			wanted[outgoing{m.letter.from[0], m.id}]++
		}
		if o.passedOn != "" {
			kinds["append: passed on"]++
			wanted[outgoing{o.passedOn, passedOn}]++
		}
	}
	return wanted, kinds, faults
}

// dispatch is what the desk has sent, each mail once.
type dispatch struct {
	outside        map[outgoing]int
	inside         int // to agents
	repeats        int // the same bytes under the same Message-ID
	repeatsOutside int
	faults         []string
}

// readSent reads what the desk has sent. It may repeat a mail when it was
// killed before it could record that it had gone: with the same Message-ID and
// the same bytes.
func readSent(arrivals []arrival, ids map[string]bool) dispatch {
	d := dispatch{outside: map[outgoing]int{}}
	once := map[string]arrival{}
	for _, a := range arrivals {
		id := a.first("message-id")
		if before, again := once[id]; again {
			d.repeats++
			if !agents[a.to] {
				d.repeatsOutside++
			}
			if before.sum != a.sum || before.to != a.to {
				d.faults = append(d.faults, fmt.Sprintf("%s came to %s and to %s, or with other bytes", id, before.to, a.to))
			}
			continue
		}
		once[id] = a
		switch {
		case id == "":
			d.faults = append(d.faults, "a mail without Message-ID to "+a.to)
		case agents[a.to]:
			d.inside++
		case isRobot(a.to):
			d.faults = append(d.faults, "a mail to a robot: "+a.to)
		default:
			d.outside[outgoing{a.to, a.answers(ids)}]++
		}
	}
	return d
}

// answers returns which mail a mail of the desk's answers, "" if one that has
// no Message-ID of its own.
func (a arrival) answers(ids map[string]bool) string {
	if a.first("auto-submitted") == "" {
		return passedOn
	}
	if found := msgIDs(a.fields["in-reply-to"]); len(found) > 0 && ids[found[0]] {
		return found[0]
	}
	return ""
}

// difference says what was sent outside that should not have been, and what
// was not.
func difference(wanted, got map[outgoing]int) (faults []string) {
	for a, n := range wanted {
		if got[a] != n {
			faults = append(faults, fmt.Sprintf("%d mails to %s for %q, want %d", got[a], a.to, a.by, n))
		}
	}
	for a, n := range got {
		if wanted[a] == 0 {
			faults = append(faults, fmt.Sprintf("%d mails to %s for %q, want none", n, a.to, a.by))
		}
	}
	slices.Sort(faults)
	return faults
}

func sumOf(data []byte) sum { return sha256.Sum256(data) }
