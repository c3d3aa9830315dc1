package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ventanilla/oauth"
)

// OAuthConfig is [[oauth]].
type OAuthConfig struct {
	Name          string   `toml:"name" help:"Nombre propio, que se escribe en oauth de [[imap]] y de [smarthost]. Obligatorio."`
	Provider      string   `toml:"provider" values:"microsoft365 google" help:"De quién es la cuenta: pone las direcciones y los permisos. Vacío: los de token_url y scopes."`
	Tenant        string   `toml:"tenant" help:"Con microsoft365, el inquilino (tenant): su identificador o uno de sus dominios. Obligatorio ahí."`
	Flow          string   `toml:"flow" values:"device code client_credentials" help:"Cómo se consigue el permiso: device (una persona escribe un código en cualquier navegador; así es sin la clave), code (una persona entra con un navegador; así es con google, que no da otro para el correo) o client_credentials (sin persona: lo da el administrador del inquilino)."`
	ClientID      string   `toml:"client_id" help:"Identificador de la aplicación registrada en el proveedor. Obligatorio."`
	SecretFile    string   `toml:"client_secret_file" help:"Archivo con el secreto de la aplicación, que solo puede leer su dueño. Hace falta con client_credentials y con google."`
	SecretExpires string   `toml:"client_secret_expires" help:"Día en que ese secreto vence, como 2027-11-01: se avisa catorce días antes."`
	TokenFile     string   `toml:"token_file" help:"Archivo donde «ventanilla oauth login» guarda el permiso (600). Vacío: oauth/NOMBRE.json en la carpeta del estado."`
	Scopes        []string `toml:"scopes" help:"Permisos que se piden. Vacío: los del proveedor."`
	TokenURL      string   `toml:"token_url" help:"Dirección del servidor de tokens, si no es la del proveedor. Con https, salvo en esta misma máquina."`
	DeviceURL     string   `toml:"device_url" help:"Dirección donde comienza flow = \"device\", si no es la del proveedor."`
	AuthorizeURL  string   `toml:"authorize_url" help:"Dirección donde comienza flow = \"code\", si no es la del proveedor."`
	IdleDays      int      `toml:"idle_days" help:"Días sin uso tras los que muere el permiso; se avisa catorce antes. 0: los del proveedor (90 en Microsoft 365, 180 en Google)."`
}

const (
	flowDevice = "device"
	flowCode   = "code"
	flowClient = "client_credentials"
)

// flow is how the permission is got.
func (o OAuthConfig) flow() string {
	if o.Flow == "" && o.Provider == "google" {
		return flowCode
	}
	return cmp.Or(o.Flow, flowDevice)
}

// preset is what the provider says; own keys come before it.
func (o OAuthConfig) preset() oauth.Preset {
	p := oauth.Preset{}
	switch o.Provider {
	case "microsoft365":
		p = oauth.Microsoft365(o.Tenant)
	case "google":
		p = oauth.Google()
	}
	p.TokenURL, p.DeviceURL, p.AuthorizeURL = cmp.Or(o.TokenURL, p.TokenURL), cmp.Or(o.DeviceURL, p.DeviceURL), cmp.Or(o.AuthorizeURL, p.AuthorizeURL)
	if len(o.Scopes) > 0 {
		p.Person, p.Client = o.Scopes, o.Scopes
	}
	if o.IdleDays > 0 {
		p.Idle = time.Duration(o.IdleDays) * 24 * time.Hour
	}
	return p
}

// oauth checks [[oauth]].
func (k *configChecker) oauth(c *Config) {
	names := map[string]bool{}
	for i, o := range c.OAuth {
		at := func(key string) string { return fmt.Sprintf("oauth[%d].%s", i, key) }
		switch {
		case o.Name == "" || strings.Trim(o.Name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
			k.fault(at("name"), "el nombre lleva letras minúsculas sin acento, cifras, - y _: escriba name = \"correo\"")
		case names[o.Name]:
			k.fault(at("name"), "ya hay un [[oauth]] llamado %q", o.Name)
		}
		names[o.Name] = true
		if o.ClientID == "" {
			k.fault(at("client_id"), "falta el identificador de la aplicación registrada en el proveedor")
		}
		if o.Provider == "microsoft365" && o.Tenant == "" {
			k.fault(at("tenant"), "falta el inquilino (tenant): su identificador o uno de sus dominios, como universidad.edu")
		}
		if o.Provider != "microsoft365" && o.Tenant != "" {
			k.fault(at("tenant"), "solo se usa con provider = \"microsoft365\"")
		}
		if _, err := o.secretExpires(); err != nil {
			k.fault(at("client_secret_expires"), "%q no es una fecha como 2027-11-01", o.SecretExpires)
		}
		if o.IdleDays < 0 || o.IdleDays > 3650 {
			k.fault(at("idle_days"), "%d no puede ser: va de 0 a 3650", o.IdleDays)
		}
		k.oauthFlow(o, at)
	}
}

// oauthFlow checks that a flow has what it needs.
func (k *configChecker) oauthFlow(o OAuthConfig, at func(string) string) {
	p := o.preset()
	for _, u := range []struct {
		key, address, given string
		needed              bool
	}{
		{"token_url", p.TokenURL, o.TokenURL, true},
		{"device_url", p.DeviceURL, o.DeviceURL, o.flow() == flowDevice},
		{"authorize_url", p.AuthorizeURL, o.AuthorizeURL, o.flow() == flowCode},
	} {
		switch {
		case u.address != "":
			if err := oauth.SafeURL(u.address); err != nil {
				k.fault(at(u.key), "%v", err)
			}
		case u.needed && o.Provider == "google" && u.key == "device_url":
			k.fault(at("flow"), "Google no da permisos de correo por código de dispositivo: escriba flow = \"code\"")
		case u.needed:
			k.fault(at(u.key), "falta %s: escriba provider, o esa dirección con https", u.key)
		}
	}
	if o.flow() == flowClient {
		if o.Provider == "google" {
			k.fault(at("flow"), "Google no tiene client_credentials para el correo: escriba flow = \"code\"")
		}
		if o.SecretFile == "" {
			k.fault(at("client_secret_file"), "falta el secreto de la aplicación, que hace falta con client_credentials")
		}
		if o.TokenFile != "" {
			k.fault(at("token_file"), "con client_credentials no entra ninguna persona ni se guarda ningún permiso: quite esta clave")
		}
	}
}

// secretExpires reads the day on which the secret dies.
func (o OAuthConfig) secretExpires() (time.Time, error) {
	if o.SecretExpires == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.DateOnly, o.SecretExpires)
}

