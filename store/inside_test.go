package store

import "context"

// MigrateWith migrates by other steps than the program's own, for tests.
func (s Store) MigrateWith(ctx context.Context, steps ...func(Tx) error) error {
	return s.migrate(ctx, steps)
}
