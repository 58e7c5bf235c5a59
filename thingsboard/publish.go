package thingsboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"boardlink/connection"
)

const (
	ackTimeout = 10 * time.Second
	// settleTime is how long a refusal waits to see whether the session survives it.
	settleTime = 500 * time.Millisecond
)

// Entry is one reading of a device.
type Entry struct {
	TS     int64           `json:"ts"`     // milliseconds since 1970
	Values json.RawMessage `json:"values"` // an object with at least one member
}

// ConnectDevice opens the session of a device within the gateway's (v1/gateway/connect). ThingsBoard makes the device
// where it knows none of that name, with the device profile; an existing one keeps its own. Commands for the device come
// only after this or another publish for it.
//
// Errors are those of [Session.Telemetry]. A session that ThingsBoard ends with 0x8B meanwhile was too fast.
func (s *Session) ConnectDevice(ctx context.Context, device, profile string) error {
	return s.publishFor(ctx, device, topicConnect, struct {
		Device string `json:"device"`
		Type   string `json:"type,omitempty"`
	}{device, profile})
}

// DisconnectDevice closes the session of a device within the gateway's (v1/gateway/disconnect), so that its next publish,
// or [Session.ConnectDevice], begins another. A device without one is no error.
//
// Errors are those of [Session.Telemetry].
func (s *Session) DisconnectDevice(ctx context.Context, device string) error {
	return s.publishFor(ctx, device, topicDisconnect, struct {
		Device string `json:"device"`
	}{device})
}

// Prove asks ThingsBoard something that changes nothing there, and returns nil once the question was acknowledged: the
// session is alive, and publishes on it are. It costs the gateway a message of its own, none of its devices'.
//
// Errors are those of [Session.Telemetry].
func (s *Session) Prove(ctx context.Context) error {
	err := s.publish(ctx, s.replies, topicOwnRPC+"2", json.RawMessage(questionLimits))
	var e *Error
	if errors.As(err, &e) && e.Reason != 0 && !e.SessionEnded {
		return nil // refused, and so heard
	}
	return err
}

// Telemetry sends readings of one device (v1/gateway/telemetry) at QoS 1 and waits for the PUBACK. It blocks while as
// many publishes wait as the server's limit allows. Nil means that ThingsBoard has taken them into its queue; sending
// the same timestamps again does no harm.
//
// Every other outcome is an error, and the readings are to be sent again: an [*Error] by the PUBACK's reason code, by
// the end of the session, or for want of a PUBACK within 10 s (which ends the session); ctx's error where ctx ended
// first, with the outcome unknown. See [Error.SessionEnded] for how a refusal that ends the session is told from one
// that does not. What can be seen to be refused is not sent: too_large over 60 KiB, payload_refused without a value.
func (s *Session) Telemetry(ctx context.Context, device string, entries []Entry) error {
	if err := checkEntries(entries); err != nil {
		return err
	}
	return s.publishFor(ctx, device, topicTelemetry, map[string][]Entry{device: entries})
}

// GatewayTelemetry sends readings of the gateway device itself (v1/devices/me/telemetry). Otherwise it is as
// [Session.Telemetry].
func (s *Session) GatewayTelemetry(ctx context.Context, entries []Entry) error {
	if err := checkEntries(entries); err != nil {
		return err
	}
	return s.publish(ctx, s.data, topicOwnTelemetry, entries)
}

// Attributes sets client-side attributes of one device (v1/gateway/attributes). Otherwise it is as [Session.Telemetry].
func (s *Session) Attributes(ctx context.Context, device string, values map[string]any) error {
	if len(values) == 0 {
		return nothingToSend()
	}
	return s.publishFor(ctx, device, topicAttributes, map[string]map[string]any{device: values})
}

// Reply answers a command (v1/gateway/rpc); data is any JSON, nil stands for an empty object. An empty device answers a
// command to the gateway itself. Answers do not wait behind telemetry.
func (s *Session) Reply(ctx context.Context, device string, id int64, data any) error {
	if data == nil {
		data = struct{}{}
	}
	if device == "" {
		return s.publish(ctx, s.replies, topicOwnRPCAnswer+strconv.FormatInt(id, 10), data)
	}
	return s.publish(ctx, s.replies, topicRPC, struct {
		Device string `json:"device"`
		ID     int64  `json:"id"`
		Data   any    `json:"data"`
	}{device, id, data})
}

