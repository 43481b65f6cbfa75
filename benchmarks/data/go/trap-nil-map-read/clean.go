// Package labels compares the labels of services.
package labels

// Set holds labels by name. The nil Set is empty, and may be read.
type Set map[string]string

// Matches tells whether set has all that selector wants. An empty selector matches everything.
func Matches(set, selector Set) bool {
	for name, wanted := range selector {
		if value, found := set[name]; !found || value != wanted {
			return false
		}
	}
	return true
}

// Merge returns the labels of all sets; a later set wins. The sets stay as they are.
func Merge(sets ...Set) Set {
	merged := make(Set)
	for _, set := range sets {
		for name, value := range set {
			merged[name] = value
		}
	}
	return merged
}

// Get returns a label, or fallback where there is none.
func Get(set Set, name, fallback string) string {
	if value, found := set[name]; found {
		return value
	}
	return fallback
}
