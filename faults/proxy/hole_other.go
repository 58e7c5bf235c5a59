//go:build !linux

package proxy

import (
	"errors"
	"net"
)

func shortenQueue(net.Listener) error { return errors.ErrUnsupported }
