package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"ventanilla/mailin/verify"
)

// TrustConfig is [trust].
type TrustConfig struct {
	Verify     bool     `toml:"verify" help:"Comprobar con SPF, DKIM y DMARC quién envía el correo que llega por [smtp] desde fuera; no el de relays, servers ni esta misma máquina. Necesita un servidor de nombres (DNS)."`
	Resolver   string   `toml:"resolver" help:"Servidor de nombres para esas comprobaciones, por ejemplo 127.0.0.1:53. Vacío: los del sistema (/etc/resolv.conf)."`
	Servers    []string `toml:"servers" help:"Direcciones IP o redes de servidores de correo propios que reciben antes que Ventanilla, quitan las cabeceras Authentication-Results ajenas y ponen la suya: su nombre va en authserv."`
	Relays     []string `toml:"relays" help:"Direcciones IP o redes (10.0.0.0/24) de servidores que solo dejan salir correo de personas que se identificaron ante ellos."`
	Authserv   []string `toml:"authserv" help:"Nombres (authserv-id) con que el servidor de correo propio firma su cabecera Authentication-Results. Solo se cree en correo que llega de servers, de relays, de esta misma máquina o por [[imap]]; de las demás, ninguna."`
	Agents     string   `toml:"agents" values:"auth+bound bound" help:"Qué debe probar el correo de un agente para mandar: auth+bound (dominio autenticado y respuesta a un correo suyo) o bound (basta lo segundo, con más riesgo)."`
	Requesters string   `toml:"requesters" values:"bound token" help:"Qué debe probar una respuesta para añadirse sola al ticket: bound (responde a un correo dirigido a esa dirección) o token (responde a cualquiera del ticket, también si se lo reenviaron)."`
	Approvals  string   `toml:"approvals" values:"auth+bound bound" help:"Qué debe probar una respuesta para dar el visto bueno: auth+bound, o bound (con más riesgo). Si no basta, se envía el enlace."`
}

// trust checks [trust].
func (k *configChecker) trust(c *Config) {
	c.relays = k.networks("trust.relays", c.Trust.Relays)
	c.servers = k.networks("trust.servers", c.Trust.Servers)
	for i, id := range c.Trust.Authserv {
		if strings.TrimSpace(id) == "" || strings.ContainsAny(id, " \t;") {
			k.fault(fmt.Sprintf("trust.authserv[%d]", i), "%q no es el nombre de un servidor", id)
		}
	}
	if c.Trust.Resolver == "" {
		return
	}
	host, port, err := net.SplitHostPort(c.Trust.Resolver)
	_, wrong := netip.ParseAddr(host)
	if n, bad := strconv.Atoi(port); err != nil || wrong != nil || bad != nil || n < 1 || n > 65535 {
		k.fault("trust.resolver", "%q no es dirección IP y puerto: escriba algo como 127.0.0.1:53", c.Trust.Resolver)
	}
}

// networks reads addresses and networks.
func (k *configChecker) networks(path string, texts []string) (all []netip.Prefix) {
	for i, text := range texts {
		at := fmt.Sprintf("%s[%d]", path, i)
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				p = netip.PrefixFrom(a, a.BitLen())
			}
		}
		switch {
		case err != nil:
			k.fault(at, "%q no es una dirección IP ni una red: escriba algo como 10.0.0.5 o 10.0.0.0/24", text)
		case p.Bits() == 0:
			k.fault(at, "%s es todo internet: nombre solo los servidores propios", text)
		default:
			all = append(all, p.Masked())
		}
	}
	return all
}

// verifier returns what finds out about the senders of strangers, or nil.
func (c *Config) verifier(log *slog.Logger) *verify.Verifier {
	if !c.Trust.Verify {
		return nil
	}
	o := c.resolving()
	o.Log = log
	return verify.New(o)
}

// resolving says whom to ask of the DNS.
func (c *Config) resolving() (o verify.Options) {
	if c.Trust.Resolver != "" {
		o.Servers = []string{c.Trust.Resolver}
	}
	return o
}
