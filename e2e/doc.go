// Package e2e holds journeys through the whole program: the real binary, a real Chromium, a ThingsBoard sandbox over
// real sockets, and Mosquitto as a broker that knows nothing of us. They are built with the tag e2e; `make e2e` runs
// them.
package e2e
