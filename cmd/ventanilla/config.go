package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // so that zones are known on every machine

	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/oauth"
	"ventanilla/rules"
)

// Config is ventanilla.toml. Its help tags are the reference in
// docs/configuracion.md; a key that is not here is a mistake.
type Config struct {
	State     string            `toml:"state" help:"Carpeta del estado: correos recibidos, base de datos, claves. Relativa a este archivo. Va arriba, antes de la primera sección."`
	Desk      DeskConfig        `toml:"desk" help:"La mesa de ayuda."`
	SMTP      SMTPConfig        `toml:"smtp" help:"Entrada de correo por SMTP."`
	LMTP      LMTPConfig        `toml:"lmtp" help:"Entrada de correo por LMTP, desde un servidor de correo en la misma máquina."`
	Web       WebConfig         `toml:"web" help:"Páginas detrás de los enlaces de los correos."`
	Smarthost SmarthostConfig   `toml:"smarthost" help:"Servidor de correo que lleva lo que Ventanilla envía. Si no responde, los correos esperan y se reintentan durante cinco días."`
	Backups   []SmarthostConfig `toml:"backup_smarthost" help:"Otro servidor que lleva lo que se envía mientras los anteriores no respondan; puede haber varios, en orden. Un rechazo de un correo no es motivo para probar el siguiente."`
	Trust     TrustConfig       `toml:"trust" help:"En quién se confía. La dirección del remitente por sí sola no prueba nada."`
	Caps      CapsConfig        `toml:"caps" help:"Máximos de respuestas automáticas, para no servir a quien envía correo con direcciones ajenas. Los tickets se abren igual; 0 es sin máximo."`
	Disk      DiskConfig        `toml:"disk" help:"Espacio en disco."`
	Metrics   MetricsConfig     `toml:"metrics" help:"Métricas para Prometheus, en /metrics, con /healthz y /readyz al lado. No llevan datos de nadie, pero dicen cuánto se trabaja: que no quede a la vista de todos."`
	Probe     ProbeConfig       `toml:"probe" help:"Sonda: un correo que la mesa se envía a sí misma cada cierto tiempo, para saber que el correo sale y entra."`
	Log       LogConfig         `toml:"log" help:"Registro de lo que pasa, en la salida de errores."`
	IMAP      []IMAPConfig      `toml:"imap" help:"Buzones que se leen por IMAP, tantos como haga falta."`
	OAuth     []OAuthConfig     `toml:"oauth" help:"Permisos OAuth2, para buzones y servidores que ya no aceptan contraseñas (Microsoft 365, Google). «ventanilla oauth login NOMBRE» pide cada uno una vez."`
	ACME      ACMEConfig        `toml:"acme" help:"Certificados que se piden solos a una autoridad (ACME, como Let's Encrypt), para los nombres de public_url y de hostname en [smtp]."`
	DKIM      DKIMConfig        `toml:"dkim" help:"Firma DKIM de lo que se envía."`

	folder      string         // that relative paths start from
	zone        *time.Location // of Desk.Zone
	relays      []netip.Prefix // of Trust.Relays
	smtpProxies []netip.Prefix // of SMTP.Proxy
	lmtpProxies []netip.Prefix // of LMTP.Proxy
	proxySocket bool           // LMTP.Proxy has "unix"
	servers     []netip.Prefix // of Trust.Servers
	rootCAs     *x509.CertPool // of servers; nil means the system's
	credentials string         // $CREDENTIALS_DIRECTORY, "" if not run by systemd with credentials
	probe       gateway.ProbeOptions

	now    func() time.Time         // nil means time.Now; tests of the whole program have a clock of their own
	tokens map[string]*oauth.Source // of OAuth, by their names
}

