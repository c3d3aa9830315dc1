package rules

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"strings"
)

// Section is one [section] of a file that admins write, as a reference shows it.
type Section struct {
	File  string // as desk/queues.toml
	Title string // as [[queue]]; "" for the keys above all sections
	Help  string // in Spanish
	Keys  []Key
}

// Key is one key of a section.
type Key struct {
	Name    string
	Kind    string   // of the value, in Spanish
	Default string   // as it would be written; "" if there is none to show
	Values  []string // the words it accepts; empty if it accepts any
	Help    string   // in Spanish
}

// Reference describes the files of the folders desk and rules.
func Reference() []Section {
	var all []Section
	all = append(all, Describe("desk/queues.toml", queueFile{})...)
	all = append(all, Describe("desk/agents.toml", agentFile{})...)
	all = append(all, Describe("desk/categories.toml", categoryFile{})...)
	all = append(all, Describe("desk/fields.toml", fieldFile{})...)
	all = append(all, Describe("desk/services.toml", serviceFile{})...)
	all = append(all, Describe("desk/clients.toml", clientFile{})...)
	all = append(all, Describe("desk/providers.toml", providerFile{})...)
	all = append(all, Describe("desk/roles.toml", roleFile{})...)
	all = append(all, Describe("desk/priorities.toml", priorityFile{})...)
	all = append(all, Describe("desk/types.toml", typeFile{})...)
	all = append(all, Describe("desk/states.toml", stateFile{})...)
	all = append(all, Describe("desk/attachments.toml", attachmentFile{})...)
	all = append(all, Describe("desk/notifications.toml", notificationFile{})...)
	all = append(all, Describe("desk/calendars.toml", calendarFile{})...)
	all = append(all, Describe("desk/terms.toml", termFile{})...)
	all = append(all, Describe("rules/*.toml", ruleFile{})...)
	return append(all, Describe("reports/*.toml", reportFile{})...)
}

// Describe describes a file by the struct that [Read] reads it into: its toml,
// values and help tags, and as defaults what the given value holds.
func Describe(file string, v any) []Section {
	top := Section{File: file, Keys: keysWithin(reflect.ValueOf(v))}
	var all []Section
	if len(top.Keys) > 0 {
		all = append(all, top)
	}
	value := reflect.ValueOf(v)
	for i := range value.NumField() {
		f := value.Type().Field(i)
		if keyName(f) == "" || !isSection(f) {
			continue
		}
		s := Section{File: file, Title: "[" + keyName(f) + "]", Help: f.Tag.Get("help")}
		inner := value.Field(i)
		if f.Type.Kind() == reflect.Slice {
			s.Title, inner = "["+s.Title+"]", reflect.Zero(f.Type.Elem())
		}
		s.Keys = keysWithin(inner)
		all = append(all, s)
		all = append(all, sectionsWithin(file, keyName(f), inner.Type())...)
	}
	return all
}

// sectionsWithin describes the sections that belong to a section of that name,
// as [[rule.test]].
func sectionsWithin(file, name string, t reflect.Type) (all []Section) {
	for _, f := range reflect.VisibleFields(t) {
		if keyName(f) != "" && isSection(f) && f.Type.Kind() == reflect.Slice {
			all = append(all, Section{File: file, Title: "[[" + name + "." + keyName(f) + "]]", Help: f.Tag.Get("help"), Keys: keysWithin(reflect.Zero(f.Type.Elem()))})
		}
	}
	return all
}

func keysWithin(v reflect.Value) []Key {
	var keys []Key
	for _, f := range reflect.VisibleFields(v.Type()) {
		if keyName(f) == "" || isSection(f) {
			continue
		}
		keys = append(keys, Key{
			Name: keyName(f), Kind: cmp.Or(f.Tag.Get("kind"), kindOf(f.Type)), Default: written(v.FieldByIndex(f.Index)),
			Values: strings.Fields(f.Tag.Get("values")), Help: f.Tag.Get("help"),
		})
	}
	return keys
}

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Bool:
		return "true o false"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return "lista de tablas"
		}
		return "lista de textos"
	case reflect.Struct, reflect.Map:
		if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			return "texto"
		}
		return "tabla"
	case reflect.Int, reflect.Float64:
		return "número"
	case reflect.Interface:
		return "número o texto"
	}
	return "texto"
}

// written returns a value as the admin would write it, "" for an empty one.
func written(v reflect.Value) string {
	if text, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, err := text.MarshalText()
		if err != nil {
			return ""
		}
		return fmt.Sprintf("%q", b)
	}
	switch {
	case v.Kind() == reflect.Int:
		return fmt.Sprint(v.Int())
	case v.Kind() == reflect.String && v.Len() > 0:
		return fmt.Sprintf("%q", v.String())
	}
	return ""
}
