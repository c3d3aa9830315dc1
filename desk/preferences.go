package desk

import (
	"slices"
	"time"
)

// Preferences are what an agent chose by mail. What he chose goes before what the
// desk's files say of him.
type Preferences struct {
	Digest  *time.Duration `json:"digest,omitempty"`  // since midnight; 0: none
	Queues  *bool          `json:"queues,omitempty"`  // whether he gets the digests of queues
	Gather  *time.Duration `json:"gather,omitempty"`  // see Agent.Gather
	Mute    []string       `json:"mute,omitempty"`    // mails that he does not want, by name
	Unmuted []string       `json:"unmuted,omitempty"` // and those that he wants although the files say he does not
}

// Of returns an agent as he wants it.
func (p Preferences) Of(a Agent) Agent {
	if p.Digest != nil {
		a.Digest = *p.Digest
	}
	if p.Queues != nil {
		a.NoQueueDigests = !*p.Queues
	}
	if p.Gather != nil {
		a.Gather = *p.Gather
	}
	mute := slices.DeleteFunc(slices.Clone(a.Mute), func(name string) bool { return slices.Contains(p.Unmuted, name) })
	for _, name := range p.Mute {
		if !slices.Contains(mute, name) {
			mute = append(mute, name)
		}
	}
	a.Mute = mute
	return a
}

// Preferring returns the desk with its agents as they want it, by their names.
func (w *World) Preferring(all map[string]Preferences) *World {
	if len(all) == 0 {
		return w
	}
	changed := *w
	changed.Agents = slices.Clone(w.Agents)
	for i, a := range changed.Agents {
		if p, ok := all[a.Name]; ok {
			changed.Agents[i] = p.Of(a)
		}
	}
	return &changed
}
