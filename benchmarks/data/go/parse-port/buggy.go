// Package endpoint reads addresses of services.
package endpoint

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Endpoint is where a service listens.
type Endpoint struct {
	Host    string
	Port    uint16
	Timeout time.Duration
}

// ErrNoHost is returned for an address that names no host.
var ErrNoHost = errors.New("the address names no host")

// Parse reads "host:port" and a timeout such as "5s".
func Parse(address, timeout string) (Endpoint, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return Endpoint{}, err
	}
	if host == "" {
		return Endpoint{}, ErrNoHost
	}
	port, portErr := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return Endpoint{}, fmt.Errorf("port %q: %w", text, err)
	}
	wait, err := time.ParseDuration(timeout)
	if err != nil {
		return Endpoint{}, fmt.Errorf("timeout: %w", err)
	}
	return Endpoint{Host: host, Port: uint16(port), Timeout: wait}, nil
}
