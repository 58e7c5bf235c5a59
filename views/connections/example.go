package connections

import "boardlink/connection"

// lastOfTelemetry is the setting after which the form shows what the settings so far make of an uplink.
const lastOfTelemetry = "sendRawDecodedFormat"

// Way is one way of writing telemetry. Name is what the stylesheet knows it by.
type Way struct {
	Name string
	Of   func(connection.Configuration) connection.Configuration
}

// Ways lists them all. The first setting that is on counts, in the order metadata, decoded, measurements.
var Ways = []Way{
	{"measurements", func(c connection.Configuration) connection.Configuration {
		c.TelemetryFormat = connection.FormatMeasurements
		return c
	}},
	{"original", func(c connection.Configuration) connection.Configuration { return c }},
	{"metadata", func(c connection.Configuration) connection.Configuration {
		c.SendMetadata = true
		return c
	}},
	{"decoded", func(c connection.Configuration) connection.Configuration {
		c.SendRawDecodedFormat = true
		return c
	}},
}
