package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each criterion stands on the page once, in order, and each test that it names is there and bears the criterion's number, or is
// a journey of another name.
func TestCriteriaPage_names_tests_that_exist(t *testing.T) {
	page, err := os.ReadFile("docs/criteria.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("e2e/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var code strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	var want []string
	for _, part := range []struct {
		letter string
		n      int
	}{{"A", 7}, {"B", 10}, {"C", 4}, {"D", 6}, {"E", 10}} {
		for i := range part.n {
			want = append(want, fmt.Sprintf("%s%d", part.letter, i+1))
		}
	}
	rows := regexp.MustCompile(`(?m)^\| ([A-E]\d+) \| [^|]+ \| ([^|]+) \| [^|]*\|$`).FindAllStringSubmatch(string(page), -1)
	if len(rows) != len(want) {
		t.Errorf("%d rows can be read, %d are wanted", len(rows), len(want))
	}
	for i, row := range rows {
		if i < len(want) && row[1] != want[i] {
			t.Errorf("row %d is %s, not %s", i+1, row[1], want[i])
		}
		tests := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(row[2], -1)
		if len(tests) == 0 {
			t.Errorf("%s names no test", row[1])
		}
		for _, test := range tests {
			if !strings.Contains(code.String(), "func "+test[1]+"(t *testing.T)") {
				t.Errorf("%s: there is no %s", row[1], test[1])
			}
			if strings.HasPrefix(test[1], "TestCriteria_") && !strings.Contains(code.String(), `"`+row[1]+": ") {
				t.Errorf("%s: no test bears the number", row[1])
			}
		}
	}
}
