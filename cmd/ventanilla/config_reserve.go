package main

// ReserveConfig is [[reserve]].
type ReserveConfig struct{}

// reserve checks [[reserve]].
func (k *configChecker) reserve(c *Config) {}
