package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
)

func TestExample_of_each_way_stands_in_the_form(t *testing.T) {
	doc := page(t, newConsole(t).Operator(access.RoleOperator).Get("/connections/new?type="+connection.ConnectorID), http.StatusOK)
	for way, key := range map[string]string{"original": `"DevEUI_uplink"`, "metadata": `"LrrRSSI"`, "decoded": `"batteryVoltage"`, "measurements": `"position_moving"`} {
		if said := doc.Find(".example-" + way + " .document").First().Text(); !strings.Contains(said, key) {
			t.Errorf("%s: the telemetry reads %s", way, said)
		}
	}
	if doc.Find(".example-measurements .document").Length() != 2 || doc.Find(".example-original .document").Length() != 1 {
		t.Error("the attributes stand where there are none, or do not where there are")
	}
}

func TestExample_of_the_stored_settings_stands_by_them(t *testing.T) {
	_, doc := card(t, opened(), func(c *connection.Connection) { c.Configuration.SendRawDecodedFormat = true })
	if said := doc.Find(".advanced-card .examples .document").First().Text(); !strings.Contains(said, `"batteryVoltage": 3.85`) || strings.Contains(said, "LrrRSSI") {
		t.Errorf("the telemetry reads %s", said)
	}
}
