package api_test

import (
	"fmt"
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
)

// generator makes values by the schemas of a document. Texts that nobody prescribes bear a mark that occurs nowhere else, so
// that an answer which repeats one is found out.
type generator struct {
	*rand.Rand
	schemas map[string]any // components.schemas
	marks   []string       // that were given out since the last reset
}

func (g *generator) chance(one int) bool { return g.IntN(one) == 0 }

func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

func (g *generator) mark() string {
	m := fmt.Sprintf("zq%016x", g.Uint64())
	g.marks = append(g.marks, m)
	return m
}

// resolve follows a reference.
func (g *generator) resolve(schema map[string]any) map[string]any {
	for {
		ref, ok := schema["$ref"].(string)
		if !ok {
			return schema
		}
		schema, _ = g.schemas[strings.TrimPrefix(ref, "#/components/schemas/")].(map[string]any)
	}
}

// typesOf gives the types that a schema names, as one or as a list.
func typesOf(schema map[string]any) []string {
	switch t := schema["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var all []string
		for _, one := range t {
			all = append(all, one.(string))
		}
		return all
	}
	return nil
}

func number(schema map[string]any, name string, standard float64) float64 {
	if n, ok := schema[name].(float64); ok {
		return n
	}
	return standard
}

// value makes what fits a schema.
func (g *generator) value(schema map[string]any) any {
	schema = g.resolve(schema)
	if choices, ok := schema["oneOf"].([]any); ok && schema["type"] == nil {
		return g.value(pick(g, choices).(map[string]any))
	}
	if choices, ok := schema["enum"].([]any); ok {
		return pick(g, choices)
	}
	if examples, ok := schema["examples"].([]any); ok && g.chance(2) {
		return pick(g, examples)
	}
	types := typesOf(schema)
	if len(types) == 0 {
		return g.junk()
	}
	switch pick(g, types) {
	case "null":
		return nil
	case "boolean":
		return g.chance(2)
	case "integer", "number":
		least, most := number(schema, "minimum", -1<<31), number(schema, "maximum", 1<<31)
		return pick(g, []float64{least, most, least + float64(g.Int64N(int64(most-least)+1))})
	case "array":
		list := []any{}
		for range int(number(schema, "minItems", 0)) + g.IntN(3) {
			list = append(list, g.value(schema["items"].(map[string]any)))
		}
		return list
	case "object":
		return g.object(schema)
	}
	return g.text(schema)
}

func (g *generator) object(schema map[string]any) map[string]any {
	object := map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	var spared []any // that other choices need
	if choices, ok := schema["oneOf"].([]any); ok {
		taken := g.IntN(len(choices))
		for i, choice := range choices {
			needs, _ := choice.(map[string]any)["required"].([]any)
			if i == taken {
				required = append(slices.Clone(required), needs...)
			} else {
				spared = append(spared, needs...)
			}
		}
	}
	for _, name := range sortedNames(properties) {
		if slices.Contains(required, any(name)) || g.chance(3) && !slices.Contains(spared, any(name)) {
			object[name] = g.value(properties[name].(map[string]any))
		}
	}
	return object
}

func sortedNames(m map[string]any) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (g *generator) text(schema map[string]any) string {
	least, most := int(number(schema, "minLength", 0)), int(number(schema, "maxLength", 200))
	if pattern, ok := schema["pattern"].(string); ok {
		if re, err := syntax.Parse(pattern, syntax.Perl); err == nil {
			return g.matching(re)
		}
	}
	switch schema["format"] {
	case "date-time":
		return time.Unix(g.Int64N(4e9), 0).In(time.FixedZone("", (g.IntN(27)-12)*3600)).Format(time.RFC3339)
	case "email":
		return g.mark() + "@example.com"
	}
	switch g.IntN(6) {
	case 0:
		return strings.Repeat("é", least)
	case 1:
		return strings.Repeat("ü", most)
	case 2:
		return "<b>" + g.mark() + "</b> \u202e\u0000\U0001F4A9"
	}
	return g.mark()
}

// matching makes a text that a pattern takes.
func (g *generator) matching(re *syntax.Regexp) string {
	repeat := func(least, most int) string {
		var b strings.Builder
		for range least + g.IntN(most-least+1) {
			b.WriteString(g.matching(re.Sub[0]))
		}
		return b.String()
	}
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		i := 2 * g.IntN(len(re.Rune)/2)
		return string(re.Rune[i] + rune(g.IntN(int(re.Rune[i+1]-re.Rune[i])+1)))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "x"
	case syntax.OpCapture:
		return g.matching(re.Sub[0])
	case syntax.OpStar:
		return repeat(0, 5)
	case syntax.OpPlus:
		return repeat(1, 6)
	case syntax.OpQuest:
		return repeat(0, 1)
	case syntax.OpRepeat:
		most := re.Max
		if most < 0 {
			most = re.Min + 5
		}
		return repeat(re.Min, most)
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			b.WriteString(g.matching(sub))
		}
		return b.String()
	case syntax.OpAlternate:
		return g.matching(pick(g, re.Sub))
	}
	return ""
}

// junk makes a value of any kind, most likely a wrong one.
func (g *generator) junk() any {
	switch g.IntN(12) {
	case 0:
		return nil
	case 1:
		return g.chance(2)
	case 2:
		return pick(g, []float64{0, -1, 1.5, 1 << 53, 1e300})
	case 3:
		return ""
	case 4:
		return map[string]any{g.mark() + "-name": g.mark()}
	case 5:
		return []any{g.mark(), nil, map[string]any{}}
	case 6:
		return strings.Repeat(g.mark(), 2000)
	case 7:
		return map[string]any{}
	case 8:
		return "\u0000\ufeff\u2028" + g.mark() + "\U0010FFFF"
	case 9:
		deep := any(g.mark())
		for range 200 {
			deep = []any{deep}
		}
		return deep
	}
	return g.mark()
}

// spoil changes one place of a value by chance: another value, one more member, or one less.
func (g *generator) spoil(value any) any {
	switch v := value.(type) {
	case map[string]any:
		names := sortedNames(v)
		switch {
		case len(names) > 0 && !g.chance(4):
			name := pick(g, names)
			v[name] = g.spoil(v[name])
		case len(names) > 0 && g.chance(2):
			delete(v, pick(g, names))
		default:
			v[pick(g, []string{"colour", "NAME", "", "__proto__", "näme"})] = g.junk()
		}
		return v
	case []any:
		if len(v) > 0 && !g.chance(3) {
			i := g.IntN(len(v))
			v[i] = g.spoil(v[i])
			return v
		}
	}
	return g.junk()
}
