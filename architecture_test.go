package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "boardlink"

// rooms says whom each package of ours may import of ours, besides connection. Arrows point one way: what is not named
// here is refused. docs/architecture.md draws the same.
var rooms = map[string][]string{
	"connection":          {},
	"live":                {},
	"netguard":            {},
	"static":              {},
	"text":                {},
	"config":              {},
	"datadir":             {"config"},
	"thingpark":           {},
	"telemetry":           {"thingpark"},
	"thingsboard":         {"netguard"},
	"thingsboard/sandbox": {},
	"queue":               {},
	"activity":            {"live"},
	"alarm":               {},
	"metrics":             {},
	"access":              {},
	"db":                  {"access"},
	"ingest":              {"thingpark", "queue"},
	"link":                {"thingsboard", "thingpark", "telemetry", "queue", "activity", "live"},
	"operation":           {"live"},
	"stores":              {"db", "queue", "operation"},
	"views":               {"static", "text"},
	"web":                 {"access", "live", "views", "static", "text"},
	"handlers":            {"handlers/api", "web", "views", "operation", "access", "ingest", "static", "text"},
	"handlers/api":        {"web", "operation", "access", "ingest", "live"},
	"handlers/console":    {"web", "views", "operation", "access", "text"},
	"demo":                {"thingsboard/sandbox", "thingpark", "static", "views"},
	"e2e":                 {},
	"bench":               {},

	// What tests run the product with. It imports what main wires; nothing that ships may import it, see
	// TestNothingThatShipsImportsTestSupport.
	"faults": {"faults/history", "faults/proxy", "activity", "access", "db", "ingest", "link", "live", "netguard", "operation", "queue", "stores", "thingpark",
		"thingsboard", "thingsboard/sandbox"},
	"faults/history": {},
	"faults/proxy":   {"thingsboard/sandbox"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// room returns the longest name in rooms that holds the package, so that views/ui belongs to views.
func room(path string) string {
	for path != "" {
		if _, ok := rooms[path]; ok {
			return path
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return ""
		}
		path = path[:i]
	}
	return ""
}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath == module {
			continue // main wires everything
		}
		from := room(strings.TrimPrefix(p.ImportPath, module+"/"))
		if from == "" {
			t.Errorf("%s stands in no room: name it here and in docs/architecture.md", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			path, ours := strings.CutPrefix(imported, module+"/")
			if !ours {
				continue
			}
			to := room(path)
			if to == from || to == "connection" || slices.Contains(rooms[from], to) {
				continue
			}
			t.Errorf("%s imports %s, which %s may not", p.ImportPath, imported, from)
		}
	}
}

func TestNothingThatShipsImportsTestSupport(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasPrefix(strings.TrimPrefix(p.ImportPath, module+"/")+"/", "faults/") {
			continue
		}
		for _, imported := range p.Imports {
			if path, ours := strings.CutPrefix(imported, module+"/"); ours && strings.HasPrefix(path+"/", "faults/") {
				t.Errorf("%s imports %s outside a test", p.ImportPath, imported)
			}
		}
	}
}

func TestEchoStandsInWebAndHandlersOnly(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if strings.HasPrefix(name, "web") || strings.HasPrefix(name, "handlers") {
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "github.com/labstack/echo") {
				t.Errorf("%s names echo", p.ImportPath)
			}
		}
	}
}
