package main

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"strings"
	"time"

	"ventanilla/mail"
	"ventanilla/mailin/verify"
	"ventanilla/mailout"
)

type dkimCheckCmd struct {
	Selector string `help:"Solo la clave de este selector; con --file, una que todavía no está en la configuración." placeholder:"SELECTOR"`
	File     string `help:"Archivo de esa clave." placeholder:"ARCHIVO" type:"path"`
}

// published is what the DNS says of a key of ours.
type published struct {
	dnsRecord
	OK    bool     `json:"ok"`
	Found []string `json:"found"`           // the TXT records under the name
	Wrong []string `json:"wrong,omitempty"` // in Spanish: with any of these a signature fails
	Notes []string `json:"notes,omitempty"` // in Spanish: to think about
}

// Run asks the DNS for the record of each key and says whether it is the key's.
func (d dkimCheckCmd) Run(ctx context.Context, t *terminal) error {
	c, err := LoadConfig(t.config)
	if err != nil {
		return err
	}
	keys, err := d.keys(c)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return usageError("no hay claves en [dkim]; «ventanilla dkim new» hace una, y --selector y --file nombran una que todavía no está ahí")
	}
	asking, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	resolver := verify.New(c.resolving())
	good := true
	for _, k := range keys {
		p, err := checkKey(asking, resolver, k, c.Desk.Domain)
		if err != nil {
			return err
		}
		good = good && p.OK
		if t.json {
			err = t.record(p)
		} else {
			err = t.print(p.write)
		}
		if err != nil {
			return err
		}
	}
	if !good {
		return errSaid
	}
	return nil
}

// keys are those that are asked for.
func (d dkimCheckCmd) keys(c *Config) ([]mailout.DKIMKey, error) {
	if d.File != "" {
		if wrong := wrongSelector(d.Selector); wrong != "" {
			return nil, usageError("--selector: " + wrong)
		}
		key, err := readDKIMKey(d.File)
		if err != nil {
			return nil, usageError("--file: " + err.Error())
		}
		return []mailout.DKIMKey{{Domain: c.DKIM.Domain, Selector: d.Selector, Key: key}}, nil
	}
	keys, err := c.dkimKeys()
	if err != nil || d.Selector == "" {
		return keys, err
	}
	for _, k := range keys {
		if k.Selector == d.Selector {
			return []mailout.DKIMKey{k}, nil
		}
	}
	return nil, usageError(fmt.Sprintf("--selector: no hay ninguna clave %q en [dkim]; --file la nombra si todavía no está ahí", d.Selector))
}

func checkKey(ctx context.Context, resolver *verify.Verifier, k mailout.DKIMKey, desk string) (p published, err error) {
	if p.dnsRecord, err = dkimRecord(k.Domain, k.Selector, k.Key); err != nil {
		return p, err
	}
	p.Found, err = resolver.Texts(ctx, p.Name)
	if err != nil {
		p.Wrong = []string{"el DNS no respondió: no se sabe si está publicada; revise resolver en [trust], o espere"}
	} else {
		p.compare(k.Key)
	}
	if !mail.Aligned(k.Domain, desk) {
		p.Notes = append(p.Notes, fmt.Sprintf("firma por %s y la mesa escribe desde %s: para DMARC esa firma no cuenta", k.Domain, desk))
	}
	p.OK = len(p.Wrong) == 0
	return p, nil
}

// compare weighs what was found against what should stand there (RFC 6376 §3.6.1 and
// §3.6.2.2, RFC 8463 §3).
func (p *published) compare(key crypto.Signer) {
	wrong := func(format string, args ...any) { p.Wrong = append(p.Wrong, fmt.Sprintf(format, args...)) }
	switch len(p.Found) {
	case 0:
		wrong("no está en el DNS; si lo acaba de publicar, espere a que se vea")
		return
	case 1:
	default:
		wrong("hay %d registros TXT con ese nombre y debe haber uno solo", len(p.Found))
		return
	}
	tags, ok := dkimTags(p.Found[0])
	if !ok {
		wrong("lo que hay ahí no es un registro DKIM: %s", p.Found[0])
		return
	}
	ours, _ := dkimTags(p.Value)
	kind := tags["k"]
	if kind == "" {
		kind = "rsa"
	}
	if v, there := tags["v"]; there && v != "DKIM1" {
		wrong("empieza con v=%s y debe ser v=DKIM1", v)
	}
	switch {
	case tags["p"] == "":
		wrong("está revocada: p= está vacío")
	case kind != ours["k"]:
		wrong("dice k=%s y la clave es %s", kind, ours["k"])
	case tags["p"] != ours["p"]:
		wrong("publica otra clave: no es la del archivo")
	}
	if h := tags["h"]; h != "" && !listed(h, "sha256") {
		wrong("h=%s no admite sha256, con que se firma", h)
	}
	if s := tags["s"]; s != "" && !listed(s, "*") && !listed(s, "email") {
		wrong("s=%s no admite correo", s)
	}
	if listed(tags["t"], "y") {
		p.Notes = append(p.Notes, "lleva t=y, «en prueba»: algunos servidores no cuentan la firma; quítelo")
	}
}

// dkimTags reads a list of tags (RFC 6376 §3.2); white space in values counts for
// nothing here.
func dkimTags(record string) (tags map[string]string, ok bool) {
	tags = map[string]string{}
	for part := range strings.SplitSeq(record, ";") {
		name, value, found := strings.Cut(part, "=")
		if name = strings.TrimSpace(name); name == "" && !found {
			continue
		}
		if _, twice := tags[name]; !found || twice {
			return nil, false
		}
		tags[name] = strings.Join(strings.Fields(value), "")
	}
	_, ok = tags["p"]
	return tags, ok
}

// listed says whether a word stands between the colons of a list.
func listed(list, word string) bool {
	for w := range strings.SplitSeq(list, ":") {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

func (p published) write(w io.Writer) {
	verdict := "bien: el DNS publica esta clave"
	if !p.OK {
		verdict = "MAL"
	}
	fmt.Fprintf(w, "%s: %s\n", p.Name, verdict)
	for _, s := range p.Wrong {
		fmt.Fprintf(w, "  %s\n", s)
	}
	for _, s := range p.Notes {
		fmt.Fprintf(w, "  aviso: %s\n", s)
	}
	if !p.OK {
		fmt.Fprintln(w, "  Debe decir:")
		p.dnsRecord.write(w)
	}
}
