package suites

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"flightbench/bench"
)

func TestParse(t *testing.T) {
	s, err := Parse("dir/builds.yaml", []byte(`
about: >-
  Is new slower than old?
  It should not be.
targets: {old: 'grpc://db.example:1', new: "grpc+tls://[::1]:2"}
server_cmd:
  built: ./server --port {port}
server_uri: grpc://127.0.0.1:{port}
ready: action:ping
ready-timeout: 1m
config: {concurrency: 4, put-ack: all, read_buffer: 64KiB, poll: false, entropy: .5}
duration: 2s
warmup: 0
axes:
  op: [get, put]
  rows: [1Ki, 65536]
  compression: none # one value is an axis, too
  window: [0, 2MiB]
design: full
exclude:
  - {rows: 1024, window: [2MiB]}
add:
  - rows: 1M
    target: old
repeat: 5
gates: [batch_gap.p99<=+10%, 'errors<=1%']
`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "builds" || s.Summary() != "Is new slower than old?" || s.Repeat != 5 || len(s.Gates) != 2 || s.Ready != "action:ping" || s.ReadyTimeout != time.Minute {
		t.Errorf("%+v", s)
	}
	if got := fmt.Sprint(s.Targets, s.Commands, s.ServerURI); got != "[{old grpc://db.example:1} {new grpc+tls://[::1]:2}] [{built ./server --port {port}}]grpc://127.0.0.1:{port}" {
		t.Errorf("servers %s", got)
	}
	b := s.Matrix.Base
	if b.Concurrency != 4 || b.PutAck != "all" || b.ReadBuffer != 65536 || b.Entropy != 0.5 || b.Duration != 2 || b.Warmup != 0 {
		t.Errorf("base %+v", b)
	}
	for name, want := range map[string]bool{"put-ack": true, "rows": true, "duration": true, "decode": false, "target": false} {
		if s.Says(name) != want {
			t.Errorf("it says %s: %v", name, !want)
		}
	}
	p, err := s.Plan()
	if err != nil || len(p.Configs) != 3*2*3+2 || p.Repeat != 5 { // 3 targets, 2 operations, 3 points; an added one for each operation
		t.Fatalf("%d Configs, %v", len(p.Configs), err)
	}
	if last := p.Configs[len(p.Configs)-1]; last.Rows != 1e6 || last.Target != "old" || last.Window != 0 || last.Op != "put" {
		t.Errorf("added point %+v", last)
	}
}

// TestParseRefuses gives each kind of mistake its line, with its place and what was meant.
func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no YAML", "axes: [1\nop: 2", "s.yaml:2:1: no YAML: ',' or ']'"},
		{"tab", "axes:\n\top: get", "s.yaml:2:1: no YAML: found character"},
		{"open quote", "about: 'x\n", "s.yaml:1:8: no YAML: "},
		{"empty", "", "s.yaml:1:1: the suite is empty: `flightbench suites"},
		{"comments alone", "# nothing\n", "s.yaml:1:1: the suite is empty"},
		{"a list", "- op: get\n", "s.yaml:1:1: a suite is made of keys"},
		{"a word", "batch-size\n", "s.yaml:1:1: a suite is made of keys"},
		{"two documents", "repeat: 1\n---\nrepeat: 2\n", "s.yaml:1:1: a suite is one YAML document, and there are 2"},
		{"anchor", "config: &c {rows: 1}\n", "s.yaml:1:9: a suite has no anchors"},
		{"alias", "config: {op: *c}\n", "s.yaml:1:14: a suite has no anchors"},
		{"merge", "config: {<<: {rows: 1}}\n", "s.yaml:1:10: a key of a suite is a word"},
		{"tag", "repeat: !!int 5\n", "s.yaml:1:9: a suite has no tags"},

		{"unknown key", "axis:\n  rows: 1\n", "s.yaml:1:1: axis is unknown, did you mean axes?"},
		{"letters swapped", "repaet: 3\n", "s.yaml:1:1: repaet is unknown, did you mean repeat?"},
		{"nothing near", "qqqqqqq: 3\n", "s.yaml:1:1: qqqqqqq is unknown: use name, about, config"},
		{"field on top", "repeat: 3\nrows: 100\n", "s.yaml:2:1: rows is a field of a Config: put it under config, or with a list under axes"},
		{"key under config", "config:\n  repeat: 3\n", "s.yaml:2:3: repeat is no field of a Config: put it at the top"},
		{"unknown field", "axes:\n  op: get\n  compresion: [none]\n", "s.yaml:3:3: compresion is unknown, did you mean compression?"},
		{"resolved field", "config: {server_transport: grpc}\n", "s.yaml:1:10: server_transport cannot be set: a trial finds it out"},
		{"flag", "config:\n  cacert: ca.pem\n", "s.yaml:2:3: cacert has no place in a suite: give it on the command line"},
		{"skip verify", "config: {tls_skip_verify: true}\n", "s.yaml:1:10: tls_skip_verify has no place in a suite"},
		{"target as a field", "config:\n  target: grpc://a:1\n", "s.yaml:2:3: target is no field to set: name servers under targets"},
		{"target as an axis", "axes: {target: [a, b]}\n", "s.yaml:1:8: target is no field"},

		{"key twice", "repeat: 3\n\nrepeat: 4\n", "s.yaml:3:1: repeat is given twice, first in line 1"},
		{"key twice in two ways", "ready_timeout: 1s\nready-timeout: 2s\n", "s.yaml:2:1: ready-timeout is given twice, first in line 1"},
		{"field twice", "config: {rows: 1, rows: 2}\n", "s.yaml:1:19: rows is given twice, first in line 1"},
		{"config and axes", "config: {rows: 1}\naxes:\n  rows: [1, 2]\n", "s.yaml:3:3: rows is given twice, first in line 1"},
		{"duration twice", "config:\n  duration: 1s\nduration: 2s\n", "s.yaml:3:11: duration is given twice, first in line 2"},
		{"rows and bytes", "config: {rows: 1}\naxes: {batch_bytes: [1Ki, 2Ki]}\n", "s.yaml:2:8: batch_bytes and rows (line 1) say the same in two ways"},
		{"total and duration", "config: {total: 1}\nduration: 1s\n", "s.yaml:2:11: duration and total (line 1) say the same"},
		{"value twice", "axes:\n  rows: [1024, 65536, 1Ki]\n", "s.yaml:2:23: axis rows names \"1Ki\" twice, also as \"1024\": use repeat to"},

		{"no value", "repeat:\naxes: {op: get}\n", "s.yaml:1:1: repeat has no value"},
		{"no value of an axis", "axes:\n  rows:\n", "s.yaml:2:3: rows has no value"},
		{"empty list", "axes: {rows: []}\n", "s.yaml:1:14: rows has no value: give at least one"},
		{"list under config", "config:\n  rows: [1, 2]\n", "s.yaml:2:9: config has one value a field: put the list of rows under axes"},
		{"keys under an axis", "axes: {rows: {a: 1}}\n", "s.yaml:1:15: rows takes one value, not keys"},
		{"list in a list", "axes: {rows: [[1]]}\n", "s.yaml:1:15: rows takes one value, not a list"},
		{"axes as a list", "axes: [rows]\n", "s.yaml:1:7: axes takes keys with their values"},
		{"add as keys", "add: {rows: 1}\n", "s.yaml:1:7: add takes a list of points"},
		{"gates as text", "gates: errors<=1\n", "s.yaml:1:8: gates takes a list"},

		{"no unit", "duration: 2\n", "s.yaml:1:11: duration \"2\" has no unit: write 2s or 2ms"},
		{"bytes for a count", "axes: {rows: [64KiB]}\n", "s.yaml:1:15: rows \"64KiB\" is a size in bytes, and rows is a count"},
		{"time for bytes", "config: {window: 2s}\n", "s.yaml:1:18: window \"2s\" is no whole number"},
		{"bytes for a time", "config: {timeout: 2MiB}\n", "s.yaml:1:19: timeout \"2MiB\" is no length of time"},
		{"YAML's own number", "config: {rows: 0x10}\n", "s.yaml:1:16: rows \"0x10\" is no whole number"},
		{"commas", "axes:\n  rows: 1,2\n", "s.yaml:2:9: rows \"1,2\" is no whole number (examples: 65536, 64Ki, 10M); a list is written [1, 2]"},
		{"no boolean", "config: {poll: on}\n", "s.yaml:1:16: poll \"on\" is neither true nor false"},
		{"until without a unit", "until: 2\n", "s.yaml:1:8: until: \"2\" has no unit: write 2%"},
		{"until nothing", "until: 0%\n", "s.yaml:1:8: until: \"0%\" can not be reached"},
		{"max_time without a unit", "until: 2%\nmax_time: 10\n", "s.yaml:2:11: max_time \"10\" is no length of time"},
		{"max_time of nothing", "max_time: 10m\n", "s.yaml:1:1: max_time ends what until begins"},
		{"max_time too short", "until: 2%\nmax_time: 1s\n", "s.yaml:2:1: max_time 1s is shorter than one round"},
		{"repeat of words", "repeat: often\n", "s.yaml:1:9: repeat \"often\" is no positive whole number"},
		{"repeat of nothing", "repeat: 0\n", "s.yaml:1:9: repeat \"0\""},
		{"design", "design: half\n", "s.yaml:1:9: design \"half\" is unknown: use full (every combination) or one-at-a-time"},
		{"gate", "gates:\n- errors<=1%\n- speed>1\n", "s.yaml:3:3: gate \"speed>1\""},

		{"unknown word", "axes:\n  op: [get]\n  transport: [grpc, quic]\n", "s.yaml:3:3: transport: unknown transport \"quic\""},
		{"contradiction", "axes:\n  transport: [grpc]\n  max_frame: [1Mi]\n", "s.yaml:3:3: max_frame 1048576 is for transport direct only"},
		{"nothing heeds it", "axes:\n  op: get\n  put_ack: [none, all]\n", "s.yaml:3:3: put_ack is for "},
		{"connections", "config:\n  connections: 8\n", "s.yaml:2:3: connections 8 exceeds concurrency 2"},
		{"everything excluded", "exclude: [{op: get}]\n", "s.yaml:1:1: no point is left"},
		{"nothing excluded", "axes: {rows: [1, 2]}\nexclude:\n  - rows: 3\n", "s.yaml:3:5: this excludes no point"},
		{"nothing added", "axes: {rows: [1, 2]}\nadd:\n  - rows: 2\n", "s.yaml:3:5: this adds no point"},
		{"added badly", "add:\n  - {rows: 1, batch_bytes: 2}\n", "s.yaml:1:1: axes rows and batch_bytes both say how large a batch is"},

		{"target that is none", "targets: {a: here}\n", "s.yaml:1:14: "},
		{"target with a password", "targets: {a: 'grpc://me:hunter2@a:1'}\n", "s.yaml:1:14: "},
		{"target's name", "targets: {a b: grpc://a:1}\n", "s.yaml:1:11: \"a b\" is no name of a server"},
		{"name taken", "targets: {a: grpc://a:1}\nserver_cmd: {a: ./x}\n", "s.yaml:2:14: a is the name of a target already"},
		{"no targets", "targets: {}\n", "targets names no server"},
		{"command as keys", "server_cmd:\n  a: {port}\n", "s.yaml:2:7: a takes one value, not keys: write it within quotes"},
		{"embedded server's", "targets: {a: grpc://a:1}\naxes:\n  tls: [on, off]\n", "s.yaml:3:3: tls is for the embedded server, and the suite names a target"},
		{"ready of nothing", "ready: ping\n", "s.yaml:1:1: ready is of a server that is started"},
		{"server's URI", "server_cmd: {a: ./x}\nserver_uri: ftp://x\n", "s.yaml:2:13: server_uri: "},
		{"time to be ready", "server_cmd: {a: ./x}\nready_timeout: 5\n", "s.yaml:2:16: ready_timeout \"5\""},

		{"token", "config: {token: hunter2}\n", "s.yaml:1:10: token is a secret, and a suite is stored with its results: give it on the command line, by --token-env"},
		{"password", "password: hunter2\n", "s.yaml:1:1: password is a secret"},
		{"key of an API", "config:\n  x-api-key: hunter2\n", "s.yaml:2:3: x-api-key is a secret"},
		{"secret twice", "password: hunter2\npassword: hunter2\n", "s.yaml:2:1: password is given twice"},
	} {
		_, err := Parse("s.yaml", []byte(tt.text))
		switch {
		case err == nil:
			t.Errorf("%s: no error", tt.name)
		case !strings.HasPrefix(err.Error(), tt.want) && !(strings.HasPrefix(tt.want, "targets") && strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, tt.want)
		case strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: %q has two lines, or a secret", tt.name, err)
		}
	}
}

// FuzzParse finds texts that make it panic, or errors without a place.
func FuzzParse(f *testing.F) {
	for _, name := range Names() {
		s, err := Embedded(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(s.Text)
	}
	f.Add("axes: {rows: [1, 2]}\nexclude: [{rows: 1}]\nadd: [{op: put}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 || strings.Count(text, "[")+strings.Count(text, "{") > 50 {
			t.Skip("large")
		}
		s, err := Parse("s.yaml", []byte(text))
		if err == nil && (s.Repeat < 1 || s.Text != text) {
			t.Errorf("%q gives %+v", text, s)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "s.yaml:") {
			t.Errorf("%q: %v has no place", text, err)
		}
	})
}

// TestEmbedded parses every suite that flightbench comes with.
func TestEmbedded(t *testing.T) {
	for _, name := range Names() {
		s, err := Embedded(name)
		if err != nil {
			t.Error(err)
			continue
		}
		p, err := s.Plan()
		if err != nil || len(p.Configs) == 0 || s.Name != name || s.Summary() == "" || len(s.Targets)+len(s.Commands) > 0 {
			t.Errorf("%s: %d Configs, %v, %q: %q", name, len(p.Configs), err, s.Name, s.Summary())
		}
		if names := Names(); names[0] != Tour || !slices.IsSorted(names[1:]) {
			t.Errorf("names %v", names)
		}
	}
	s, err := Embedded(Tour)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Matrix.Values("op"), []string{"get", "put"}) || s.Matrix.Base.Op != bench.OpGet {
		t.Errorf("the tour measures %v", s.Matrix.Values("op"))
	}
}

func TestLoad(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"tour", ""},
		{"batchsize", `no suite is named "batchsize", did you mean batch-size?`},
		{"qqqqqqqq", `no suite is named "qqqqqqqq". There are tour, `},
		{"nowhere.yaml", "read the suite nowhere.yaml: no such file"},
		{"./tour", "read the suite ./tour: no such file"},
	} {
		if _, err := Load(tt.name); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if s, err := Load("tour.yaml"); err != nil || s.Name != Tour {
		t.Errorf("a file beside: %v", err)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"rows", "rows", 0}, {"row", "rows", 1}, {"repaet", "repeat", 1}, {"kitten", "sitting", 3}, {"", "abc", 3}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q to %q is %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

// TestImplied reads suites that leave to others what they mean.
func TestImplied(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"config: {sql: SELECT 1}\n", "query  0 2  1.5"},
		{"config: {table: events, rows: 10}\n", "ingest append 10 2  1.5"},
		{"axes: {rps: [100, 200]}\n", "get  65536 10000 constant 1.5"},
		{"config: {schedule: '10/2s', concurrency: 5, arrival: poisson}\n", "get  65536 5 poisson 2"},
		{"config: {workload: 'file:a.parquet'}\n", "get  0 2  1.5"},
	} {
		s, err := Parse("s.yaml", []byte(tt.text))
		if err != nil {
			t.Error(err)
			continue
		}
		p, err := s.Plan()
		if err != nil {
			t.Error(err)
			continue
		}
		c := p.Configs[0]
		if got := fmt.Sprint(c.Op, " ", c.IngestMode, " ", c.Rows, " ", c.Concurrency, " ", c.Arrival, " ", c.Duration); got != tt.want {
			t.Errorf("%q is %s, want %s", tt.text, got, tt.want)
		}
	}
}

// TestDocs reads the suites of docs/suites.md.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/suites.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		n++
		if _, err := Parse("docs/suites.md", []byte(block[1])); err != nil {
			t.Error(err)
		}
	}
	for _, k := range keyNames() {
		if !strings.Contains(string(text), "`"+k+"`") {
			t.Errorf("docs/suites.md does not tell of %s", k)
		}
	}
	for _, name := range Names() {
		s, err := Embedded(name)
		if err != nil {
			t.Fatal(err)
		}
		if row := "| `" + name + "` | " + s.Summary() + " |"; !strings.Contains(string(text), row) {
			t.Errorf("docs/suites.md has no %s", row)
		}
	}
	if n == 0 {
		t.Error("docs/suites.md has no suite")
	}
}
