package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
)

// deviceJSON is a device as REST shows and takes it.
type deviceJSON struct {
	ID        *entityID       `json:"id"`
	Created   int64           `json:"createdTime"`
	Tenant    *entityID       `json:"tenantId"`
	Customer  *entityID       `json:"customerId"`
	Name      string          `json:"name"`
	Type      string          `json:"type"`
	Label     *string         `json:"label"`
	Profile   *entityID       `json:"deviceProfileId"`
	Data      json.RawMessage `json:"deviceData,omitempty"`
	Firmware  *entityID       `json:"firmwareId"`
	Software  *entityID       `json:"softwareId"`
	External  *entityID       `json:"externalId"`
	Version   *int64          `json:"version"`
	Info      map[string]any  `json:"additionalInfo"`
	Title     *string         `json:"customerTitle,omitempty"`     // of DeviceInfo
	ProfileID *string         `json:"deviceProfileName,omitempty"` // of DeviceInfo
	Active    *bool           `json:"active,omitempty"`            // of DeviceInfo
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func (s *Sandbox) deviceRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/tenant/devices", s.signedIn(s.tenantDevices))
	mux.HandleFunc("GET /api/tenant/device", s.signedIn(s.tenantDevice))
	mux.HandleFunc("GET /api/tenant/deviceInfos", s.signedIn(s.tenantDeviceInfos))
	mux.HandleFunc("GET /api/customer/{customer}/devices", s.signedIn(s.customerDevices(false)))
	mux.HandleFunc("GET /api/customer/{customer}/deviceInfos", s.signedIn(s.customerDevices(true)))
	mux.HandleFunc("GET /api/deviceProfileInfos", s.signedIn(s.profileInfos))
	mux.HandleFunc("POST /api/device", s.signedIn(s.saveDevice))
	mux.HandleFunc("POST /api/device-with-credentials", s.signedIn(s.saveDeviceWithCredentials))
	mux.HandleFunc("GET /api/device/{id}", s.signedIn(s.getDevice))
	mux.HandleFunc("DELETE /api/device/{id}", s.signedIn(s.deleteDevice))
	mux.HandleFunc("GET /api/device/{id}/credentials", s.signedIn(s.getCredentials))
	mux.HandleFunc("POST /api/device/credentials", s.signedIn(s.saveCredentials))
}

// show is the device as REST shows it; with s.mu held.
func (s *Sandbox) show(d *device, info bool) deviceJSON {
	ref := func(kind, id string) *entityID { return &entityID{kind, id} }
	version := d.version
	out := deviceJSON{
		ID: ref("DEVICE", d.id), Created: d.created, Tenant: ref("TENANT", s.people.tenantID), Customer: ref("CUSTOMER", d.customer),
		Name: d.name, Type: d.profile, Profile: ref("DEVICE_PROFILE", s.devices.profileID(d.profile)), Version: &version,
		Data: json.RawMessage(`{"configuration":{"type":"DEFAULT"},"transportConfiguration":{"type":"DEFAULT"}}`), Info: maps.Clone(d.info),
	}
	if d.label != "" {
		label := d.label
		out.Label = &label
	}
	if info {
		profile, active := d.profile, s.active(d)
		out.ProfileID, out.Active = &profile, &active
		if d.customer == s.people.customer {
			title := "Customer"
			out.Title = &title
		}
	}
	return out
}

// seen finds the device of an id, if the caller may see it; with s.mu held.
func (s *Sandbox) seen(who caller, id string) (*device, *apiError) {
	if !uuid.MatchString(id) {
		return nil, invalid("Incorrect UUID: " + id)
	}
	d := s.devices.byID[id]
	switch {
	case d == nil:
		return nil, notFound("Device with id [" + id + "] is not found")
	case who.user.Authority == SysAdmin, who.user.Authority == CustomerUser && d.customer != s.people.customer:
		return nil, forbidden()
	}
	return d, nil
}

// tenantDevices finds one device by its name, or pages through all where no name is given.
func (s *Sandbox) tenantDevices(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	if r.URL.Query().Has("deviceName") {
		return s.tenantDevice(w, r, who)
	}
	return s.pageOfDevices(w, r, who.tenantAdmin(), false, nil)
}

func (s *Sandbox) tenantDeviceInfos(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	return s.pageOfDevices(w, r, who.tenantAdmin(), true, nil)
}

