// Package hits counts requests by path.
package hits

import (
	"sort"
	"sync"
)

// Counter may be used by many goroutines.
type Counter struct {
	mu   sync.Mutex
	hits map[string]int
}

// New returns an empty counter.
func New() *Counter {
	return &Counter{hits: make(map[string]int)}
}

// Add counts one request.
func (c *Counter) Add(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hits[path]++
}

// Total returns how many requests there were.
func (c *Counter) Total() int {
	total := 0
	for _, count := range c.hits {
		total += count
	}
	return total
}

// Paths returns all paths, sorted.
func (c *Counter) Paths() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	paths := make([]string, 0, len(c.hits))
	for path := range c.hits {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	return paths
}