// DeskConfig is [desk].
type DeskConfig struct {
	Name         string   `toml:"name" help:"Nombre de la mesa, como se lee en correos y páginas. Obligatorio."`
	Domain       string   `toml:"domain" help:"Dominio de las direcciones y los Message-ID que hace Ventanilla; su correo debe llegar aquí. Obligatorio."`
	PublicURL    string   `toml:"public_url" help:"Dirección por la que la gente llega a las páginas, por ejemplo https://mesa.universidad.edu. Vacía: los correos van sin enlaces y se decide respondiendo."`
	Language     string   `toml:"language" values:"es en pt" help:"Idioma para quien no ha mostrado otro."`
	NumberStyle  string   `toml:"number_style" values:"sequence random date" help:"Números de los tickets: sequence (003181, uno tras otro), random (386306, sin que se note cuántos hay) o date (2013121610000137, empieza por la fecha)."`
	NumberDigits int      `toml:"number_digits" help:"Cifras de los números con number_style = \"sequence\": de 1 a 12."`
	Admin        string   `toml:"admin" help:"Dirección de quien administra: recibe avisos de lo que necesita su atención. Vacía: los avisos quedan solo en el registro."`
	Zone         string   `toml:"zone" help:"Zona horaria de las fechas que lee la gente, por ejemplo America/Bogota."`
	ReopenDays   int      `toml:"reopen_days" help:"Días en que responder a un ticket cerrado lo reabre; después se abre uno nuevo, enlazado. 0: nunca se reabre."`
	Control      string   `toml:"control" help:"Dirección a la que los agentes escriben órdenes sobre cualquier ticket, una por línea: cerrar 12 15, o 20: asignar luis. No puede ser la de una cola. Vacía: no hay; se puede responder a una lista."`
	Gather       int      `toml:"gather_minutes" help:"Minutos durante los que los cambios seguidos de un mismo ticket se juntan en un solo aviso a la misma persona: el primero se avisa enseguida. 0: cada uno por separado. Lo que alguien escribe, y las soluciones, se avisan siempre enseguida."`
	OwnDomains   []string `toml:"own_domains" help:"Otros dominios de la institución, además de domain."`
}

// SMTPConfig is [smtp].
type SMTPConfig struct {
	Listen         string   `toml:"listen" help:"Dónde escucha, por ejemplo :25 o 127.0.0.1:2525. Vacío: no hay entrada por SMTP."`
	Proxy          []string `toml:"proxy" help:"Direcciones IP o redes de balanceadores (HAProxy, nginx) que abren cada conexión con la cabecera del protocolo PROXY, versión 1 o 2: desde ellas es obligatoria, y cuenta la dirección del cliente que nombra. De las demás no se acepta."`
	Hostname       string   `toml:"hostname" help:"Nombre con que se presenta. Vacío: domain de [desk]."`
	Certificate    string   `toml:"certificate" help:"Certificado para STARTTLS: archivo PEM, que se vuelve a leer cuando cambia, o acme, que lo pide como dice [acme]. Vacío: sin STARTTLS."`
	Key            string   `toml:"key" help:"Clave privada del certificado, archivo PEM que solo puede leer su dueño."`
	MaxSize        Size     `toml:"max_size" help:"Tamaño máximo de un correo, adjuntos incluidos, como viaja (un archivo ocupa un tercio más)."`
	MaxConnections int      `toml:"max_connections" help:"Conexiones a la vez."`
	MaxPerPeer     int      `toml:"max_per_peer" help:"Conexiones a la vez desde una misma dirección IP."`
	MaxRecipients  int      `toml:"max_recipients" help:"Destinatarios de un correo."`
}

// LMTPConfig is [lmtp].
type LMTPConfig struct {
	Listen string   `toml:"listen" help:"Dónde escucha: 127.0.0.1:24 o unix:/run/ventanilla/lmtp.sock. Vacío: no hay entrada por LMTP."`
	Proxy  []string `toml:"proxy" help:"Como proxy de [smtp]; \"unix\" si el balanceador llega por el socket."`
}

// WebConfig is [web].
type WebConfig struct {
	Listen      string `toml:"listen" help:"Dónde escucha, por ejemplo 127.0.0.1:8025, detrás de un servidor web que ponga HTTPS, o :443 con certificate. Vacío: no hay páginas."`
	Certificate string `toml:"certificate" help:"Certificado para HTTPS: archivo PEM, que se vuelve a leer cuando cambia, o acme, que lo pide como dice [acme]. Vacío: sin cifrar, detrás de un servidor web."`
	Key         string `toml:"key" help:"Clave privada del certificado, archivo PEM que solo puede leer su dueño."`
}

