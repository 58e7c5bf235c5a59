package api

import (
	"strconv"

	"boardlink/connection"

	"github.com/danielgtaylor/huma/v2"
)

// durationPattern is how connection.ParseDuration wants its text.
const durationPattern = `^[0-9]{1,9}[smhd]$`

// pattern gives the form of a setting, where a pattern can tell it. The rules that count are those of connection.Validate;
// this spares programs the obvious mistakes.
func pattern(field string) string {
	switch field {
	case "hostName":
		return `^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$`
	case "downlinkAsKey":
		return `^([0-9A-Fa-f]{32}|\*{5})?$`
	}
	return ""
}

// Schema implements [huma.SchemaProvider].
func (configuration) Schema(huma.Registry) *huma.Schema { return configurationSchema() }

// configurationSchema describes the settings of a connection by the table of fields.
func configurationSchema() *huma.Schema {
	defaults := connection.Connection{Configuration: connection.DefaultConfiguration()}
	s := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{}}
	for _, f := range configurationFields() {
		s.Properties[f.Name] = fieldSchema(f, f.Get(&defaults))
		if f.Mandatory {
			s.Required = append(s.Required, f.Name)
		}
	}
	return s
}

func fieldSchema(f connection.Field, standard string) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Title: f.Label, Description: f.Help}
	if f.Example != "" && f.Name != "caCertificate" { // the form's is a hint, and no certificate
		s.Examples = []any{f.Example}
	}
	if standard != "" {
		s.Default = standard
	}
	s.Pattern = pattern(f.Name)
	if f.Name == "username" {
		s.Format = "email"
	}
	if f.Max > 0 {
		s.MaxLength = &f.Max
	}
	if one := 1; f.Mandatory {
		s.MinLength = &one
	}
	switch f.Control {
	case connection.ControlSwitch:
		s.Type, s.Default, s.Examples = huma.TypeBoolean, standard == "true", nil
	case connection.ControlNumber:
		least, most := 1.0, float64(connection.MaxFPort)
		s.Type, s.Minimum, s.Maximum, s.Examples = huma.TypeInteger, &least, &most, nil
		if n, err := strconv.Atoi(f.Example); err == nil {
			s.Examples = []any{n}
		}
	case connection.ControlDuration:
		s.Pattern = durationPattern
	case connection.ControlSecret:
		s.Format = "password"
		s.Description += " Reads give " + connection.Mask + " where it is set."
	case connection.ControlChoice:
		for _, c := range f.Choices {
			s.Enum = append(s.Enum, c.Value)
		}
	}
	return s
}
