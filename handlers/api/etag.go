package api

import (
	"net/http"
	"strconv"
	"strings"

	"boardlink/web"
)

// etag names a version of a connection, or of a person.
func etag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

// precondition compares the header If-Match with the version that is stored. It gives the version that a change must
// still find, 0 where the program did not ask.
func (c *call) precondition(version int64) (int64, error) {
	wanted := strings.Join(c.echo.Request().Header.Values("If-Match"), ",")
	if strings.TrimSpace(wanted) == "" {
		return 0, nil
	}
	for tag := range strings.SplitSeq(wanted, ",") {
		switch strings.TrimSpace(tag) {
		case "*":
			return 0, nil
		case etag(version):
			return version, nil
		}
	}
	return 0, errStale()
}

func errStale() error {
	return web.NewProblem(http.StatusPreconditionFailed, "It was changed since you read it. Read it again and repeat your change.")
}
