package results

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	long := strings.Repeat("x", 50)
	for _, test := range []struct {
		name, in      string
		indent, width int
		want          string
	}{
		{"short", "as it is", 2, 40, "as it is"},
		{"no terminal", "word " + long, 2, 0, "word " + long},
		{"words", "one two three four five six seven eight nine ten", 2, 40, "one two three four five six seven eight\n  nine ten"},
		{"exactly", strings.Repeat("ab ", 13) + "c", 2, 40, strings.Repeat("ab ", 13) + "c"},
		{"spaces are kept", "How fast:        it reaches 2.63 GB/s at 65,536 rows", 17, 40, "How fast:        it reaches 2.63 GB/s at\n                 65,536 rows"},
		{"a wide word", "a " + long + " b", 2, 40, "a\n  " + long + "\n  b"},
		{"a wide word alone", long, 2, 40, long},
		{"lines", "one\ntwo", 2, 40, "one\ntwo"},
	} {
		if got := Fold(test.in, test.indent, test.width); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestTextFolds prints a table whose sentences a terminal would cut within words.
func TestTextFolds(t *testing.T) {
	words := strings.Repeat("other processes used the machine ", 6)
	table := Table{Title: "run", Common: words, Key: words, Notes: []Note{{Kind: "warning", Text: words}},
		Parts: []Part{{Columns: []Column{{Name: "op", Axis: true}}, Rows: [][]string{{"get"}}}}}
	var b bytes.Buffer
	if err := table.WriteText(&b, 80); err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(b.String(), "\n") {
		if utf8.RuneCountInString(l) > 80 {
			t.Errorf("%d characters: %s", utf8.RuneCountInString(l), l)
		}
	}
	if n := strings.Count(b.String(), "machine"); n != 18 {
		t.Errorf("%d words are left, want 18:\n%s", n, b.String())
	}
}
