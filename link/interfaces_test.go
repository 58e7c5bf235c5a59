package link

import (
	"boardlink/activity"
	"boardlink/thingpark"
)

// What the program wires in satisfies what links ask for.
var (
	_ Figures   = (*activity.Recorder)(nil)
	_ Downlinks = (*thingpark.Caller)(nil)
)
