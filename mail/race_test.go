//go:build race

package mail

// slow says that the race detector makes everything many times slower.
const slow = true
