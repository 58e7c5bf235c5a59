package connections

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/state"
	"boardlink/views/ui"
)

// Trial is a test of a connection: not begun, under way, or over.
type Trial struct {
	ID      connection.ID // of the stored connection, 0 for one that is about to be made
	Name    string        // by which the page asks for what is new; "" where it does not
	Steps   []connection.StepResult
	Done    bool
	Stopped bool       // by the person who began it
	Error   string     // why it did not come to its end
	Wrong   []ui.Field // what must be corrected before it can begin
}

// begun reports whether there is anything to show.
func (m Trial) begun() bool { return m.Name != "" || m.Done }

// follow is where the page asks for what is new, "" where there will be nothing.
func (m Trial) follow() string {
	if m.Done || m.Name == "" {
		return ""
	}
	return m.address() + "&seen=" + strconv.Itoa(len(m.Steps))
}

// address is that of a test under way: asked for what is new, or told to stop.
func (m Trial) address() string { return "/connections/trials/" + m.Name + "?of=" + m.ID.String() }

// trialRow is a step as it is drawn.
type trialRow struct {
	Step   connection.TrialStep
	Result *connection.StepResult // nil: not over
	Now    bool                   // under way
	Over   bool                   // nothing more will be tried
}

func (m Trial) rows() []trialRow {
	rows := make([]trialRow, len(connection.TrialSteps))
	for i, step := range connection.TrialSteps {
		rows[i] = trialRow{Step: step, Now: !m.Done && i == len(m.Steps), Over: m.Done}
		for j := range m.Steps {
			if m.Steps[j].Step == step {
				rows[i].Result = &m.Steps[j]
			}
		}
	}
	return rows
}

// stepTitle is what a step is called on the page.
func stepTitle(ctx context.Context, s connection.TrialStep) string {
	return text.T(ctx, "trial.step."+string(s))
}

// outcome is the class, the icon and the word of a row.
func (r trialRow) outcome(ctx context.Context) (tone ui.Tone, icon ui.Icon, word string) {
	switch {
	case r.Result == nil && r.Now:
		return ui.ToneWait, ui.IconHourglass, text.T(ctx, "trial.under_way")
	case r.Result == nil && !r.Over:
		return ui.ToneOff, ui.IconDot, text.T(ctx, "trial.not_yet")
	}
	if r.Result == nil {
		return ui.ToneOff, ui.IconDot, text.T(ctx, "trial.not_tried")
	}
	switch r.Result.Outcome {
	case connection.OutcomeOK:
		return ui.ToneOK, ui.IconSuccess, text.T(ctx, "trial.fine")
	case connection.OutcomeWarning:
		return ui.ToneWait, ui.IconWarning, text.T(ctx, "trial.remark")
	case connection.OutcomeFailed:
		return ui.ToneBad, ui.IconAlert, text.T(ctx, "trial.failed")
	}
	return ui.ToneOff, ui.IconDot, text.T(ctx, "trial.not_tried")
}

// took writes how long a step took, in milliseconds; "" where it took none.
func (r trialRow) took(ctx context.Context) string {
	if r.Result == nil || r.Result.Outcome == connection.OutcomeSkipped {
		return ""
	}
	return text.T(ctx, "trial.milliseconds", "n", ui.Count(int64(math.Ceil(float64(r.Result.Took)/float64(time.Millisecond)))))
}

// failed gives the first step that did not go well.
func (m Trial) failed() (connection.StepResult, bool) {
	for _, s := range m.Steps {
		if s.Outcome == connection.OutcomeFailed {
			return s, true
		}
	}
	for _, s := range m.Steps {
		if s.Outcome == connection.OutcomeSkipped && s.ReasonCode != connection.ReasonNone {
			return s, true
		}
	}
	return connection.StepResult{}, false
}

// sentence says where the test stands.
func (m Trial) sentence(ctx context.Context) string {
	total := len(connection.TrialSteps)
	failed, bad := m.failed()
	switch {
	case m.Stopped:
		return text.T(ctx, "trial.stopped")
	case m.Error != "":
		return text.T(ctx, "trial.broken", "reason", m.Error)
	case m.Done && bad && failed.Outcome == connection.OutcomeSkipped:
		return text.T(ctx, "trial.stuck", "step", stepTitle(ctx, failed.Step))
	case m.Done && bad && failed.Reason != "":
		return text.T(ctx, "trial.failed_because", "step", stepTitle(ctx, failed.Step), "reason", failed.Reason)
	case m.Done && bad:
		return text.T(ctx, "trial.failed_at", "step", stepTitle(ctx, failed.Step))
	case m.Done:
		remarks := 0
		for _, s := range m.Steps {
			if s.Outcome == connection.OutcomeWarning {
				remarks++
			}
		}
		if remarks > 0 {
			return text.N(ctx, "trial.remarks", int64(remarks))
		}
		return text.N(ctx, "trial.well", int64(total))
	case len(m.Steps) == 0:
		return text.T(ctx, "trial.begins")
	}
	last := m.Steps[len(m.Steps)-1]
	_, _, word := trialRow{Result: &last}.outcome(ctx)
	return text.T(ctx, "trial.so_far", "done", strconv.Itoa(len(m.Steps)), "all", strconv.Itoa(total), "step", stepTitle(ctx, last.Step), "outcome", word)
}

// tone is the colour of the sentence.
func (m Trial) tone() string {
	switch _, bad := m.failed(); {
	case m.Error != "" || bad:
		return "trial-bad"
	case m.Done && !m.Stopped:
		return "trial-ok"
	}
	return ""
}

// fix is where the setting is corrected that a step failed by.
func (m Trial) fix(ctx context.Context, r trialRow) (href, label string) {
	if r.Result == nil || r.Result.ReasonCode == connection.ReasonNone {
		return "", ""
	}
	fix, ok := state.FixOf(r.Result.ReasonCode)
	switch {
	case !ok:
		return "", ""
	case m.ID != 0:
		return fix.Path(m.ID), fix.Label(ctx)
	}
	return "#" + fix.Field, fix.Label(ctx)
}

func certificateNames(c *connection.Certificate) string { return strings.Join(c.Names, ", ") }
