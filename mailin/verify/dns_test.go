package verify

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is what the tests' DNS server knows: a record a line, as
//
//	uni.example  TXT  "v=spf1 -all"
//	uni.example  TTL 60 A 192.0.2.1
//	x.example    SERVFAIL
//
// Beside the types there are modes of a name: SERVFAIL, REFUSED, HANG (no answer
// at all), CUT (by UDP only the beginning) and LIE (answers to other questions
// come first). Names that are not there do not exist, which holds for a minute, or
// for as many seconds as a line "absent 3600" says.
type zone struct {
	mu      sync.Mutex
	records map[string][]zoneRecord
	modes   map[string]string
	asked   map[string]int // how often, as "name TYPE udp"
}

type zoneRecord struct {
	kind string
	ttl  uint32
	data string
}

func readZone(t testing.TB, text string) *zone {
	t.Helper()
	z := &zone{records: map[string][]zoneRecord{}, modes: map[string]string{}, asked: map[string]int{}}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		ttl := uint64(300)
		if len(f) > 3 && f[1] == "TTL" {
			ttl, _ = strconv.ParseUint(f[2], 10, 32)
			f = append(f[:1], f[3:]...)
		}
		if len(f) == 2 {
			z.modes[f[0]] = f[1]
			continue
		}
		z.records[f[0]] = append(z.records[f[0]], zoneRecord{f[1], uint32(ttl), strings.Join(f[2:], " ")})
	}
	return z
}

// count is how often a name was asked for, by any way.
func (z *zone) count(name string) (n int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for key, times := range z.asked {
		if strings.HasPrefix(key, name+" ") {
			n += times
		}
	}
	return n
}

func (z *zone) total() (n int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, times := range z.asked {
		n += times
	}
	return n
}

// serve answers on a port of 127.0.0.1, UDP and TCP, until the test ends.
func (z *zone) serve(t testing.TB) (address string) {
	t.Helper()
	var packets net.PacketConn
	var streams net.Listener
	for range 20 { // a port that is free for both
		var err error
		if packets, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if streams, err = net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			break
		}
		packets.Close()
		streams = nil
	}
	if streams == nil {
		t.Fatal("no port is free for UDP and TCP")
	}
	var done sync.WaitGroup
	t.Cleanup(func() { packets.Close(); streams.Close(); done.Wait() })
	done.Go(func() { z.serveUDP(packets) })
	done.Go(func() {
		for {
			conn, err := streams.Accept()
			if err != nil {
				return
			}
			done.Go(func() { defer conn.Close(); z.serveTCP(conn) })
		}
	})
	return packets.LocalAddr().String()
}

func (z *zone) serveUDP(c net.PacketConn) {
	b := make([]byte, 4096)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		for _, m := range z.answer(b[:n], "udp") {
			_, _ = c.WriteTo(m, from)
		}
	}
}

func (z *zone) serveTCP(c net.Conn) {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		return
	}
	for _, m := range z.answer(b, "tcp") {
		_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...))
	}
}

// answer returns the messages that go back.
func (z *zone) answer(query []byte, by string) [][]byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	kind := strings.TrimPrefix(q.Type.String(), "Type")
	z.mu.Lock()
	z.asked[name+" "+kind+" "+by]++
	z.mu.Unlock()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: h.ID, Response: true, RecursionDesired: true, RecursionAvailable: true}, Questions: []dnsmessage.Question{q}}
	switch mode := z.modes[name]; {
	case mode == "HANG":
		return nil
	case mode == "SERVFAIL":
		m.RCode = dnsmessage.RCodeServerFailure
	case mode == "REFUSED":
		m.RCode = dnsmessage.RCodeRefused
	case mode == "CUT" && by == "udp":
		m.Truncated = true
	default:
		z.fill(&m, name, kind)
	}
	packed, err := m.Pack()
	if err != nil {
		return nil
	}
	if by == "udp" && len(packed) > udpMost {
		m.Truncated, m.Answers = true, nil
		packed, _ = m.Pack()
	}
	if z.modes[name] == "LIE" {
		return [][]byte{lie(m, func(m *dnsmessage.Message) { m.ID++ }), lie(m, func(m *dnsmessage.Message) { m.Response = false }),
			lie(m, func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("other.example.") }), packed}
	}
	return [][]byte{packed}
}

// lie packs an answer that says something else and is not to this question.
func lie(m dnsmessage.Message, change func(*dnsmessage.Message)) []byte {
	m.Questions = append([]dnsmessage.Question(nil), m.Questions...)
	m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 300}, Body: &dnsmessage.TXTResource{TXT: []string{"a lie"}}}}
	change(&m)
	b, _ := m.Pack()
	return b
}

// fill puts in the records, those behind aliases, or that there is none.
func (z *zone) fill(m *dnsmessage.Message, name, kind string) {
	for range 10 {
		alias := ""
		for _, r := range z.records[name] {
			if r.kind == kind || r.kind == "CNAME" {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name + "."), Class: dnsmessage.ClassINET, TTL: r.ttl}, Body: r.body()})
			}
			if r.kind == "CNAME" {
				alias = r.data
			}
		}
		if alias == "" {
			break
		}
		name = alias
	}
	if len(m.Answers) > 0 {
		return
	}
	seconds, err := strconv.ParseUint(z.modes["absent"], 10, 32)
	if err != nil {
		seconds = 60
	}
	m.Authorities = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("example."), Class: dnsmessage.ClassINET, TTL: 7200},
		Body: &dnsmessage.SOAResource{NS: dnsmessage.MustNewName("ns.example."), MBox: dnsmessage.MustNewName("x.example."), MinTTL: uint32(seconds)}}}
	m.RCode = dnsmessage.RCodeNameError
	for other := range z.records {
		if within(other, name) {
			m.RCode = dnsmessage.RCodeSuccess
		}
	}
}

func (r zoneRecord) body() dnsmessage.ResourceBody {
	name := func(s string) dnsmessage.Name { return dnsmessage.MustNewName(strings.TrimSuffix(s, ".") + ".") }
	switch r.kind {
	case "A":
		return &dnsmessage.AResource{A: [4]byte(net.ParseIP(r.data).To4())}
	case "AAAA":
		return &dnsmessage.AAAAResource{AAAA: [16]byte(net.ParseIP(r.data))}
	case "MX":
		return &dnsmessage.MXResource{Pref: 10, MX: name(r.data)}
	case "PTR":
		return &dnsmessage.PTRResource{PTR: name(r.data)}
	case "CNAME":
		return &dnsmessage.CNAMEResource{CNAME: name(r.data)}
	case "TXT":
		text, err := strconv.Unquote(r.data)
		if err != nil {
			panic(fmt.Sprintf("zone: %s", r.data))
		}
		var strings []string
		for len(text) > 255 {
			strings, text = append(strings, text[:255]), text[255:]
		}
		return &dnsmessage.TXTResource{TXT: append(strings, text)}
	}
	panic("zone: no type " + r.kind)
}
