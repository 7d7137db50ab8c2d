package wire

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, s := range []string{"direct", "grpc", "stock"} {
		if tr, err := ParseTransport(s); err != nil || string(tr) != s {
			t.Errorf("ParseTransport(%q) = %q, %v", s, tr, err)
		}
	}
	if _, err := ParseTransport("tcp"); err == nil || !strings.Contains(err.Error(), `"tcp": use direct, grpc or stock`) {
		t.Error(err)
	}
	for _, s := range []string{"none", "lz4", "zstd", "lz4:1", "lz4:9", "zstd:22"} {
		if c, err := ParseCompression(s); err != nil || c.String() != s {
			t.Errorf("ParseCompression(%q) = %v, %v", s, c, err)
		}
	}
	for s, want := range map[string]string{
		"":        `unknown compression "": use none, lz4 or zstd`,
		"gzip":    `unknown compression "gzip": use none, lz4 or zstd`,
		"none:1":  `compression none:1: level 1 given, but it has none`,
		"lz4:10":  `compression lz4: level 10 is outside 1..9`,
		"zstd:0":  `level "0" is not a number from 1`,
		"zstd:-1": `compression zstd: level -1 is outside 1..22`,
		"zstd:x":  `level "x" is not a number from 1`,
	} {
		if _, err := ParseCompression(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseCompression(%q): %v, want %q", s, err, want)
		}
	}
	if got := (Compression{}).String(); got != None {
		t.Errorf("the zero compression is called %q", got)
	}
}
