// Package fetch reads small documents from the web.
package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

const maxBytes = 1 << 20

// Text returns the document at an address, which is at most one megabyte long.
func Text(ctx context.Context, client *http.Client, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("fetch %s: %s", url, response.Status)
	}

	content, err := io.ReadAll(io.LimitReader(response.Body, maxBytes+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxBytes {
		return "", fmt.Errorf("fetch %s: longer than %d bytes", url, maxBytes)
	}
	return string(content), nil
}
