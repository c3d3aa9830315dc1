package desk

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Details are what a desk may want to know of a ticket beyond what every ticket
// has. All of it may be empty.
type Details struct {
	Category    string            `json:"category,omitempty"`    // name in desk/categories.toml
	Service     string            `json:"service,omitempty"`     // name in desk/services.toml
	Client      string            `json:"client,omitempty"`      // name in desk/clients.toml
	Urgency     int               `json:"urgency,omitempty"`     // 1 (most urgent) to 5
	Impact      int               `json:"impact,omitempty"`      // 1 (most) to 5
	Level       string            `json:"level,omitempty"`       // "" or "0" is the desk itself; "1", "2", "provider"
	Responsible string            `json:"responsible,omitempty"` // the agent who answers for it, where that is not the assignee
	External    string            `json:"external,omitempty"`    // the provider's number of it
	Asset       string            `json:"asset,omitempty"`
	Channel     string            `json:"channel,omitempty"` // how it came, "" by mail: phone, person, chat, web
	Tags        []string          `json:"tags,omitempty"`    // at most MaxTags
	Fields      map[string]string `json:"fields,omitempty"`  // of desk/fields.toml, at most MaxFields
	Missing     []string          `json:"missing,omitempty"` // fields that the desk has to know and does not
	Asked       int               `json:"asked,omitempty"`   // how often the requester was asked for them
}

const (
	MaxTags   = 20   // of a ticket
	MaxFields = 50   // of a ticket, besides those that every ticket has
	MaxValue  = 1000 // bytes of a field
)

// Field names a field of a ticket that [CmdSet] changes.
type Field string

// The fields that every desk has.
const (
	FieldCategory    Field = "category"
	FieldService     Field = "service"
	FieldClient      Field = "client"
	FieldUrgency     Field = "urgency"
	FieldImpact      Field = "impact"
	FieldLevel       Field = "level"
	FieldResponsible Field = "responsible"
	FieldExternal    Field = "external"
	FieldAsset       Field = "asset"
	FieldChannel     Field = "channel"
	FieldSubject     Field = "subject"
	FieldLanguage    Field = "language"
)

// OwnField names a field of desk/fields.toml.
func OwnField(name string) Field { return Field("field/" + name) }

// Own returns the name of a field of desk/fields.toml, and whether it is one.
func (f Field) Own() (string, bool) { return strings.CutPrefix(string(f), "field/") }

// Waiting says whom a pending ticket waits for.
type Waiting string

// Whom a ticket can wait for.
const (
	ForRequester Waiting = "requester"
	ForProvider  Waiting = "provider"
	ForDesk      Waiting = "desk"
)

// Value returns what a field is set to, "" for nothing.
func (t Ticket) Value(f Field) string {
	if name, ok := f.Own(); ok {
		return t.Fields[name]
	}
	if text := t.text(f); text != nil {
		return *text
	}
	if n := t.number(f); n != nil && *n > 0 {
		return strconv.Itoa(*n)
	}
	return ""
}

// text points to a field that is a text, or is nil.
func (t *Ticket) text(f Field) *string {
	switch f {
	case FieldCategory:
		return &t.Category
	case FieldService:
		return &t.Service
	case FieldClient:
		return &t.Client
	case FieldLevel:
		return &t.Level
	case FieldResponsible:
		return &t.Responsible
	case FieldExternal:
		return &t.External
	case FieldAsset:
		return &t.Asset
	case FieldChannel:
		return &t.Channel
	case FieldSubject:
		return &t.Subject
	case FieldLanguage:
		return &t.Language
	}
	return nil
}

// number points to a field that is a number from 1 to 5, or is nil.
func (t *Ticket) number(f Field) *int {
	switch f {
	case FieldUrgency:
		return &t.Urgency
	case FieldImpact:
		return &t.Impact
	}
	return nil
}

