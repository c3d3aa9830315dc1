package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ventanilla/rules"
	"ventanilla/templates"
)

// configurationReference returns docs/configuracion.md: every key of every file
// that admins write, out of the tags of the structs that the files are read into.
func configurationReference() string {
	var b strings.Builder
	b.WriteString("# Configuración\n\n" +
		"Esta página sale del programa (`ventanilla reference`) y una prueba vigila que siga al día; no la edite.\n\n" +
		"Los archivos son [TOML](https://toml.io/es/v1.0.0), en UTF-8. Una clave desconocida, un valor que no cabe o una\n" +
		"referencia a lo que no existe es un error que dice archivo, línea, columna y remedio; `ventanilla check` los muestra todos.\n")
	file := ""
	for _, s := range append(rules.Describe("ventanilla.toml", defaultConfig()), rules.Reference()...) {
		if s.File != file {
			file = s.File
			_, _ = fmt.Fprintf(&b, "\n## %s\n", file)
		}
		if s.Title != "" {
			_, _ = fmt.Fprintf(&b, "\n### %s\n", s.Title)
		}
		if s.Help != "" {
			_, _ = fmt.Fprintf(&b, "\n%s\n", s.Help)
		}
		b.WriteString("\n| clave | valor | sin la clave | qué es |\n|---|---|---|---|\n")
		for _, k := range s.Keys {
			kind := k.Kind
			if len(k.Values) > 0 {
				kind = "`" + strings.Join(k.Values, "` `") + "`"
			}
			without := "–"
			if k.Default != "" {
				without = "`" + k.Default + "`"
			}
			_, _ = fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, kind, without, k.Help)
		}
	}
	return b.String()
}

// templateReference returns docs/plantillas.md: every mail, and what its file can say.
func templateReference() string {
	var b strings.Builder
	b.WriteString("# Las plantillas de los correos\n\n" +
		"Esta página sale del programa (`ventanilla reference --templates`) y una prueba vigila que siga al día; no la edite.\n\n" +
		"Cada correo es un archivo por idioma: `templates/es/acuse.md`, `templates/en/…`, `templates/pt/…`. El suyo reemplaza solo al del\n" +
		"mismo nombre. `ventanilla preview` los escribe todos con datos de ejemplo, para verlos antes de enviarlos; `ventanilla check` dice\n" +
		"archivo y línea de lo que esté mal, y mientras tanto se envía el texto que trae el programa.\n\n" +
		"Además del acuse de siempre puede haber otros, `templates/es/acuse/biblioteca.md`, que una regla elige con `template = \"biblioteca\"`.\n\n" +
		"## Los correos\n\n| correo | cuándo se envía | a quién |\n|---|---|---|\n")
	for _, d := range templates.Described() {
		_, _ = fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.Name, d.When, d.To)
	}
	b.WriteString("\n## Lo que se puede decir\n\nLo que no viene al caso está vacío: `{{if .Reason}}…{{end}}` lo escribe solo cuando lo hay.\n\n| variable | qué es |\n|---|---|\n")
	for _, d := range templates.FieldDescriptions() {
		_, _ = fmt.Fprintf(&b, "| `{{.%s}}` | %s |\n", d.Name, d.When)
	}
	b.WriteString("\n## Funciones\n\n")
	functions := templates.Functions()
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		use, does, _ := strings.Cut(functions[name], ": ")
		_, _ = fmt.Fprintf(&b, "- `%s`: %s\n", use, does)
	}
	return b.String()
}
