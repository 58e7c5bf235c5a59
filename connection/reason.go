package connection

// ReasonCode names why a link is in its state, or why a thing was refused. Codes are for programs and never change
// their meaning; the sentence and the hint are for people.
type ReasonCode string

// The reason codes. Their hints stand in [Reasons].
const (
	ReasonNone         ReasonCode = ""
	ReasonStarting     ReasonCode = "starting"
	ReasonConnected    ReasonCode = "connected"
	ReasonRestart      ReasonCode = "restart_requested"
	ReasonEdited       ReasonCode = "settings_changed"
	ReasonDeactivated  ReasonCode = "deactivated_by_operator"
	ReasonStopped      ReasonCode = "stopped" // the program is going down
	ReasonDeleted      ReasonCode = "deleted"
	ReasonGivenUp      ReasonCode = "strategy_exhausted"
	ReasonNotDelivered ReasonCode = "nothing_delivered" // AGGRESSIVE's restart

	ReasonDNSNotFound ReasonCode = "dns_nxdomain"
	ReasonDNSTimeout  ReasonCode = "dns_timeout"
	ReasonTCPRefused  ReasonCode = "tcp_refused"
	ReasonTCPTimeout  ReasonCode = "tcp_timeout"
	ReasonTCPFailed   ReasonCode = "tcp_failed"
	ReasonAddress     ReasonCode = "address_not_allowed"

	ReasonTLSUnknownCA  ReasonCode = "tls_unknown_ca"
	ReasonTLSExpired    ReasonCode = "tls_expired"
	ReasonTLSName       ReasonCode = "tls_name"
	ReasonTLSNotOffered ReasonCode = "tls_not_offered"
	ReasonTLSFailed     ReasonCode = "tls_failed"

	ReasonNotThingsBoard ReasonCode = "not_thingsboard"
	ReasonServerError    ReasonCode = "server_error"
	ReasonRateLimited    ReasonCode = "rate_429"
	ReasonTimeout        ReasonCode = "timeout"
	ReasonProtocol       ReasonCode = "protocol_error"

	ReasonAuthRefused  ReasonCode = "auth_401"
	ReasonAuthDisabled ReasonCode = "auth_disabled"
	ReasonAuthExpired  ReasonCode = "auth_expired"
	ReasonAuth2FA      ReasonCode = "auth_2fa"
	ReasonAuthSysAdmin ReasonCode = "auth_sys_admin"
	ReasonNoTryLeft    ReasonCode = "auth_no_try_left" // of a test: the stored credentials were refused too often
	ReasonTooManyTries ReasonCode = "auth_wait"        // of a test: this account was refused too often lately
	ReasonNoGateway    ReasonCode = "no_gateway"       // a customer user sees no gateway device
	ReasonPermission   ReasonCode = "perm_authority"
	ReasonQuota        ReasonCode = "quota"

	ReasonGatewayCredentials ReasonCode = "gateway_credentials" // of a kind that this link cannot present
	ReasonMQTTRefused        ReasonCode = "mqtt_refused"
	ReasonMQTTNotFound       ReasonCode = "mqtt_not_found"
	ReasonConflict           ReasonCode = "conflict" // session taken over: another client uses the gateway's token
	ReasonConnectionLost     ReasonCode = "connection_lost"
	ReasonNoAck              ReasonCode = "no_puback"
	ReasonThrottled          ReasonCode = "throttled"
	ReasonDegraded           ReasonCode = "degraded"
	ReasonDeviceLimit        ReasonCode = "device_limit"
	ReasonBadPayload         ReasonCode = "payload_refused"
	ReasonTooLarge           ReasonCode = "too_large"
	ReasonRefused            ReasonCode = "refused"
	ReasonInternal           ReasonCode = "internal_error"
)

// ReasonText is what people read for a reason code.
type ReasonText struct {
	Sentence string // where nothing better is known of the case at hand
	Hint     string // what to try; empty where nothing needs doing
}

// Text returns what people read for the code.
func (c ReasonCode) Text() ReasonText {
	if t, ok := Reasons[c]; ok {
		return t
	}
	return ReasonText{Sentence: "The link stopped for a reason it does not know.", Hint: "Look at the latest events, then restart the connection."}
}

