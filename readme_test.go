package flightbench_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeCommands runs every flightbench command of the README as it stands,
// but for the folder that results go to.
func TestReadmeCommands(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	out, n := t.TempDir(), 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "go run ./cmd/flightbench run") {
				if line != "go test -timeout 30m ./..." { // that is what runs this
					t.Errorf("the README's command %q is not tested: teach this test", line)
				}
				continue
			}
			n++
			b, err := exec.Command("sh", "-c", line+" -o "+out).CombinedOutput()
			switch {
			case err != nil && strings.Contains(string(b), "no trial is valid"):
				t.Logf("%s: measured, on a machine too busy for a valid trial\n%s", line, b)
			case err != nil:
				t.Errorf("%s: %v\n%s", line, err, b)
			}
		}
	}
	if n < 3 {
		t.Errorf("%d commands were found in the README, want at least 3", n)
	}
}

// TestReadmeLinks finds every file that the README, ARCHITECTURE.md and docs
// point to.
func TestReadmeLinks(t *testing.T) {
	for _, page := range []string{"README.md", "ARCHITECTURE.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^):#]+)\)`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s points to %s: %v", page, m[1], err)
			}
		}
	}
}
