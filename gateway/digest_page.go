package gateway

import (
	"context"

	"ventanilla/desk"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/web"
)

// Digest says whether the digest that a token of [desk.ForStop] speaks of is sent.
func (p Pages) Digest(ctx context.Context, token string) (d web.Digest, err error) {
	err = p.store.View(ctx, func(tx store.Tx) (err error) {
		d, err = p.digestOf(tx, token, false)
		return err
	})
	return d, err
}

// StopDigest stops it.
func (p Pages) StopDigest(ctx context.Context, token string) (d web.Digest, err error) {
	err = p.store.Update(ctx, func(tx store.Tx) (err error) {
		d, err = p.digestOf(tx, token, true)
		return err
	})
	return d, err
}

func (p Pages) digestOf(tx store.Tx, token string, stop bool) (web.Digest, error) {
	t, ok := p.keys.Check(token)
	setup := p.Setup()
	if !ok || t.Purpose != desk.ForStop {
		return web.Digest{}, web.ErrNotFound
	}
	for _, a := range setup.World.Agents {
		if !p.keys.IssuedTo(t, a.Address) {
			continue
		}
		all, err := tx.Preferences()
		if err != nil {
			return web.Digest{}, err
		}
		mine := all[a.Name]
		if stop {
			mine = rules.Stopped(mine, t.Revision)
			err = tx.SetPreferences(a.Name, mine)
		}
		a = mine.Of(a)
		stopped := a.Digest == 0
		if t.Revision == desk.StopQueueDigests {
			stopped = a.NoQueueDigests
		}
		return web.Digest{Desk: setup.World.Name, Language: agentAddressee(setup, a).Language, Stopped: stopped}, err
	}
	return web.Digest{}, web.ErrNotFound
}
