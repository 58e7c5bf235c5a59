package main

import (
	"context"
	"errors"
	"syscall"

	"boardlink/connection"
	"boardlink/ingest"
	"boardlink/link"
	"boardlink/metrics"
)

func newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Options{Version: programVersion(), Refusals: ingest.RefusalReasons(), Results: link.Results(), Outcomes: link.Outcomes()})
}

// metricsFailure says what to do where the address for metrics cannot be had.
func metricsFailure(addr string, err error) error {
	f := connection.Fail(connection.CodeUnavailable, "Boardlink cannot serve its metrics on %s. Choose another address in BOARDLINK_METRICS_ADDR, for example 127.0.0.1:9464, or set it to off.", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		f = connection.Fail(connection.CodeUnavailable, "Another program listens on %s already, where Boardlink was to serve its metrics. Choose another address in BOARDLINK_METRICS_ADDR, for example 127.0.0.1:9464, or set it to off.", addr)
	}
	f.Err = err
	return f
}

// serveMetrics serves metrics where that is asked for, and returns how to stop it. That it ends by itself is logged and
// nothing more: uplinks go on.
func (a *application) serveMetrics() (stop func(context.Context) error) {
	if a.scrapes == nil {
		return func(context.Context) error { return nil }
	}
	server := a.metrics.NewServer(a.log)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := server.Serve(a.scrapes); err != nil {
			a.log.Error("Metrics are served no longer", "error", err)
		}
	}()
	a.log.Info("Metrics are served", "address", a.scrapes.Addr().String())
	return func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		<-served
		return err
	}
}
