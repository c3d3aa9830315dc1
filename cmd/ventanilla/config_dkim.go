package main

// DKIMConfig is [dkim].
type DKIMConfig struct{}

// dkim checks [dkim].
func (k *configChecker) dkim(c *Config) {}
