package thingsboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"

	"boardlink/connection"
)

// Gateway is the device through which a link speaks for all others, and what its MQTT session must present.
type Gateway struct {
	ID   string // of the device; keep it, so that a rename is survived
	Name string
	// Created says that this call made the device.
	Created bool

	// What CONNECT carries: an access token as user name, or the MQTT basic credentials. ClientID is empty where any
	// will do.
	ClientID, Username, Password connection.Secret
}

// gatewayProfile is the device profile of gateways that we make: the one every tenant has. One of the transport type
// MQTT with protobuf payloads would change the language of the gateway API.
const gatewayProfile = "default"

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// device is ThingsBoard's device (Device.java). All keeps every member as it came, for an update replaces the whole
// object.
type device struct {
	ID             entityID        `json:"id"`
	Name           string          `json:"name"`
	AdditionalInfo json.RawMessage `json:"additionalInfo"`
	all            map[string]json.RawMessage
}

func (d *device) UnmarshalJSON(b []byte) error {
	type plain device
	if err := json.Unmarshal(b, (*plain)(d)); err != nil {
		return err
	}
	return json.Unmarshal(b, &d.all)
}

// info returns additionalInfo as an object; ThingsBoard writes null where there is none.
func (d *device) info() map[string]json.RawMessage {
	info := map[string]json.RawMessage{}
	if json.Unmarshal(d.AdditionalInfo, &info) != nil || info == nil {
		info = map[string]json.RawMessage{}
	}
	return info
}

func (d *device) isGateway() bool { return string(d.info()["gateway"]) == "true" }

// Gateway finds the account's gateway device, or makes it, and reads its credentials: first the device with the id
// known from last time (it may have been renamed), then the one called name, then a new one. A device of ours that
// lacks gateway or overwriteActivityTime gets them; what else it holds stays. A [CustomerUser] may not make devices:
// one that is marked as gateway must be assigned to its customer.
//
// ThingsBoard reads the gateway flag when an MQTT session opens (MqttTransportHandler.java, checkGatewaySession), so
// connect after this call.
func (c *Client) Gateway(ctx context.Context, name, knownID string) (Gateway, error) {
	c.mu.Lock()
	user := c.user
	c.mu.Unlock()
	var (
		d       *device
		created bool
		err     error
	)
	if user.Authority == CustomerUser {
		d, err = c.customerGateway(ctx, user, name, knownID)
	} else {
		d, created, err = c.tenantGateway(ctx, name, knownID)
	}
	if err != nil {
		return Gateway{}, err
	}
	g := Gateway{ID: d.ID.ID, Name: d.Name, Created: created}
	if err := c.readCredentials(ctx, &g); err != nil {
		return Gateway{}, err
	}
	return g, nil
}

func (c *Client) tenantGateway(ctx context.Context, name, knownID string) (*device, bool, error) {
	d, err := c.findTenantGateway(ctx, name, knownID)
	created := false
	if d == nil && err == nil {
		d, created, err = c.createGateway(ctx, name)
	}
	if err != nil {
		return nil, false, err
	}
	d, err = c.markGateway(ctx, d)
	return d, created, err
}

// findTenantGateway looks for the device known from last time, then for the one called name; nil where neither is there.
func (c *Client) findTenantGateway(ctx context.Context, name, knownID string) (*device, error) {
	d, err := c.deviceByID(ctx, knownID)
	if d == nil && err == nil && name != "" {
		d, err = c.deviceByName(ctx, name)
	}
	return d, err
}

// deviceByID returns nil where there is no such device, or none that the account may see.
func (c *Client) deviceByID(ctx context.Context, id string) (*device, error) {
	if !uuidForm.MatchString(id) {
		return nil, nil
	}
	var d device
	err := c.call(ctx, request{method: http.MethodGet, path: "/api/device/" + id, out: &d})
	if a, ok := asAnswer(err); ok && !a.foreign &&
		(a.status == http.StatusNotFound || a.status == http.StatusBadRequest || a.status == http.StatusForbidden) {
		return nil, nil // another server's id, after an edit of the host; or deleted
	}
	if err != nil {
		return nil, c.explain("read the gateway device", err)
	}
	return c.checkDevice(&d)
}

// deviceByName looks a name up in the tenant, exactly. It returns nil where there is none.
func (c *Client) deviceByName(ctx context.Context, name string) (*device, error) {
	var d device
	err := c.call(ctx, request{method: http.MethodGet, path: "/api/tenant/devices", query: url.Values{"deviceName": {name}}, out: &d})
	if a, ok := asAnswer(err); ok && a.status == http.StatusNotFound && !a.foreign {
		return nil, nil
	}
	if err != nil {
		return nil, c.explain("look a device up", err)
	}
	return c.checkDevice(&d)
}

// checkDevice makes sure that an id can be put into an address.
func (c *Client) checkDevice(d *device) (*device, error) {
	if !uuidForm.MatchString(d.ID.ID) {
		return nil, fmt.Errorf("read a device: %w", fail(connection.ReasonProtocol, Config, "", nil))
	}
	return d, nil
}

// createGateway makes the device. Somebody else may have made it since we looked: then theirs is taken.
func (c *Client) createGateway(ctx context.Context, name string) (*device, bool, error) {
	var d device
	err := c.call(ctx, request{method: http.MethodPost, path: "/api/device", out: &d, body: map[string]any{
		"name": name, "type": gatewayProfile,
		"additionalInfo": map[string]any{
			"gateway": true, "overwriteActivityTime": true,
			"description": "Boardlink sends the uplinks of LoRaWAN devices through this gateway.",
		},
	}})
	if a, ok := asAnswer(err); ok && a.status == http.StatusBadRequest && a.code == codeBadArguments {
		if theirs, lookErr := c.deviceByName(ctx, name); lookErr == nil && theirs != nil {
			return theirs, false, nil
		}
	}
	if err != nil {
		return nil, false, c.explain("create the gateway device", err)
	}
	made, err := c.checkDevice(&d)
	return made, true, err
}

// markGateway sets the two flags where they are missing. overwriteActivityTime keeps the sessions of silent devices,
// and with them their commands, alive (TransportActivityManager.java).
func (c *Client) markGateway(ctx context.Context, d *device) (*device, error) {
	for attempt := 0; ; attempt++ {
		info := d.info()
		if string(info["gateway"]) == "true" && string(info["overwriteActivityTime"]) == "true" {
			return d, nil
		}
		info["gateway"], info["overwriteActivityTime"] = json.RawMessage("true"), json.RawMessage("true")
		encoded, err := json.Marshal(info)
		if err != nil {
			return nil, fmt.Errorf("mark the gateway device: %w", err)
		}
		whole := maps.Clone(d.all) // with its version, so that nobody's change is lost
		whole["additionalInfo"] = encoded
		var updated device
		err = c.call(ctx, request{method: http.MethodPost, path: "/api/device", body: whole, out: &updated})
		if err == nil {
			return c.checkDevice(&updated)
		}
		a, ok := asAnswer(err)
		if !ok || a.code != codeVersionConflict || attempt > 0 {
			return nil, c.explain("mark the gateway device", err)
		}
		again, err := c.deviceByID(ctx, d.ID.ID)
		if err != nil {
			return nil, err
		}
		if again == nil {
			return nil, fmt.Errorf("mark the gateway device: %w", errors.New("it was deleted meanwhile"))
		}
		d = again
	}
}
