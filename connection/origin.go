package connection

import (
	"context"
	"net/netip"
)

type originKey struct{}

// WithOrigin notes in a context from which address the request came that is being answered. Whatever tells of events takes
// it from there ([Origin]), so that an event bears the address however deep below the request it is made. What goes on in
// the background has a context without one.
func WithOrigin(ctx context.Context, address netip.Addr) context.Context {
	return context.WithValue(ctx, originKey{}, address)
}

// Origin gives the address that [WithOrigin] noted, the zero Addr where there is none.
func Origin(ctx context.Context) netip.Addr {
	address, _ := ctx.Value(originKey{}).(netip.Addr)
	return address
}

// OriginText gives the address as events bear it, "" where there is none.
func OriginText(ctx context.Context) string {
	if address := Origin(ctx); address.IsValid() {
		return address.String()
	}
	return ""
}
