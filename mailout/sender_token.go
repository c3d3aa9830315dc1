package mailout

import (
	"context"
	"errors"

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

// showToken proves who we are by a token. One that is refused may have died early:
// another is tried once, over the same connection.
func (h *Smarthost) showToken(ctx context.Context, client *client) error {
	for again := false; ; again = true {
		mechanism, err := h.Auth.Client(ctx)
		if err != nil {
			return words(err.Error())
		}
		name, _, err := mechanism.Start()
		if err != nil {
			return words("no se puede mostrar el token")
		}
		if !client.mechanism(name) {
			return words("el servidor no ofrece " + name)
		}
		err = client.auth(mechanism)
		if refused, ok := errors.AsType[refusal](err); !ok || refused.code < 500 {
			return authFault(err)
		}
		h.Auth.Refused(mechanism)
		if again {
			return authFault(err)
		}
	}
}
