package doctor

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/internal/target"
)

var sample = Report{Target: "grpc://db:1", Lines: []Line{
	{Topic: "address", Level: OK, Text: "10.0.0.1:1 accepts connections, after 0.25 ms"},
	{Topic: "server", Level: Info, Text: "unknown"},
	{Topic: "data", Level: Warning, Text: "a text that is too long for one line of so few columns", Advice: "and advice, which is too long for them as well"},
	{Topic: "data", Level: Problem, Text: "short"},
}}

func TestPrint(t *testing.T) {
	var b strings.Builder
	if err := sample.Print(&b, 60); err != nil {
		t.Fatal(err)
	}
	want := `grpc://db:1
ok       address  10.0.0.1:1 accepts connections, after 0.25
                  ms
·        server   unknown
WARNING  data     a text that is too long for one line of so
                  few columns
                  → and advice, which is too long for them
                    as well
PROBLEM           short
1 problem, 1 warning
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	for _, width := range []int{-1, 0, 1, 20} { // too narrow for anything
		b.Reset()
		if err := sample.Print(&b, width); err != nil || !strings.Contains(b.String(), "PROBLEM") {
			t.Errorf("width %d: %v\n%s", width, err, b.String())
		}
	}
}

// TestPrintLong ends a long report with what to mend, the worst first.
func TestPrintLong(t *testing.T) {
	wordy := Line{Topic: "data", Level: Warning, Text: strings.Repeat("wordy ", 30)}
	long := Report{Lines: slices.Concat(sample.Lines, make([]Line, glance), []Line{wordy})}
	var b strings.Builder
	if err := long.Print(&b, 60); err != nil {
		t.Fatal(err)
	}
	want := `1 problem, 2 warnings
PROBLEM  data     short
WARNING  data     a text that is too long for one line of so
                  few columns
                  → and advice, which is too long for them
                    as well
WARNING  data     wordy wordy wordy wordy wordy wordy wordy
                  wordy wordy wordy wordy wordy wordy wordy…
`
	if !strings.HasSuffix(b.String(), want) {
		t.Errorf("got\n%s\nwant at its end\n%s", b.String(), want)
	}
}

func TestJSON(t *testing.T) {
	b, err := json.Marshal(sample)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), `{"topic":"address","level":"ok","text":"10.0.0.1:1 accepts connections, after 0.25 ms"}`) {
		t.Errorf("JSON is %s", b)
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, sample) {
		t.Errorf("it came back as %+v, %v", back, err)
	}
	if json.Unmarshal([]byte(`{"lines":[{"level":"bad"}]}`), &back) == nil {
		t.Error("an unknown level was taken")
	}
}

func TestWorst(t *testing.T) {
	if got := sample.Worst(); got != Problem {
		t.Errorf("worst is %v", got)
	}
	if got := (&Report{}).Worst(); got != Info {
		t.Errorf("worst of nothing is %v", got)
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		in    string
		width int
		want  []string
	}{
		{"", 5, []string{""}},
		{"a b", 5, []string{"a b"}},
		{"aaa bbb", 5, []string{"aaa", "bbb"}},
		{"x aaaaaaaaaaaa b", 5, []string{"x", "aaaaa", "aaaaa", "aa b"}},
		{"ééé ööö", 7, []string{"ééé ööö"}},
	} {
		if got := wrap(tt.in, tt.width); !slices.Equal(got, tt.want) {
			t.Errorf("wrap(%q, %d) = %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{"a\x1b[2Jb": "a·[2Jb", "a\r\n\tb": "a b", "\xff": "·", "a\u202eb\u200bc": "a·b·c", "é 日本": "é 日本"} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := clip("abcdef", 4); got != "abc…" {
		t.Errorf("clip gives %q", got)
	}
}

func TestUnits(t *testing.T) {
	for in, want := range map[float64]string{1840: "1.84 kB/s", 7.88e6: "7.88 MB/s", 1.26e9: "1.3 GB/s"} {
		if got := rate(in); got != want {
			t.Errorf("rate(%g) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[int64]string{0: "0 bytes", 1023: "1,023 bytes", 65535: "64 KiB", 1<<31 - 1: "2 GiB", 4 << 20: "4 MiB", 1500: "1.46 KiB", 100 << 10: "100 KiB", 5_000_000: "4.77 MiB"} {
		if got := size(in); got != want {
			t.Errorf("size(%d) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[int64]string{-1: "-1", 999: "999", -1000: "-1,000", 1234567: "1,234,567"} {
		if got := number(in); got != want {
			t.Errorf("number(%d) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[time.Duration]string{7100: "7.1 µs", 250 * time.Microsecond: "0.25 ms", 12 * time.Millisecond: "12 ms", 30 * time.Second: "30 s", 1500 * time.Millisecond: "1.5 s"} {
		if got := span(in); got != want {
			t.Errorf("span(%d) = %q, want %q", in, got, want)
		}
	}
}

// TestNextSize finds every limit with few messages, and round ones exactly.
func TestNextSize(t *testing.T) {
	for _, limit := range []int64{100 << 10, 1 << 20, 2 << 20, 4 << 20, 5_000_000, 8 << 20, 10 << 20, 16 << 20, 50_000_000, 64<<20 - 1} {
		d := sizeData{}
		for _, n := range messageSizes {
			if n > limit {
				d.Refuses = n
				break
			}
			d.Accepts = n
		}
		tries := 0
		for n := nextSize(d); n > 0; n = nextSize(d) {
			if tries++; tries > 20 || n <= d.Accepts || n >= d.Refuses {
				t.Fatalf("limit %d: try %d of %d bytes between %d and %d", limit, tries, n, d.Accepts, d.Refuses)
			}
			if n > limit {
				d.Refuses = n
			} else {
				d.Accepts = n
			}
		}
		round := limit&(limit-1) == 0
		if d.Accepts > limit || d.Refuses <= limit || round && d.Accepts != limit || d.Refuses-d.Accepts > sizeGap {
			t.Errorf("limit %d: between %d and %d", limit, d.Accepts, d.Refuses)
		}
	}
}

func TestPlaceOf(t *testing.T) {
	for in, want := range map[string]place{
		"grpc://[::1]:5":        {"grpc", "tcp", "::1", "5", ""},
		"grpc+unix:///run/s":    {"grpc+unix", "unix", "", "", "/run/s"},
		"grpc://[fe80::1%lo]:5": {"grpc", "tcp", "fe80::1%lo", "5", ""},
		"grpc+unix:run/s":       {"grpc+unix", "unix", "", "", "run/s"},
		"grpc+unix:///a%20b":    {"grpc+unix", "unix", "", "", "/a b"},
		"https://bucket/part":   {"https", "tcp", "bucket", "https", ""},
	} {
		if got, err := placeOf(in); err != nil || got != want {
			t.Errorf("placeOf(%q) = %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "grpc://h", "grpc://:5", "grpc+unix://", "%zz"} {
		if got, err := placeOf(in); err == nil {
			t.Errorf("placeOf(%q) = %+v", in, got)
		}
	}
}

// TestCollectIsBounded lists few messages that are large.
func TestCollectIsBounded(t *testing.T) {
	huge := &flight.ActionType{Description: strings.Repeat("x", maxListed/4)}
	all, more, err := collect(func() (*flight.ActionType, error) { return huge, nil }, maxActions)
	if len(all) != 4 || !more || err != nil {
		t.Errorf("%d messages, more: %v, %v; want 4", len(all), more, err)
	}
}

func TestSecretsAreCutOut(t *testing.T) {
	tt := target.Target{Auth: target.Auth{Method: "basic", Password: "p4ssword"}, Headers: []target.Header{{Name: "authorization", Value: "Bearer t0ken"}, {Name: "x", Value: "1"}}}
	x := &examiner{t: tt}
	if got := x.safe("p4ssword and t0ken\n, 1 time"); got != "*** and *** , 1 time" {
		t.Errorf("safe gives %q", got)
	}
	if got := x.quote(strings.Repeat("x", 96) + "p4ssword"); strings.Contains(got, "p4") {
		t.Errorf("a secret is cut before it is found: %q", got)
	}
}
