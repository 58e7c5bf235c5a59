package link

import (
	"encoding/json"
)

// notice takes in that devices were renamed or deleted at ThingsBoard. A deleted device must be connected anew, with
// its type, before its next telemetry: otherwise that would make one of the profile "default"
// (thingsboard-gateway, issue 420).
func (c *commander) notice(cmd command) {
	for _, device := range noticed(cmd.Params) {
		c.p.r.log.Info("A device was renamed or deleted at ThingsBoard", "method", cmd.Method, "device", device)
		c.p.forget(device)
	}
	c.background(func() { c.reply(cmd, answer{Status: "ok"}) })
}

// noticed lists the devices of a notice: a name, or an object of old and new names.
func noticed(params json.RawMessage) []string {
	var name string
	if json.Unmarshal(params, &name) == nil {
		return []string{name}
	}
	var renamed map[string]string
	if json.Unmarshal(params, &renamed) != nil {
		return nil
	}
	names := make([]string, 0, len(renamed))
	for old := range renamed {
		names = append(names, old)
	}
	return names
}