// with returns t with a field set. What t shares with others is not changed.
func (t Ticket) with(f Field, value string) Ticket {
	if name, ok := f.Own(); ok {
		t.Fields = maps.Clone(t.Fields)
		if t.Fields == nil {
			t.Fields = map[string]string{}
		}
		t.Fields[name] = value
		if value == "" {
			delete(t.Fields, name)
			return t
		}
		t.Missing = slices.DeleteFunc(slices.Clone(t.Missing), func(m string) bool { return m == name })
		return t
	}
	if text := t.text(f); text != nil {
		*text = value
	}
	if n := t.number(f); n != nil {
		*n, _ = strconv.Atoi(value)
	}
	return t
}

// decideSet handles a change of a field.
func decideSet(t Ticket, c Command) ([]Event, string) {
	value := cut(strings.TrimSpace(c.Value), MaxValue)
	name, own := c.Field.Own()
	switch {
	case own && name == "", !own && t.text(c.Field) == nil && t.number(c.Field) == nil:
		return nil, "unknown-field"
	case c.Field == FieldSubject && value == "":
		return nil, "subject-missing"
	case t.number(c.Field) != nil && value != "" && !fiveLevels(value):
		return nil, "priority-range"
	case c.Field == FieldLevel && !slices.Contains([]string{"", "0", "1", "2", "provider"}, value):
		return nil, "unknown-level"
	case own && value != "" && t.Fields[name] == "" && len(t.Fields) >= MaxFields:
		return nil, "too-many-fields"
	}
	if old := t.Value(c.Field); old != value {
		return []Event{{Kind: FieldChanged, Field: c.Field, Old: old, New: value, Text: c.Text}}, ""
	}
	return nil, ""
}

func fiveLevels(value string) bool { return len(value) == 1 && value[0] >= '1' && value[0] <= '5' }

// decideTag handles tags. They are words in lower case.
func decideTag(t Ticket, c Command) ([]Event, string) {
	tag := strings.ToLower(cut(strings.TrimSpace(c.Value), 50))
	has := slices.Contains(t.Tags, tag)
	switch {
	case tag == "":
		return nil, "tag-missing"
	case c.Kind == CmdTag && !has && len(t.Tags) >= MaxTags:
		return nil, "too-many-tags"
	case c.Kind == CmdTag && !has:
		return []Event{{Kind: Tagged, New: tag}}, ""
	case c.Kind == CmdUntag && has:
		return []Event{{Kind: Untagged, Old: tag}}, ""
	}
	return nil, ""
}

// decideWait handles waiting for somebody. Who waits already may wait for
// somebody else, or longer.
func decideWait(t Ticket, c Command) ([]Event, string) {
	whom := Waiting(c.Value)
	switch {
	case whom != ForRequester && whom != ForProvider && whom != ForDesk:
		return nil, "unknown-waiting"
	case t.State == Closed:
		return nil, "already-closed"
	case t.State == Pending && t.Waiting == whom && t.WaitUntil.Equal(c.Until):
		return nil, ""
	}
	return []Event{{Kind: WaitingSet, Old: string(t.Waiting), New: string(whom), Until: c.Until, Text: c.Text}}, ""
}

// evolveDetails returns t after an event that changed a detail.
func evolveDetails(t Ticket, e Event) Ticket {
	switch e.Kind {
	case FieldChanged:
		return t.with(e.Field, e.New)
	case Tagged:
		t.Tags = append(t.Tags[:len(t.Tags):len(t.Tags)], e.New)
	case Untagged:
		t.Tags = slices.DeleteFunc(slices.Clone(t.Tags), func(tag string) bool { return tag == e.Old })
	case WaitingSet:
		t = t.moved(Pending, e.At)
		t.Waiting, t.WaitUntil, t.WakeAt = Waiting(e.New), e.Until, e.Until
	case CancelledEvent:
		t = t.moved(Cancelled, e.At)
	case Asked:
		t.Asked++
	}
	return t
}
