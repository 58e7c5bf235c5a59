// Package telemetry turns ThingPark's documents into what ThingsBoard keeps: telemetry entries and client attributes.
//
// The table, by a connection's settings:
//
//	sendMetadata           each member of the uplink is a key; other documents are not sent
//	sendRawDecodedFormat   each member of the uplink's payload is a key; where there is none, one key as ORIGINAL
//	MEASUREMENTS           rssi, snr, sf, fCntUp, fCntDn, fPort and the decoded measurements, nested ones flattened;
//	                       identifiers, name, model, tags and position become client attributes
//	ORIGINAL               one key named after the root, holding the whole object
//
// The first that is set counts. Documents that are no uplinks become one key named after the root in all but the first.
// A document about no device is the gateway's own telemetry.
//
// Values keep the digits they came with. A value that is null is left out, an object or array is a JSON value, a number
// that ThingPark wrote as a text goes out as a number where the member is numeric. What a driver decoded is not
// ThingPark's and stays as it is.
package telemetry
