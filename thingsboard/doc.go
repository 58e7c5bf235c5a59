// Package thingsboard speaks to ThingsBoard: its REST API to sign in and to find the gateway device, and its MQTT 5
// gateway API to send telemetry and to take commands. ThingsBoard's answers become reason codes of package connection
// here and nowhere else.
//
// A link uses it in this order:
//
//	client, err := thingsboard.NewClient(account, options)
//	defer client.Close()
//	err = client.Locate(ctx)                      // find the REST API, given only host:port
//	user, err := client.SignIn(ctx)               // present the password, once
//	gateway, err := client.Gateway(ctx, name, id) // find or create the gateway device, read its credentials
//	endpoints, err := client.MQTTEndpoints(ctx, gateway)
//	session, err := client.Connect(ctx, endpoints[0], gateway) // and the next one where this one fails
//	defer session.Close(ctx)
//
// # Why MQTT 5
//
// On MQTT 3.1.1 ThingsBoard acknowledges messages that it has thrown away, because a PUBACK without a reason code reads
// as success (AbstractGatewaySessionHandler.java, processFailure). On MQTT 5 the PUBACK carries the reason. This package
// therefore speaks nothing else, sends one device a publish, and waits for each PUBACK before it says nil. The MQTT
// library's own retry store is not used: what was not acknowledged is the caller's to send again.
//
// # Errors
//
// Everything that went wrong at the peer or on the way is an [*Error]. Its message is a sentence for people; it holds
// the peer's own text only where that is bounded, cleaned, and holds none of the secrets in use.
//
// ThingsBoard uses PUBACK 0x97 for two things: "no more devices", with the session left open, and "too fast", with the
// connection closed right after, without a DISCONNECT. [Session.Telemetry] and its sisters therefore wait a moment after
// a refusal to see whether the session survives it. [Error.SessionEnded] says how that came out; where it is true,
// [Session.Done] is closed.
package thingsboard
