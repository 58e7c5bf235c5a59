package thingsboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"boardlink/connection"
)

// A customer's devices are read page by page; who has more than pageLimit pages is refused rather than read for ever.
const (
	pageSize  = 50
	pageLimit = 2000
)

// customerGateway finds the gateway of the user's customer, and gives it the flags that it lacks where the user may.
func (c *Client) customerGateway(ctx context.Context, user User, name, knownID string) (*device, error) {
	d, err := c.findCustomerGateway(ctx, user, name, knownID)
	if err != nil {
		return nil, err
	}
	marked, err := c.markGateway(ctx, d)
	if err != nil {
		if ctx.Err() != nil || CodeOf(err) != connection.ReasonPermission {
			return nil, err
		}
		// It is a gateway already. Without overwriteActivityTime, commands to devices silent for ten minutes get lost.
		c.log.Warn("The gateway device could not be given overwriteActivityTime", "device_id", d.ID.ID, "error", err)
		return d, nil
	}
	return marked, nil
}

// findCustomerGateway looks among the devices assigned to the user's customer: for the gateway known from last time, then
// for the one called name, then for the first by name.
func (c *Client) findCustomerGateway(ctx context.Context, user User, name, knownID string) (*device, error) {
	d, err := c.deviceByID(ctx, knownID)
	if err != nil {
		return nil, err
	}
	if d == nil || !d.isGateway() {
		d = nil
		err = c.customerDevices(ctx, user, "", func(candidate *device) bool {
			if candidate.isGateway() && (d == nil || candidate.Name == name) {
				d = candidate
			}
			return d != nil && (name == "" || d.Name == name)
		})
	}
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, fmt.Errorf("find a gateway device: %w", fail(connection.ReasonNoGateway, Config, "", nil))
	}
	return d, nil
}

// customerDevices visits the devices of the user's customer, by name, until visit returns true.
func (c *Client) customerDevices(ctx context.Context, user User, search string, visit func(*device) bool) error {
	if !uuidForm.MatchString(user.CustomerID) {
		return fmt.Errorf("list the customer's devices: %w", fail(connection.ReasonProtocol, Config, "", nil))
	}
	for page := range pageLimit {
		var answer struct {
			Data    []device `json:"data"`
			HasNext bool     `json:"hasNext"`
		}
		query := url.Values{
			"pageSize": {strconv.Itoa(pageSize)}, "page": {strconv.Itoa(page)}, "sortProperty": {"name"}, "sortOrder": {"ASC"},
		}
		if search != "" {
			query.Set("textSearch", search)
		}
		err := c.call(ctx, request{method: http.MethodGet, path: "/api/customer/" + user.CustomerID + "/devices", query: query, out: &answer})
		if err != nil {
			return c.explain("list the customer's devices", err)
		}
		for i := range answer.Data {
			d, err := c.checkDevice(&answer.Data[i])
			if err != nil {
				return err
			}
			if visit(d) {
				return nil
			}
		}
		if !answer.HasNext || len(answer.Data) == 0 {
			return nil
		}
	}
	return fmt.Errorf("list the customer's devices: %w", &Error{
		Code: connection.ReasonNoGateway, Kind: Config,
		Message: fmt.Sprintf("The customer has more than %d devices; no gateway was found among them.", pageSize*pageLimit),
	})
}