// Reasons is the one catalogue of reasons that API, console and documents share.
var Reasons = map[ReasonCode]ReasonText{
	ReasonNone:         {"Not started yet.", ""},
	ReasonStarting:     {"The link is starting.", ""},
	ReasonConnected:    {"Connected to ThingsBoard.", ""},
	ReasonRestart:      {"A restart was asked for.", ""},
	ReasonEdited:       {"The settings were changed.", ""},
	ReasonDeactivated:  {"This connection is not active.", "Activate it to let its uplinks go out again; they wait in the queue until then."},
	ReasonStopped:      {"Boardlink is going down.", ""},
	ReasonDeleted:      {"The connection was deleted.", ""},
	ReasonGivenUp:      {"The reconnect strategy has come to its end.", "Restart the connection once ThingsBoard can be reached again, or choose the strategy 'Normal', which never gives up."},
	ReasonNotDelivered: {"Uplinks came in during the last hour and none was delivered, so the link restarts.", ""},

	ReasonDNSNotFound: {"The domain name does not exist.", "Check the spelling of the Domain Name."},
	ReasonDNSTimeout:  {"The name server did not answer.", "Check the name server of the machine that runs Boardlink."},
	ReasonTCPRefused:  {"The host refused the connection.", "Check the port: 443 for ThingsBoard's web address, 8883 or 1883 for MQTT. Is ThingsBoard running?"},
	ReasonTCPTimeout:  {"The host did not answer in time.", "A firewall may drop the packets: allow the address of the machine that runs Boardlink."},
	ReasonTCPFailed:   {"The host cannot be reached.", "Check the network between Boardlink and ThingsBoard."},
	ReasonAddress:     {"Boardlink may not connect to this address.", "An administrator can allow it with BOARDLINK_ALLOW_HOSTS."},

	ReasonTLSUnknownCA:  {"The certificate is signed by an authority that is not trusted here.", "Add the authority's certificate to the connection under CA certificate."},
	ReasonTLSExpired:    {"The certificate is outside its time of validity.", "Renew the certificate of the ThingsBoard server, and check the clock of this machine."},
	ReasonTLSName:       {"The certificate belongs to another name.", "Use the name that the certificate bears as Domain Name."},
	ReasonTLSNotOffered: {"The port speaks without TLS.", "Use the TLS port, or set the protocol to TCP to send everything, the password too, in clear."},
	ReasonTLSFailed:     {"The TLS handshake failed.", "Check that the port speaks TLS 1.2 or newer."},

	ReasonNotThingsBoard: {"The host answers, but it is not ThingsBoard.", "Check Domain Name; a proxy or sign-in page may stand before ThingsBoard. REST address can name it directly."},
	ReasonServerError:    {"ThingsBoard answered with an error of its own.", "Look at ThingsBoard's log; the link tries again by itself."},
	ReasonRateLimited:    {"ThingsBoard answered that there were too many requests.", "The link tries again by itself; raise the REST limits of the tenant profile if it stays."},
	ReasonTimeout:        {"ThingsBoard did not answer in time.", "Check the load of the ThingsBoard server; the link tries again by itself."},
	ReasonProtocol:       {"ThingsBoard answered in a way that was not understood.", "Check that Domain Name leads to ThingsBoard and not to a proxy."},

	ReasonAuthRefused:  {"ThingsBoard refused the e-mail or the password.", "Correct Username or Password. Tries are few on purpose: ThingsBoard disables an account after too many."},
	ReasonAuthDisabled: {"The ThingsBoard account is disabled or locked.", "Ask the ThingsBoard administrator to activate the account, then choose Retry now."},
	ReasonAuthExpired:  {"The password of the ThingsBoard account has expired.", "Set a new password in ThingsBoard, then edit Password here."},
	ReasonAuth2FA:      {"The account asks for a second factor, which a link cannot give.", "Use a service account without two-factor authentication."},
	ReasonAuthSysAdmin: {"The account is a system administrator, who owns no devices.", "Use a tenant administrator's account."},
	ReasonNoTryLeft:    {"ThingsBoard refused these credentials before, and no try is left.", "Correct Username or Password; or, once the account works again, choose Retry now, which allows one more try."},
	ReasonTooManyTries: {"ThingsBoard refused this account several times within the last ten minutes.", "Wait ten minutes before the next test: ThingsBoard disables an account after too many refusals."},
	ReasonNoGateway:    {"The account is a customer user and sees no gateway device.", "Ask a tenant administrator to assign a device marked as gateway to this customer, or use a tenant administrator's account."},
	ReasonPermission:   {"The account may not do what the link needs.", "Use a tenant administrator's account."},
	ReasonQuota:        {"The tenant's limit of devices is reached.", "Raise the limit in the tenant profile, or remove devices that are no longer used."},

	ReasonGatewayCredentials: {"The gateway device uses credentials that a link cannot present.", "Give the gateway device an access token or MQTT basic credentials in ThingsBoard."},
	ReasonMQTTRefused:        {"ThingsBoard refused the gateway device's MQTT session.", "The link reads the gateway's credentials anew at the next try."},
	ReasonMQTTNotFound:       {"No MQTT endpoint of ThingsBoard was found.", "Enable MQTT in ThingsBoard's device connectivity settings, or set MQTT host."},
	ReasonConflict:           {"Another client uses the same gateway device; ThingsBoard closed this session.", "Stop the other client: a gateway's token serves one session only."},
	ReasonConnectionLost:     {"The connection to ThingsBoard was lost.", "The link connects again by itself."},
	ReasonNoAck:              {"ThingsBoard did not acknowledge in time.", "Check the load of the ThingsBoard server; the link connects again by itself."},
	ReasonThrottled:          {"ThingsBoard limits the rate; the link slows down.", "Raise the rate limits of the tenant profile if the backlog grows."},
	ReasonDegraded:           {"The link is open, but ThingsBoard refuses some of what it sends.", "Look at the latest events of this connection."},
	ReasonDeviceLimit:        {"ThingsBoard does not accept another device.", "Raise the limit of devices in the tenant profile; the device's uplinks wait."},
	ReasonBadPayload:         {"ThingsBoard refused the content of the event.", "Look at the document; retry it after changing the telemetry settings, or drop it."},
	ReasonTooLarge:           {"The event is larger than ThingsBoard takes over MQTT.", "Send less with each uplink: choose the telemetry format 'Measurements'."},
	ReasonRefused:            {"ThingsBoard refused the event.", "Look at ThingsBoard's log for the device."},
	ReasonInternal:           {"Boardlink made a mistake of its own.", "Please report it with the lines of the log around this time."},
}
