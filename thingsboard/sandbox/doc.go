// Package sandbox is an honest in-process ThingsBoard for demonstrations and tests: REST over HTTP or HTTPS and MQTT 3.1,
// 3.1.1 and 5.0 over TCP and TLS, on loopback, with a throw-away certificate authority made at start.
//
// It behaves as ThingsBoard CE 4.4 does at its edges, pleasant or not: a PUBACK says that the message was queued and
// nothing more, an empty array is never acknowledged, MQTT 3.1.1 acknowledges what it threw away, the gateway flag is read
// when the session opens, a sub-device falls silent after ten minutes. What a healthy server does not do every day is a
// switch in [Behaviour], changed at any moment with [Sandbox.Set].
//
// The MQTT packets are read and written by mochi-mqtt's codec. Its broker is not used: ThingsBoard is none (no retained
// messages, no wills, no routing between clients, no stored sessions; several sessions may share a client id), and
// every answer that matters here is one that a broker would not give.
//
// Two things are arranged for the sake of tests, and only these: with [Behaviour].StoreDelay zero, telemetry is in the
// store before its PUBACK is written, so that a test need not wait; and a changed password ends the account's tokens at
// once, where ThingsBoard compares whole seconds.
//
// Left out:
//   - the rule engine and rule chains, alarms, relations, assets, entity views, dashboards, the WebSocket API, audit logs
//   - more than one tenant; edges; the administration REST API; assigning devices over REST (see [Sandbox.Assign])
//   - completing a second factor, and the e-mail for a forgotten password
//   - persistent RPC over REST (refused with 400); the gateway's rename and delete notices are there
//   - the HTTP device API (/api/v1/{token}), CoAP, LwM2M, SNMP
//   - X.509 device authentication (such credentials can be stored and read), provisioning sessions, the ban of addresses
//   - protobuf payloads, Sparkplug, firmware topics, the short (v2) topic names
//   - the best-effort v1/gateway/disconnect reports that ThingsBoard writes to a socket it is already closing
//   - lenient JSON: what is not JSON by RFC 8259 is refused, where ThingsBoard's parser forgives some of it
//   - aggregation and intervals of time series (agg and interval are ignored), time to live, HTTP/2, gzip
//   - the monthly API usage; its refusals can be had by [Behaviour].ConnectCode and [Behaviour].Judge
package sandbox
