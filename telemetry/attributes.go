package telemetry

import (
	"encoding/json"
	"strconv"

	"boardlink/connection"
	"boardlink/thingpark"
)

// identifiers are the members that name things. They travel inside one JSON attribute: ThingsBoard would make a number
// of a DevAddr that consists of digits if it stood alone (JSON_TYPE_CAST_ENABLED in JsonConverter.java).
var identifiers = []string{"DevEUI", "DevAddr", "CustomerID", "Lrcid", "Lrrid"}

// maxTags bounds the tags that become an attribute.
const maxTags = 100

// attributes returns the client attributes that an uplink tells of its device:
//
//	lorawan    identifiers, under ThingPark's names
//	name       CustomerData.name
//	model      maker and model of the driver, else the product of the application layer: "acme/t1"
//	tags       CustomerData.tags
//	position   {"latitude", "longitude"} where the device was installed, from CustomerData.loc
//
// What the uplink does not tell is left out, so that an attribute set earlier stays.
func attributes(doc thingpark.Document) map[string]any {
	lorawan := make(map[string]string, len(identifiers))
	for _, name := range identifiers {
		if s := connection.Clean(doc.Text(name)); s != "" {
			lorawan[name] = s
		}
	}
	lorawan["DevEUI"] = doc.DevEUI
	all := map[string]any{"lorawan": lorawan}

	customer := thingpark.Object(doc.Member("CustomerData"))
	if doc.Name != "" {
		all["name"] = doc.Name
	}
	if s := model(doc, customer); s != "" {
		all["model"] = s
	}
	if tags := tags(customer); len(tags) > 0 {
		all["tags"] = tags
	}
	if p, ok := position(customer); ok {
		all["position"] = p
	}
	return all
}

// model names what the device is.
func model(doc thingpark.Document, customer []thingpark.Member) string {
	driver := thingpark.Object(doc.Member("DriverCfg"))
	for _, part := range []string{"mod", "app"} {
		names := thingpark.Object(thingpark.Find(driver, part))
		maker, model := cleanText(thingpark.Find(names, "pId")), cleanText(thingpark.Find(names, "mId"))
		if maker != "" && model != "" {
			return maker + "/" + model
		}
	}
	return cleanText(thingpark.Find(thingpark.Object(thingpark.Find(customer, "alr")), "pro"))
}

func tags(customer []thingpark.Member) []string {
	var all []string
	if err := json.Unmarshal(thingpark.Find(customer, "tags"), &all); err != nil {
		return nil
	}
	all = all[:min(len(all), maxTags)]
	for i, tag := range all {
		all[i] = connection.Clean(tag)
	}
	return all
}

// place is where a device was installed, in degrees.
type place struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

func position(customer []thingpark.Member) (place, bool) {
	loc := thingpark.Object(thingpark.Find(customer, "loc"))
	latitude, ok := degrees(thingpark.Find(loc, "lat"), 90)
	longitude, also := degrees(thingpark.Find(loc, "lon"), 180)
	return place{latitude, longitude}, ok && also
}

func degrees(raw json.RawMessage, limit float64) (float64, bool) {
	number, ok := thingpark.Number(raw)
	if !ok {
		return 0, false
	}
	d, err := strconv.ParseFloat(string(number), 64)
	return d, err == nil && d >= -limit && d <= limit
}

// cleanText returns a member that is a text, made fit to be shown.
func cleanText(raw json.RawMessage) string {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return ""
	}
	return connection.Clean(s)
}
