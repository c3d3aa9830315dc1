package main

// WatchConfig is [watch].
type WatchConfig struct{}

// watch checks [watch].
func (k *configChecker) watch(c *Config) {}
