// Package flightbench_test holds the tests of the repository as a whole: who
// may import whom, and that the README tells the truth.
package flightbench_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms says which of the module's packages each folder may import, tests
// aside. A folder that is not listed may not exist.
var rooms = map[string][]string{
	"workloads":                      {},
	"internal/h2":                    {},
	"internal/wire":                  {},
	"internal/target":                {"internal/wire", "internal/h2"},
	"results":                        {},
	"results/compare":                {"results"},
	"results/model":                  {},
	"results/planning":               {"results", "results/model"},
	"results/plot":                   {"results", "results/compare", "results/model", "results/planning"},
	"results/report":                 {"results", "results/compare", "results/plot", "results/planning"},
	"results/export":                 {"results", "results/compare"},
	"results/merge":                  {"results"},
	"results/internal/resultstest":   {"results"},
	"server":                         {"workloads", "internal/wire", "internal/h2"},
	"server/sqldemo":                 {"workloads", "internal/wire", "server/sqldemo/internal/sqlite"},
	"server/sqldemo/internal/sqlite": {},
	"bench":                          {"workloads", "results", "internal/target", "internal/wire"},
	"suites":                         {"bench", "results", "results/compare", "internal/target"},
	"doctor":                         {"workloads", "internal/target", "internal/wire", "internal/h2"},
	"capacity":                       {"bench", "results", "results/compare"},
	"tune":                           {"bench", "results", "results/compare"},
	"recipes":                        {"results"},
	"cmd/flightbench":                {"*"},
}

// foreign lists modules that a room may not know.
var foreign = map[string][]string{
	"results":   {"google.golang.org/grpc", "github.com/apache/arrow-go"},
	"workloads": {"google.golang.org/grpc"},
	"bench":     {"github.com/spf13/cobra", "charm.land", "github.com/goccy/go-yaml"},
}

// exempt names a foreign module that a room may know all the same: results/export
// writes Parquet files with arrow-go, and nothing in results imports it.
var exempt = map[string]string{"results/export": "github.com/apache/arrow-go"}

func TestImportsPointDown(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != "." {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		seen++
		dir := filepath.ToSlash(filepath.Dir(path))
		allowed, known := rooms[dir]
		if !known && !strings.HasPrefix(dir, "scripts/") {
			t.Errorf("%s: folder %s is no room of ARCHITECTURE.md: add it there and here, or move the file", path, dir)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			own, ours := strings.CutPrefix(imp, "flightbench/")
			if ours && known && !slices.Contains(allowed, own) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s: %s may import only %v", path, imp, dir, allowed)
			}
			for room, modules := range foreign {
				if dir != room && !strings.HasPrefix(dir, room+"/") {
					continue
				}
				for _, m := range modules {
					if strings.HasPrefix(imp, m) && exempt[dir] != m {
						t.Errorf("%s imports %s: %s does not know %s", path, imp, room, m)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Fatalf("only %d Go files were seen: the test runs in the wrong folder", seen)
	}
}

// TestEveryPackageHasAComment finds the package comment that says what a room
// is for.
func TestEveryPackageHasAComment(t *testing.T) {
	for dir := range rooms {
		files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		documented := false
		for _, path := range files {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			documented = documented || f.Doc != nil
		}
		if !documented {
			t.Errorf("%s has no package comment", dir)
		}
	}
}
