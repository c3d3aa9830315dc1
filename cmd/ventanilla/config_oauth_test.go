package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ventanilla/desk"
)

// TestProviders: where the tokens of a provider come from, and what is asked for.
func TestProviders(t *testing.T) {
	for text, want := range map[string]string{
		"provider = \"microsoft365\"\ntenant = \"uni.example\"\n":                                                                  "https://login.microsoftonline.com/uni.example/oauth2/v2.0/token device https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
		"provider = \"microsoft365\"\ntenant = \"uni.example\"\nflow = \"client_credentials\"\nclient_secret_file = \"secreto\"\n": "https://login.microsoftonline.com/uni.example/oauth2/v2.0/token client_credentials https://outlook.office365.com/.default",
		"provider = \"google\"\nclient_secret_file = \"secreto\"\n":                                                                "https://oauth2.googleapis.com/token code https://mail.google.com/",
		"token_url = \"https://id.example/t\"\ndevice_url = \"https://id.example/d\"\nscopes = [\"mail\"]\n":                       "https://id.example/t device mail",
	} {
		path := write(t, least+"[[oauth]]\nname = \"correo\"\nclient_id = \"x\"\n"+text)
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "secreto"), []byte("s3\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := LoadConfig(path)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		a := c.oauthAccount(c.OAuth[0])
		if got := a.TokenURL + " " + c.OAuth[0].flow() + " " + strings.Join(a.Scopes, " "); got != want {
			t.Errorf("%s: %s", text, got)
		}
		if (a.TokenFile == "") != (c.OAuth[0].Flow == flowClient) {
			t.Errorf("%s: token file %q", text, a.TokenFile)
		}
		if strings.Contains(text, "secreto") {
			if secret, err := a.Secret(); secret != "s3" || err != nil {
				t.Errorf("secret %q, %v", secret, err)
			}
		}
	}
}

// TestPermissionInPlaceOfPassword: a mailbox and a smarthost with oauth need no
// password, share one source of tokens, and are told what is missing.
func TestPermissionInPlaceOfPassword(t *testing.T) {
	text := least + `
[[oauth]]
name = "correo"
provider = "microsoft365"
tenant = "uni.example"
client_id = "x"
client_secret_file = "secreto"
client_secret_expires = "` + time.Now().Add(7*24*time.Hour).Format(time.DateOnly) + `"

[[imap]]
name = "soporte"
address = "outlook.office365.com:993"
user = "soporte@mesa.example"
oauth = "correo"

[smarthost]
address = "smtp.office365.com:587"
user = "soporte@mesa.example"
oauth = "correo"
auth = "oauthbearer"
`
	path := write(t, text)
	secret := filepath.Join(filepath.Dir(path), "secreto")
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), "no existe el archivo "+secret) {
		t.Errorf("without the secret: %v", err)
	}
	if err := os.WriteFile(secret, []byte("s3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := c.imapAccounts(&desk.World{Queues: []desk.Queue{{Name: "soporte", Address: "soporte@mesa.example"}}})
	if err != nil || accounts[0].Auth == nil {
		t.Errorf("%+v, %v", accounts, err)
	}
	if h := c.out(c.Smarthost); h.Auth == nil || h.Password != nil {
		t.Errorf("%+v", h)
	}
	told := strings.Join(c.warnings(), "\n")
	if strings.Contains(told, "use oauth") || strings.Contains(told, "lo usa") {
		t.Errorf("told without need: %s", told)
	}
	for _, want := range []string{"el secreto del cliente vence el ", "ejecute ventanilla oauth login correo"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not told: %s", want, told)
		}
	}
	second := c.IMAP[0]
	second.Name, second.SentFolder, c.IMAP[0].SentFolder = "otro", "Enviados", "Enviados"
	c.IMAP = append(c.IMAP, second)
	if _, err := c.imapAccounts(&desk.World{Queues: []desk.Queue{{Name: "soporte", Address: "soporte@mesa.example"}}}); err == nil || !strings.Contains(err.Error(), "ya van al buzón soporte") {
		t.Errorf("two folders for copies: %v", err)
	}
	c.IMAP = c.IMAP[:1]
	c.IMAP[0].OAuth, c.Smarthost.OAuth, c.IMAP[0].Provider, c.Smarthost.Provider = "", "", "microsoft365", "microsoft365"
	told = strings.Join(c.warnings(), "\n")
	for _, want := range []string{"para leer; use oauth", "para enviar; use oauth", "correo: ningún buzón ni smarthost lo usa"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not told: %s", want, told)
		}
	}
	both := write(t, strings.Replace(text, "user = \"soporte@mesa.example\"\noauth", "user = \"soporte@mesa.example\"\npassword_file = \"p\"\noauth", 1))
	if _, err := LoadConfig(both); err == nil || !strings.Contains(err.Error(), "quite una de las dos") {
		t.Errorf("both: %v", err)
	}
}