// CapsConfig is [caps].
type CapsConfig struct {
	UnverifiedPerHour int `toml:"unverified_per_hour" help:"A una dirección sin verificar, por hora."`
	UnverifiedPerDay  int `toml:"unverified_per_day" help:"A una dirección sin verificar, por día."`
	DomainPerHour     int `toml:"domain_per_hour" help:"A las direcciones sin verificar de un dominio, por hora. No vale para los dominios propios."`
	VerifiedPerHour   int `toml:"verified_per_hour" help:"A una dirección verificada, por hora; después, un solo correo enumera los tickets."`
	AllPerHour        int `toml:"all_per_hour" help:"A todos juntos, por hora; al llegar ahí se suspenden y se avisa al administrador."`
}

// DiskConfig is [disk].
type DiskConfig struct {
	Reserve Size `toml:"reserve" help:"Espacio libre que se deja siempre: con menos, los correos nuevos se rechazan por un rato (452) y lo empezado se termina."`
}

// LogConfig is [log].
type LogConfig struct {
	Level  string `toml:"level" values:"debug info warn error" help:"Desde qué gravedad se registra."`
	Format string `toml:"format" values:"text json" help:"text, para leerlo; json, para programas."`
}

// defaultConfig returns what holds for keys that the file does not give.
func defaultConfig() Config {
	return Config{
		State:     "estado",
		Desk:      DeskConfig{Language: "es", NumberStyle: string(desk.NumberSequence), NumberDigits: 6, Zone: "America/Bogota", ReopenDays: 30, Gather: 2},
		SMTP:      SMTPConfig{MaxSize: 25 << 20, MaxConnections: 500, MaxPerPeer: 50, MaxRecipients: 100},
		Smarthost: SmarthostConfig{TLS: "starttls", Connections: 4},
		Trust:     TrustConfig{Verify: true, Agents: "auth+bound", Requesters: "bound", Approvals: "auth+bound"},
		Caps:      CapsConfig{UnverifiedPerHour: 1, UnverifiedPerDay: 5, DomainPerHour: 50, VerifiedPerHour: 20, AllPerHour: 500},
		Disk:      DiskConfig{Reserve: 256 << 20},
		Probe:     ProbeConfig{Late: "15m"},
		Log:       LogConfig{Level: "info", Format: "text"},
	}
}

// sizeMost is the largest max_size: mails beyond are read by nobody.
const sizeMost = 100 << 20

// Size is a number of bytes, written as "25MB".
type Size int64

var sizeUnits = [...]struct {
	name  string
	bytes int64
}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}}

// UnmarshalText reads a whole number and its unit; one of MB is 1,048,576 bytes.
func (s *Size) UnmarshalText(text []byte) error {
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(strings.ToUpper(string(text)), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 32)
		if err != nil || n < 1 || n > 1<<20 {
			break
		}
		*s = Size(n * u.bytes)
		return nil
	}
	return fmt.Errorf("%q no es un tamaño: escriba un número y KB, MB o GB, como \"25MB\"", text)
}

// MarshalText writes a size as it is read.
func (s Size) MarshalText() ([]byte, error) {
	for _, u := range sizeUnits {
		if int64(s) >= u.bytes && int64(s)%u.bytes == 0 {
			return fmt.Appendf(nil, "%d%s", int64(s)/u.bytes, u.name), nil
		}
	}
	return nil, fmt.Errorf("%d bytes is no whole number of KB", int64(s))
}

