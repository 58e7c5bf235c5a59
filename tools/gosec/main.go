// Gosec runs gosec's rules over a module: "gosec FOLDER". It is a program of our own because the one that gosec ships
// brings the clients of three language models, which propose fixes and take minutes to build; the rules alone build in
// seconds.
//
// What is not to be mended is excused here and nowhere else, with its reason: comments in the code (#nosec) do not count.
package main

import (
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/analyzers"
	"github.com/securego/gosec/v2/issue"
	"github.com/securego/gosec/v2/rules"
)

// leftOut are the rules that tell nothing here, and why.
var leftOut = map[string]string{
	"G104": "unchecked errors: errcheck looks for them, and knows what may be left",
	"G115": "conversions between sizes of integers: reading and writing binary formats (the queue's rows, SQLite's pages, MQTT) is made of them, and those readers are fuzzed",
	"G124": "cookies whose Secure is no constant: it follows the public address; the tests of sessions hold each attribute, with https and without",
	"G202": "any + in a query: what is put together are names of columns and conditions of ours, values are placeholders; G701 follows what comes from outside into queries, and stays",
	"G304": "any file whose name is no constant: all of them stand in the data folder or in the settings of who starts the program; G703 follows what comes from outside into paths, and stays",
}

// excused are findings that are right of what they say and no danger, by file and rule.
var excused = map[[2]string]string{
	{"datadir/folder.go", "G302"}:                 "a folder: 0700 lets its owner alone enter it",
	{"db/seal.go", "G407"}:                        "the nonce is random, filled in the line before",
	{"demo/fleet.go", "G404"}:                     "the weather of simulated meters, no secret",
	{"handlers/pending.go", "G407"}:               "the cipher makes its own random nonce; nil is how it wants that said",
	{"handlers/api/account.go", "G101"}:           "an example in the OpenAPI document",
	{"handlers/setup.go", "G101"}:                 "a sentence about passwords",
	{"thingsboard/sandbox/tls.go", "G402"}:        "a server that is too old is one of the sandbox's faults",
	{"thingsboard/sandbox/rest_error.go", "G705"}: "JSON, of the sandbox of demo and tests",
}

// leftOutFolders hold what no release contains.
var leftOutFolders = []string{"faults", "e2e", "tools", "node_modules"}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gosec FOLDER")
		os.Exit(2)
	}
	found, err := run(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "gosec:", err)
		os.Exit(2)
	}
	for _, line := range found {
		fmt.Println(line)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
}

func run(folder string) ([]string, error) {
	if err := os.Chdir(folder); err != nil { // packages are loaded by the module they are in
		return nil, err
	}
	ids := slices.Collect(maps.Keys(leftOut))
	config := gosec.NewConfig()
	config.SetGlobal(gosec.Nosec, "true") // here it means: take no notice of such comments
	quiet := log.New(io.Discard, "", 0)
	a := gosec.NewAnalyzer(config, false, true, false, runtime.NumCPU(), quiet)
	a.LoadRules(rules.Generate(false, rules.NewRuleFilter(true, ids...)).RulesInfo())
	a.LoadAnalyzers(analyzers.Generate(false, analyzers.NewAnalyzerFilter(true, ids...)).AnalyzersInfo())

	packages, err := gosec.PackagePaths("./...", gosec.ExcludedDirsRegExp(leftOutFolders))
	if err != nil {
		return nil, err
	}
	if err := a.Process(nil, packages...); err != nil {
		return nil, err
	}
	issues, looked, broken := a.Report()
	if looked.NumFiles == 0 {
		return nil, fmt.Errorf("no file was looked at in %s", folder)
	}
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	var found []string
	for file, errs := range broken {
		for _, e := range errs {
			found = append(found, fmt.Sprintf("%s:%d: cannot be read: %s", short(root, file), e.Line, e.Err))
		}
	}
	for _, i := range issues {
		if _, ok := excused[[2]string{filepath.ToSlash(short(root, i.File)), i.RuleID}]; !ok {
			found = append(found, told(root, i))
		}
	}
	slices.Sort(found)
	return found, nil
}

func told(root string, i *issue.Issue) string {
	return fmt.Sprintf("%s:%s: %s: %s", short(root, i.File), i.Line, i.RuleID, i.What)
}

func short(root, file string) string {
	if rel, err := filepath.Rel(root, file); err == nil {
		return rel
	}
	return file
}
