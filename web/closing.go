package web

import (
	"context"

	"boardlink/connection"
)

// UntilClosing gives a context that ends with ctx, or when the server begins to go down; its cause then is a
// [connection.Failure] to answer with. It is for requests that may take longer than the server waits.
func UntilClosing(ctx context.Context) (context.Context, context.CancelFunc) {
	s := visitIn(ctx).server
	limited, cancel := context.WithCancelCause(ctx)
	stop := func() bool { return true }
	if s != nil {
		stop = context.AfterFunc(s.closing, func() {
			cancel(connection.Fail(connection.CodeUnavailable, "Boardlink is going down; ask again when it is back."))
		})
	}
	return limited, func() {
		stop()
		cancel(nil)
	}
}
