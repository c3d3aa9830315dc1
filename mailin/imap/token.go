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

// errToken says that there is no token to be shown.
var errToken = errors.New("no token")

// refusedToken is an errLogin in other words.
type refusedToken struct{}

func (refusedToken) Error() string { return "the server refuses user and token" }

func (refusedToken) Is(target error) bool { return target == errLogin }

// showToken proves who we are by a token. One that is refused may have died early:
// another is tried once, over the same connection.
func (c *connection) showToken(ctx context.Context) error {
	for again := false; ; again = true {
		client, err := c.account.Auth.Client(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", errToken, err)
		}
		name, _, err := client.Start()
		if err != nil {
			return fmt.Errorf("%w: %w", errToken, err)
		}
		if !c.Caps().Has(imap.AuthCap(name)) {
			return fmt.Errorf("login: the server does not offer %s", name)
		}
		err = loginError(c.Authenticate(client))
		if !errors.Is(err, errLogin) {
			return err
		}
		c.account.Auth.Refused(client)
		if again {
			return refusedToken{}
		}
	}
}
