package main

import (
	"time"

	"ventanilla/rules"
)

// MetricsConfig is [metrics].
type MetricsConfig struct {
	Listen string `toml:"listen" help:"Dónde escucha, por ejemplo 127.0.0.1:9180. Vacío: no hay métricas."`
}

// ProbeConfig is [probe].
type ProbeConfig struct {
	Every   string `toml:"every" help:"Cada cuánto se envía una, por ejemplo 10m o 1h. Vacío: no se envía ninguna."`
	Late    string `toml:"late" help:"Tiempo en que debe haber vuelto. Si no, se avisa una vez, y otra cuando vuelve a funcionar."`
	Address string `toml:"address" help:"A qué dirección se envía: su correo debe entrar aquí. Vacía: la del primer buzón [[imap]], o la de la primera cola."`
	Alarm   string `toml:"alarm" help:"A quién se avisa, mejor en otro servidor que el de la mesa. Vacía: admin de [desk]. Sale por el smarthost de reserva si lo hay."`
}

const (
	probeOften  = time.Second // the shortest time between probes
	probeSeldom = 24 * time.Hour
)

// probe checks [probe].
func (k *configChecker) probe(c *Config) {
	p := &c.probe
	if c.Probe.Every == "" {
		return
	}
	p.Every = k.span("probe.every", c.Probe.Every)
	p.Late = k.span("probe.late", c.Probe.Late)
	p.Address, p.Alarm, p.Detour = c.Probe.Address, c.Probe.Alarm, len(c.Backups) > 0
	if p.Address != "" {
		k.wrong("probe.address", rules.WrongAddress(p.Address))
	} else if len(c.IMAP) > 0 {
		p.Address = c.IMAP[0].Recipient
		if p.Address == "" && rules.WrongAddress(c.IMAP[0].User) == "" {
			p.Address = c.IMAP[0].User
		}
	}
	if p.Alarm != "" {
		k.wrong("probe.alarm", rules.WrongAddress(p.Alarm))
	}
	if c.Smarthost.Address == "" {
		k.fault("probe.every", "la sonda sale por el smarthost, y no hay: escriba address en [smarthost]")
	}
}

// span reads a length of time such as 10m.
func (k *configChecker) span(path, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil || d < probeOften || d > probeSeldom {
		k.fault(path, "%q no sirve aquí: escriba un tiempo de 1s a 24h, como 90s, 10m o 1h", text)
	}
	return d
}
