package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxUplinkURLs bounds what a page shows and a person enters in ThingPark.
const maxUplinkURLs = 3

// parseUplinkURLs reads a comma list of addresses, each like the public one and none of them twice.
func parseUplinkURLs(v string) ([]string, error) {
	var list []string
	for part := range strings.SplitSeq(v, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		u, err := cleanPublicURL(part)
		if err != nil {
			return nil, err
		}
		if slices.Contains(list, u) {
			return nil, fmt.Errorf("%s stands twice", u)
		}
		list = append(list, u)
	}
	if len(list) > maxUplinkURLs {
		return nil, errors.New("give 3 addresses at most")
	}
	return list, nil
}
