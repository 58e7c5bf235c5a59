package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

func (s *Sandbox) rpcRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/rpc/oneway/{id}", s.signedIn(s.rpc(true, http.StatusGatewayTimeout)))
	mux.HandleFunc("POST /api/rpc/twoway/{id}", s.signedIn(s.rpc(false, http.StatusGatewayTimeout)))
	mux.HandleFunc("POST /api/plugins/rpc/oneway/{id}", s.signedIn(s.rpc(true, http.StatusRequestTimeout)))
	mux.HandleFunc("POST /api/plugins/rpc/twoway/{id}", s.signedIn(s.rpc(false, http.StatusRequestTimeout)))
}

// rpc calls a device. Nobody there and no answer are told alike, and only after the whole time-out.
func (s *Sandbox) rpc(oneWay bool, late int) endpoint {
	return func(w http.ResponseWriter, r *http.Request, who caller) *apiError {
		d := s.accessible(w, r, who)
		if d == nil {
			return nil
		}
		var body struct {
			Method     *string
			Params     json.RawMessage
			Timeout    *int64
			Persistent bool
		}
		if refusal := decode(r, &body); refusal != nil {
			return refusal
		}
		if body.Method == nil {
			return &apiError{Status: http.StatusInternalServerError, Message: "Invalid request: no method", Code: codeGeneral}
		}
		if body.Persistent {
			return invalid("Persistent RPC is not supported here")
		}
		timeout := 10 * time.Second
		if body.Timeout != nil {
			timeout = time.Duration(*body.Timeout) * time.Millisecond
		}
		if body.Params == nil {
			body.Params = json.RawMessage("null")
		}
		data, err := s.call(r.Context(), d, *body.Method, body.Params, RPCOptions{OneWay: oneWay, Timeout: max(timeout, s.opt.RPCFloor)})
		switch {
		case errors.Is(err, ErrTimeout):
			w.WriteHeader(late)
		case errors.Is(err, context.Canceled), errors.Is(err, ErrStopped):
			// the client left, or the server goes down with its connections
		case err != nil:
			answerText(w, http.StatusNotFound, err.Error())
		case oneWay:
			w.WriteHeader(http.StatusOK)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(data) // a client that left needs no answer
		}
		return nil
	}
}
