package sandbox

import (
	"encoding/json"
	"net/http"

	"github.com/mochi-mqtt/server/v2/packets"
)

// credentialsJSON are a device's credentials as REST shows and takes them.
type credentialsJSON struct {
	ID      *idJSON   `json:"id"`
	Created int64     `json:"createdTime"`
	Device  *entityID `json:"deviceId"`
	Type    string    `json:"credentialsType"`
	CredID  *string   `json:"credentialsId"`
	Value   *string   `json:"credentialsValue"`
	Version *int64    `json:"version"`
}

type idJSON struct {
	ID string `json:"id"`
}

func (s *Sandbox) showCredentials(d *device) credentialsJSON {
	id, version := d.creds.CredID, d.creds.Version
	return credentialsJSON{
		ID: &idJSON{d.creds.ID}, Created: d.created, Device: &entityID{"DEVICE", d.id}, Type: d.creds.Type, CredID: &id,
		Value: d.creds.Value, Version: &version,
	}
}

func (s *Sandbox) getCredentials(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	s.mu.Lock()
	d, refusal := s.seen(who, r.PathValue("id"))
	var body credentialsJSON
	if refusal == nil {
		body = s.showCredentials(d)
	}
	s.mu.Unlock()
	if refusal == nil {
		answer(w, http.StatusOK, body)
	}
	return refusal
}

// saveCredentials changes a device's credentials, which closes its session.
func (s *Sandbox) saveCredentials(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	var body credentialsJSON
	if refusal := decode(r, &body); refusal != nil {
		return refusal
	}
	if !who.tenantAdmin() {
		return forbidden()
	}
	if body.Device == nil {
		return invalid("Device credentials should be assigned to device!")
	}
	s.mu.Lock()
	d, refusal := s.seen(who, body.Device.ID)
	var own *session
	if refusal == nil {
		refusal = s.setCredentials(d, body)
		own = d.own
		body = s.showCredentials(d)
	}
	s.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	if own != nil {
		own.end(packets.ErrAdministrativeAction.Code)
	}
	answer(w, http.StatusOK, body)
	return nil
}

// setCredentials checks and keeps credentials (DeviceCredentialsServiceImpl); with s.mu held.
func (s *Sandbox) setCredentials(d *device, body credentialsJSON) *apiError {
	c := credentials{ID: d.creds.ID, Type: body.Type, CredID: deref(body.CredID), Value: body.Value, Version: d.creds.Version + 1}
	switch c.Type {
	case "ACCESS_TOKEN":
		if c.CredID == "" {
			c.CredID = newToken(20)
		}
		c.Value = nil
	case "MQTT_BASIC":
		if json.Unmarshal([]byte(deref(c.Value)), &c.Basic) != nil || c.Basic.ClientID == nil && c.Basic.UserName == nil {
			return invalid("Invalid credentials body for simple mqtt credentials!")
		}
		c.CredID = basicID(deref(c.Basic.ClientID), deref(c.Basic.UserName))
	case "X509_CERTIFICATE":
		c.CredID = "sha3-256 of " + newToken(44) // what a real server derives from the certificate
	default:
		return invalid("Unknown credentials type!")
	}
	if other := s.devices.byToken(c.CredID); other != nil && other != d {
		return invalid("Specified credentials are already registered!")
	}
	d.creds = c
	return nil
}

// basicID names MQTT_BASIC credentials: the user name alone, or a text that no token can be.
func basicID(clientID, user string) string {
	if clientID == "" {
		return user
	}
	return "basic|" + clientID + "|" + user
}
