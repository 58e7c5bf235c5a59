package connection

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const statesPage = "../docs/states.md"

// The page's tables of reasons and states are those of the code: UPDATE_DOCS=1 writes the reasons anew.
func TestStatesPage_has_the_reasons_that_console_and_API_show(t *testing.T) {
	page, err := os.ReadFile(statesPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := bytes.Cut(page, []byte("<!-- reasons -->\n"))
	table, after, ended := bytes.Cut(rest, []byte("<!-- /reasons -->\n"))
	if !found || !ended {
		t.Fatal("the page has no place for the reasons")
	}
	want := reasonTable(t)
	if os.Getenv("UPDATE_DOCS") == "1" {
		whole := slices.Concat(before, []byte("<!-- reasons -->\n"), []byte(want), []byte("<!-- /reasons -->\n"), after)
		if err := os.WriteFile(statesPage, whole, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(table) != want {
		t.Errorf("%s is not what the code says; UPDATE_DOCS=1 go test ./connection -run StatesPage writes it anew. Wanted:\n%s", statesPage, want)
	}
	for _, s := range States {
		if !strings.Contains(string(page), fmt.Sprintf("\n| `%s` |", s)) {
			t.Errorf("the page does not tell of %s", s)
		}
	}
}

func reasonTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| code | sentence | hint |\n| --- | --- | --- |\n")
	seen := 0
	for _, code := range reasonConstants(t) {
		text, told := Reasons[code.value]
		if !told {
			t.Errorf("%s has no row in Reasons", code.name)
		}
		seen++
		shown := "`" + string(code.value) + "`"
		if code.value == ReasonNone {
			shown = "(empty)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", shown, text.Sentence, text.Hint)
	}
	if seen != len(Reasons) {
		t.Errorf("%d constants and %d rows of Reasons", seen, len(Reasons))
	}
	return b.String()
}

type reasonConstant struct {
	name  string
	value ReasonCode
}

// reasonConstants reads the reason codes in the order of the source.
func reasonConstants(t *testing.T) (all []reasonConstant) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "ReasonCode" {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, reasonConstant{spec.Names[0].Name, ReasonCode(value)})
		return true
	})
	return all
}

// Each reason is what some test makes a link, a test of a connection or a refusal say.
func TestReasons_are_each_shown_by_a_test(t *testing.T) {
	text := strings.Join(slices.Collect(maps.Values(testFiles(t))), "\n")
	for _, code := range reasonConstants(t) {
		if !regexp.MustCompile(`\b` + code.name + `\b`).MatchString(text) {
			t.Errorf("no test shows %s", code.name)
		}
	}
}

// Every test that the page names is there.
func TestStatesPage_names_tests_that_exist(t *testing.T) {
	page, err := os.ReadFile(statesPage)
	if err != nil {
		t.Fatal(err)
	}
	files := testFiles(t)
	named := regexp.MustCompile("`([a-z0-9/]+)` `(Test\\w+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 15 {
		t.Fatalf("only %d tests are named", len(named))
	}
	for _, m := range named {
		folder, name := m[1], m[2]
		found := false
		for path, text := range files {
			found = found || filepath.Dir(path) == folder && strings.Contains(text, "func "+name+"(")
		}
		if !found {
			t.Errorf("there is no %s in %s", name, folder)
		}
	}
}

// testFiles reads every test of the module but this file, by its path in the module.
func testFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != ".." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go") || path == filepath.Join("..", "connection", "statesdoc_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		files[filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
