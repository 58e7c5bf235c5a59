// Soak lets many links run for long while things go wrong, and ends with 1 where a promise was not kept. `make soak`
// runs it; -h lists what can be changed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"boardlink/faults"
)

func main() {
	var opt faults.SoakOptions
	flag.DurationVar(&opt.Duration, "for", 0, "how long uplinks come in (30m)")
	flag.IntVar(&opt.Links, "links", 0, "how many links (200)")
	flag.IntVar(&opt.Devices, "devices", 0, "devices of each link (5)")
	flag.IntVar(&opt.Sandboxes, "thingsboards", 0, "how many ThingsBoards (4)")
	flag.Float64Var(&opt.Rate, "rate", 0, "uplinks a second of each link (5)")
	flag.DurationVar(&opt.Act, "act", 0, "between two things that go wrong, on average (1s)")
	flag.Uint64Var(&opt.Seed, "seed", 0, "makes the choices of an earlier soak again (FAULTS_SEED, else another each time)")
	flag.BoolVar(&opt.Verbose, "v", false, "tell each thing that goes wrong")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report := faults.Soak(ctx, opt)
	fmt.Println(report)
	if err := report.Err(); err != nil {
		fmt.Printf("\nFAILED. FAULTS_SEED=%d makes the same choices again.\n%v\n", report.Seed, err)
		stop()
		os.Exit(1)
	}
	fmt.Println("Every promise was kept.")
}
