// Package recipes says a Config's tuning in the words of those who write Flight
// clients and servers: the options of Go, Python, C++, Java, Rust and of the
// drivers of Flight SQL. What one of them cannot set it says, too.
package recipes

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"flightbench/results"
)

// Recipe is where one ecosystem sets what is recommended.
type Recipe = results.Recipe

// settings are the tuning to write down.
type settings struct {
	results.Config
	fields []string // that are to be set; the others stay at the ecosystem's defaults
}

// has tells whether the field is to be set to something other than what a
// transport does by default.
func (s settings) has(field string) bool {
	v, _ := s.Axis(field)
	return slices.Contains(s.fields, field) && v != "0" && v != "none"
}

// any tells whether one of the fields is to be set.
func (s settings) any(fields ...string) bool { return slices.ContainsFunc(fields, s.has) }

// connections are how many there should be, 1 where that is not to be set.
func (s settings) connections() int {
	if s.has("connections") {
		return s.Connections
	}
	return 1
}

// codec and its level, "" where none is asked for.
func (s settings) codec() (name, level string) {
	if !s.has("compression") {
		return "", ""
	}
	name, level, _ = strings.Cut(s.Compression, ":")
	return name, level
}

// sends tells whether it is the client that sends batches.
func (s settings) sends() bool { return s.Op == "put" || s.Op == "exchange" || s.Op == "ingest" }

// flag names a setting in a sentence: --window 4194304.
func (s settings) flag(field string) string {
	v, _ := s.Axis(field)
	return "--" + strings.ReplaceAll(field, "_", "-") + " " + v
}

// without lists the fields that are to be set and cannot be, each with why.
func (s settings) without(why ...[2]string) (out []string) {
	for _, w := range why {
		if s.has(w[0]) {
			out = append(out, s.flag(w[0])+": "+w[1])
		}
	}
	return out
}

// block is code in lines, without those that are empty.
func block(lines ...string) string {
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), "\n")
}

// when is line, or nothing.
func when(is bool, format string, args ...any) string {
	if !is {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

// For says what sets the fields of c that fields names, as in c, everywhere.
// Other fields, such as those of the workload, are none of its.
func For(c results.Config, fields []string) []Recipe {
	s := settings{c, fields}
	all := []Recipe{s.application(), s.golang(), s.python(), s.cpp(), s.java(), s.rust(), s.drivers()}
	return slices.DeleteFunc(all, func(r Recipe) bool { return r.Client == "" && r.Server == "" && len(r.Without) == 0 })
}

// application is what no library sets.
func (s settings) application() Recipe {
	r := Recipe{Name: "The application, in any language"}
	if s.has("concurrency") {
		r.Without = append(r.Without, fmt.Sprintf("%s: keep %d streams in flight, by reading the endpoints of a FlightInfo at the same time or making that many calls", s.flag("concurrency"), s.Concurrency))
	}
	if s.has("connections") {
		r.Without = append(r.Without, s.flag("connections")+": make that many clients and let streams take them in turn")
	}
	if s.has("rows") || s.has("batch_bytes") {
		field := "rows"
		if s.has("batch_bytes") {
			field = "batch_bytes"
		}
		r.Without = append(r.Without, s.flag(field)+": who sends decides on the size of batches: the server for DoGet, the client for DoPut")
	}
	for _, f := range s.fields {
		if v, _ := s.Axis(f); (v == "0" || v == "none") && f != "compression" {
			r.Without = append(r.Without, "--"+strings.ReplaceAll(f, "_", "-")+": leave it at the default of the transport")
		} else if v == "none" {
			r.Without = append(r.Without, "--compression none: send batches without a codec")
		}
	}
	return r
}

// Write prints recipes as text.
func Write(w io.Writer, recipes []Recipe) error {
	b := bufio.NewWriter(w)
	for _, r := range recipes {
		fmt.Fprintf(b, "\n%s\n", r.Name)
		for _, part := range []struct{ head, code string }{{"client", r.Client}, {"server", r.Server}} {
			if part.code == "" {
				continue
			}
			fmt.Fprintf(b, "  %s:\n", part.head)
			for l := range strings.SplitSeq(part.code, "\n") {
				fmt.Fprintf(b, "    %s\n", l)
			}
		}
		for _, l := range r.Without {
			fmt.Fprintf(b, "  %s\n", l)
		}
	}
	return b.Flush()
}
