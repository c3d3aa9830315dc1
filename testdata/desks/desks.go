// Package desks holds the desks that five manuals of real help desks describe, as
// installations: what "ventanilla init --like" writes and tests play.
package desks

import "embed"

// Files are the folders desk and rules of each desk, below its name. Addresses are
// of the domain mesa.example, the first queue's is soporte@.
//
//go:embed senatics minem distrital belenus cinoc
var Files embed.FS

// Desk says what stands in the configuration of such a desk.
type Desk struct {
	Name, Title string
	NumberStyle string
	Digits      int
	Zone        string
}

// All lists them.
var All = []Desk{
	{"senatics", "Sistema de Soporte Online", "random", 6, "America/Asuncion"},
	{"minem", "Mesa de Ayuda", "date", 6, "America/Lima"},
	{"distrital", "Mesa de ayuda PlanesTIC", "sequence", 6, "America/Bogota"},
	{"belenus", "Soporte en Línea", "sequence", 5, "America/Mexico_City"},
	{"cinoc", "Mesa de Servicios", "sequence", 6, "America/Bogota"},
}