// LoadConfig reads ventanilla.toml and checks all of it, also the files that it
// names. All mistakes are returned at once, each a *[rules.FileError].
func LoadConfig(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &rules.FileError{File: path, Message: "falta este archivo; «ventanilla init CARPETA» hace uno"}
	}
	if err != nil {
		return nil, fmt.Errorf("leer la configuración: %w", err)
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("buscar la carpeta de %s: %w", path, err)
	}
	c, k, err := decodeConfig(path, data)
	if err != nil {
		return nil, err
	}
	c.folder, c.credentials = folder, os.Getenv("CREDENTIALS_DIRECTORY")
	k.files(c)
	return c, rules.Join(k.faults...)
}

// decodeConfig reads a configuration and checks all that can be checked without
// looking at other files.
func decodeConfig(name string, data []byte) (*Config, *configChecker, error) {
	c := defaultConfig()
	document, err := rules.Read(name, data, &c)
	if err != nil {
		return nil, nil, err
	}
	k := &configChecker{document: document}
	k.desk(&c)
	k.ways(&c)
	k.smarthost(&c)
	k.trust(&c)
	k.certificates(&c)
	k.numbers(&c)
	k.oauth(&c)
	k.imap(&c)
	k.dkim(&c)
	k.wrong("metrics.listen", wrongListen(c.Metrics.Listen))
	k.probe(&c)
	return &c, k, rules.Join(k.faults...)
}

// configChecker gathers the mistakes in a configuration.
type configChecker struct {
	document *rules.Document
	faults   []*rules.FileError
}

func (k *configChecker) fault(path, format string, values ...any) {
	k.faults = append(k.faults, k.document.Fault(path, format, values...))
}

// wrong reports a mistake in words, if there is one.
func (k *configChecker) wrong(path, words string) {
	if words != "" {
		k.fault(path, "%s", words)
	}
}

func (k *configChecker) desk(c *Config) {
	if strings.TrimSpace(c.Desk.Name) == "" {
		k.fault("desk.name", `falta el nombre de la mesa: escriba name = "…" en [desk]`)
	}
	c.Desk.Domain = strings.ToLower(c.Desk.Domain)
	if c.Desk.Domain == "" {
		k.fault("desk.domain", `falta el dominio: escriba domain = "…" en [desk]`)
	} else {
		k.wrong("desk.domain", rules.WrongDomain(c.Desk.Domain))
	}
	for i, d := range c.Desk.OwnDomains {
		c.Desk.OwnDomains[i] = strings.ToLower(d)
		k.wrong(fmt.Sprintf("desk.own_domains[%d]", i), rules.WrongDomain(d))
	}
	if c.Desk.Control != "" {
		k.wrong("desk.control", rules.WrongQueueAddress(c.Desk.Control))
	}
	if c.Desk.Admin != "" {
		k.wrong("desk.admin", rules.WrongAddress(c.Desk.Admin))
	}
	var err error
	if c.zone, err = time.LoadLocation(c.Desk.Zone); err != nil || c.Desk.Zone == "" || c.Desk.Zone == "Local" {
		k.fault("desk.zone", "no se conoce la zona horaria %q: escriba una como America/Bogota o America/Asuncion", c.Desk.Zone)
	}
	if c.State == "" {
		k.fault("state", "falta la carpeta del estado")
	}
}

// ways checks where mail and visitors come in.
func (k *configChecker) ways(c *Config) {
	k.wrong("smtp.listen", wrongListen(c.SMTP.Listen))
	k.wrong("web.listen", wrongListen(c.Web.Listen))
	if socket, ok := strings.CutPrefix(c.LMTP.Listen, "unix:"); ok {
		// RFC 2033 leaves the transport open; Linux' sockaddr_un holds 107 bytes.
		if !filepath.IsAbs(socket) || len(socket) > 107 {
			k.fault("lmtp.listen", "después de unix: va una ruta completa de 107 letras como mucho")
		}
	} else {
		k.wrong("lmtp.listen", wrongListen(c.LMTP.Listen))
	}
	k.proxies(c)
	if c.SMTP.Hostname == "" {
		c.SMTP.Hostname = c.Desk.Domain
	} else {
		k.wrong("smtp.hostname", rules.WrongDomain(c.SMTP.Hostname))
	}
	k.publicURL(c)
}

