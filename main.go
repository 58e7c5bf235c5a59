// Boardlink keeps bidirectional links between LoRaWAN devices on a ThingPark network and ThingsBoard accounts.
//
// This package wires: commands, start, stop. What Boardlink does stands in the folders beside it; docs/architecture.md
// draws them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"boardlink/config"
	"boardlink/connection"
)

// version is set by the linker; a build from a checkout tells its commit instead.
var version = ""

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// gcPercent lets the heap grow further between collections than Go's default: it is small here (some ten MB), and at full
// load the collector took a seventh of the processor. GOGC overrides it.
const gcPercent = 300

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run carries out one command and returns the exit code. ctx ends when the program is asked to stop.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	command, rest := config.Command(args)
	var err error
	switch command {
	case "serve":
		err = serve(ctx, rest, environ, stdout, stderr)
	case "demo":
		err = runDemo(ctx, rest, environ, stdout, stderr)
	case "reset-link":
		err = resetLink(ctx, rest, environ, stdout, stderr)
	case "version":
		if len(rest) > 0 {
			err = &config.UsageError{Setting: rest[0], Message: "means nothing to the command version"}
			break
		}
		_, err = fmt.Fprintln(stdout, "boardlink "+programVersion())
	default:
		err = &config.UsageError{Setting: command, Message: "is no command; there are serve, demo, reset-link EMAIL and version"}
	}
	return report(err, stderr)
}

// report says why a command failed, in one line, and gives its exit code.
func report(err error, stderr io.Writer) int {
	var usage *config.UsageError
	var failure *connection.Failure
	switch {
	case err == nil, errors.Is(err, config.ErrHelp):
		return exitOK
	case errors.As(err, &usage):
		_, _ = fmt.Fprintln(stderr, "boardlink: "+usage.Error())
		return exitUsage
	case errors.As(err, &failure):
		_, _ = fmt.Fprintln(stderr, "boardlink: "+failure.Message)
		return exitFailed
	default:
		_, _ = fmt.Fprintln(stderr, "boardlink: "+err.Error())
		return exitFailed
	}
}

// programVersion is what the build knows of itself.
func programVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "dev-" + s.Value[:12]
		}
	}
	return "dev"
}
