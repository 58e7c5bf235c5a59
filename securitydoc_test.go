package main_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// asvs counts the requirements of ASVS 5.0.0 of levels 1 and 2 in each of its sections. Within a section those of level 3
// come last, so the numbers go from 1 on without a gap.
var asvs = map[string]int{
	"1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
	"3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
	"6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
	"8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
	"11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4,
	"13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7,
	"16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2,
}

const asvsRequirements = 253

func securityPage(t *testing.T) (page, table, rest string) {
	t.Helper()
	text, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n## The standard, requirement by requirement\n")
	table, rest, ended := strings.Cut(after, "\n## What does not apply\n")
	if !found || !ended {
		t.Fatal("the page has no table of requirements")
	}
	return string(text), table, rest
}

var securityRow = regexp.MustCompile(`(?m)^\| (\d+\.\d+\.\d+) \| ([12]) \| ([^|]+) \| (met|partly|not yet) \| (.*) \|$`)

// Each requirement stands on the page once, and the page counts right.
func TestSecurityPage_has_each_requirement_once(t *testing.T) {
	page, table, rest := securityPage(t)
	seen, states := map[string]int{}, map[string]int{}
	for _, row := range securityRow.FindAllStringSubmatch(table, -1) {
		seen[row[1]]++
		states[row[4]]++
		if row[4] == "met" && strings.TrimSpace(row[5]) == "" {
			t.Errorf("%s is met, and nothing says where", row[1])
		}
	}
	if rows := strings.Count(table, "\n| "); rows-strings.Count(table, "\n| | ")-strings.Count(table, "\n| ---") != len(seen) {
		t.Errorf("%d of %d lines of tables are rows that can be read", len(seen), rows)
	}
	apart := 0
	for _, number := range regexp.MustCompile(`\d+\.\d+\.\d+`).FindAllString(rest, -1) {
		seen[number]++
		apart++
	}
	total := 0
	for section, n := range asvs {
		total += n
		for i := range n {
			number := section + "." + strconv.Itoa(i+1)
			if seen[number] != 1 {
				t.Errorf("%s stands there %d times", number, seen[number])
			}
			delete(seen, number)
		}
	}
	for number := range seen {
		t.Errorf("%s is no requirement of levels 1 and 2", number)
	}
	if total != asvsRequirements {
		t.Errorf("%d requirements", total)
	}
	said := fmt.Sprintf("Of %d, %d are met, %d partly, %d not yet; %d do not apply.", total, states["met"], states["partly"], states["not yet"], apart)
	if !strings.Contains(strings.Join(strings.Fields(page), " "), said) {
		t.Errorf("the page should say: %s", said)
	}
}

// Each test that the page names is there.
func TestSecurityPage_names_tests_that_exist(t *testing.T) {
	_, table, _ := securityPage(t)
	named := regexp.MustCompile("`([a-z0-9/]+)` `((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(table, -1)
	if all := regexp.MustCompile("`(?:Test|Fuzz)\\w+`").FindAllString(table, -1); len(named) < 100 || len(named) != len(all) {
		t.Errorf("%d tests are named, %d of them with their package", len(all), len(named))
	}
	there := testsOfModule(t)
	for _, m := range named {
		if !there[m[1]+" "+m[2]] {
			t.Errorf("there is no %s in %s", m[2], m[1])
		}
	}
}

// testsOfModule gives "folder TestName" of every test, "main" for the folder of the module itself.
func testsOfModule(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case !strings.HasSuffix(file, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		folder := path.Dir(filepath.ToSlash(file))
		if folder == "." {
			folder = "main"
		}
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			there[folder+" "+m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return there
}
