package thingsboard

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

const (
	defaultInflight = 100      // thingsboard.yml, transport.mqtt.msg_queue_size_per_device_limit
	maxPayload      = 60 << 10 // of the server's 64 KiB a packet, with room for what stands around the payload
	topicRoom       = 256      // topic, packet id and properties of a publish, generously
	limitsTimeout   = 5 * time.Second
	questionLimits  = `{"method":"getSessionLimits","params":{}}`
)

// Rate is a number of things in a span; a token bucket at ThingsBoard (TbRateLimits.java).
type Rate struct {
	Count int
	Per   time.Duration
}

// Limits are what ThingsBoard allows one session of the gateway. Without a list of rates there is no limit known.
type Limits struct {
	MaxPayload  int // of a publish, in bytes; at most 60 KiB
	MaxInflight int // publishes without a PUBACK, answers to commands included
	// Messages and so on are for all devices of the gateway together. Each device in a publish is one message; with
	// telemetry it counts as a telemetry message, and each value as a data point.
	Messages, TelemetryMessages, DataPoints []Rate
	// Announced says that the server named them; otherwise they are defaults.
	Announced bool
}

func defaultLimits() Limits { return Limits{MaxPayload: maxPayload, MaxInflight: defaultInflight} }

// Limits are the session's limits. They do not change while it lasts.
func (s *Session) Limits() Limits {
	l := s.limits
	l.Messages, l.TelemetryMessages, l.DataPoints = slices.Clone(l.Messages), slices.Clone(l.TelemetryMessages), slices.Clone(l.DataPoints)
	return l
}

// askLimits asks the server for the session's limits and takes defaults where it does not answer: older servers hand
// the question to the rule chain (DeviceApi getSessionLimits, MqttTransportHandler.java). Only the end of the session
// or of ctx is an error.
func (s *Session) askLimits(ctx context.Context) error {
	timer := time.NewTimer(limitsTimeout)
	defer timer.Stop()
	outcome := make(chan error, 1)
	asked := (<-chan error)(outcome)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		answer, err := s.client.Publish(ctx, &paho.Publish{
			Topic: topicOwnRPC + "1", QoS: 1, Payload: []byte(questionLimits),
		})
		if answer != nil {
			err = nil // refused: an older server, the defaults hold
		}
		outcome <- err
	}()
	for {
		select {
		case payload := <-s.limitsAnswer:
			s.limits.read(payload)
			return nil
		case err := <-asked:
			if err != nil {
				return err
			}
			asked = nil
		case <-timer.C:
			s.log.Debug("The server did not tell its session limits")
			return nil
		case <-s.done:
			return s.endError()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// read takes the server's answer; what is missing or makes no sense leaves the defaults.
func (l *Limits) read(payload []byte) {
	type rates struct {
		Messages          string `json:"messages"`
		TelemetryMessages string `json:"telemetryMessages"`
		DataPoints        string `json:"telemetryDataPoints"`
	}
	var answer struct {
		MaxPayloadSize      int    `json:"maxPayloadSize"`
		MaxInflightMessages int    `json:"maxInflightMessages"`
		Rates               rates  `json:"rateLimits"`
		Gateway             *rates `json:"gatewayRateLimits"`
	}
	if json.Unmarshal(payload, &answer) != nil {
		return
	}
	l.Announced = true
	if n := answer.MaxPayloadSize; n > topicRoom {
		l.MaxPayload = min(l.MaxPayload, n-topicRoom)
	}
	if n := answer.MaxInflightMessages; n > 0 {
		l.MaxInflight = min(l.MaxInflight, n)
	}
	if answer.Gateway != nil { // covers what the devices behind the gateway send; rateLimits is its own traffic
		l.Messages = parseRates(answer.Gateway.Messages)
		l.TelemetryMessages = parseRates(answer.Gateway.TelemetryMessages)
		l.DataPoints = parseRates(answer.Gateway.DataPoints)
	}
}

// parseRates reads "20:1,600:60": twenty in a second and six hundred in a minute.
func parseRates(s string) (rates []Rate) {
	for _, pair := range strings.Split(s, ",") {
		count, seconds, ok := strings.Cut(strings.TrimSpace(pair), ":")
		n, errN := strconv.Atoi(count)
		per, errPer := strconv.Atoi(seconds)
		if ok && errN == nil && errPer == nil && n > 0 && per > 0 && per <= 366*24*3600 {
			rates = append(rates, Rate{n, time.Duration(per) * time.Second})
		}
	}
	return rates
}
