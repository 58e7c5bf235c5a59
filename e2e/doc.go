// Package e2e holds journeys through the whole program: the real binary, a real Chromium, a ThingsBoard sandbox over
// real sockets. They are built with the tag e2e; `make e2e` runs them.
package e2e
