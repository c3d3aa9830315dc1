package imap

import (
	"crypto/tls"
	"net"
)

// secure speaks TLS over a connection from its first byte.
func secure(c net.Conn, config *tls.Config) net.Conn {
	config = config.Clone()
	config.NextProtos = []string{"imap"}
	return tls.Client(c, config)
}
