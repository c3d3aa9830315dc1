package main

// ProbeConfig is [probe].
type ProbeConfig struct{}

// probe checks [probe].
func (k *configChecker) probe(c *Config) {}
