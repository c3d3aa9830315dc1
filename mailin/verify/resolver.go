package verify

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	typeA    = dnsmessage.TypeA
	typeAAAA = dnsmessage.TypeAAAA
	typeMX   = dnsmessage.TypeMX
	typePTR  = dnsmessage.TypePTR
	typeTXT  = dnsmessage.TypeTXT
)

const (
	longestKept   = time.Hour       // whatever a TTL says
	longestAbsent = 5 * time.Minute // what is not there (RFC 2308 §5)
	largestKept   = 4 << 10         // bytes of an answer; larger ones are asked for again
	exchangesMost = 128             // questions on the wire at once
)

// errUnanswered is the error of a question that the DNS did not answer. What it
// answers with "there is none" is no error.
var errUnanswered = errors.New("no answer from the DNS")

// question is what is asked of the DNS.
type question struct {
	name string // in lower case, without the last dot
	kind dnsmessage.Type
}

// answer is what it has said. It is never changed once made.
type answer struct {
	texts   []string // TXT, the strings of each joined
	hosts   []*net.MX
	addrs   []net.IPAddr
	names   []string // PTR
	missing bool     // not even the name exists (RFC 8020)
	ttl     time.Duration
	size    int // bytes on the wire
}

func (a answer) empty() bool { return len(a.texts)+len(a.hosts)+len(a.addrs)+len(a.names) == 0 }

// resolver asks recursive resolvers and keeps what they answer. Who asks what is
// being asked already waits for that answer.
type resolver struct {
	servers  func() []string
	timeout  time.Duration // for one question, all attempts
	now      func() time.Time
	most     int
	exchange chan struct{} // a token for each question on the wire
	first    atomic.Int32  // the server that answered last

	mu     sync.Mutex
	kept   map[question]*list.Element // of *keptAnswer
	recent *list.List                 // the latest used first
	under  map[question]*flight
}

type keptAnswer struct {
	question question
	answer   answer
	until    time.Time
}

// flight is a question on its way.
type flight struct {
	done   chan struct{}
	answer answer
	err    error
}

func newResolver(o Options) *resolver {
	servers := func() []string { return o.Servers }
	if len(o.Servers) == 0 {
		servers = new(systemServers).get
	}
	return &resolver{servers: servers, timeout: o.Timeout, now: o.Now, most: o.Entries, exchange: make(chan struct{}, exchangesMost),
		kept: map[question]*list.Element{}, recent: list.New(), under: map[question]*flight{}}
}

