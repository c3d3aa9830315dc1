package main

// BackupConfig is [[backup_smarthost]].
type BackupConfig struct{}

// backup checks [[backup_smarthost]].
func (k *configChecker) backup(c *Config) {}
