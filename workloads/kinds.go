package workloads

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// Kind describes a workload for help text. Param is its parameter as one writes
// it after the colon, empty where there is none.
type Kind struct{ Name, Param, Doc string }

// Kinds lists the workloads, the usual ones first.
func Kinds() []Kind {
	ks := make([]Kind, 0, len(catalogue))
	for _, w := range catalogue {
		ks = append(ks, Kind{w.name, w.param, w.doc})
	}
	return ks
}

type workload struct {
	name, param, doc string
	plan             func(Spec) plan // nil for file
}

// A plan is how one generated workload is made. It is cheap: nothing is drawn
// before batch is called.
type plan struct {
	schema   *arrow.Schema
	mean     int64 // body bytes of a row on average, rounded up
	worst    int64 // body bytes of a row at most
	overhead int64 // bytes of a batch that don't depend on its rows: padding and array headers
	shared   int64 // bytes that all batches share: dictionaries
	maxRows  int64 // beyond these a 32-bit offset could overflow

	dicts func(*maker) []arrow.Array // the Set's dictionaries, owned by the caller; nil: none
	batch func(*maker) []arrow.Array // the columns of batch m.batch, owned by the caller
}

var catalogue = [...]workload{
	{Perf, "", "4 × int64, uniformly random: the schema of Arrow's own Flight benchmark", perfPlan},
	{Lineitem, "", "TPC-H LINEITEM: 16 columns of integers, decimals, dates and text, with its distributions", lineitemPlan},
	{Wide, "COLUMNS", "many columns of integers, floats, booleans and timestamps; 100 if not said", widePlan},
	{Strings, "", "text and binary of several lengths: identifiers, names, prose, multi-byte UTF-8, blobs", stringsPlan},
	{Dict, "", "dictionary-encoded text with 8, 16 and 32 bit indices, skewed, and an amount", dictPlan},
	{Nested, "", "list, struct and map columns", nestedPlan},
	{Nulls, "", "columns of which 1, 10, 50, 90 and 100 % are null", nullsPlan},
	{File, "PATH", "the batches of an Arrow IPC file or stream, or of a Parquet file", nil},
}

func lookup(name string) (*workload, error) {
	known := make([]string, 0, len(catalogue))
	for i := range catalogue {
		w := &catalogue[i]
		if w.name == name {
			return w, nil
		}
		if w.param == "" {
			known = append(known, w.name)
		} else {
			known = append(known, w.name+":"+w.param)
		}
	}
	return nil, fmt.Errorf("unknown workload %q: use one of %s", clip(name), strings.Join(known, ", "))
}
