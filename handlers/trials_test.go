package handlers

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/operation"
)

func TestTrials_end_when_nobody_looks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all trials
		ended := make(chan struct{})
		name, err := all.start(t.Context(), "alice", func(ctx context.Context, tell func(connection.StepResult)) (operation.Report, error) {
			<-ctx.Done()
			close(ended)
			return operation.Report{}, ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 { // as long as somebody asks, it goes on
			if _, done, _, err := all.follow(t.Context(), "alice", name, 0); done || err != nil {
				t.Fatalf("done %v, error %v", done, err)
			}
			time.Sleep(trialForgotten - trialNews - time.Second)
		}
		select {
		case <-ended:
			t.Fatal("it was given up although somebody asked")
		default:
		}
		time.Sleep(trialForgotten + time.Second)
		<-ended
		if _, _, _, err := all.follow(t.Context(), "alice", name, 0); connection.CodeOf(err) != connection.CodeNotFound {
			t.Errorf("it is still there: %v", err)
		}
		if len(all.all) != 0 {
			t.Error("it is remembered for ever")
		}
	})
}

func TestTrials_are_bounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all trials
		wait := func(ctx context.Context, _ func(connection.StepResult)) (operation.Report, error) {
			<-ctx.Done()
			return operation.Report{}, ctx.Err()
		}
		for range maxTrials {
			if _, err := all.start(t.Context(), "alice", wait); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := all.start(t.Context(), "alice", wait); connection.CodeOf(err) != connection.CodeUnavailable {
			t.Errorf("one more: %v", err)
		}
		time.Sleep(trialForgotten + time.Second)
		synctest.Wait()
	})
}

func TestTrials_are_stopped_by_whoever_began_them(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all trials
		ended := make(chan struct{})
		name, err := all.start(t.Context(), "alice", func(ctx context.Context, tell func(connection.StepResult)) (operation.Report, error) {
			tell(connection.StepResult{Step: connection.TrialAddress, Outcome: connection.OutcomeOK})
			<-ctx.Done()
			close(ended)
			return operation.Report{}, ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, _, _, err := all.stop("bob", name); connection.CodeOf(err) != connection.CodeNotFound {
			t.Errorf("somebody else stops it: %v", err)
		}
		steps, done, failed, err := all.stop("alice", name)
		if len(steps) != 1 || done || failed != nil || err != nil {
			t.Errorf("stopped with %d steps, done %v, %v, %v", len(steps), done, failed, err)
		}
		<-ended
		if _, _, _, err := all.stop("alice", name); connection.CodeOf(err) != connection.CodeNotFound || len(all.all) != 0 {
			t.Errorf("stopped twice: %v", err)
		}
		over, err := all.start(t.Context(), "alice", func(context.Context, func(connection.StepResult)) (operation.Report, error) {
			return operation.Report{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, done, _, err := all.stop("alice", over); !done || err != nil {
			t.Errorf("one that was over: done %v, %v", done, err)
		}
	})
}
