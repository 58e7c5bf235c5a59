package demo

import (
	"context"
	"crypto/subtle"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/thingpark"
)

// maxDeviation is how far the Time of a downlink may be from ThingPark's clock.
const maxDeviation = time.Minute

// ThingPark is a simulated downlink endpoint: it checks the Token as the network server does, queues the downlink for
// the fleet's device and lets the device's report follow.
type ThingPark struct {
	ASID  string
	ASKey connection.Secret
	// ReportAfter is how long a device takes until it can be sent to; a class A device is sent to after its next uplink.
	ReportAfter time.Duration

	Fleet *Fleet
	Log   *slog.Logger

	ctx context.Context // ends the reports that are still to come
}

// Handler serves the endpoint until ctx ends.
func (p *ThingPark) Handler(ctx context.Context) http.Handler {
	p.ctx = ctx
	mux := http.NewServeMux()
	mux.HandleFunc("POST /thingpark/lrc/rest/downlink", p.downlink)
	return mux
}

var hexPayload = regexp.MustCompile(`^([0-9a-fA-F]{2}){0,242}$`)

func (p *ThingPark) downlink(w http.ResponseWriter, r *http.Request) {
	query, values, token := signedQuery(r.URL.RawQuery)
	refuse := func(status int, text string) {
		p.Log.Info("ThingPark refused a downlink", "device", connection.Clean(values["DevEUI"]), "reason", text)
		answer(w, status, text)
	}
	want := thingpark.DownlinkToken(query, p.ASKey)
	at, err := time.Parse(time.RFC3339, values["Time"])
	fport, _ := strconv.Atoi(values["FPort"])
	switch {
	case values["AS_ID"] != p.ASID || subtle.ConstantTimeCompare([]byte(token), []byte(want)) != 1:
		refuse(http.StatusUnauthorized, "Security check failed: wrong AS_ID or Token")
	case err != nil || time.Since(at).Abs() > maxDeviation:
		refuse(350, "Security check failed: Time is out of range")
	case fport < 1 || fport > connection.MaxFPort:
		refuse(350, "Invalid FPort")
	case !hexPayload.MatchString(values["Payload"]):
		refuse(350, "Invalid Payload")
	case !p.Fleet.receive(p.ctx, values["DevEUI"], fport, strings.ToLower(values["Payload"]), values["CorrelationID"], p.ReportAfter):
		refuse(350, "Unknown DevEUI")
	default:
		p.Log.Info("ThingPark queued a downlink", "device", values["DevEUI"], "fport", fport)
		answer(w, http.StatusOK, "Request queued by LRC")
	}
}

// signedQuery takes a query apart as it is signed: decoded, with + kept, in the order sent, without the Token.
func signedQuery(raw string) (query string, values map[string]string, token string) {
	values = map[string]string{}
	var signed []string
	for pair := range strings.SplitSeq(raw, "&") {
		decoded, err := url.PathUnescape(pair)
		if err != nil {
			continue
		}
		name, value, _ := strings.Cut(decoded, "=")
		if name == "Token" {
			token = value
			continue
		}
		values[name] = value
		signed = append(signed, decoded)
	}
	return strings.Join(signed, "&"), values, token
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html><body>%s</body></html>", html.EscapeString(text))
}
