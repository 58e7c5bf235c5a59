package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// dialling are the names of the standard library by which a program reaches others, or could be made to.
var dialling = map[string][]string{
	"net": {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer", "Resolver", "LookupHost", "LookupIP", "LookupAddr", "LookupNetIP",
		"LookupCNAME", "LookupMX", "LookupTXT", "LookupSRV", "DefaultResolver", "ResolveTCPAddr", "FileConn"},
	"net/http": {"Client", "Transport", "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm", "ProxyFromEnvironment", "ProxyURL",
		"NewFileTransport"},
	"crypto/tls":                 {"Dial", "DialWithDialer", "Dialer"},
	"net/http/httputil":          {"ReverseProxy", "NewSingleHostReverseProxy"},
	"net/smtp":                   {"Dial", "SendMail"},
	"net/rpc":                    {"Dial", "DialHTTP"},
	"os/exec":                    {"Command", "CommandContext"},
	"golang.org/x/net/websocket": {"Dial"},
}

// dialers are the places that may use them, and why. Whoever connects anywhere else does so past the address policy.
var dialers = map[string]string{
	"netguard/dialer.go":       "the dialer itself",
	"thingsboard/transport.go": "REST; its transport dials with the dialer that it is given, of which there is no default",
	"thingsboard/client.go":    "holds what transport.go makes",
	"thingpark/send.go":        "downlinks; likewise",
	"demo.go":                  "the demo's devices post to the demo's own address, which nobody can choose",
	"demo/fleet.go":            "likewise",
}

// What a library dials by itself is not seen here. The tests of thingsboard would not succeed with it: the names in them
// are known to the dialer of the test alone.
func TestOneDialer_is_the_only_way_out(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch path { // none of it ships: see TestNothingThatShipsImportsTestSupport; the sandbox is a server
			case "faults", "tools", "e2e", "node_modules", "bench", "web/webtest", "thingsboard/sandbox":
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		for _, use := range dials(t, path) {
			if dialers[filepath.ToSlash(path)] == "" {
				t.Errorf("%s uses %s: connect with a netguard.Dialer", path, use)
			}
			used[filepath.ToSlash(path)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path := range dialers {
		if !used[path] {
			t.Errorf("%s does not dial any more: take it off the list", path)
		}
	}
}

// dials lists what a file uses of the names.
func dials(t *testing.T, path string) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	imported := map[string]string{}
	for _, i := range file.Imports {
		full, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		name := full[strings.LastIndexByte(full, '/')+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		if dialling[full] != nil {
			imported[name] = full
			if name == "." || name == "_" {
				t.Errorf("%s imports %s as %s", path, full, name)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if of, ok := s.X.(*ast.Ident); ok && slices.Contains(dialling[imported[of.Name]], s.Sel.Name) {
				all = append(all, of.Name+"."+s.Sel.Name)
			}
		}
		return true
	})
	return all
}
