package store

// ticketsSkipped is how many ticket ids are passed over after a restore: numbers
// that the desk has given since the copy was made are not given again.
const ticketsSkipped = 1000

// Restored notes that these records come from a copy: mails of ours are held
// until somebody lets them go, and new tickets get numbers further on.
func (tx Tx) Restored() error {
	n, err := tx.counter("ticket")
	if err != nil {
		return err
	}
	if err := tx.put("meta/ticket", n+ticketsSkipped); err != nil {
		return err
	}
	return tx.put("meta/held", true)
}

// Held says whether no mail of ours may go out.
func (tx Tx) Held() (held bool, err error) {
	_, err = tx.find("meta/held", &held)
	return held, err
}

// LetGo lets mails go out again.
func (tx Tx) LetGo() error { return tx.kv.Delete("meta/held") }
