package mailin

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"

	"ventanilla/mail"
)

// A peer of Options.ProxyFrom says in the first bytes of a connection whose it is
// (the PROXY protocol of HAProxy, versions 1 and 2). The header is at most 107
// bytes of text or 16 and 4096 binary ones; a longer or late one, or none, ends
// the connection without a word. From then on the client is the peer, for limits,
// trust and Received.

// headerTime is how long a proxy may take to send the header.
const headerTime = 5 * time.Second

var errNoClient = errors.New("the header names a client that does not come by TCP")

// proxied says whether a peer is one that must send a header. Without an address
// it came over a Unix socket.
func (s *Server) proxied(peer netip.Addr) bool {
	if !peer.IsValid() {
		return s.ProxySocket
	}
	return contains(s.ProxyFrom, peer)
}

func contains(nets []netip.Prefix, peer netip.Addr) bool {
	for _, p := range nets {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}

// introduce reads the header of a proxy. What it says comes from a peer that is
// believed; what it leaves unsaid is not made up.
func (c *conn) introduce() {
	c.mu.Lock()
	c.limit = time.Now().Add(headerTime)
	c.mu.Unlock()
	client, err := c.readHeader()
	if err != nil {
		c.server.Log.Warn("no good PROXY header from a proxy, connection closed", "proxy", c.peerName, "error", err)
		c.dead = true
		return
	}
	why := c.server.rename(c, client)
	c.nameless = false
	if why != "" {
		c.server.Log.Warn("connection refused", "peer", c.peerName, "why", why)
		c.out = c.out[:0] // the greeting
		c.hangUp("421 4.7.0 " + c.server.Hostname + " " + why + ", try again later")
	}
}

// readHeader returns the address of the client, the zero Addr where the proxy
// speaks for itself (LOCAL, UNKNOWN) or for a socket of its machine.
func (c *conn) readHeader() (netip.Addr, error) {
	h, err := proxyproto.Read(c.in)
	if err != nil {
		return netip.Addr{}, err
	}
	if h.Command.IsLocal() || h.TransportProtocol == proxyproto.UnixStream {
		return netip.Addr{}, nil
	}
	source, _, ok := h.TCPAddrs()
	if !ok {
		return netip.Addr{}, errNoClient
	}
	return addressOf(source), nil
}

// rename makes the client the peer of a connection and counts it, or says why
// there is no room for one more of its address. Nobody is trusted for the proxy's
// sake: where the client is unknown the peer is the proxy, without trust, and
// 127.0.0.1 is this machine's only if the proxy is on it.
func (s *Server) rename(c *conn, client netip.Addr) (why string) {
	here := !c.peer.IsValid() || c.peer.IsLoopback()
	c.stranger = !client.IsValid() || (client.IsLoopback() && !here)
	if client.IsValid() {
		c.peer, c.peerName = client, client.String()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	counted := s.countedAs(c.peer)
	if counted.IsValid() && s.peers[counted] >= s.MaxPerPeer {
		return tooManyOfPeer
	}
	if _, there := s.conns[c]; there && counted.IsValid() {
		c.counted = counted
		s.peers[counted]++
	}
	return ""
}

// auth says what the peer's address proves.
func (c *conn) auth() mail.Auth {
	if c.stranger {
		return mail.Auth{}
	}
	return c.server.Auth(c.peer)
}

func addressOf(tcp *net.TCPAddr) netip.Addr {
	a, _ := netip.AddrFromSlice(tcp.IP)
	return a.Unmap()
}
