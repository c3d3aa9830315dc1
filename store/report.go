package store

import (
	"time"

	"ventanilla/desk"
)

// ReportAsk is a report that is to be made and sent to an agent.
type ReportAsk struct {
	Report string    `json:"report"` // its name
	From   time.Time `json:"from"`   // of its period
	To     time.Time `json:"to"`
	Agent  string    `json:"agent"`
	Seed   string    `json:"seed"` // tells its mail from others
	At     time.Time `json:"at"`
}

// AskReport notes that a report is to be made.
func (tx Tx) AskReport(a ReportAsk) error {
	n, err := tx.next("ask")
	if err != nil {
		return err
	}
	return tx.put("ask/"+padded(uint64(n), 10), a)
}

// NextReport returns the report that was asked for first, and the key by which it is
// forgotten; ok is false where there is none.
func (tx Tx) NextReport() (a ReportAsk, key string, ok bool, err error) {
	err = each(tx, "ask/", "", 1, false, func(rest string, v ReportAsk) error {
		a, key, ok = v, "ask/"+rest, true
		return nil
	})
	return a, key, ok, err
}

// ForgetReport forgets that a report was asked for. It reports whether it was.
func (tx Tx) ForgetReport(key string) (asked bool, err error) {
	if asked, err = tx.has(key); err != nil || !asked {
		return false, err
	}
	return true, tx.kv.Delete(key)
}

// ReportedMonth returns the last month of which a report went out by itself, as
// 2026-05; "" if that was never looked at.
func (tx Tx) ReportedMonth(report string) (month string, err error) {
	_, err = tx.find("reported/"+report, &month)
	return month, err
}

// SetReportedMonth notes it.
func (tx Tx) SetReportedMonth(report, month string) error {
	return tx.put("reported/"+report, month)
}

// AliveSince calls fn for the tickets that are not ended, and for those to which
// anything has happened since the beginning of from's month in UTC: all that can
// matter to a time that begins then. Its cost grows with these, not with all.
func (tx Tx) AliveSince(from time.Time, fn func(desk.TicketID) error) error {
	since := "month/" + from.UTC().Format("2006-01") + "/"
	_, end := Prefix("month/")
	seen := map[desk.TicketID]bool{}
	note := func(key string, _ []byte) error {
		id := desk.TicketID(parseID(key[len(key)-10:]))
		if seen[id] {
			return nil
		}
		seen[id] = true
		return fn(id)
	}
	if err := tx.kv.Scan(since, end, 0, false, note); err != nil {
		return err
	}
	for _, state := range []desk.State{desk.New, desk.Open, desk.Pending, desk.Resolved} {
		first, last := Prefix("index/" + InState(state) + "/")
		if err := tx.kv.Scan(first, last, 0, false, note); err != nil {
			return err
		}
	}
	return nil
}
