package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"
)

// ThingsBoard's error codes (ThingsboardErrorCode).
const (
	codeGeneral         = 2
	codeAuthentication  = 10
	codeTokenExpired    = 11
	codePasswordExpired = 15
	codePermission      = 20
	codeInvalid         = 30
	codeBadRequest      = 31
	codeNotFound        = 32
	codeTooMany         = 33
	codeVersion         = 35
	codeEntitiesLimit   = 41
)

// apiError is an answer that says no.
type apiError struct {
	Status  int
	Message string
	Code    int
	Extra   map[string]any
}

func unauthorized(message string) *apiError {
	return &apiError{Status: http.StatusUnauthorized, Message: message, Code: codeAuthentication}
}

func invalid(message string) *apiError {
	return &apiError{Status: http.StatusBadRequest, Message: message, Code: codeBadRequest}
}

func notFound(message string) *apiError {
	return &apiError{Status: http.StatusNotFound, Message: message, Code: codeNotFound}
}

func forbidden() *apiError {
	return &apiError{Status: http.StatusForbidden, Message: "You don't have permission to perform this operation!", Code: codePermission}
}

func (s *Sandbox) refuse(w http.ResponseWriter, e *apiError) {
	body := map[string]any{"status": e.Status, "message": e.Message, "errorCode": e.Code, "timestamp": s.opt.Now().UnixMilli()}
	maps.Copy(body, e.Extra)
	answer(w, e.Status, body)
}

// answer writes a JSON body.
func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // only for values that came from outside, such as additionalInfo; they were JSON before
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that left needs no answer
}

// answerText writes a bare text, as the telemetry and RPC controllers do.
func answerText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// pause waits, or less where the request ends.
func pause(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}
