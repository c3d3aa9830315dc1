// Package mail is what a mail is, apart from any ticket: the envelope it came
// in, the message read out of its bytes, its class, and the bytes of one to be
// sent.
//
// Nothing here reads a socket, a file or the clock. Everything in a Message
// comes from a stranger and is data: strings are valid UTF-8, header values
// hold no CR or LF, attachment names hold no path.
package mail

import (
	"strings"
	"time"
)

// ID names a mail by what it says: see [ContentID]. It is 64 lower-case
// hexadecimal digits.
type ID string

// NullPath is the reverse-path of a mail that nobody may answer (RFC 5321
// §4.5.5). An Envelope whose From is empty has an unknown reverse-path, which
// is something else: IMAP and pipes often do not tell.
const NullPath = "<>"

// Envelope is what the transport said of a mail, before anybody read it
// (RFC 5321 §2.3.1).
type Envelope struct {
	Source     string    `json:"source"`         // "smtp", "lmtp", "imap", "pipe"
	Place      Place     `json:"place,omitzero"` // where it lies, if it came by IMAP
	From       string    `json:"from,omitempty"` // MAIL FROM, [NullPath], or "" where it is not known
	Rcpts      []string  `json:"rcpts"`          // RCPT TO, as given
	Peer       string    `json:"peer,omitempty"` // IP address of the client
	Helo       string    `json:"helo,omitempty"` // what the client called itself
	Auth       Auth      `json:"auth,omitzero"`  // sender evidence gathered on arrival
	ReceivedAt time.Time `json:"received_at"`    // UTC

	// Quiet says that the mail may be an old one, found when a folder was read for
	// the first time or again from its start: it is taken like any other, and
	// nobody is told.
	Quiet bool `json:"quiet,omitempty"`

	// Oversize is how many bytes the mail has where it lies, at least 1, if it was
	// too large to be fetched or its server refused it: what is kept is its header and a note in place of its body.
	Oversize int64 `json:"oversize,omitempty"`
}

// Place is where an IMAP server keeps a mail (RFC 9051 §2.3.1.1).
type Place struct {
	Account  string `json:"account"` // as the configuration names it
	Folder   string `json:"folder"`  // UTF-8
	Validity uint32 `json:"validity"`
	UID      uint32 `json:"uid"`
}

// Auth is the evidence about the sender that the way in has gathered. The zero
// Auth says that nothing is known, which is neither a pass nor a fail.
type Auth struct {
	// Relay says that the peer is one that the site trusts to let out only
	// mail of people it has authenticated.
	Relay bool `json:"relay,omitempty"`

	// Front says that the peer is a server of the site's own that takes forged
	// Authentication-Results away and writes true ones: only then do those of a
	// trusted authserv-id count.
	Front bool `json:"front,omitempty"`

	// Provider is "microsoft365" for a mail fetched straight from a mailbox there,
	// whose results carry no authserv-id. "" for all others.
	Provider string `json:"provider,omitempty"`

	// Checked is what was found out at our own door, nil where nothing was.
	Checked *Checked `json:"checked,omitempty"`
}

// Checked is what SPF, DKIM and DMARC said of a mail at our own door. Trouble
// with the DNS is no result: it is neither a pass nor a fail.
type Checked struct {
	Domain string  `json:"domain,omitempty"` // of From; "" if it names none or several
	SPF    Check   `json:"spf,omitzero"`
	DKIM   []Check `json:"dkim,omitempty"` // of at most eight signatures, in their order
	DMARC  Check   `json:"dmarc,omitzero"`
	Policy string  `json:"policy,omitempty"` // that DMARC asks for: "none", "quarantine", "reject"
	Pass   bool    `json:"pass,omitempty"`   // SPF or DKIM passes for a domain aligned with From
	Fail   bool    `json:"fail,omitempty"`   // DMARC fails under a policy of quarantine or reject
}

// Check is one method's result (RFC 8601 §2.7).
type Check struct {
	Result string `json:"result"`           // "pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"
	Domain string `json:"domain,omitempty"` // that the result is about
	Why    string `json:"why,omitempty"`    // in few words, for explain
}

// Address is a mailbox (RFC 5322 §3.4). Address is local@domain with the
// domain in lower case, or empty when nothing usable was there.
type Address struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
}

// Class says what kind of sender a mail has. It is decided once, by [Parse].
type Class string

