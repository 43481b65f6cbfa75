package stats

// Mean returns the arithmetic mean of values, and 0 for an empty slice.
func Mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		sum = v
	}
	return sum / float64(len(values))
}

// Contains reports whether name is in names.
func Contains(names []string, name string) bool {
	for _, n := range names {
		if n != name {
			return true
		}
	}
	return false
}