// oauthUse checks how a mailbox or a smarthost proves who it is.
func (k *configChecker) oauthUse(c *Config, path, auth, name string) {
	i := slices.IndexFunc(c.OAuth, func(o OAuthConfig) bool { return o.Name == name })
	switch {
	case name == "" && auth != "" && auth != "password":
		k.fault(path+".oauth", "con auth = %q va aquí el nombre de un [[oauth]]", auth)
	case name == "":
	case i < 0:
		k.fault(path+".oauth", "no hay ningún [[oauth]] llamado %q%s", name, c.oauthNames())
	case auth == "password":
		k.fault(path+".auth", "con oauth es xoauth2 u oauthbearer; o quite oauth y escriba password_file")
	}
}

// onlyOne refuses a password beside a permission.
func (k *configChecker) onlyOne(path, passwordFile string) {
	if passwordFile != "" {
		k.fault(path+".password_file", "con oauth no hace falta contraseña: quite una de las dos")
	}
}

func (c *Config) oauthNames() string {
	var names []string
	for _, o := range c.OAuth {
		names = append(names, o.Name)
	}
	if len(names) == 0 {
		return "; no hay ninguno"
	}
	return "; hay " + strings.Join(names, ", ")
}

// oauthFiles checks the files that [[oauth]] names. That nobody has logged in yet
// is no mistake in the configuration: «check» tells it.
func (k *configChecker) oauthFiles(c *Config) {
	c.tokens = map[string]*oauth.Source{}
	for i, o := range c.OAuth {
		if o.SecretFile != "" {
			k.wrong(fmt.Sprintf("oauth[%d].client_secret_file", i), wrongSecret(c.path(o.SecretFile)))
		}
		source, err := oauth.New(c.oauthAccount(o), time.Now)
		if err != nil {
			k.fault(fmt.Sprintf("oauth[%d].token_url", i), "%v", err)
			continue
		}
		c.tokens[o.Name] = source
	}
}

// oauthAccount is an [[oauth]] as package oauth wants it.
func (c *Config) oauthAccount(o OAuthConfig) oauth.Account {
	p := o.preset()
	a := oauth.Account{Name: o.Name, TokenURL: p.TokenURL, DeviceURL: p.DeviceURL, AuthorizeURL: p.AuthorizeURL, ClientID: o.ClientID, Idle: p.Idle}
	a.SecretExpires, _ = o.secretExpires() // checked before
	if o.SecretFile != "" {
		a.Secret = func() (string, error) { return c.secret(o.SecretFile, "") }
	}
	if o.flow() == flowClient {
		a.Scopes = p.Client
		return a
	}
	a.Scopes = p.Person
	a.TokenFile = filepath.Join(c.path(c.State), "oauth", o.Name+".json")
	if o.TokenFile != "" {
		a.TokenFile = c.path(o.TokenFile)
	}
	return a
}

// credentials are what a mailbox or a smarthost with oauth shows in place of a
// password.
func (c *Config) bearer(name, auth, user string) oauth.Credentials {
	mechanism := oauth.XOAUTH2
	if auth == "oauthbearer" {
		mechanism = oauth.OAUTHBEARER
	}
	return oauth.Credentials{Source: c.tokens[name], User: user, Mechanism: mechanism}
}

// oauthUseWarnings says in Spanish which permissions nobody uses, and where a
// password will not do.
func (c *Config) oauthUseWarnings() (all []string) {
	_, hosts := c.smarthosts()
	used := map[string]bool{}
	for _, h := range hosts {
		used[h.OAuth] = true
		if h.Provider == "microsoft365" && h.OAuth == "" {
			all = append(all, h.Address+": Microsoft 365 ya no acepta contraseñas para enviar; use oauth")
		}
	}
	for _, a := range c.IMAP {
		used[a.OAuth] = true
		if a.Provider == "microsoft365" && a.OAuth == "" {
			all = append(all, "[[imap]] "+a.Name+": Microsoft 365 ya no acepta contraseñas para leer; use oauth")
		}
	}
	for _, o := range c.OAuth {
		if !used[o.Name] {
			all = append(all, "[[oauth]] "+o.Name+": ningún buzón ni smarthost lo usa")
		}
	}
	return all
}

// oauthWarnings says in Spanish what keeps, or will keep, a permission from being
// used.
func (c *Config) oauthWarnings(now time.Time) (all []string) {
	for _, o := range c.OAuth {
		source := c.tokens[o.Name]
		if source == nil {
			continue
		}
		if st := source.State(); st.Trouble != "" {
			all = append(all, "[[oauth]] "+o.Name+": "+st.Trouble)
		}
		for line := range strings.Lines(source.Warning(now)) {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}
