package main

// OAuthConfig is [[oauth]].
type OAuthConfig struct{}

// oauth checks [[oauth]].
func (k *configChecker) oauth(c *Config) {}
