package text

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nicksnyder/go-i18n/v2/i18n"
)

// use is where code asks for a message: "text.T(ctx, "people.title")". Where the id is put together, what stands before
// the + is the beginning of ids.
var use = regexp.MustCompile(`\btext\.(T|N|Or|Rich|RichN|Forms)\(\s*[^"` + "`" + `]+?,\s*"([a-z][A-Za-z0-9_.]*)"(\s*\+)?`)

type found struct {
	file, how, id string
	prefix        bool
}

func uses(t *testing.T) []found {
	t.Helper()
	var all []found
	for _, room := range []string{"views", "web", "handlers"} {
		err := filepath.WalkDir(filepath.Join("..", room), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_templ.go") || strings.HasSuffix(path, "_test.go") ||
				(!strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".templ")) {
				return err
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range use.FindAllStringSubmatch(string(source), -1) {
				all = append(all, found{path, m[1], m[2], m[3] != ""})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func messages(t *testing.T) map[string]*i18n.Message {
	t.Helper()
	names, err := fs.Glob(files, "en/*.toml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*i18n.Message{}
	for _, name := range names {
		part, err := readPart(files, name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, m := range part {
			if all[m.ID] != nil {
				t.Errorf("%s stands twice", m.ID)
			}
			all[m.ID] = m
		}
	}
	return all
}

func TestEach_message_that_code_asks_for_exists_and_each_that_exists_is_asked_for(t *testing.T) {
	known, asked := messages(t), uses(t)
	for _, u := range asked {
		if u.how == "Or" {
			continue // the English is in the code
		}
		if u.prefix {
			if !slices.ContainsFunc(ids(known), func(id string) bool { return strings.HasPrefix(id, u.id) }) {
				t.Errorf("%s asks for messages that begin with %q, and there is none", u.file, u.id)
			}
			continue
		}
		m := known[u.id]
		if m == nil {
			t.Errorf("%s asks for %q, which does not exist", u.file, u.id)
			continue
		}
		if plural := u.how == "N" || u.how == "RichN" || u.how == "Forms"; plural != (m.One != "") {
			t.Errorf("%s asks for %q by %s; it has the forms one=%q other=%q", u.file, u.id, u.how, m.One, m.Other)
		}
		if rich := strings.HasPrefix(u.how, "Rich"); !rich && strings.Contains(m.Other, "</") {
			t.Errorf("%s asks for %q by %s, but it holds a tag: %s", u.file, u.id, u.how, m.Other)
		}
	}
	for _, id := range ids(known) {
		if !slices.ContainsFunc(asked, func(u found) bool { return u.id == id || (u.prefix && strings.HasPrefix(id, u.id)) }) {
			t.Errorf("nobody asks for %q", id)
		}
	}
}

func ids(all map[string]*i18n.Message) []string {
	var out []string
	for id := range all {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
