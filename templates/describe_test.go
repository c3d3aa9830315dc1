package templates

import (
	"reflect"
	"slices"
	"testing"
)

// TestDescribed: every mail and every field is described, in the order of the code.
func TestDescribed(t *testing.T) {
	var mails []string
	for _, d := range Described() {
		mails = append(mails, d.Name)
		if len(d.When) < 10 || d.To == "" {
			t.Errorf("%s is not described", d.Name)
		}
	}
	if !slices.Equal(slices.Sorted(slices.Values(mails)), slices.Sorted(slices.Values(Names()))) {
		t.Errorf("described %v, there are %v", mails, Names())
	}
	data := reflect.TypeFor[Data]()
	var have, fields []string
	for i := range data.NumField() {
		have = append(have, data.Field(i).Name)
	}
	for _, d := range FieldDescriptions() {
		fields = append(fields, d.Name)
	}
	if !slices.Equal(slices.Sorted(slices.Values(fields)), slices.Sorted(slices.Values(have))) {
		t.Errorf("described %v, there are %v", fields, have)
	}
}
