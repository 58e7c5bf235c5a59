package sandbox

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
)

func (s *Sandbox) connectivityRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/device-connectivity/{id}", s.signedIn(s.connectivity))
	mux.HandleFunc("GET /api/iot-hub/connectivity", s.signedIn(s.iotHub))
	mux.HandleFunc("GET /api/device-connectivity/mqtts/certificate/download", s.rootCertificate)
}

// endpointOf is what is announced for a listener; ok is false where it is not.
func (s *Sandbox) endpointOf(r *http.Request, name doorName) (host, port string, ok bool) {
	a := s.current().Announced
	addr, open := s.address(name)
	fixed, hidden := a.MQTTPort, a.NoMQTT
	if name == doorMQTTS {
		fixed, hidden = a.MQTTSPort, a.NoMQTTS
	}
	if hidden || !open && fixed == 0 {
		return "", "", false
	}
	if fixed != 0 {
		port = strconv.Itoa(fixed)
	} else if _, own, err := net.SplitHostPort(addr); err == nil {
		port = own
	}
	host = a.Host
	if host == "" {
		host = r.Host
		if h, _, err := net.SplitHostPort(r.Host); err == nil {
			host = h
		}
	}
	return host, port, true
}

// connectivity gives shell commands, odd shape included (DeviceConnectivityServiceImpl).
func (s *Sandbox) connectivity(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	if s.current().NoConnectivity {
		return notFound("Requested item wasn't found!")
	}
	s.mu.Lock()
	d, refusal := s.seen(who, r.PathValue("id"))
	var c credentials
	if refusal == nil {
		c = d.creds
	}
	s.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	protocols := map[string]any{}
	if c.Type == "X509_CERTIFICATE" {
		protocols["mqtt"] = map[string]any{"mqtts": "Check documentation"}
		answer(w, http.StatusOK, protocols)
		return nil
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if c.Type == "ACCESS_TOKEN" {
		command := fmt.Sprintf(`curl -v -X POST %s://%s/api/v1/%s/telemetry --header Content-Type:application/json --data "{temperature:25}"`, scheme, r.Host, c.CredID)
		protocols["http"] = map[string]any{scheme: command}
	}
	if mqtt := s.mqttCommands(r, scheme, c); len(mqtt) > 0 {
		protocols["mqtt"] = mqtt
	}
	answer(w, http.StatusOK, protocols)
	return nil
}

func (s *Sandbox) mqttCommands(r *http.Request, scheme string, c credentials) map[string]any {
	a := s.current().Announced
	command := func(extra, host, port string) string {
		if a.OmitPorts {
			port = ""
		} else {
			port = " -p " + port
		}
		return "mosquitto_pub -d -q 1" + extra + " -h " + host + port + " -t v1/devices/me/telemetry " + identify(c) + ` -m "{temperature:25}"`
	}
	out := map[string]any{}
	if host, port, ok := s.endpointOf(r, doorMQTT); ok {
		out["mqtt"] = command("", host, port)
	}
	if host, port, ok := s.endpointOf(r, doorMQTTS); ok {
		secure := command(" --cafile ca-root.pem", host, port)
		download := fmt.Sprintf("curl -f -S -o ca-root.pem %s://%s/api/device-connectivity/mqtts/certificate/download", scheme, r.Host)
		out["mqtts"] = []string{download, secure}
		if a.MQTTSAsText {
			out["mqtts"] = secure
		}
	}
	return out
}

// identify are the options with which mosquitto_pub would show the credentials.
func identify(c credentials) string {
	if c.Type != "MQTT_BASIC" {
		return fmt.Sprintf("-u %q", c.CredID)
	}
	text := ""
	for _, option := range []struct {
		flag  string
		value *string
	}{{"-i", c.Basic.ClientID}, {"-u", c.Basic.UserName}, {"-P", c.Basic.Password}} {
		if option.value != nil {
			text += fmt.Sprintf(" %s %q", option.flag, *option.value)
		}
	}
	return text[min(1, len(text)):]
}

// iotHub gives the enabled protocols in a structured form; since 4.4.
func (s *Sandbox) iotHub(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	if s.current().NoIoTHub || s.current().NoConnectivity {
		return notFound("Requested item wasn't found!")
	}
	if !who.tenantAdmin() {
		return forbidden()
	}
	type line struct {
		Enabled bool   `json:"enabled"`
		Host    string `json:"host"`
		Port    string `json:"port"`
	}
	out := map[string]line{}
	for protocol, name := range map[string]doorName{"mqtt": doorMQTT, "mqtts": doorMQTTS} {
		if host, port, ok := s.endpointOf(r, name); ok {
			out[protocol] = line{true, host, port}
		}
	}
	answer(w, http.StatusOK, out)
	return nil
}

// rootCertificate is public.
func (s *Sandbox) rootCertificate(w http.ResponseWriter, _ *http.Request) {
	if s.restTLS == nil || s.current().NoRootCertificate {
		s.refuse(w, notFound("mqtts pem cert file is not found!"))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", "attachment; filename=ca-root.pem")
	_, _ = w.Write(s.authority.pem) // a client that left needs no answer
}