// publishFor refuses a device without a name, for which ThingsBoard would close the session.
func (s *Session) publishFor(ctx context.Context, device, topic string, body any) error {
	if device == "" || len(device) > 255 {
		return &Error{Code: connection.ReasonBadPayload, Kind: Poison, Message: "The device's name is empty or longer than 255 bytes; ThingsBoard takes neither."}
	}
	return s.publish(ctx, s.data, topic, body)
}

// checkEntries refuses what ThingsBoard would never acknowledge: an empty list, a reading without values.
func checkEntries(entries []Entry) error {
	if len(entries) == 0 {
		return nothingToSend()
	}
	for _, e := range entries {
		values := bytes.TrimLeft(e.Values, " \t\r\n")
		if len(values) == 0 || values[0] != '{' || bytes.HasPrefix(bytes.TrimLeft(values[1:], " \t\r\n"), []byte("}")) {
			return nothingToSend()
		}
	}
	return nil
}

func nothingToSend() *Error {
	return &Error{Code: connection.ReasonBadPayload, Kind: Poison, Message: "There is no value to send to ThingsBoard."}
}

// publish sends body at QoS 1 and waits for its PUBACK. window bounds how many wait at once.
func (s *Session) publish(ctx context.Context, window chan struct{}, topic string, body any) error {
	payload, err := encode(body)
	if err != nil {
		return &Error{Code: connection.ReasonBadPayload, Kind: Poison, Message: "The event cannot be written as JSON.", Err: err}
	}
	if len(payload) > s.limits.MaxPayload {
		return &Error{
			Code: connection.ReasonTooLarge, Kind: Poison,
			Message: fmt.Sprintf("The event has %d bytes; ThingsBoard takes %d over MQTT.", len(payload), s.limits.MaxPayload),
		}
	}
	select {
	case window <- struct{}{}:
		defer func() { <-window }()
	case <-s.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.over() { // before, or while the window was full
		e := s.endError()
		e.Unsent = true
		return e
	}
	return s.send(ctx, topic, payload)
}

// send publishes and judges the outcome.
func (s *Session) send(ctx context.Context, topic string, payload []byte) error {
	if topic == topicConnect {
		s.opening.Add(1)
		defer s.opening.Add(-1)
	}
	publishCtx, cancel := s.whileOpen(ctx)
	defer cancel()
	answer, err := s.client.Publish(publishCtx, &paho.Publish{Topic: topic, QoS: 1, Payload: payload})
	switch {
	case answer != nil:
		s.seen()
		return s.acknowledged(answer)
	case s.over(): // also where ctx ended for that reason
		return s.endError()
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, paho.ErrInvalidArguments): // the server allows QoS 0 only
		return fail(connection.ReasonProtocol, Config, s.endpoint.String(), err)
	case errors.Is(err, context.DeadlineExceeded):
		s.end(fail(connection.ReasonNoAck, Transient, s.endpoint.String(), err))
		return s.endError()
	}
	if ended := s.endedSoon(); ended != nil {
		return ended
	}
	s.end(fail(connection.ReasonConnectionLost, Transient, s.endpoint.String(), err))
	return s.endError()
}

// acknowledged reads a PUBACK.
func (s *Session) acknowledged(answer *paho.PublishResponse) error {
	if _, refused := pubackVerdict(answer.ReasonCode, false); !refused {
		return nil
	}
	ended := s.endedSoon() != nil
	v, _ := pubackVerdict(answer.ReasonCode, ended)
	words := ""
	if answer.Properties != nil {
		words = answer.Properties.ReasonString
	}
	e := mqttError(s.endpoint.String(), v, "PUBACK", answer.ReasonCode, words, s.secrets)
	e.SessionEnded = ended
	return e
}

// encode writes JSON without the escapes that only HTML needs.
func encode(body any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