// proxies checks who must say with the PROXY protocol whose connection it brings.
func (k *configChecker) proxies(c *Config) {
	c.smtpProxies = k.networks("smtp.proxy", c.SMTP.Proxy)
	socket := strings.HasPrefix(c.LMTP.Listen, "unix:")
	switch {
	case len(c.LMTP.Proxy) == 0:
	case socket && (len(c.LMTP.Proxy) > 1 || c.LMTP.Proxy[0] != "unix"):
		k.fault("lmtp.proxy", "por un socket no llegan direcciones IP: escriba proxy = [\"unix\"], o una dirección y un puerto en listen")
	case socket:
		c.proxySocket = true
	default:
		c.lmtpProxies = k.networks("lmtp.proxy", c.LMTP.Proxy)
	}
}

func (k *configChecker) publicURL(c *Config) {
	if c.Desk.PublicURL == "" {
		return
	}
	c.Desk.PublicURL = strings.TrimSuffix(c.Desk.PublicURL, "/")
	u, err := url.Parse(c.Desk.PublicURL)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		k.fault("desk.public_url", "no es la dirección de un sitio: escriba una como https://mesa.universidad.edu")
	case u.User != nil, u.RawQuery != "", u.Fragment != "", u.Path != "":
		k.fault("desk.public_url", "aquí van solo https:// y el nombre del sitio, sin nada detrás")
	case c.Web.Listen == "":
		k.fault("desk.public_url", "los enlaces no llevarían a nada: falta listen en [web]")
	}
}

func wrongListen(address string) string {
	if address == "" {
		return ""
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Sprintf("%q no dice dónde escuchar: escriba dirección y puerto, como 127.0.0.1:2525 o :25", address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Sprintf("%q no es un puerto: va de 1 a 65535", port)
	}
	return ""
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (k *configChecker) numbers(c *Config) {
	for _, n := range []struct {
		path             string
		value, low, high int
	}{
		{"desk.number_digits", c.Desk.NumberDigits, 1, 12},
		{"desk.reopen_days", c.Desk.ReopenDays, 0, 3650},
		{"desk.gather_minutes", c.Desk.Gather, 0, int(rules.GatherMost.Minutes())},
		{"smtp.max_connections", c.SMTP.MaxConnections, 1, 10000},
		{"smtp.max_per_peer", c.SMTP.MaxPerPeer, 1, 10000},
		{"smtp.max_recipients", c.SMTP.MaxRecipients, 1, 1000},
		{"caps.unverified_per_hour", c.Caps.UnverifiedPerHour, 0, 1000000},
		{"caps.unverified_per_day", c.Caps.UnverifiedPerDay, 0, 1000000},
		{"caps.domain_per_hour", c.Caps.DomainPerHour, 0, 1000000},
		{"caps.verified_per_hour", c.Caps.VerifiedPerHour, 0, 1000000},
		{"caps.all_per_hour", c.Caps.AllPerHour, 0, 1000000},
	} {
		if n.value < n.low || n.value > n.high {
			k.fault(n.path, "%d no puede ser: va de %d a %d", n.value, n.low, n.high)
		}
	}
	if c.SMTP.MaxSize < 64<<10 || c.SMTP.MaxSize > sizeMost {
		k.fault("smtp.max_size", "va de 64KB a 100MB")
	}
}

// files checks the files that the configuration names.
func (k *configChecker) files(c *Config) {
	k.certificateFiles(c)
	k.oauthFiles(c)
	k.smarthostFiles(c)
	k.imapFiles(c)
	k.dkimFiles(c)
}

// wrongSecret says in Spanish what is wrong with a file that holds a secret, ""
// if nothing is: it must be a file that nobody but its owner can reach.
func wrongSecret(path string) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("no existe el archivo %s", path)
	case err != nil || !info.Mode().IsRegular():
		return fmt.Sprintf("no se puede leer %s", path)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Sprintf("otros usuarios pueden llegar a %s: ejecute «chmod 600 %s»", path, path)
	}
	return ""
}

func readSecret(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read a password: %w", err)
	}
	return string(bytes.TrimRight(data, "\r\n")), nil
}

