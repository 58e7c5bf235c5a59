package operation

import (
	"fmt"

	"boardlink/connection"
)

// Example tells what ThingsBoard receives of an uplink under these settings; the zero Example where nobody can say.
func (o *Connections) Example(cfg connection.Configuration) (connection.Example, error) {
	if o.example == nil {
		return connection.Example{}, nil
	}
	x, err := o.example(cfg)
	if err != nil {
		return connection.Example{}, fmt.Errorf("make an example of telemetry: %w", err)
	}
	return x, nil
}
