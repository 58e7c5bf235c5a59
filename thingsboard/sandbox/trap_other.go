//go:build !linux

package sandbox

import (
	"errors"
	"net"
)

func shortenQueue(net.Listener) error { return errors.ErrUnsupported }
