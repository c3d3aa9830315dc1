package verify

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	udpMost     = 1232 // bytes of an answer by UDP that are asked for: no path cuts them (RFC 9715)
	aliasesMost = 8    // CNAMEs behind each other
	rounds      = 2    // times that each server is asked
)

// attempt asks one server: by UDP, and by TCP if the answer does not fit.
func attempt(ctx context.Context, server string, q question, patience time.Duration) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var random [2]byte
	rand.Read(random[:]) // never fails
	id := binary.NativeEndian.Uint16(random[:])
	query, err := pack(id, q)
	if err != nil {
		return answer{}, err
	}
	a, err := overUDP(ctx, server, query, id, q)
	if errors.Is(err, errTruncated) {
		return overTCP(ctx, server, query, id, q)
	}
	return a, err
}

// errTruncated says that an answer is too long for UDP.
var errTruncated = errors.New("the answer is cut off")

// pack writes a query with EDNS (RFC 6891).
func pack(id uint16, q question) ([]byte, error) {
	name, err := dnsmessage.NewName(q.name + ".")
	if err != nil {
		return nil, err
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true})
	var h dnsmessage.ResourceHeader
	err = errors.Join(b.StartQuestions(), b.Question(dnsmessage.Question{Name: name, Type: q.kind, Class: dnsmessage.ClassINET}),
		b.StartAdditionals(), h.SetEDNS0(udpMost, dnsmessage.RCodeSuccess, false), b.OPTResource(h, dnsmessage.OPTResource{}))
	if err != nil {
		return nil, err
	}
	return b.Finish()
}

func dial(ctx context.Context, network, server string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		err = conn.SetDeadline(deadline)
	}
	return conn, err
}

// overUDP takes the first answer that is to this query. The socket is connected,
// so only the server's own packets come in; its port is chosen at random.
func overUDP(ctx context.Context, server string, query []byte, id uint16, q question) (answer, error) {
	conn, err := dial(ctx, "udp", server)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	if _, err := conn.Write(query); err != nil {
		return answer{}, err
	}
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return answer{}, err
		}
		if a, err := unpack(b[:n], id, q); !errors.Is(err, errOther) {
			return a, err
		}
	}
}

// overTCP asks with a length before each message (RFC 1035 §4.2.2).
func overTCP(ctx context.Context, server string, query []byte, id uint16, q question) (answer, error) {
	conn, err := dial(ctx, "tcp", server)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return answer{}, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return answer{}, err
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return answer{}, err
	}
	a, err := unpack(b, id, q)
	if errors.Is(err, errTruncated) {
		err = errUnanswered
	}
	return a, err
}

// errOther says that a message is no answer to the query.
var errOther = errors.New("not an answer to this question")

// unpack reads an answer.
func unpack(b []byte, id uint16, q question) (answer, error) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || h.ID != id || !h.Response {
		return answer{}, errOther
	}
	asked, err := p.AllQuestions()
	if err != nil || len(asked) != 1 || asked[0].Type != q.kind || plain(asked[0].Name) != q.name {
		return answer{}, errOther
	}
	switch {
	case h.Truncated:
		return answer{}, errTruncated
	case h.RCode != dnsmessage.RCodeSuccess && h.RCode != dnsmessage.RCodeNameError:
		return answer{}, fmt.Errorf("%w: %v", errUnanswered, h.RCode)
	}
	a, err := collect(&p, q)
	if err != nil {
		return answer{}, err
	}
	a.missing, a.size = h.RCode == dnsmessage.RCodeNameError, len(b)
	if a.empty() {
		a.ttl = absentFor(&p)
	}
	return a, nil
}

// plain is a name as it stands in a question.
func plain(n dnsmessage.Name) string { return strings.ToLower(strings.TrimSuffix(n.String(), ".")) }

// collect reads the answers, those behind aliases too. Aliases that lead in a
// circle are trouble, and not the absence of a record.
func collect(p *dnsmessage.Parser, q question) (a answer, err error) {
	all, err := p.AllAnswers()
	if err != nil {
		return a, err
	}
	name := q.name
	a.ttl = longestKept
	shorten := func(seconds uint32) { a.ttl = min(a.ttl, time.Duration(seconds)*time.Second) }
	for range aliasesMost {
		next := ""
		for _, r := range all {
			if plain(r.Header.Name) != name || r.Header.Class != dnsmessage.ClassINET {
				continue
			}
			if alias, ok := r.Body.(*dnsmessage.CNAMEResource); ok {
				next = plain(alias.CNAME)
				shorten(r.Header.TTL)
			} else if r.Header.Type == q.kind {
				a.add(r.Body)
				shorten(r.Header.TTL)
			}
		}
		if next == "" || !a.empty() {
			return a, nil
		}
		name = next
	}
	return a, fmt.Errorf("%w: aliases in a circle", errUnanswered)
}

func (a *answer) add(body dnsmessage.ResourceBody) {
	switch r := body.(type) {
	case *dnsmessage.TXTResource:
		a.texts = append(a.texts, strings.Join(r.TXT, ""))
	case *dnsmessage.MXResource:
		a.hosts = append(a.hosts, &net.MX{Host: plain(r.MX), Pref: r.Pref})
	case *dnsmessage.AResource:
		a.addrs = append(a.addrs, net.IPAddr{IP: net.IP(r.A[:])})
	case *dnsmessage.AAAAResource:
		a.addrs = append(a.addrs, net.IPAddr{IP: net.IP(r.AAAA[:])})
	case *dnsmessage.PTRResource:
		a.names = append(a.names, plain(r.PTR))
	}
}

// absentFor is how long the absence of a record may be believed (RFC 2308 §5).
func absentFor(p *dnsmessage.Parser) time.Duration {
	for {
		h, err := p.AuthorityHeader()
		if err != nil {
			return 30 * time.Second
		}
		if h.Type != dnsmessage.TypeSOA {
			if p.SkipAuthority() != nil {
				return 30 * time.Second
			}
			continue
		}
		soa, err := p.SOAResource()
		if err != nil {
			return 30 * time.Second
		}
		return time.Duration(min(h.TTL, soa.MinTTL)) * time.Second
	}
}

// systemServers are the resolvers of /etc/resolv.conf. The file is looked at
// again every half minute: it changes where the network does.
type systemServers struct {
	mu      sync.Mutex
	looked  time.Time
	servers []string
}

func (s *systemServers) get() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.servers == nil || now.Sub(s.looked) > 30*time.Second {
		text, err := os.ReadFile("/etc/resolv.conf")
		if err == nil || s.servers == nil {
			s.servers = nameservers(string(text))
		}
		s.looked = now
	}
	return s.servers
}

// nameservers reads the first three of a resolv.conf(5); without one it is this
// machine.
func nameservers(text string) (servers []string) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "nameserver" && len(servers) < 3 {
			servers = append(servers, net.JoinHostPort(f[1], "53"))
		}
	}
	if len(servers) == 0 {
		return []string{"127.0.0.1:53"}
	}
	return servers
}
