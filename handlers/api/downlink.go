package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"boardlink/connection"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
)

const downlinkPath = "/connections/{id}/downlinks"

// queued answers a downlink that ThingPark took.
type queued struct {
	Body struct {
		Status        string `json:"status" enum:"queued" doc:"ThingPark has it. A class A device is sent to after it was heard."`
		CorrelationID string `json:"correlationId" example:"0102030405060708" doc:"By which ThingPark's delivery report is recognised."`
	}
}

// downlink serves a downlink that is sent by hand.
func (a *api) downlink(ctx context.Context, c *call) (*queued, error) {
	id, err := c.known(ctx, a)
	if err != nil {
		return nil, err
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	devEUI, params, err := decodeDownlink(body)
	if err != nil {
		return nil, err
	}
	p, err := a.operations.SendDownlink(ctx, c.actor(), id, devEUI, params)
	if err != nil {
		return nil, err
	}
	if p.State != connection.CommandQueued {
		return nil, unposted(p)
	}
	out := &queued{}
	out.Body.Status, out.Body.CorrelationID = string(p.State), p.CorrelationID
	return out, nil
}

// unposted tells apart what became of a downlink that is not queued: ThingPark's no is about the request, all else about
// the way to it.
func unposted(p connection.Posting) error {
	status := http.StatusBadGateway
	if p.State == connection.CommandRefused {
		status = http.StatusUnprocessableEntity
	}
	problem := web.NewProblem(status, p.Sentence)
	problem.Code, problem.Outcome, problem.CorrelationID = p.Code, string(p.State), p.CorrelationID
	return problem
}

// decodeDownlink takes the device's name off a body; the rest is the command.
func decodeDownlink(body []byte) (devEUI string, params json.RawMessage, err error) {
	raw, err := parse(body)
	if err != nil {
		return "", nil, err
	}
	list, err := members(raw)
	if err != nil {
		return "", nil, err
	}
	rest := strings.Builder{}
	for _, m := range list {
		if m.name == "devEUI" {
			text, ok := asText(m.raw)
			if !ok && !isNull(m.raw) || ok && !isDevEUI(text) {
				return "", nil, wrong("devEUI", "Give the DevEUI of the device, 16 hexadecimal digits in quotes.", exampleDevice)
			}
			devEUI = text
			continue
		}
		if rest.Len() > 0 {
			rest.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return "", nil, fmt.Errorf("write a command: %w", err)
		}
		rest.Write(name)
		rest.WriteByte(':')
		rest.Write(m.raw)
	}
	return devEUI, json.RawMessage("{" + rest.String() + "}"), nil
}

const exampleDevice = "20635F0108000E09"

// describeDownlink registers downlinks by hand.
func (a *api) describeDownlink() {
	op := a.operation("send-downlink", http.MethodPost, downlinkPath, "Send a downlink to a device", pathID())
	op.DefaultStatus = http.StatusOK
	op.Description = "Posts a command to ThingPark and answers with what ThingPark said, within 8 seconds. Whether the link to ThingsBoard is open does not matter. " +
		"The body names the device and holds the command as ThingsBoard's RPC \"downlink\" takes it, or the whole DevEUI_downlink document. " +
		"200 says that ThingPark queued it; its delivery report follows, and settles the command in the device's page and the events. " +
		"Where it is not queued, the problem document's member outcome says what is known: refused (422, by ThingPark; sending it again changes nothing), " +
		"not_sent (502, it never left and may be sent again), unknown (502, it may be queued; do not send it again without looking). " +
		"409: downlinks are switched off or not configured, or the connection is deactivated. 503: too many are under way; nothing was sent."
	op.Metadata = map[string]any{takes: a.downlinkBody}
	problem := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[web.Problem](), true, "Problem")
	for status, p := range map[int]connection.Posting{
		http.StatusUnprocessableEntity: {State: connection.CommandRefused, Code: "refused", CorrelationID: exampleCorrelation, Sentence: "ThingPark refused the downlink (350): Invalid DevEUI."},
		http.StatusBadGateway:          {State: connection.CommandUnknown, Code: "unknown", CorrelationID: exampleCorrelation, Sentence: "ThingPark did not answer; whether the downlink was queued is not known."},
	} {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: "The downlink was not queued, or wrong fields; outcome tells them apart.",
			Content:     map[string]*huma.MediaType{web.ProblemType: {Schema: problem, Example: unposted(p)}},
		}
	}
	handle(a, a.once(op), commands, a.downlink)
}

const exampleCorrelation = "0102030405060708"

// downlinkBody describes a command. The rules that count are those of the operation.
func (a *api) downlinkBody() *huma.RequestBody {
	hex := &huma.Schema{Type: huma.TypeString, Pattern: "^([0-9A-Fa-f]{2})*$", Description: "The payload, at most 242 bytes."}
	least, most := 1.0, float64(connection.MaxFPort)
	flag := func(description string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeInteger, Enum: []any{0, 1}, Description: description}
	}
	body := jsonBody(&huma.Schema{
		Type: huma.TypeObject,
		Properties: map[string]*huma.Schema{
			"devEUI":             {Type: huma.TypeString, Pattern: "^[0-9A-Fa-f]{16}$", Description: "The device. DevEUI in the command does too."},
			"FPort":              {Type: huma.TypeInteger, Minimum: &least, Maximum: &most, Description: "The port; left out, the connection's downlinkPort."},
			"payload_hex":        hex,
			"Confirmed":          flag("Whether the device is to acknowledge it."),
			"FlushDownlinkQueue": flag("Whether ThingPark forgets what else waits for the device."),
			"ValidityTime":       {OneOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeInteger}}, Description: "Until when it is worth sending: a time with its offset, or seconds."},
			"FCntDn":             {Type: huma.TypeInteger, Description: "The frame counter, where the payload is encrypted already."},
			"CorrelationID":      {Type: huma.TypeString, Pattern: "^[0-9A-Fa-f]{16}$", Description: "Left out, one is made."},
			"DevEUI_downlink":    {Type: huma.TypeObject, AdditionalProperties: true, Description: "The whole document, instead of its members."},
		},
	})
	media := body.Content["application/json"]
	media.Examples = map[string]*huma.Example{
		"members":  {Summary: "The members of a command", Value: map[string]any{"devEUI": exampleDevice, "FPort": 1, "payload_hex": "01ff", "Confirmed": 1}},
		"document": {Summary: "ThingPark's document", Value: map[string]any{"DevEUI_downlink": map[string]any{"DevEUI": exampleDevice, "FPort": 1, "payload_hex": "9e1c4852"}}},
	}
	return body
}