// The classes, in the order in which they are tried.
const (
	ClassOwn       Class = "own"        // our own mail came back as a new one
	ClassBounce    Class = "bounce"     // a delivery status notification, or the free form of one
	ClassReceipt   Class = "receipt"    // a disposition notification (RFC 8098)
	ClassComplaint Class = "complaint"  // an abuse report (RFC 5965)
	ClassAutoReply Class = "auto-reply" // out of office and other automatic answers
	ClassMachine   Class = "machine"    // made by a program, nobody reads an answer
	ClassCalendar  Class = "calendar"   // an answer to an invitation, a recall
	ClassList      Class = "list"       // a person wrote it to a mailing list
	ClassHuman     Class = "human"
)

// Field is one header field, its value unfolded and decoded.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Message is a mail read. It is plain data and never changed once made.
type Message struct {
	ID          ID        // content hash
	MessageID   string    // without angle brackets; made from the content hash where the mail has none
	InReplyTo   []string  // msg-ids without angle brackets, in the order given
	References  []string  // msg-ids without angle brackets, oldest first
	From        []Address // as many mailboxes as the header names, 0 included
	Sender      Address
	ReplyTo     []Address
	To, Cc      []Address
	Subject     string    // decoded, one line, as sent
	Date        time.Time // zero if missing or unreadable
	Text        string    // the whole body as plain text, LF line ends
	HTML        string    // the HTML body as sent, in UTF-8; "" if there is none
	Reply       string    // what the writer wrote this time, of Text
	Quoted      string    // the rest of Text: what stood in earlier mails
	Class       Class
	ClassReason string // the evidence for Class, in Spanish or as the mail has it, as "Auto-Submitted: auto-replied"
	List        bool   // any List-* header, whatever the class
	Loop        string // value of our own loop header, "" if absent
	Probe       string // value of our own probe header, "" if absent: no proof without its token
	Header      []Field
	Parts       []Part
	Recipients  []Recipient // of a bounce
	Original    string      // Message-ID of the mail that a bounce returns, "" if unknown
	EnvelopeID  string      // ENVID of the mail that a bounce speaks of (RFC 3461 §4.4), "" if unknown
	Defects     []string    // what was wrong with it; a mail with defects is still a mail
}

// Get returns the value of the first field of that name (ASCII case folded),
// or "".
func (m *Message) Get(name string) string {
	for _, f := range m.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Part is an attachment or an inline picture: where it lies in the raw mail and
// how to decode it. [Part.Open] decodes it.
type Part struct {
	Name        string `json:"name"` // normalised and checked: safe to show and to save
	Type        string `json:"type"` // media type in lower case, without parameters
	Size        int64  `json:"size"` // bytes when decoded
	SHA256      string `json:"sha256"`
	Kind        string `json:"kind,omitempty"` // what its first bytes show it to be, as an extension: pdf, zip, ole, exe; "" if they do not tell
	Disposition string `json:"disposition"`    // "attachment" or "inline"
	ContentID   string `json:"content_id,omitempty"`
	Offset      int64  `json:"-"` // of the encoded body in the raw mail
	Length      int64  `json:"-"` // of the encoded body, bytes
	Encoding    string `json:"-"` // content-transfer-encoding in lower case
}

// Recipient is what a bounce says of one address (RFC 3464 §2.3).
type Recipient struct {
	Address    string `json:"address"`         // to which the mail was sent
	Final      string `json:"final,omitempty"` // where it had been forwarded to when it failed, if that is another
	Action     string `json:"action"`          // "failed", "delayed", "delivered", "relayed", "expanded"
	Status     string `json:"status"`          // enhanced status code, as 5.1.1
	Diagnostic string `json:"diagnostic"`
	Permanent  bool   `json:"permanent,omitempty"` // failed for good: trying again is of no use
}

// Limits are checked before any parser sees the bytes ([Prescan]).
type Limits struct {
	Size        int64 // bytes of the whole mail
	HeaderBytes int   // of one header section
	HeaderLines int
	LineBytes   int
	Nesting     int // multiparts and attached mails within each other
	Parts       int
	Parameters  int // of one header field
	Recipients  int // addresses in From, To and Cc
}

// DefaultLimits are the limits of a mail that is read at all.
var DefaultLimits = Limits{
	Size: 25 << 20, HeaderBytes: 256 << 10, HeaderLines: 1000, LineBytes: 128 << 10,
	Nesting: 20, Parts: 500, Parameters: 64, Recipients: 100,
}
