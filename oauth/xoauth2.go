package oauth

import "github.com/emersion/go-sasl"

type xoauth2 struct{ user, token string }

// XOAUTH2 is the mechanism of that name, of Google's and Microsoft's mail
// servers. A refusal comes as a challenge, which an empty response answers, so
// that the server then says its error.
func XOAUTH2(user, token string) sasl.Client { return xoauth2{user, token} }

func (x xoauth2) Start() (string, []byte, error) {
	return "XOAUTH2", []byte("user=" + x.user + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

func (xoauth2) Next([]byte) ([]byte, error) { return []byte{}, nil }
