package operation_test

import (
	"fmt"
	"testing"

	"boardlink/operation/operationtest"
)

func TestNames_are_of_those_that_are_still_there(t *testing.T) {
	w := operationtest.New(nil)
	first, gone, last := create(t, w), create(t, w), create(t, w)
	if err := w.Delete(t.Context(), actor, gone); err != nil {
		t.Fatal(err)
	}
	names, err := w.Names(t.Context(), last, gone, first, last, 4711)
	if err != nil || len(names) != 2 || names[first] == "" || names[last] == "" {
		t.Errorf("the names are %v, %v", names, err)
	}
	if names, err := w.Names(t.Context()); err != nil || fmt.Sprint(names) != "map[]" {
		t.Errorf("of none they are %v, %v", names, err)
	}
}
