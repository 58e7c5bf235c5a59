package handlers

import (
	"fmt"

	"boardlink/handlers/api"
	"boardlink/web"
)

// Mount puts all that can be asked for on a server: the pages that [Console.Routes] lists, and the REST API under
// [web.Base] with the address for uplinks. The plumbing's own addresses (health, the stream of changes) are there already.
//
// Programs reach the API by the pages' addresses too: web leads them from "/connections" to "/api/v1/connections". The error
// names an address that stands in the table without a handler, or the other way round.
func Mount(s *web.Server, console *Console, rest api.Options) error {
	s.Mount(console.Routes()...)
	s.Mount((&keyPages{keys: rest.Keys, public: s.PublicURL(), now: console.now}).routes()...)
	api.Mount(s, rest)
	if err := s.Check(); err != nil {
		return fmt.Errorf("mount the routes: %w", err)
	}
	return nil
}
