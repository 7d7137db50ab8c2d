package workloads

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func TestTPCHDates(t *testing.T) {
	for _, tt := range []struct {
		date string
		want int
	}{{"1992-01-01", tpchStart}, {"1995-06-17", tpchCurrent}, {"1998-12-31", tpchEnd}} {
		d := must(time.Parse(time.DateOnly, tt.date))
		if got := int(arrow.Date32FromTime(d)); got != tt.want {
			t.Errorf("%s is day %d, not %d", tt.date, got, tt.want)
		}
	}
}

// TestLineitem checks the rules of TPC-H clause 4.2.3 row by row, and the
// distributions by their means.
func TestLineitem(t *testing.T) {
	for _, entropy := range []float64{1, 0.4} {
		s := must(Parse(Lineitem))
		s.Entropy, s.Distinct = entropy, 2
		set := generate(t, s, memory.NewGoAllocator())
		defer set.Release()
		owner := map[int64]int{} // of an order: its batch
		for b, batch := range set.Batches {
			checkLineitem(t, batch.Record, entropy == 1)
			for _, k := range batch.Record.Column(lOrderkey).(*array.Int64).Int64Values() {
				if at, ok := owner[k]; ok && at != b {
					t.Fatalf("order %d is in batches %d and %d", k, at, b)
				}
				owner[k] = b
			}
		}
	}
}

func checkLineitem(t *testing.T, rec arrow.RecordBatch, natural bool) {
	t.Helper()
	i64 := func(c int) []int64 { return rec.Column(c).(*array.Int64).Int64Values() }
	date := func(c int) []arrow.Date32 { return rec.Column(c).(*array.Date32).Date32Values() }
	str := func(c int) *array.String { return rec.Column(c).(*array.String) }
	cents := func(c, i int) int64 {
		v := rec.Column(c).(*array.Decimal128).Value(i)
		if v.HighBits() != 0 {
			t.Fatalf("column %d row %d: %v", c, i, v)
		}
		return int64(v.LowBits())
	}
	orders, parts, suppliers := i64(lOrderkey), i64(lPartkey), i64(lSuppkey)
	lines := rec.Column(lLinenumber).(*array.Int32).Int32Values()
	ship, commit, receipt := date(lShipdate), date(lCommitdate), date(lReceiptdate)
	sums := map[string]float64{}
	n := int(rec.NumRows())
	for i := range n {
		o, p := orders[i], parts[i]
		bad := func(what string) {
			t.Fatalf("row %d: %s: %v", i, what, must(rec.NewSlice(int64(i), int64(i)+1).MarshalJSON()))
		}
		if o < 1 || o%32 > 7 {
			bad("order key is not sparse")
		}
		if natural && i > 0 {
			if same := o == orders[i-1]; same != (lines[i] == lines[i-1]+1) || !same && (lines[i] != 1 || o < orders[i-1]) {
				bad("line numbers don't count up in their order")
			}
		}
		supplied := false
		for k := range int64(4) {
			supplied = supplied || suppliers[i] == (p+k*(10_000/4+(p-1)/10_000))%10_000+1
		}
		if p < 1 || p > 200_000 || !supplied {
			bad("part or supplier")
		}
		q := cents(lQuantity, i)
		price := 90_000 + p/10%20_001 + 100*(p%1000)
		if q%100 != 0 || q < 100 || q > 5000 || cents(lExtendedprice, i) != q/100*price || cents(lDiscount, i) > 10 || cents(lTax, i) > 8 {
			bad("quantity, price, discount or tax")
		}
		if lines[i] < 1 || lines[i] > 7 || ship[i] < tpchStart+1 || ship[i] > tpchEnd-151+121 || receipt[i]-ship[i] < 1 || receipt[i]-ship[i] > 30 ||
			commit[i]-ship[i] < 30-121 || commit[i]-ship[i] > 90-1 {
			bad("line number or dates")
		}
		flag, status := str(lReturnflag).Value(i), str(lLinestatus).Value(i)
		if (flag == "N") != (receipt[i] > tpchCurrent) || !strings.Contains("RAN", flag) || (status == "O") != (ship[i] > tpchCurrent) || !strings.Contains("OF", status) {
			bad("flag or status")
		}
		comment := str(lComment).Value(i)
		if !slices.Contains(shipInstructs[:], str(lShipinstruct).Value(i)) || !slices.Contains(shipModes[:], str(lShipmode).Value(i)) || len(comment) < 10 || len(comment) > 43 {
			bad("texts")
		}
		sums["quantity"] += float64(q) / 100
		sums["discount"] += float64(cents(lDiscount, i))
		sums["tax"] += float64(cents(lTax, i))
		sums["comment"] += float64(len(comment))
		if flag == "R" {
			sums["R"] += 1000
		}
		if status == "O" {
			sums["O"] += 1000
		}
		if lines[i] == 1 {
			sums["orders"] += 1000
		}
	}
	// Means; of 6,001,215 lines dbgen's own have 1,478,870 R, 3,004,998 O and 1,500,000 orders.
	for what, want := range map[string]float64{"quantity": 25.5, "discount": 5, "tax": 4, "comment": 26.5, "R": 246, "O": 500, "orders": 250} {
		slack := 0.03
		if !natural { // fewer orders
			slack = 0.1
		}
		if got := sums[what] / float64(n); math.Abs(got-want) > slack*want {
			t.Errorf("mean of %s is %.2f, want %.2f", what, got, want)
		}
	}
}

func TestProse(t *testing.T) {
	buf := make([]byte, 200_000)
	proseFiller(newSource(1, 2, 3, 4))(buf)
	if strings.ContainsAny(string(buf), "\x00\n\t") || strings.Contains(string(buf), "  ") {
		t.Error("prose has letters that it should not have")
	}
	words := strings.Fields(string(buf))
	known := map[string]bool{}
	for _, v := range [][]string{nouns, verbs, adjectives, adverbs, prepositions, auxiliaries, {"the"}} {
		for _, phrase := range v {
			for _, w := range strings.Fields(phrase) {
				known[w] = true
			}
		}
	}
	for _, w := range words[:len(words)-1] { // the last may be cut
		if w = strings.TrimRight(w, ".;:?!-,"); !known[w] {
			t.Fatalf("%q is not in the vocabulary", w)
		}
	}
	// Cut into pieces or not, it is the same text.
	again := make([]byte, len(buf))
	fill := proseFiller(newSource(1, 2, 3, 4))
	for rest := again; len(rest) > 0; {
		n := min(len(rest), 37)
		fill(rest[:n])
		rest = rest[n:]
	}
	if string(again) != string(buf) {
		t.Error("the text depends on how it is cut")
	}
}
