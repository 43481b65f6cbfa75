// Package plugin calls code that others wrote.
package plugin

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// Plugin is somebody else's code, which may panic.
type Plugin interface {
	Name() string
	Handle(event string) error
}

// ErrPanicked is wrapped by the error of a plug-in that panicked.
var ErrPanicked = errors.New("the plug-in panicked")

// Call lets a plug-in handle an event. A panic becomes an error, with the stack in its text.
func Call(plugin Plugin, event string) (err error) {
	name := plugin.Name()
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%s: %w: %v\n%s", name, ErrPanicked, reason, debug.Stack())
		}
	}()
	if err := plugin.Handle(event); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
