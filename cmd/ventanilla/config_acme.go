package main

// ACMEConfig is [acme].
type ACMEConfig struct{}

// acme checks [acme].
func (k *configChecker) acme(c *Config) {}
