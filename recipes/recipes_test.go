package recipes_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"flightbench/recipes"
	"flightbench/results"
)

var update = flag.Bool("update", false, "write the golden files")

// TestWrite compares all that is said of every knob with a golden file.
func TestWrite(t *testing.T) {
	var b bytes.Buffer
	for _, op := range []string{"get", "put"} {
		if err := recipes.Write(&b, recipes.For(whole(op, "zstd:3"))); err != nil {
			t.Fatal(err)
		}
	}
	const golden = "testdata/all.txt"
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("it is not as in %s (-update writes it):\n%s", golden, &b)
	}
}

// TestNothingIsLeftOut wants each setting in every recipe: as code, or with
// the reason that there is none.
func TestNothingIsLeftOut(t *testing.T) {
	words := map[string]string{"window": "4194304", "conn_window": "16777216", "read_buffer": "65536", "write_buffer": "131072", "max_frame": "1048576", "compression": "lz4", "rows": "700"}
	for _, op := range []string{"get", "put"} {
		c, fields := whole(op, "lz4")
		for _, field := range fields {
			for _, r := range recipes.For(c, []string{field}) {
				text := strings.ToLower(r.Client + r.Server + strings.Join(r.Without, " "))
				if r.Name == "The application, in any language" || words[field] == "" {
					continue
				}
				if !strings.Contains(text, words[field]) && !(field == "compression" && strings.Contains(text, "zstd")) {
					t.Errorf("%s: %s says nothing of --%s: %s", op, r.Name, field, text)
				}
			}
			if n := len(recipes.For(c, []string{field})); words[field] != "" && n < 6 {
				t.Errorf("%s: --%s is in %d recipes, want all", op, field, n)
			}
		}
	}
}

// TestDefaults wants what is to be left alone told, and no code for it.
func TestDefaults(t *testing.T) {
	all := recipes.For(results.Config{Op: "get", Window: 0, Compression: "none"}, []string{"window", "compression"})
	if len(all) != 1 || len(all[0].Without) != 2 || all[0].Client != "" {
		t.Errorf("%+v, want one recipe that says to leave two settings alone", all)
	}
}
