package main

// IMAPConfig is [[imap]].
type IMAPConfig struct{}

// imap checks [[imap]].
func (k *configChecker) imap(c *Config) {}
