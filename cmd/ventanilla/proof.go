package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"ventanilla/mail"
	"ventanilla/store"
)

// results and policies are those of SPF, DKIM and DMARC, in Spanish.
var (
	results = map[string]string{"pass": "pasa", "fail": "no pasa", "softfail": "no pasa (débil)", "neutral": "no dice nada", "none": "no hay",
		"temperror": "no se sabe", "permerror": "no vale"}
	policies = map[string]string{"none": "nada", "quarantine": "apartarlo", "reject": "rechazarlo"}
)

// proofWords says in Spanish what was known of a mail's sender, and what it
// comes to.
func proofWords(p store.Proof) string {
	var parts []string
	pass, fail := p.Relay || p.Results == "pass", p.Results == "fail"
	if p.Relay {
		parts = append(parts, "lo trajo un servidor de relays")
	}
	if p.Results != "" {
		parts = append(parts, "Authentication-Results de un servidor propio: "+results[p.Results])
	}
	if k := p.Checked; k != nil {
		pass, fail = pass || k.Pass, fail || k.Fail
		parts = append(parts, checkedWords(k))
	}
	end := "nada prueba que el dominio respondiera por el correo"
	switch {
	case fail:
		end = "el dominio pide no aceptar el correo"
	case pass:
		end = "el dominio respondió por el correo"
	}
	return strings.Join(parts, "; ") + " → " + end
}

func checkedWords(k *mail.Checked) string {
	parts := []string{"SPF: " + checkWords(k.SPF)}
	for _, c := range k.DKIM {
		parts = append(parts, "DKIM: "+checkWords(c))
	}
	if len(k.DKIM) == 0 {
		parts = append(parts, "DKIM: sin firma")
	}
	if k.Domain == "" {
		return strings.Join(append(parts, "DMARC: From no nombra un dominio y solo uno"), "; ")
	}
	words := checkWords(k.DMARC)
	if asks, ok := policies[k.Policy]; ok && k.DMARC.Result == "fail" {
		words += ", y el dominio pide " + asks
	}
	return strings.Join(append(parts, "DMARC: "+words), "; ")
}

// checkWords says one method's result.
func checkWords(c mail.Check) string {
	words := results[c.Result]
	if words == "" {
		words = "no se comprobó"
	}
	if c.Domain != "" {
		words += " para " + c.Domain
	}
	if c.Why != "" {
		words += fmt.Sprintf(" (%s)", c.Why)
	}
	return words
}

// withCRLF is a mail as it travels: files often have the line ends of Unix.
func withCRLF(raw []byte) io.Reader {
	if bytes.Contains(raw, []byte("\r\n")) {
		return bytes.NewReader(raw)
	}
	return bytes.NewReader(bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n")))
}
