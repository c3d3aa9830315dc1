package main

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"ventanilla/mailout"
	"ventanilla/rules"
)

// DKIMConfig is [dkim].
type DKIMConfig struct {
	Domain string          `toml:"domain" help:"Dominio que firma. Vacío: domain de [desk]."`
	Keys   []DKIMKeyConfig `toml:"key" help:"Claves con que se firma cada correo, todas a la vez: así se cambia de clave, o se usan RSA y Ed25519. «ventanilla dkim new» hace una."`
}

// DKIMKeyConfig is [[dkim.key]].
type DKIMKeyConfig struct {
	Selector string `toml:"selector" help:"Nombre de la clave en el DNS: SELECTOR._domainkey.DOMINIO."`
	File     string `toml:"file" help:"Archivo de la clave privada (PKCS #8, PEM), que solo puede leer su dueño."`
}

// signs is the domain that signs our mails, "" where none does.
func (d DKIMConfig) signs() string {
	if len(d.Keys) == 0 {
		return ""
	}
	return d.Domain
}

// dkim checks [dkim].
func (k *configChecker) dkim(c *Config) {
	if c.DKIM.Domain == "" {
		c.DKIM.Domain = c.Desk.Domain
	} else {
		k.wrong("dkim.domain", rules.WrongDomain(c.DKIM.Domain))
	}
	seen := map[string]bool{}
	for i, key := range c.DKIM.Keys {
		k.wrong(fmt.Sprintf("dkim.key[%d].selector", i), wrongSelector(key.Selector))
		if seen[key.Selector] {
			k.fault(fmt.Sprintf("dkim.key[%d].selector", i), "ya hay una clave con este selector")
		}
		seen[key.Selector] = true
		if key.File == "" {
			k.fault(fmt.Sprintf("dkim.key[%d].file", i), "falta el archivo de la clave; «ventanilla dkim new» hace uno")
		}
	}
}

func wrongSelector(s string) string {
	if s == "" || len(s) > 63 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Sprintf("%q no es un selector: letras minúsculas, cifras y guiones, como mesa2026", s)
	}
	return ""
}

// dkimFiles checks the keys that [dkim] names.
func (k *configChecker) dkimFiles(c *Config) {
	for i, key := range c.DKIM.Keys {
		at := fmt.Sprintf("dkim.key[%d].file", i)
		if key.File == "" {
			continue
		}
		if wrong := wrongSecret(c.path(key.File)); wrong != "" {
			k.fault(at, "%s", wrong)
		} else if _, err := readDKIMKey(c.path(key.File)); err != nil {
			k.fault(at, "%s", err)
		}
	}
}

// dkimKeys reads the keys that sign.
func (c *Config) dkimKeys() (keys []mailout.DKIMKey, err error) {
	for _, k := range c.DKIM.Keys {
		key, err := readDKIMKey(c.path(k.File))
		if err != nil {
			return nil, configError{fmt.Errorf("[dkim] %s: %w", k.Selector, err)}
		}
		keys = append(keys, mailout.DKIMKey{Domain: c.DKIM.Domain, Selector: k.Selector, Key: key})
	}
	return keys, nil
}

// readDKIMKey reads a private key. Its errors do not tell it.
func readDKIMKey(path string) (crypto.Signer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("no se puede leer la clave de %s", path)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s no es una clave en PEM: haga una con «ventanilla dkim new»", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s no es una clave PKCS #8: haga una con «ventanilla dkim new»", path)
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() >= 2048 {
			return key, nil
		}
		return nil, fmt.Errorf("la clave RSA de %s tiene %d bits: haga una de 2048 con «ventanilla dkim new»", path, key.N.BitLen())
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, fmt.Errorf("la clave de %s no es RSA ni Ed25519", path)
}

// dkimCmd is "ventanilla dkim".
type dkimCmd struct {
	New  dkimNewCmd  `cmd:"" help:"Hace una clave y muestra el registro DNS que la publica."`
	Show dkimShowCmd `cmd:"" help:"Muestra los registros DNS de las claves configuradas."`

	Check dkimCheckCmd `cmd:"" help:"Pregunta al DNS si publica las claves configuradas, y dice qué falta. Termina con 1 si algo falta."`
}

type dkimNewCmd struct {
	Selector string `required:"" help:"Nombre de la clave en el DNS, como mesa2026." placeholder:"SELECTOR"`
	Type     string `help:"rsa (2048 bits, la entienden todos) o ed25519 (corta; póngala junto a una RSA)." enum:"rsa,ed25519" default:"rsa"`
	Out      string `required:"" help:"Archivo de la clave, que no debe existir." placeholder:"ARCHIVO" type:"path"`
}

// Run makes a key that nobody else can read, and says what to do with it.
func (d dkimNewCmd) Run(t *terminal) error {
	if wrong := wrongSelector(d.Selector); wrong != "" {
		return usageError("--selector: " + wrong)
	}
	var key crypto.Signer
	var err error
	if d.Type == "ed25519" {
		_, key, err = ed25519.GenerateKey(rand.Reader)
	} else {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(d.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return usageError(fmt.Sprintf("--out %s: ya existe; una clave no se pisa", d.Out))
	} else if err != nil {
		return err
	}
	err = errors.Join(pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	domain := "DOMINIO"
	if c, err := LoadConfig(t.config); err == nil {
		domain = c.DKIM.Domain
	}
	record, err := dkimRecord(domain, d.Selector, key)
	if err != nil {
		return err
	}
	if t.json {
		return t.record(record)
	}
	return t.print(func(w io.Writer) {
		fmt.Fprintf(w, "La clave está en %s. Publique este registro en el DNS de %s:\n\n", d.Out, domain)
		record.write(w)
		fmt.Fprintf(w, "\ny, cuando ya se vea, escriba en %s:\n\n[[dkim.key]]\nselector = %q\nfile = %q\n", filepath.Base(t.config), d.Selector, d.Out)
	})
}

type dkimShowCmd struct{}

// Run shows the records of the keys that are configured.
func (dkimShowCmd) Run(t *terminal) error {
	c, err := LoadConfig(t.config)
	if err != nil {
		return err
	}
	keys, err := c.dkimKeys()
	if err != nil {
		return err
	}
	if len(keys) == 0 && !t.json {
		return t.print(func(w io.Writer) { fmt.Fprintln(w, "No hay claves en [dkim]; «ventanilla dkim new» hace una.") })
	}
	for _, k := range keys {
		record, err := dkimRecord(k.Domain, k.Selector, k.Key)
		if err != nil {
			return err
		}
		if t.json {
			err = t.record(record)
		} else {
			err = t.print(record.write)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dnsRecord is a TXT record.
type dnsRecord struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// dkimRecord returns what publishes a key (RFC 6376 §3.6.1, RFC 8463 §3).
func dkimRecord(domain, selector string, key crypto.Signer) (r dnsRecord, err error) {
	r = dnsRecord{Name: selector + "._domainkey." + domain, Type: "TXT"}
	if public, ok := key.Public().(ed25519.PublicKey); ok {
		r.Value = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
		return r, nil
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	r.Value = "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	return r, err
}

// write writes a record as zone files have it: in strings of at most 255 bytes
// (RFC 1035 §3.3).
func (r dnsRecord) write(w io.Writer) {
	fmt.Fprintf(w, "%s. IN TXT (", r.Name)
	for rest := r.Value; rest != ""; rest = rest[min(255, len(rest)):] {
		fmt.Fprintf(w, "\n    %q", rest[:min(255, len(rest))])
	}
	fmt.Fprintln(w, " )")
}
