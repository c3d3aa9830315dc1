package mail

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/emersion/go-ical"
)

// maxCalendar is how many bytes of a calendar are read.
const maxCalendar = 64 << 10

// addEvent puts what an invitation says below a mail's words, where they do not
// say it: people write "nos vemos" and leave the rest to the calendar.
func (b *builder) addEvent() {
	n := b.fileOf("text/calendar", "application/ics")
	if n == nil {
		return
	}
	event := readEvent(decodeTransfer(n.encoding, b.raw[n.start:min(n.end, n.start+2*maxCalendar)]))
	title, _, _ := strings.Cut(strings.TrimPrefix(event, eventMark), "\n")
	if event == "" || title != "" && strings.Contains(b.m.Text, title) {
		return
	}
	b.m.Text = below(b.m.Text, event)
	b.m.Reply = below(b.m.Reply, event)
}

func below(text, more string) string {
	if text = strings.TrimRight(text, "\n"); text != "" {
		text += "\n\n"
	}
	return text + more
}

const eventMark = "Evento: "

// readEvent returns what the first event of a calendar says (RFC 5545 §3.6.1),
// in Spanish, a line for each fact, "" if there is none. Times are as written:
// nothing is looked up by the name of their zone, which a stranger chose.
func readEvent(calendar []byte) string {
	calendar = bytes.ReplaceAll(calendar[:min(len(calendar), maxCalendar)], []byte("\r"), nil)
	c := decodeCalendar(decodeUndeclared(calendar))
	if c == nil || len(c.Events()) == 0 {
		return ""
	}
	e := c.Events()[0]
	lines := []string{eventMark + eventText(e, ical.PropSummary)}
	add := func(label, value string) {
		if value != "" {
			lines = append(lines, label+": "+value)
		}
	}
	add("Cuándo", eventTime(e))
	add("Dónde", eventText(e, ical.PropLocation))
	if p := e.Props.Get(ical.PropOrganizer); p != nil {
		add("Organiza", calendarUser(p))
	}
	if strings.EqualFold(eventText(e, ical.PropStatus), "cancelled") || strings.EqualFold(calendarMethod(calendar), "cancel") {
		add("Estado", "cancelado")
	}
	return shorten(strings.Join(lines, "\n"), 2000)
}

// decodeCalendar returns nil for what is no calendar, also where the library
// panics, as it does on a line that ends in "=".
func decodeCalendar(text string) (c *ical.Calendar) {
	defer func() {
		if recover() != nil {
			c = nil
		}
	}()
	c, err := ical.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil {
		return nil
	}
	return c
}

// eventText returns a property as one line.
func eventText(e ical.Event, name string) string {
	p := e.Props.Get(name)
	if p == nil {
		return ""
	}
	text, err := p.Text()
	if err != nil {
		text = p.Value
	}
	return strings.Join(strings.Fields(normalText(text)), " ")
}

// eventTime returns when an event is: "2025-12-09 14:00 a 15:00 (America/Bogota)".
func eventTime(e ical.Event) string {
	start, zone := calendarTime(e.Props.Get(ical.PropDateTimeStart))
	end, _ := calendarTime(e.Props.Get(ical.PropDateTimeEnd))
	if start == "" {
		return ""
	}
	if day, hour, ok := strings.Cut(end, " "); ok && strings.HasPrefix(start, day+" ") {
		end = hour
	}
	if end != "" && end != start {
		start += " a " + end
	}
	if zone != "" {
		start += " (" + zone + ")"
	}
	return start
}

// calendarTime reads a date or a time with its zone's name (RFC 5545 §3.3.5).
func calendarTime(p *ical.Prop) (text, zone string) {
	if p == nil || len(p.Value) < 8 || strings.Trim(p.Value[:8], "0123456789") != "" {
		return "", ""
	}
	v := p.Value
	text = fmt.Sprintf("%s-%s-%s", v[:4], v[4:6], v[6:8])
	if len(v) < 13 || v[8] != 'T' || strings.Trim(v[9:13], "0123456789") != "" {
		return text, ""
	}
	zone = strings.Join(strings.Fields(shorten(normalText(p.Params.Get(ical.ParamTimezoneID)), 60)), " ")
	if strings.HasSuffix(v, "Z") {
		zone = "UTC"
	}
	return text + " " + v[9:11] + ":" + v[11:13], zone
}

// calendarUser returns a person's name and address.
func calendarUser(p *ical.Prop) string {
	address := p.Value
	if len(address) > 7 && strings.EqualFold(address[:7], "mailto:") {
		address = address[7:]
	}
	address = addressOf(address)
	name := strings.Join(strings.Fields(normalText(p.Params.Get(ical.ParamCommonName))), " ")
	switch {
	case name == "":
		return address
	case address == "" || address == name:
		return name
	}
	return name + " <" + address + ">"
}
