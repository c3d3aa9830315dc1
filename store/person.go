package store

import (
	"strings"
	"time"

	"ventanilla/desk"
)

// Person returns a person, or ErrNotFound.
func (tx Tx) Person(id desk.PersonID) (p desk.Person, err error) {
	err = tx.get("person/"+id10(id), &p)
	return p, err
}

// PersonAt returns the person who writes from an address, whose letters' case
// does not count, and whether there is one.
func (tx Tx) PersonAt(address string) (p desk.Person, ok bool, err error) {
	var id desk.PersonID
	if ok, err = tx.find("address/"+hash(strings.ToLower(address)), &id); err != nil || !ok {
		return p, false, err
	}
	p, err = tx.Person(id)
	return p, err == nil, err
}

// AddPerson makes a person for an address that nobody writes from yet.
func (tx Tx) AddPerson(name, address string, now time.Time) (desk.Person, error) {
	n, err := tx.next("person")
	if err != nil {
		return desk.Person{}, err
	}
	p := desk.Person{ID: desk.PersonID(n), Name: name, Address: address, Since: now}
	if err := tx.put("address/"+hash(strings.ToLower(address)), p.ID); err != nil {
		return p, err
	}
	return p, tx.put("person/"+id10(p.ID), p)
}
