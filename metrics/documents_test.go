package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var metricName = regexp.MustCompile(`\b(?:boardlink|go|process)_[a-z0-9_]+`)

// expressions finds every PromQL expression of a dashboard, wherever it stands.
func expressions(v any) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if text, ok := inner.(string); ok && (key == "expr" || key == "query") {
				all = append(all, text)
			}
			all = append(all, expressions(inner)...)
		}
	case []any:
		for _, inner := range v {
			all = append(all, expressions(inner)...)
		}
	}
	return all
}

func TestDashboard_names_only_metrics_that_exist(t *testing.T) {
	text, err := os.ReadFile("../deploy/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard any
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	exist := names(t)
	used := map[string]bool{}
	for _, expression := range expressions(dashboard) {
		for _, name := range metricName.FindAllString(expression, -1) {
			used[name] = true
			if !slices.Contains(exist, name) {
				t.Errorf("%s is no metric: %s", name, expression)
			}
		}
	}
	for _, name := range []string{"boardlink_links", "boardlink_uplinks_delivered_total", "boardlink_publish_duration_seconds_bucket", "boardlink_queue_depth",
		"boardlink_queue_oldest_age_seconds", "boardlink_queue_parked", "boardlink_downlinks_total"} {
		if !used[name] {
			t.Errorf("%s is not shown", name)
		}
	}
}

// family is the metric that a series belongs to.
func family(series string) string {
	for _, end := range []string{"_bucket", "_sum", "_count"} {
		if name, ok := strings.CutSuffix(series, end); ok {
			return name
		}
	}
	return series
}

func TestDocument_lists_every_metric_of_ours_and_no_other(t *testing.T) {
	text, err := os.ReadFile("../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "| `boardlink_"); ok {
			name, _, _ := strings.Cut(rest, "`")
			rows["boardlink_"+name] = true
		}
	}
	exist := map[string]bool{}
	for _, series := range names(t) {
		if strings.HasPrefix(series, namespace+"_") {
			exist[family(series)] = true
			if !rows[family(series)] {
				t.Errorf("%s has no row", family(series))
			}
		}
	}
	for name := range rows {
		if !exist[name] {
			t.Errorf("%s has a row but is no metric", name)
		}
	}
	for _, name := range metricName.FindAllString(string(text), -1) {
		if strings.HasPrefix(name, namespace+"_") && !exist[family(name)] {
			t.Errorf("%s is named but is no metric", name)
		}
	}
}
