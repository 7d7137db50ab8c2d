package results

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func FuzzParseTrials(f *testing.F) {
	f.Add([]byte(`{"id":"1","config":{"op":"get"},"metrics":{"a":{"value":1}}}` + "\n" + `{"id":"2"`))
	f.Add([]byte("null\n\n{}\r\n[1]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		trials, _ := parseTrials(b)
		for _, tr := range trials {
			if checkID(tr.ID) != nil {
				t.Errorf("trial id %q was taken", tr.ID)
			}
		}
		Tabulate(Run{}, trials)
	})
}

func FuzzHlog(f *testing.F) {
	head, err := hlogHeader(time.Unix(1, 0))
	if err != nil {
		f.Fatal(err)
	}
	h := NewHistogram()
	if err := h.RecordValue(123456); err != nil {
		f.Fatal(err)
	}
	lines, err := encodeHists(&Trial{ID: "1", Hists: map[string]*Encoded{"a": {Intervals: []IntervalHistogram{{Seconds: 1, Histogram: h}}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(head, lines...))
	f.Add([]byte("Tag=1.a,1,1,1,HIST\nTag=1.a,1,1,1,"))
	path := filepath.Join(f.TempDir(), HlogFile)
	f.Fuzz(func(t *testing.T, b []byte) {
		ix, _ := indexHlog(path, b)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		for tag := range ix.lines {
			sum := NewHistogram()
			if err := ix.each(tag, time.Unix(1, 0), func(iv IntervalHistogram) { sum.Merge(iv.Histogram) }); err != nil {
				t.Log(err)
			}
		}
	})
}
