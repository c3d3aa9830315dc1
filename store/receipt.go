package store

import (
	"errors"
	"fmt"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

// Receipt says what became of one mail of the intake log. Accepted mails and
// receipts must match one to one.
type Receipt struct {
	Position    string        `json:"position"` // in the intake log
	Mail        mail.ID       `json:"mail"`
	At          time.Time     `json:"at"`
	Disposition string        `json:"disposition"`
	Reason      string        `json:"reason,omitempty"`
	Ticket      desk.TicketID `json:"ticket,omitempty"`
	Article     int           `json:"article,omitempty"`
	Trust       string        `json:"trust,omitempty"`
	Proof       *Proof        `json:"proof,omitempty"` // nil where nothing was said of the sender
	Class       string        `json:"class,omitempty"`
	Matched     []string      `json:"matched,omitempty"` // rules
	Rules       string        `json:"rules,omitempty"`   // hash of the rule set that decided
	From        string        `json:"from,omitempty"`    // of a quarantined mail, for the admin's list
	Subject     string        `json:"subject,omitempty"` // of a quarantined mail
	Dropped     bool          `json:"dropped,omitempty"` // an admin has put the quarantined mail away for good
}

// Proof is what was known of a mail's sender when it was settled: why its Trust
// is what it is.
type Proof struct {
	mail.Auth
	Results string `json:"results,omitempty"` // of a server of the site's own, in the mail: "pass" or "fail"
}

// Content is where a mail of some content was first settled.
type Content struct {
	Position string    `json:"position"`
	At       time.Time `json:"at"`
	Rcpts    []string  `json:"rcpts,omitempty"` // also of its further copies
}

// Received is a Message-ID that came in.
type Received struct {
	Ticket  desk.TicketID `json:"ticket"`
	Mail    mail.ID       `json:"mail"`
	Copied  []string      `json:"copied,omitempty"` // hashes of who stood in To and Cc
	Settled time.Time     `json:"settled"`
}

// Copied says whether an address stood in To or Cc of the mail.
func (r Received) Has(address string) bool {
	h := AddressHash(address)
	for _, c := range r.Copied {
		if c == h {
			return true
		}
	}
	return false
}

// AddressHash stands for an address in records that are not a person's.
func AddressHash(address string) string { return hash("copied " + lower(address))[:16] }

// PutReceipt stores what became of a mail.
func (tx Tx) PutReceipt(r Receipt) error {
	old, err := tx.Receipt(r.Position)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	key := "quarantine/" + r.Position
	switch was, is := old.quarantined(), r.quarantined(); {
	case is && !was:
		err = errors.Join(tx.kv.Put(key, []byte("1")), tx.tally(tallyQuarantine, 1))
	case was && !is:
		err = errors.Join(tx.kv.Delete(key), tx.tally(tallyQuarantine, -1))
	default:
		err = nil
	}
	if err != nil {
		return err
	}
	return tx.put("receipt/"+r.Position, r)
}

func (r Receipt) quarantined() bool { return r.Disposition == "quarantine" && !r.Dropped }

// Receipt returns the receipt of the mail at a position, or ErrNotFound.
func (tx Tx) Receipt(position string) (r Receipt, err error) {
	err = tx.get("receipt/"+position, &r)
	return r, err
}

// Receipts calls fn for the receipts behind a position, in order, at most limit.
func (tx Tx) Receipts(after string, limit int, fn func(Receipt) error) error {
	return each(tx, "receipt/", after, limit, false, func(_ string, r Receipt) error { return fn(r) })
}

// Quarantined returns the receipts of the mails in quarantine behind a position,
// at most limit (0: all).
func (tx Tx) Quarantined(after string, limit int) (rs []Receipt, err error) {
	err = each(tx, "quarantine/", after, limit, false, func(position string, _ int) error {
		r, err := tx.Receipt(position)
		rs = append(rs, r)
		return err
	})
	return rs, err
}

// Content returns where a mail of that content was first settled.
func (tx Tx) Content(id mail.ID) (c Content, ok bool, err error) {
	ok, err = tx.find("content/"+string(id), &c)
	return c, ok, err
}

// PutContent notes it.
func (tx Tx) PutContent(id mail.ID, c Content) error { return tx.put("content/"+string(id), c) }

// Received returns what came in under a Message-ID.
func (tx Tx) Received(messageID string) (r Received, ok bool, err error) {
	ok, err = tx.find("mid/"+hash(messageID), &r)
	return r, ok, err
}

// PutReceived notes it.
func (tx Tx) PutReceived(messageID string, r Received) error {
	return tx.put("mid/"+hash(messageID), r)
}

// Watermark is the position behind the last mail settled, "" at the beginning.
func (tx Tx) Watermark() (position string, err error) {
	_, err = tx.find("meta/watermark", &position)
	return position, err
}

// SetWatermark moves it.
func (tx Tx) SetWatermark(position string) error { return tx.put("meta/watermark", position) }

// Trying is the mail that was being processed alone, and how often that was
// begun: after a crash it tells which mail kills the process.
type Trying struct {
	Position string `json:"position"`
	Times    int    `json:"times"`
}

// Trying returns the mark, the zero Trying if there is none.
func (tx Tx) Trying() (t Trying, err error) {
	_, err = tx.find("meta/trying", &t)
	return t, err
}

// SetTrying sets the mark; the zero Trying takes it away.
func (tx Tx) SetTrying(t Trying) error {
	if t == (Trying{}) {
		return tx.kv.Delete("meta/trying")
	}
	return tx.put("meta/trying", t)
}

// Confirmed says until when an agent's mails with his own tokens need no further
// confirmation, the zero time if they do.
func (tx Tx) Confirmed(agent string) (until time.Time, err error) {
	_, err = tx.find("confirmed/"+agent, &until)
	return until, err
}

// SetConfirmed notes it.
func (tx Tx) SetConfirmed(agent string, until time.Time) error {
	return tx.put("confirmed/"+agent, until)
}

// Listed are the tickets of one person that were not acknowledged singly.
type Listed struct {
	Person  desk.PersonID   `json:"person"`
	Tickets []desk.TicketID `json:"tickets"`
}

func listedKey(hour time.Time, p desk.PersonID) string {
	return fmt.Sprintf("listed/%010d/%s", hour.Unix()/3600, id10(p))
}

// AddListed adds a ticket to the mail that lists the hour's.
func (tx Tx) AddListed(now time.Time, p desk.PersonID, t desk.TicketID) error {
	l := Listed{Person: p}
	if _, err := tx.find(listedKey(now, p), &l); err != nil {
		return err
	}
	if len(l.Tickets) < 1000 {
		l.Tickets = append(l.Tickets, t)
	}
	return tx.put(listedKey(now, p), l)
}

// TakeListed takes away the lists of the hours before now and returns them, at
// most limit.
func (tx Tx) TakeListed(now time.Time, limit int) (ls []Listed, err error) {
	var keys []string
	err = tx.kv.Scan("listed/", fmt.Sprintf("listed/%010d", now.Unix()/3600), limit, false, func(key string, _ []byte) error {
		keys = append(keys, key)
		return nil
	})
	for _, k := range keys {
		var l Listed
		if err = errors.Join(err, tx.get(k, &l), tx.kv.Delete(k)); err != nil {
			return nil, err
		}
		ls = append(ls, l)
	}
	return ls, err
}

// CountKind says what is counted.
type CountKind string

// What is counted.
const (
	CountAddress CountKind = "address" // automatic mails to an address
	CountDomain  CountKind = "domain"  // automatic mails to unverified senders of a domain
	CountAll     CountKind = "all"     // automatic mails
	CountTold    CountKind = "told"    // that the admin was told
)

func countKey(hour int64, kind CountKind, name string) string {
	return fmt.Sprintf("count/%010d/%s/%s", hour, kind, hash(lower(name)))
}

// Count returns a count of so many hours up to now, this one included.
func (tx Tx) Count(now time.Time, kind CountKind, name string, hours int) (sum int, err error) {
	keys := make([]string, hours)
	for i := range keys {
		keys[i] = countKey(now.Unix()/3600-int64(i), kind, name)
	}
	values, err := tx.kv.GetMany(keys)
	if err != nil {
		return 0, err
	}
	for _, v := range values {
		n := 0
		if _, err := fmt.Sscan(string(v), &n); err == nil {
			sum += n
		}
	}
	return sum, nil
}

// AddCount adds one to a count.
func (tx Tx) AddCount(now time.Time, kind CountKind, name string) error {
	key, n := countKey(now.Unix()/3600, kind, name), 0
	if _, err := tx.find(key, &n); err != nil {
		return err
	}
	return tx.put(key, n+1)
}

// ForgetCounts deletes counts older than a day, at most limit.
func (tx Tx) ForgetCounts(now time.Time, limit int) error {
	return tx.kv.Scan("count/", fmt.Sprintf("count/%010d", now.Unix()/3600-24), limit, false, func(key string, _ []byte) error {
		return tx.kv.Delete(key)
	})
}

// Untidy says whether there are lists to be told or counts to be forgotten.
func (tx Tx) Untidy(now time.Time) (bool, error) {
	hour, some := now.Unix()/3600, false
	note := func(string, []byte) error { some = true; return nil }
	err := tx.kv.Scan("listed/", fmt.Sprintf("listed/%010d", hour), 1, false, note)
	return some, errors.Join(err, tx.kv.Scan("count/", fmt.Sprintf("count/%010d", hour-24), 1, false, note))
}
