package web

import (
	"testing"

	"go.uber.org/goleak"
)

// A stream that is not ended holds a goroutine, and one page too many of them the server.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
