package main

import (
	"io"
	"log/slog"
	"testing"

	"boardlink/config"
	"boardlink/connection"
)

// Loopback that was listed for a ThingsBoard on this machine opens neither the console nor the metrics to whoever may
// type an address, not even to a test of a connection.
func TestApplication_is_never_sent_to_its_own_listeners(t *testing.T) {
	cfg, err := config.Load([]string{"--data", t.TempDir(), "--addr", "127.0.0.1:0"},
		[]string{"BOARDLINK_ALLOW_HOSTS=127.0.0.0/8,localhost,::1", "BOARDLINK_METRICS_ADDR=127.0.0.1:0"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	a, err := assemble(t.Context(), cfg, slog.New(slog.DiscardHandler), surroundings{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.release()
	for name, c := range map[string]func(*connection.Configuration){
		"the console as hostName": func(c *connection.Configuration) { c.HostName = a.listener.Addr().String() },
		"the metrics as hostName": func(c *connection.Configuration) { c.HostName = a.scrapes.Addr().String() },
		"the metrics as restUrl": func(c *connection.Configuration) {
			c.HostName, c.RestURL, c.Protocol = "thingsboard.example.com:443", "http://"+a.scrapes.Addr().String(), connection.ProtocolTCP
		},
	} {
		t.Run(name, func(t *testing.T) {
			row := connection.Connection{ConnectorID: connection.ConnectorID, Name: "North", Configuration: connection.DefaultConfiguration()}
			row.Configuration.Username, row.Configuration.Password = "tenant@example.com", "secret"
			c(&row.Configuration)
			report, err := a.operations.Try(t.Context(), "ann@example.com", row, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range report.Steps {
				if step.Outcome == connection.OutcomeFailed {
					if step.ReasonCode != connection.ReasonAddress {
						t.Errorf("%+v", step)
					}
					return
				}
			}
			t.Errorf("nothing was refused: %+v", report)
		})
	}
}
