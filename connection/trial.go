package connection

import (
	"context"
	"time"
)

// TrialStep names one step of a connection test, in the words of the API.
type TrialStep string

// The steps of a connection test.
const (
	TrialAddress     TrialStep = "address"     // the settings name a place that can be asked
	TrialDNS         TrialStep = "dns"         // the name has addresses
	TrialTCP         TrialStep = "tcp"         // the port takes connections
	TrialTLS         TrialStep = "tls"         // the certificate is good
	TrialThingsBoard TrialStep = "thingsboard" // it is ThingsBoard that answers
	TrialSignIn      TrialStep = "sign_in"     // the credentials are taken
	TrialAuthority   TrialStep = "authority"   // the account may run a link
	TrialGateway     TrialStep = "gateway"     // the gateway device is there, or can be made
	TrialMQTT        TrialStep = "mqtt"        // the MQTT port can be reached; no session is opened
)

// TrialSteps lists the steps in their order.
var TrialSteps = []TrialStep{
	TrialAddress, TrialDNS, TrialTCP, TrialTLS, TrialThingsBoard, TrialSignIn, TrialAuthority, TrialGateway, TrialMQTT,
}

// Outcome says how a step of a connection test ended.
type Outcome string

// The outcomes of a step.
const (
	OutcomeOK      Outcome = "ok"
	OutcomeWarning Outcome = "warning" // it works, but there is something to be said about it
	OutcomeFailed  Outcome = "failed"
	OutcomeSkipped Outcome = "skipped" // not tried: a step before it failed, or it was not allowed
)

// StepResult is what one step of a connection test found. No member holds a secret.
type StepResult struct {
	Step    TrialStep
	Outcome Outcome
	Took    time.Duration
	Detail  string // what was found, in a sentence; may be empty

	// ReasonCode, Reason and Hint are set where the step failed, or was skipped for a reason of its own.
	ReasonCode ReasonCode
	Reason     string
	Hint       string

	Certificate *Certificate // what the TLS peer presented; nil where there was none
}

// Certificate is what is told of a server's certificate.
type Certificate struct {
	Names               []string // names and addresses it was made for
	Issuer              string
	NotBefore, NotAfter time.Time
}

// Verdict is what became of a password that was presented.
type Verdict int

// The verdicts on a password.
const (
	NoVerdict Verdict = iota // nobody judged it: not reached, no answer, an error of the server
	Accepted
	Refused
)

// Presenter guards the presenting of a password: ThingsBoard disables accounts after too many refusals. It is asked
// before the password is sent, and what it gives is told what came of it. Where it forbids it, the error says why; a
// [*Withheld] in its chain does so in words for people.
type Presenter func(ctx context.Context) (settle func(context.Context, Verdict), err error)

// Withheld says why a password was not presented.
type Withheld struct{ Code ReasonCode }

func (w *Withheld) Error() string { return w.Code.Text().Sentence }
