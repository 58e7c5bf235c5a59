package thingsboard

import (
	"fmt"

	"github.com/eclipse/paho.golang/packets"

	"boardlink/connection"
)

// verdict is what an MQTT reason code means here.
type verdict struct {
	code connection.ReasonCode
	kind Kind
}

// connackVerdict judges a refused CONNECT (ReturnCodeResolver.java). A refused user name or client id is no refused
// account: the credentials are the gateway device's, the next try reads them anew, and nobody is locked out.
func connackVerdict(reason byte) verdict {
	switch reason {
	case packets.ConnackInvalidClientID, packets.ConnackBadUsernameOrPassword, packets.ConnackNotAuthorized:
		return verdict{connection.ReasonMQTTRefused, Transient}
	case packets.ConnackBanned, packets.ConnackBadAuthenticationMethod:
		return verdict{connection.ReasonMQTTRefused, Config}
	case packets.ConnackQuotaExceeded, packets.ConnackConnectionRateExceeded:
		return verdict{connection.ReasonThrottled, Throttled}
	case packets.ConnackUnspecifiedError, packets.ConnackImplementationSpecificError, packets.ConnackServerUnavailable,
		packets.ConnackServerBusy, packets.ConnackUseAnotherServer:
		return verdict{connection.ReasonServerError, Transient}
	}
	return verdict{connection.ReasonProtocol, Config} // 0x84: the server does not speak MQTT 5
}

// disconnectVerdict judges why the server ended a session (MqttTransportHandler.java, closeCtx and its callers).
func disconnectVerdict(reason byte) verdict {
	switch reason {
	case packets.DisconnectSessionTakenOver:
		return verdict{connection.ReasonConflict, Conflict}
	case packets.DisconnectAdministrativeAction, packets.DisconnectNotAuthorized: // credentials changed, device deleted
		return verdict{connection.ReasonMQTTRefused, Transient}
	case packets.DisconnectQuotaExceeded, packets.DisconnectMessageRateTooHigh, packets.DisconnectConnectionRateExceeded,
		packets.DisconnectReceiveMaximumExceeded:
		return verdict{connection.ReasonThrottled, Throttled}
	case packets.DisconnectMalformedPacket, packets.DisconnectProtocolError, packets.DisconnectPacketTooLarge, packets.DisconnectPayloadFormatInvalid:
		return verdict{connection.ReasonProtocol, Transient}
	case packets.DisconnectServerBusy, packets.DisconnectUnspecifiedError:
		return verdict{connection.ReasonServerError, Transient}
	}
	return verdict{connection.ReasonConnectionLost, Transient} // 0x8B shutting down, 0x83 ten minutes of silence, and others
}

// pubackVerdict judges a refused publish on a gateway topic (AbstractGatewaySessionHandler.java, processFailure). What
// some codes mean depends on whether the session survives them; ok is false for a success.
func pubackVerdict(reason byte, ended bool) (v verdict, ok bool) {
	switch {
	case reason == packets.PubackNoMatchingSubscribers:
		// An ordinary broker took it and had nobody to give it to; ThingsBoard never says this.
		return verdict{connection.ReasonNotThingsBoard, Config}, true
	case reason < 0x80:
		return verdict{}, false
	}
	switch reason {
	case packets.PubackQuotaExceeded:
		if ended {
			return verdict{connection.ReasonThrottled, Throttled}, true // rate limit or monthly quota
		}
		return verdict{connection.ReasonDeviceLimit, Device}, true
	case packets.PubackUnspecifiedError:
		if ended {
			return verdict{connection.ReasonServerError, Transient}, true // the server's queue failed
		}
		return verdict{connection.ReasonRefused, Device}, true // the device could not be made
	case packets.PubackPayloadFormatInvalid, packets.PubackImplementationSpecificError:
		return verdict{connection.ReasonBadPayload, Poison}, true
	case packets.PubackNotAuthorized:
		return verdict{connection.ReasonPermission, Config}, true
	case packets.PubackTopicNameInvalid:
		return verdict{connection.ReasonNotThingsBoard, Config}, true
	case packets.PubackPacketIdentifierInUse:
		return verdict{connection.ReasonProtocol, Transient}, true
	}
	return verdict{connection.ReasonRefused, Device}, true
}

// mqttError makes the error of a verdict, with the reason code as people look it up and the peer's own words.
func mqttError(place string, v verdict, packet string, reason byte, words string, secrets []connection.Secret) *Error {
	e := fail(v.code, v.kind, place, nil)
	if packet == "CONNACK" && reason == packets.ConnackUnsupportedProtocolVersion {
		e.Message = at(place, "The server does not speak MQTT 5, without which it cannot say what it refused.")
	}
	e.Message = told(fmt.Sprintf("%s (%s 0x%02X)", e.Message, packet, reason), words, secrets)
	e.Reason, e.Err = reason, fmt.Errorf("MQTT %s with reason code 0x%02X", packet, reason)
	return e
}
