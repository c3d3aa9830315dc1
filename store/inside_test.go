package store

import "context"

// MigrateWith migrates by other steps than the program's own, for tests.
func (s Store) MigrateWith(ctx context.Context, steps ...func(Tx) error) error {
	return s.migrate(ctx, steps)
}

// FeedKept is how many changes are kept.
const FeedKept = feedKept

// SkipFeed counts so many changes that nobody made.
func (tx Tx) SkipFeed(n int) error {
	end, err := tx.FeedEnd()
	if err != nil {
		return err
	}
	return tx.put("meta/feed", int(end)+n)
}
