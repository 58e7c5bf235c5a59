package thingsboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"boardlink/connection"
)

// provisionName opens a session that may do nothing but provision a device (MqttTransportHandler.java): neither a
// client id nor a user name may be this.
const provisionName = "provision"

// readCredentials reads what the gateway device's MQTT session must present (DeviceCredentials.java).
func (c *Client) readCredentials(ctx context.Context, g *Gateway) error {
	const what = "read the gateway's credentials"
	var answer struct {
		Type  string            `json:"credentialsType"`
		ID    connection.Secret `json:"credentialsId"`
		Value connection.Secret `json:"credentialsValue"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: "/api/device/" + g.ID + "/credentials", out: &answer})
	if err != nil {
		return c.explain(what, err)
	}
	unusable := func() error {
		return fmt.Errorf("%s: %w", what, fail(connection.ReasonGatewayCredentials, Config, "", nil))
	}
	switch answer.Type {
	case "ACCESS_TOKEN":
		g.Username = answer.ID
		if !g.Username.IsSet() {
			return unusable()
		}
	case "MQTT_BASIC":
		// A JSON text within the JSON answer (BasicMqttCredentials.java); each member may be null.
		var basic struct {
			ClientID *string `json:"clientId"`
			UserName *string `json:"userName"`
			Password *string `json:"password"`
		}
		if json.Unmarshal([]byte(answer.Value.Reveal()), &basic) != nil {
			return unusable()
		}
		g.ClientID, g.Username, g.Password = secret(basic.ClientID), secret(basic.UserName), secret(basic.Password)
		if !g.ClientID.IsSet() && !g.Username.IsSet() {
			return unusable()
		}
	default: // X509_CERTIFICATE, LWM2M_CREDENTIALS: their keys are not ours to have
		return unusable()
	}
	if g.Username == provisionName || g.ClientID == provisionName {
		return unusable()
	}
	return nil
}

func secret(s *string) connection.Secret {
	if s == nil {
		return ""
	}
	return connection.Secret(*s)
}
