package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	shownPicture = regexp.MustCompile(`!\[[^\]]+\]\(([^)]+)\)`)
	quotedWords  = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	pageLink     = regexp.MustCompile(`\]\(([a-z./A-Z]*\.md)?(#[a-z0-9-]+)?\)`)
	notInAnchors = regexp.MustCompile(`[^a-z0-9 -]`)
)

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wordsOfThePages is all source that the pages' words come from, white space folded.
func wordsOfThePages(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, room := range []string{"text/en", "views", "handlers", "connection", "access", "operation"} {
		err := filepath.WalkDir(room, func(path string, d fs.DirEntry, err error) error {
			name := d.Name()
			if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go") || strings.Contains(path, "gallery") {
				return err
			}
			all.WriteString(readText(t, path))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(strings.Fields(all.String()), " ")
}

// The guide names words, pictures and pages that are there.
func TestGuide_shows_and_quotes_what_is_there(t *testing.T) {
	guide, pages := readText(t, "docs/guide.md"), wordsOfThePages(t)
	pictures := shownPicture.FindAllStringSubmatch(guide, -1)
	for _, m := range pictures {
		if info, err := os.Stat(filepath.Join("docs", m[1])); err != nil || info.Size() > 150_000 {
			t.Errorf("the picture %s is not there, or over 150 KB: %v", m[1], err)
		}
	}
	quoted := quotedWords.FindAllStringSubmatch(guide, -1)
	for _, m := range quoted {
		if words := strings.Join(strings.Fields(m[1]), " "); words != "bold" && !strings.Contains(pages, words) {
			t.Errorf("no page says %q", words)
		}
	}
	if len(pictures) < 15 || len(quoted) < 60 {
		t.Errorf("only %d pictures and %d words were found", len(pictures), len(quoted))
	}
	for _, m := range pageLink.FindAllStringSubmatch(guide, -1) {
		target := "docs/guide.md"
		if m[1] != "" {
			target = filepath.Join("docs", m[1])
		}
		if m[2] != "" && !hasAnchor(readText(t, target), m[2][1:]) {
			t.Errorf("%s has no heading for %s", target, m[2])
		}
	}
}

func hasAnchor(page, anchor string) bool {
	for line := range strings.Lines(page) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			name := notInAnchors.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			if strings.ReplaceAll(name, " ", "-") == anchor {
				return true
			}
		}
	}
	return false
}
