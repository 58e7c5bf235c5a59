package faults_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets more tests wait at once than there are processors: what they wait for are deadlines.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		_ = flag.Set("test.parallel", "16") // a flag that is there and a number
	}
	os.Exit(m.Run())
}
