package oauth

import (
	"context"

	"github.com/emersion/go-sasl"
)

// Mechanism is how a token is shown to a mail server.
type Mechanism string

// The mechanisms.
const (
	XOAUTH2     Mechanism = "XOAUTH2"     // of Google's and Microsoft's mail servers; the default
	OAUTHBEARER Mechanism = "OAUTHBEARER" // RFC 7628
)

// Credentials prove to a mail server that a user lets us in. It may be used by
// several goroutines.
type Credentials struct {
	Source    *Source
	User      string // whose mailbox is entered
	Mechanism Mechanism
}

// Client returns what proves it once, with a token that is valid by our clock.
func (c Credentials) Client(ctx context.Context) (sasl.Client, error) {
	token, err := c.Source.Token(ctx)
	if err != nil {
		return nil, err
	}
	return bearer{c.Mechanism, c.User, token}, nil
}

// Refused says that the server did not take what Client returned: the next one
// has another token.
func (c Credentials) Refused(client sasl.Client) {
	if b, ok := client.(bearer); ok {
		c.Source.Refused(b.token)
	}
}

// bearer is a client of both mechanisms. A refusal comes as a challenge; the
// answer to it lets the server say its error.
type bearer struct {
	mechanism   Mechanism
	user, token string
}

func (b bearer) Start() (string, []byte, error) {
	if b.mechanism == OAUTHBEARER {
		return string(OAUTHBEARER), []byte("n,a=" + saslName(b.user) + ",\x01auth=Bearer " + b.token + "\x01\x01"), nil
	}
	return string(XOAUTH2), []byte("user=" + b.user + "\x01auth=Bearer " + b.token + "\x01\x01"), nil
}

func (b bearer) Next([]byte) ([]byte, error) {
	if b.mechanism == OAUTHBEARER {
		return []byte{1}, nil // RFC 7628 §3.2.3
	}
	return []byte{}, nil
}

// saslName writes a name as RFC 5801 §4 wants it in a header.
func saslName(s string) string {
	var b []byte
	for i := range len(s) {
		switch s[i] {
		case ',':
			b = append(b, "=2C"...)
		case '=':
			b = append(b, "=3D"...)
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}
