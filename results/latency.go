package results

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range and resolution of every latency histogram: 1 µs to 1 h at three
// significant digits, in nanoseconds.
const (
	LatencyMin    = int64(1_000)
	LatencyMax    = int64(3_600_000_000_000)
	LatencyDigits = 3
)

// FromActual ends the name of a latency that is measured from the actual start
// of a stream, where the same without it is from the intended one.
const FromActual = "_actual"

// NewHistogram returns an empty histogram of the range and resolution above.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(LatencyMin, LatencyMax, LatencyDigits)
}

// Encoded is one latency metric's histograms, one an interval of the timeline.
type Encoded struct {
	Intervals []IntervalHistogram
}

// IntervalHistogram is the histogram of the samples of one interval, whose
// bounds are seconds since the window began.
type IntervalHistogram struct {
	Start, Seconds float64
	Histogram      *hdrhistogram.Histogram
	Make           func() *hdrhistogram.Histogram // where Histogram is nil, since 200 kB for each interval of a long trial would be too much
}

// made is iv with its histogram, if it has one.
func (iv IntervalHistogram) made() IntervalHistogram {
	if iv.Histogram == nil && iv.Make != nil {
		iv.Histogram = iv.Make()
	}
	return iv
}

// Summarise reads the percentiles of h. below and above are the samples out of
// range, see Latency.
func Summarise(h *hdrhistogram.Histogram, below, above int64) Latency {
	asked := []float64{50, 90, 95, 99, 99.9, 99.99}
	n := float64(h.TotalCount())
	p := make([]float64, len(asked))
	for i, a := range asked {
		p[i] = 100 * rank(a, n) / max(n, 1)
	}
	v := h.ValueAtPercentilesSlice(p)
	return Latency{
		Unit: "ns", Count: h.TotalCount(), Below: below, Above: above,
		Min: h.Min(), Mean: h.Mean(), Max: h.Max(),
		P50: v[0], P90: v[1], P95: v[2], P99: v[3], P999: v[4], P9999: v[5],
	}
}

// rank is how many of n samples are at or below the percentile at least, as
// HdrHistogram counts in Java: of 1,672 samples the 1,656th is the 99th percentile.
//
// Note: hdrhistogram-go rounds to the nearest rank, here the 1,655th, so that
// other readers of latency.hlog would see other figures than trials.jsonl has.
func rank(percentile, n float64) float64 {
	return math.Ceil(math.Nextafter(percentile, 0) * n / 100)
}
