package mail

import "errors"

// What can go wrong when a mail is taken charge of. Whatever else goes wrong is
// temporary: the sender is asked to come again.
var (
	ErrNoRecipient = errors.New("no such mailbox here")         // 550 5.1.1
	ErrTooLarge    = errors.New("mail larger than the limit")   // 552 5.3.4
	ErrNoSpace     = errors.New("not enough space on the disk") // 452 4.3.1
	ErrLoop        = errors.New("too many Received fields")     // 554 5.4.6
)
