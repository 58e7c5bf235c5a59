package sandbox

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxBody is the largest REST body (ThingsBoard: 16 MiB).
const maxBody = 16 << 20

// caller is who asks.
type caller struct {
	user   *user
	claims claims // zero with an API key
}

func (c caller) tenantAdmin() bool { return c.user.Authority == TenantAdmin }

// endpoint answers a request of someone who has signed in; an error is written for it.
type endpoint func(w http.ResponseWriter, r *http.Request, who caller) *apiError

// restHandler is the REST API behind the switches that spoil it.
func (s *Sandbox) restHandler() http.Handler {
	mux := http.NewServeMux()
	s.authRoutes(mux)
	s.deviceRoutes(mux)
	s.connectivityRoutes(mux)
	s.telemetryRoutes(mux)
	s.rpcRoutes(mux)
	mux.HandleFunc("/api/", s.signedIn(func(http.ResponseWriter, *http.Request, caller) *apiError {
		return notFound("Requested item wasn't found!")
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { page(w, "ThingsBoard") })

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &statusWriter{ResponseWriter: w}
		s.spoil(mux, out, r)
		record(s, &s.logs.requests, Request{At: time.Now(), Method: r.Method, Path: r.URL.RequestURI(), Status: out.status})
	})
}

// spoil answers as the behaviour demands, or lets next answer.
func (s *Sandbox) spoil(next http.Handler, w http.ResponseWriter, r *http.Request) {
	b := s.current()
	if b.RESTHang { // a connection from before the switch was thrown
		<-r.Context().Done()
		return
	}
	pause(r, b.RESTDelay)
	switch {
	case b.RESTHTML:
		page(w, "Welcome to the guest network")
	case b.RESTStatus != 0:
		answerText(w, b.RESTStatus, http.StatusText(b.RESTStatus))
	default:
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	}
}

// page is what a web server shows to browsers.
func page(w http.ResponseWriter, title string) {
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	_, _ = io.WriteString(w, "<!doctype html><html lang=\"en\"><title>"+title+"</title><h1>"+title+"</h1></html>")
}

// signedIn lets those pass who have signed in: X-Authorization first, then Authorization.
func (s *Sandbox) signedIn(next endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		who, refusal := s.whoAsks(r)
		if refusal == nil && !s.buckets.take(bucketKey{"REST", "requests"}, s.current().RESTLimit, 1, time.Now()) {
			refusal = &apiError{Status: http.StatusTooManyRequests, Message: "Too many requests for current tenant!", Code: codeTooMany}
		}
		s.mu.Unlock()
		if refusal == nil {
			refusal = next(w, r, who)
		}
		if refusal != nil {
			s.refuse(w, refusal)
		}
	}
}

// whoAsks reads the credentials of a request; with s.mu held.
func (s *Sandbox) whoAsks(r *http.Request) (caller, *apiError) {
	for _, header := range []string{"X-Authorization", "Authorization"} {
		value := r.Header.Get(header)
		if key, ok := strings.CutPrefix(value, "ApiKey "); ok {
			u, refusal := s.byAPIKey(key)
			return caller{user: u}, refusal
		}
		if token, ok := strings.CutPrefix(value, "Bearer "); ok {
			c, u, refusal := s.read(token)
			switch {
			case refusal != nil:
				return caller{}, refusal
			case c.has(scopeRefresh):
				return caller{}, unauthorized("Invalid username or password")
			case c.has(scopeVerify), c.has(scopeConfigure):
				return caller{}, forbidden()
			}
			return caller{user: u, claims: c}, nil
		}
	}
	return caller{}, unauthorized("Authentication failed")
}

// decode reads a JSON body.
func decode(r *http.Request, into any) *apiError {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return &apiError{Status: http.StatusRequestEntityTooLarge, Message: "Request body is too large", Code: codeBadRequest}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return invalid("JSON parse error: " + err.Error())
	}
	return nil
}

// statusWriter remembers what was answered; 0 is nothing.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status and passes it on.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write notes that the answer is 200 where nobody said otherwise.
func (w *statusWriter) Write(body []byte) (int, error) {
	w.status = cmp.Or(w.status, http.StatusOK)
	return w.ResponseWriter.Write(body)
}
