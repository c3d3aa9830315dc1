package imap

import (
	"crypto/tls"
	"net"
)

// secure speaks TLS over a connection from its first byte.
func secure(c net.Conn, config *tls.Config) (net.Conn, error) {
	config = config.Clone()
	config.NextProtos = []string{"imap"}
	secured := tls.Client(c, config)
	return secured, secured.Handshake() // the library would tell no more than its error's words
}
