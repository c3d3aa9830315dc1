package rules

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"
)

// sheet is a file of comma-separated values that an admin wrote or a spreadsheet
// did: RFC 4180, in UTF-8, with "," or ";" between the values (Spanish
// spreadsheets write ";"). Its first row names the columns, in any order.
type sheet struct{ rows []row }

// row is one row of a sheet.
type row struct {
	file    string
	line    int
	columns map[string]int
	values  []string
	source  string // the line
	places  []int  // column in characters where each value stands, 1 and up
}

// at returns a value, "" if the sheet has no such column.
func (r row) at(column string) string {
	if i, ok := r.columns[column]; ok && i < len(r.values) {
		return strings.TrimSpace(r.values[i])
	}
	return ""
}

// fault returns a mistake in a value.
func (r row) fault(column, format string, values ...any) *FileError {
	at := 1
	if i, ok := r.columns[column]; ok && i < len(r.places) {
		at = r.places[i]
	}
	return &FileError{File: r.file, Line: r.line, Column: at, Message: fmt.Sprintf(format, values...), Source: r.source}
}

// columnWords are the Spanish names of columns.
var columnWords = map[string]string{"nombre": "name", "direccion": "address", "dirección": "address", "correo": "address", "otras": "further", "telefono": "phone", "teléfono": "phone",
	"dependencia": "department", "cliente": "client", "suplente": "deputy", "activo": "name", "titulo": "title", "título": "title", "descripcion": "title", "descripción": "title"}

// readSheet reads a sheet whose columns are among these; the first must be there.
// A file that is missing is an empty sheet.
func readSheet(installation fs.FS, name string, columns ...string) (t sheet, err error) {
	data, err := fs.ReadFile(installation, name)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	} else if err != nil {
		return t, fmt.Errorf("read %s: %w", name, err)
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	if !utf8.ValidString(text) {
		return t, &FileError{File: name, Message: "el archivo no está en UTF-8: guárdelo como «CSV UTF-8»"}
	}
	r := csv.NewReader(strings.NewReader(text))
	lines := strings.Split(text, "\n")
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			if strings.Count(line, ";") > strings.Count(line, ",") {
				r.Comma = ';'
			}
			break
		}
	}
	r.FieldsPerRecord, r.Comment, r.TrimLeadingSpace = -1, '#', true
	var faults []*FileError
	head := map[string]int{}
	for {
		values, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t, Join(faults...)
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			return t, &FileError{File: name, Line: wrong.Line, Column: wrong.Column, Message: "las comillas de esta línea no cierran, o sobra alguna"}
		} else if err != nil {
			return t, fmt.Errorf("read %s: %w", name, err)
		}
		at := row{file: name, columns: head, values: values}
		for i := range values {
			line, column := r.FieldPos(i)
			source := strings.TrimRight(lines[line-1], "\r")
			if i == 0 {
				at.line, at.source = line, source
			}
			at.places = append(at.places, 1+utf8.RuneCountInString(source[:min(column-1, len(source))]))
		}
		switch {
		case len(head) == 0:
			faults = append(faults, header(at, columns)...)
			if len(faults) > 0 {
				return t, Join(faults...)
			}
		case len(values) > len(head):
			faults = append(faults, at.fault("", "hay %d valores y solo %d columnas: un valor con comas va entre comillas", len(values), len(head)))
		default:
			t.rows = append(t.rows, at)
		}
	}
}

// header reads the names of the columns into the row's columns.
func header(first row, columns []string) (faults []*FileError) {
	for i, title := range first.values {
		name := strings.ToLower(strings.TrimSpace(title))
		if english, ok := columnWords[name]; ok && !slices.Contains(columns, name) {
			name = english
		}
		_, twice := first.columns[name]
		place := &FileError{File: first.file, Line: first.line, Column: first.places[i], Source: first.source}
		switch {
		case !slices.Contains(columns, name):
			place.Message = fmt.Sprintf("no se conoce la columna %q%s", title, meant(name, columns, "columnas"))
			faults = append(faults, place)
		case twice:
			place.Message = fmt.Sprintf("la columna %q está dos veces", title)
			faults = append(faults, place)
		default:
			first.columns[name] = i
		}
	}
	if _, ok := first.columns[columns[0]]; !ok && len(faults) == 0 {
		faults = append(faults, &FileError{File: first.file, Line: first.line, Column: 1, Message: fmt.Sprintf("falta la columna %q", columns[0]), Source: first.source})
	}
	return faults
}