// path returns a path of the configuration, which may be relative to its file.
func (c *Config) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.folder, p)
}

// world returns what the configuration says of the desk, without its queues and
// agents.
func (c *Config) world() desk.World {
	return desk.World{
		Name:         c.Desk.Name,
		Domain:       c.Desk.Domain,
		PublicURL:    c.Desk.PublicURL,
		Language:     c.Desk.Language,
		NumberStyle:  desk.NumberStyle(c.Desk.NumberStyle),
		NumberDigits: c.Desk.NumberDigits,
		AdminAddress: c.Desk.Admin,
		Zone:         c.zone,
		ReopenWithin: time.Duration(c.Desk.ReopenDays) * 24 * time.Hour,
		Gather:       time.Duration(c.Desk.Gather) * time.Minute,
		Control:      c.Desk.Control,
		OwnDomains:   append([]string{c.Desk.Domain}, c.Desk.OwnDomains...),
	}
}

// policy returns where the site asks for less proof than it could.
func (c *Config) policy() rules.Policy {
	return rules.Policy{
		AgentsBound:     c.Trust.Agents == "bound",
		RequestersToken: c.Trust.Requesters == "token",
		ApproveBound:    c.Trust.Approvals == "bound",
	}
}

// caps returns the most automatic mails that go out.
func (c *Config) caps() rules.Caps {
	return rules.Caps{
		UnverifiedPerHour: c.Caps.UnverifiedPerHour,
		UnverifiedPerDay:  c.Caps.UnverifiedPerDay,
		DomainPerHour:     c.Caps.DomainPerHour,
		VerifiedPerHour:   c.Caps.VerifiedPerHour,
		AllPerHour:        c.Caps.AllPerHour,
	}
}

// warnings says in Spanish what works and yet is a risk, for "ventanilla check".
func (c *Config) warnings() []string {
	var all []string
	warn := func(when bool, text string) {
		if when {
			all = append(all, text)
		}
	}
	warn(c.Trust.Agents == "bound", `[trust] agents = "bound": quien consiga un correo enviado a un agente podrá mandar en su nombre, aunque el dominio no esté autenticado`)
	warn(!c.Trust.Verify && c.SMTP.Listen != "" && !strings.HasPrefix(c.SMTP.Listen, "127.0.0.1:") && !strings.HasPrefix(c.SMTP.Listen, "localhost:"),
		"[trust] verify = false: no se comprueba quién envía el correo que llega por [smtp] desde fuera; queda como sin verificar")
	warn(c.Trust.Requesters == "token", `[trust] requesters = "token": quien reciba reenviado un correo de un ticket podrá escribir en él sin que un agente lo acepte`)
	warn(c.Trust.Approvals == "bound", `[trust] approvals = "bound": quien consiga el correo de una resolución podrá dar el visto bueno en nombre del solicitante`)
	warn(strings.HasPrefix(c.Desk.PublicURL, "http://") && !strings.HasPrefix(c.Desk.PublicURL, "http://127.0.0.1") && !strings.HasPrefix(c.Desk.PublicURL, "http://localhost"),
		"[desk] public_url empieza por http://: los enlaces de aprobación viajan sin cifrar")
	warn(c.Smarthost.Address == "", "[smarthost] sin address: los correos esperan y no se envían")
	all = append(all, c.oauthWarnings(time.Now())...)
	all = append(all, c.oauthUseWarnings()...)
	if host, _, err := net.SplitHostPort(c.Metrics.Listen); err == nil {
		warn(!loopback(host), "[metrics] listen = "+strconv.Quote(c.Metrics.Listen)+": las métricas quedan a la vista de quien llegue a ese puerto")
	}
	warn(c.probe.Every > 0 && c.probe.Alarm == "" && c.Desk.Admin == "", "[probe] sin alarm, y [desk] sin admin: si la sonda no vuelve no se escribe a nadie")
	warn(c.Caps.AllPerHour == 0, "[caps] all_per_hour = 0: nada frena las respuestas automáticas si alguien envía correo en masa con direcciones ajenas")
	return all
}
