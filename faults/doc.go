// Package faults runs a whole Boardlink in one process against a ThingsBoard of package sandbox, lets things go wrong, and
// has package history decide whether its promise was kept. It is for tests and for the soak; nothing that ships imports
// it.
//
// A [World] has real files, a real queue, the real way in, real links and real sockets; between each link and its
// ThingsBoard stand two proxies that break on purpose. A test is short:
//
//	w := faults.New(t, faults.Options{Devices: 4})
//	w.Start()
//	feeder := w.Feed(50)
//	w.Until("some arrivals", 10*time.Second, func() bool { return w.Arrived() > 20 })
//	w.Links[0].MQTT().Reset()
//	feeder.Stop()
//	w.Finish(30 * time.Second)
//
// What is random comes from a seed, which a test that fails names; FAULTS_SEED=n makes the same choices again. Sockets
// and goroutines keep their own time, so that the run is like the first and not the same.
package faults
