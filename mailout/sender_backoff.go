package mailout

import "time"

// RetryFor is how long a mail is tried (RFC 5321 §4.5.4.1 asks for four to five
// days).
const RetryFor = 5 * 24 * time.Hour

// backoff holds the pauses after the first, second, … failed attempt; after the
// last of them a mail is tried once a day.
var backoff = [...]time.Duration{
	1 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	1 * time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour,
}

// fairShare is the number of attempts that every mail gets, whatever its age: it
// may have waited for days while we ourselves were down.
const fairShare = 5

// Backoff says when a mail is tried next after its attempts-th attempt failed
// at now, or that it is given up: after 1, 5, 15, 30 minutes, 1, 2, 4, 8, 16
// hours, then daily, and a last time five days after it was created.
func Backoff(attempts int, created, now time.Time) (due time.Time, giveUp bool) {
	wait := 24 * time.Hour
	if n := max(attempts, 1) - 1; n < len(backoff) {
		wait = backoff[n]
	}
	due = now.Add(wait)
	end := created.Add(RetryFor)
	switch {
	case now.Before(end) && due.After(end):
		return end, false
	case !now.Before(end) && attempts >= fairShare:
		return time.Time{}, true
	}
	return due, false
}
