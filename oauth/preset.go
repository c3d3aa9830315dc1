package oauth

import (
	"net/url"
	"time"
)

// Preset is what a provider's pages say of its endpoints and scopes.
type Preset struct {
	TokenURL, DeviceURL, AuthorizeURL string
	Person, Client                    []string      // scopes of a login, and of client credentials
	Idle                              time.Duration // after which an unused refresh token dies
}

const day = 24 * time.Hour

// Microsoft365 is the preset for a tenant, its ID or a domain of it. Of a login
// IMAP and SMTP are asked for; client credentials have what an administrator has
// granted.
func Microsoft365(tenant string) Preset {
	base := "https://login.microsoftonline.com/" + url.PathEscape(tenant) + "/oauth2/v2.0/"
	return Preset{TokenURL: base + "token", DeviceURL: base + "devicecode", AuthorizeURL: base + "authorize",
		Person: []string{"https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send", "offline_access"},
		Client: []string{"https://outlook.office365.com/.default"}, Idle: 90 * day}
}

// Google is the preset for Gmail and Google Workspace. Its device codes are not
// for mail: a person logs in with a browser.
func Google() Preset {
	return Preset{TokenURL: "https://oauth2.googleapis.com/token", AuthorizeURL: "https://accounts.google.com/o/oauth2/v2/auth",
		Person: []string{"https://mail.google.com/"}, Idle: 180 * day}
}
