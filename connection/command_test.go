package connection

import "testing"

func TestCommandState_has_words_of_its_own(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range CommandStates {
		if words := s.Text(); words == "" || seen[words] {
			t.Errorf("%s: %q", s, words)
		}
		seen[s.Text()] = true
	}
}

func TestCommandState_is_settled_by_a_report_once(t *testing.T) {
	for _, s := range CommandStates {
		for _, next := range []CommandState{CommandSent, CommandMissed, CommandRejected} {
			open := s == CommandSending || s == CommandQueued || s == CommandUnknown
			if want := open || s == CommandMissed && next == CommandSent; s.Settles(next) != want {
				t.Errorf("%s to %s: %v", s, next, !want)
			}
		}
	}
}
