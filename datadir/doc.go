// Package datadir looks after the data folder: who may look into it, the key that seals the secrets in it, and the lock
// that keeps two programs from working on it at once.
package datadir
