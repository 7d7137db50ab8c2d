package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCell(t *testing.T) {
	refused := errors.New("DoPut: rpc error: code = Unimplemented desc = no")
	for _, tt := range []struct {
		cell       cell
		text, note string
	}{
		{cell{works: transports}, "yes", ""},
		{cell{works: []string{"direct", "grpc"}, why: errors.New("flightbench: at 127.0.0.1:4711: bad\n  file /tmp/compatibility12/x.pem")}, "direct, grpc",
			"over the others: at 127.0.0.1:PORT: bad file x.pem"},
		{cell{why: refused}, "no", refused.Error()},
		{cell{why: refused, lacks: "it is deaf"}, "–", "it is deaf (tried: Unimplemented)"},
		{cell{why: errors.New("silence"), lacks: "it is deaf"}, "–", "it is deaf (tried: silence)"},
		{cell{untried: true, lacks: "it knows"}, "–", "it knows"},
		{cell{why: errors.New(strings.Repeat("x", 300))}, "no", strings.Repeat("x", maxNote) + " …"},
	} {
		if got := tt.cell.String(); got != tt.text {
			t.Errorf("%+v is %q, want %q", tt.cell, got, tt.text)
		}
		if got := tt.cell.note(); got != tt.note {
			t.Errorf("%+v has the note %q, want %q", tt.cell, got, tt.note)
		}
	}
}

func TestTable(t *testing.T) {
	tab := newTable("flightbench 1", []column{{name: "a", about: "server a"}, {name: "b", about: "server b"}}, []feature{{group: "G", name: "f"}, {group: "G", name: "g"}})
	tab.set(0, 0, cell{works: transports})
	tab.set(0, 1, cell{works: transports, lacks: "it is <deaf>"})
	tab.set(1, 0, cell{why: errors.New("a_b")})
	tab.set(1, 1, cell{untried: true})
	text := tab.markdown(time.Minute)
	for _, want := range []string{"with flightbench 1.", "- b: server b\n", "\n## G\n\n| | a | b |\n|---|---|---|\n| f | yes | yes |\n| g | no <sup>1</sup> | no |\n", "\n1. a\\_b\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q:\n%s", want, text)
		}
	}
	want := []string{`f, b: it works although "it is <deaf>": mend scripts/compatibility/columns.go`, "g, b: nothing was run and no reason is given"}
	if got := tab.doubts(); !slices.Equal(got, want) {
		t.Errorf("doubts %q, want %q", got, want)
	}
}

func TestLastLine(t *testing.T) {
	none := errors.New("nothing")
	for _, tt := range []struct{ stderr, want string }{
		{"", "nothing"},
		{"one\ntwo\n\n", "two"},
		{"Exception: X\n\tat a.b\n\tat c.d\n\t... 3 more\n", "Exception: X"},
	} {
		if got := lastLine(tt.stderr, none); got != tt.want {
			t.Errorf("lastLine(%q) = %q, want %q", tt.stderr, got, tt.want)
		}
	}
}
