package imap

import (
	"context"
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"
)

// Authenticator proves who we are by a token that has to be got (RFC 6749). The
// errors of Client are shown: they hold no secrets.
type Authenticator interface {
	Client(ctx context.Context) (sasl.Client, error)

	// Refused says that the server did not take what Client returned: the next
	// one has another token.
	Refused(client sasl.Client)
}

// NoToken says that there is no token to be shown to the server.
func NoToken(err error) bool { return errors.Is(err, errToken) }

var errToken = errors.New("no token")

// refusedToken is an errLogin in other words.
type refusedToken struct{}

func (refusedToken) Error() string { return "the server refuses user and token" }

func (refusedToken) Is(target error) bool { return target == errLogin }

// token gets what is to be shown to the server, before it is connected to.
func (c *connection) token(ctx context.Context) (err error) {
	if c.account.Auth == nil {
		return nil
	}
	if c.client, err = c.account.Auth.Client(ctx); err != nil {
		return fmt.Errorf("%w: %w", errToken, err)
	}
	return nil
}

// showToken proves who we are by a token.
func (c *connection) showToken() error {
	name, _, err := c.client.Start()
	if err != nil {
		return fmt.Errorf("%w: %w", errToken, err)
	}
	if !c.Caps().Has(imap.AuthCap(name)) {
		return fmt.Errorf("login: the server does not offer %s", name)
	}
	dialogue := &dialogue{Client: c.client}
	err = loginError(c.Authenticate(dialogue))
	if !errors.Is(err, errLogin) && !dialogue.refused {
		return err
	}
	c.account.Auth.Refused(c.client)
	return refusedToken{}
}

// dialogue is a client that notes whether the server has asked anything behind the
// token, which is how it refuses one (RFC 7628 §3.2.3). The library writes an empty
// answer to that as "=", which servers take for a mistake; they take this for what
// it is: the end.
type dialogue struct {
	sasl.Client
	refused bool
}

func (d *dialogue) Next(challenge []byte) ([]byte, error) {
	d.refused = true
	answer, err := d.Client.Next(challenge)
	if len(answer) == 0 {
		answer = []byte{1}
	}
	return answer, err
}