// lookup answers from what is kept, or asks. The question goes on when ctx ends:
// others may wait for it, and the next mail of that domain will.
func (r *resolver) lookup(ctx context.Context, q question) (answer, error) {
	if err := ctx.Err(); err != nil {
		return answer{}, err
	}
	r.mu.Lock()
	if e, ok := r.kept[q]; ok {
		k := e.Value.(*keptAnswer)
		if r.now().Before(k.until) {
			r.recent.MoveToFront(e)
			r.mu.Unlock()
			return k.answer, nil
		}
		r.forget(e)
	}
	f, ok := r.under[q]
	if !ok {
		f = &flight{done: make(chan struct{}), err: errUnanswered}
		r.under[q] = f
		go r.fly(q, f)
	}
	r.mu.Unlock()
	select {
	case <-f.done:
		return f.answer, f.err
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

// fly asks and keeps the answer.
func (r *resolver) fly(q question, f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	select {
	case r.exchange <- struct{}{}:
		f.answer, f.err = r.askServers(ctx, q)
		<-r.exchange
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.err == nil {
		r.keep(q, f.answer)
	}
	delete(r.under, q)
	close(f.done)
}

// askServers asks the servers in turn until one answers, beginning with the one
// that answered last: one that is down costs time once.
func (r *resolver) askServers(ctx context.Context, q question) (a answer, err error) {
	servers, first, err := r.servers(), int(r.first.Load()), errUnanswered
	for i := range rounds * len(servers) {
		if ctx.Err() != nil {
			break
		}
		at := (first + i) % len(servers)
		if a, err = attempt(ctx, servers[at], q, r.timeout/4); err == nil {
			r.first.Store(int32(at))
			return a, nil
		}
	}
	return answer{}, err
}

// keep notes an answer for as long as it says, and forgets what was not used for
// longest where there are too many.
func (r *resolver) keep(q question, a answer) {
	most := longestKept
	if a.empty() {
		most = longestAbsent
	}
	ttl := min(a.ttl, most)
	if ttl <= 0 || a.size > largestKept {
		return
	}
	if e, ok := r.kept[q]; ok {
		r.forget(e)
	}
	r.kept[q] = r.recent.PushFront(&keptAnswer{q, a, r.now().Add(ttl)})
	for r.recent.Len() > r.most {
		r.forget(r.recent.Back())
	}
}

func (r *resolver) forget(e *list.Element) {
	r.recent.Remove(e)
	delete(r.kept, e.Value.(*keptAnswer).question)
}

// questions are those that may be asked for one mail. It is what SPF's library
// takes for a resolver; its errors are all *net.DNSError.
type questions struct {
	ctx      context.Context
	resolver *resolver
	left     atomic.Int32
	only4    bool // IPv6 addresses are of no use: the peer has none
}

// ask returns a bound of so many questions, all within ctx.
func (r *resolver) ask(ctx context.Context, most int32) *questions {
	q := &questions{ctx: ctx, resolver: r}
	q.left.Store(most)
	return q
}

// lookup asks one question. A name that the DNS cannot hold does not exist.
func (q *questions) lookup(name string, kind dnsmessage.Type) (answer, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if !fits(name) {
		return answer{missing: true}, nil
	}
	if q.left.Add(-1) < 0 {
		return answer{}, errUnanswered
	}
	return q.resolver.lookup(q.ctx, question{name, kind})
}

// fits says whether a name can be asked for (RFC 1035 §2.3.4).
func fits(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

// found is lookup for the library: an absent answer is an error too.
func (q *questions) found(name string, kind dnsmessage.Type) (answer, error) {
	a, err := q.lookup(name, kind)
	switch {
	case err != nil:
		return a, &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true}
	case a.empty():
		return a, &net.DNSError{Err: "no such record", Name: name, IsNotFound: true}
	}
	return a, nil
}

// isTemporary says whether an error of a look-up is no answer at all.
func isTemporary(err error) bool {
	var d *net.DNSError
	return err != nil && (!errors.As(err, &d) || d.Temporary())
}

// Texts returns the TXT records at a name, none if there are none. An error says that
// the DNS did not answer.
func (v *Verifier) Texts(ctx context.Context, name string) ([]string, error) {
	a, err := v.resolver.ask(ctx, 1).lookup(name, typeTXT)
	return a.texts, err
}

// LookupTXT returns the texts at a name.
func (q *questions) LookupTXT(_ context.Context, name string) ([]string, error) {
	a, err := q.found(name, typeTXT)
	return a.texts, err
}

// LookupMX returns the hosts that take a domain's mail.
func (q *questions) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	a, err := q.found(name, typeMX)
	return a.hosts, err
}

// LookupIPAddr returns a host's addresses, of the peer's kind and of IPv4.
func (q *questions) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	a, err := q.found(host, typeA)
	if q.only4 || isTemporary(err) {
		return a.addrs, err
	}
	b, err6 := q.found(host, typeAAAA)
	switch {
	case err6 == nil:
		return append(a.addrs[:len(a.addrs):len(a.addrs)], b.addrs...), nil
	case isTemporary(err6):
		return nil, err6
	}
	return a.addrs, err
}

// LookupAddr returns the names of an address.
func (q *questions) LookupAddr(_ context.Context, addr string) ([]string, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, &net.DNSError{Err: "not an address", Name: addr, IsNotFound: true}
	}
	a, err := q.found(reverse(ip.Unmap()), typePTR)
	return a.names, err
}

// reverse is the name under which the names of an address stand (RFC 1035 §3.5,
// RFC 3596 §2.5).
func reverse(ip netip.Addr) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	raw := ip.AsSlice()
	for i := len(raw) - 1; i >= 0; i-- {
		if ip.Is4() {
			b.WriteString(strconv.Itoa(int(raw[i])) + ".")
			continue
		}
		b.Write([]byte{digits[raw[i]&15], '.', digits[raw[i]>>4], '.'})
	}
	if ip.Is4() {
		return b.String() + "in-addr.arpa"
	}
	return b.String() + "ip6.arpa"
}
