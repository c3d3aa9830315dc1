package store

import (
	"time"

	"ventanilla/desk"
)

// PutActivity notes work of an agent under the day of the desk's clock on which it
// was noted. id tells apart what he notes on that day; the same id is written over.
func (tx Tx) PutActivity(day time.Time, id string, a desk.Activity) error {
	return tx.put(activityKey(day, a.Agent, id), a)
}

// DropActivity takes back what was noted under an id. What is not there is no error.
func (tx Tx) DropActivity(day time.Time, agent, id string) error {
	return tx.kv.Delete(activityKey(day, agent, id))
}

// Activities calls fn for all work noted from one day of the desk's clock up to
// another, both included, by day and agent. It costs what it reads.
func (tx Tx) Activities(from, to time.Time, fn func(desk.Activity) error) error {
	const prefix = "activity/"
	return scan(tx, prefix+from.Format(time.DateOnly)+"/", prefix+to.Format(time.DateOnly)+"/~", fn)
}

// ActivitiesOf does the same for one agent and one day.
func (tx Tx) ActivitiesOf(day time.Time, agent string, fn func(desk.Activity) error) error {
	prefix := activityKey(day, agent, "")
	return scan(tx, prefix, prefix+"~", fn)
}

func activityKey(day time.Time, agent, id string) string {
	return "activity/" + day.Format(time.DateOnly) + "/" + agent + "/" + id
}
