// Package pool runs jobs side by side.
package pool

import "sync"

// Job makes one result.
type Job func() (string, error)

// Result is what came of a job.
type Result struct {
	Index int
	Text  string
	Err   error
}

// Run runs all jobs, at most workers at a time, and returns their results in the order of the jobs.
func Run(jobs []Job, workers int) []Result {
	if workers < 1 {
		workers = 1
	}
	results := make(chan Result, len(jobs))
	room := make(chan struct{}, workers)
	var wait sync.WaitGroup
	for index, job := range jobs {
		wait.Add(1)
		go func(index int, job Job) {
			defer wait.Done()
			room <- struct{}{}
			defer func() { <-room }()
			text, err := job()
			results <- Result{index, text, err}
		}(index, job)
	}
	wait.Wait()
	close(results)

	ordered := make([]Result, len(jobs))
	for result := range results {
		ordered[result.Index] = result
	}
	return ordered
}
