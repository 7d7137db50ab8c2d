package flightbench_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFlightSQLCommands runs every command of docs/flight-sql.md as it stands,
// but for the address, for how long, and for the folder that results go to.
func TestFlightSQLCommands(t *testing.T) {
	text, err := os.ReadFile("docs/flight-sql.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if b, err := exec.Command("go", "build", "-o", filepath.Join(dir, "flightbench"), "./cmd/flightbench").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	env := append(os.Environ(), "PATH="+dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	const documented = "grpc://127.0.0.1:31337"
	uri, n := "", 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindAllStringSubmatch(string(text), -1) {
		command := block[1]
		if strings.HasPrefix(command, "flightbench serve") {
			cmd := exec.Command("sh", "-c", "exec "+strings.Replace(command, documented, "grpc://127.0.0.1:0", 1))
			cmd.Env, cmd.Stderr = env, os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatalf("%s: %v", command, err)
			}
			uri = strings.TrimSpace(line)
			continue
		}
		n++
		cmd := exec.Command("sh", "-c", strings.Replace(command, documented, uri, 1)+" --repeat 1 --warmup 0s -n 4 -o "+dir)
		cmd.Env = env
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, b)
		}
	}
	if n < 8 {
		t.Errorf("%d commands were found in docs/flight-sql.md, want at least 8", n)
	}
	example, err := os.ReadFile("docs/examples/mix.sql")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```sql\n(.*?)```").FindStringSubmatch(string(text))
	if shown == nil || !strings.HasSuffix(string(example), shown[1]) {
		t.Error("docs/flight-sql.md shows other statements than docs/examples/mix.sql has")
	}
}
