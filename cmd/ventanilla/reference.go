package main

import (
	"fmt"
	"strings"

	"ventanilla/rules"
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
