package connection

import "time"

// OnceFor is how long a request that must be carried out once is remembered.
const OnceFor = 24 * time.Hour

// OnceAnswer is what such a request was answered with. It holds no secret.
type OnceAnswer struct {
	Status int // of HTTP; 0 while there is none
	Header map[string]string
	Body   []byte
}