func (s *Sandbox) customerDevices(info bool) endpoint {
	return func(w http.ResponseWriter, r *http.Request, who caller) *apiError {
		customer := r.PathValue("customer")
		allowed := who.tenantAdmin() || who.user.Authority == CustomerUser && customer == s.people.customer
		return s.pageOfDevices(w, r, allowed, info, func(d *device) bool { return d.customer == customer })
	}
}

func (s *Sandbox) tenantDevice(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	if !who.tenantAdmin() {
		return forbidden()
	}
	return s.answerDevice(w, func() (*device, *apiError) {
		if d := s.devices.byName[r.URL.Query().Get("deviceName")]; d != nil {
			return d, nil
		}
		return nil, notFound("Requested item wasn't found!")
	})
}

func (s *Sandbox) getDevice(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	return s.answerDevice(w, func() (*device, *apiError) { return s.seen(who, r.PathValue("id")) })
}

// answerDevice answers with the device that find gives under s.mu.
func (s *Sandbox) answerDevice(w http.ResponseWriter, find func() (*device, *apiError)) *apiError {
	s.mu.Lock()
	d, refusal := find()
	var body deviceJSON
	if refusal == nil {
		body = s.show(d, false)
	}
	s.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	answer(w, http.StatusOK, body)
	return nil
}

func (s *Sandbox) saveDevice(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	var body deviceJSON
	if refusal := decode(r, &body); refusal != nil {
		return refusal
	}
	return s.save(w, who, body, r.URL.Query().Get("accessToken"), nil)
}

func (s *Sandbox) saveDeviceWithCredentials(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	var body struct {
		Device      deviceJSON
		Credentials credentialsJSON
	}
	if refusal := decode(r, &body); refusal != nil {
		return refusal
	}
	return s.save(w, who, body.Device, "", &body.Credentials)
}

// save creates a device, or replaces the one whose id the body bears.
func (s *Sandbox) save(w http.ResponseWriter, who caller, body deviceJSON, token string, creds *credentialsJSON) *apiError {
	for _, field := range []struct {
		what, text string
		mandatory  bool
	}{{"name", body.Name, true}, {"type", body.Type, false}, {"label", deref(body.Label), false}} {
		if refusal := checkName(field.what, field.text, field.mandatory); refusal != nil {
			return refusal
		}
	}
	var after []func()
	refusal := s.answerDevice(w, func() (*device, *apiError) {
		profile := body.Type
		if profile == "" && body.Profile != nil {
			profile = s.devices.profileName(body.Profile.ID)
		}
		if body.ID != nil && body.ID.ID != "" {
			d, calls, refusal := s.replace(who, body, profile)
			after = calls
			return d, refusal
		}
		if !who.tenantAdmin() {
			return nil, forbidden()
		}
		d, refusal := s.create(body.Name, profile, deref(body.Label), body.Info, nobody, token)
		if refusal == nil && creds != nil {
			refusal = s.setCredentials(d, *creds)
		}
		return d, refusal
	})
	for _, f := range after {
		f()
	}
	s.changes.signal()
	return refusal
}

// replace overwrites a device; what is to be told to gateways comes back as calls to make without the lock.
func (s *Sandbox) replace(who caller, body deviceJSON, profile string) (*device, []func(), *apiError) {
	d, refusal := s.seen(who, body.ID.ID)
	switch {
	case refusal != nil:
		return nil, nil, refusal
	case body.Version != nil && *body.Version != d.version:
		return nil, nil, &apiError{Status: http.StatusConflict, Message: "Device is already changed by someone else", Code: codeVersion}
	}
	if other := s.devices.byName[body.Name]; other != nil && other != d {
		return nil, nil, invalid("Device with such name already exists!")
	}
	if profile == "" {
		profile = defaultProfile
	}
	s.devices.profileID(profile)
	d.profile, d.label, d.info = profile, deref(body.Label), body.Info
	if d.info == nil {
		d.info = map[string]any{}
	}
	d.version++
	return d, s.rename(d, body.Name), nil
}

func (s *Sandbox) deleteDevice(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	if !who.tenantAdmin() {
		return forbidden()
	}
	s.mu.Lock()
	d, refusal := s.seen(who, r.PathValue("id"))
	var calls []func()
	if refusal == nil {
		calls = s.remove(d)
	}
	s.mu.Unlock()
	for _, f := range calls {
		f()
	}
	s.changes.signal()
	if refusal == nil {
		w.WriteHeader(http.StatusOK)
	}
	return refusal
}

func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
