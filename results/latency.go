package results

import "github.com/HdrHistogram/hdrhistogram-go"

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
}

// Summarise reads the percentiles of h. below and above are the samples out of
// range, see Latency.
func Summarise(h *hdrhistogram.Histogram, below, above int64) Latency {
	p := h.ValueAtPercentiles([]float64{50, 90, 95, 99, 99.9, 99.99})
	return Latency{
		Unit: "ns", Count: h.TotalCount(), Below: below, Above: above,
		Min: h.Min(), Mean: h.Mean(), Max: h.Max(),
		P50: p[50], P90: p[90], P95: p[95], P99: p[99], P999: p[99.9], P9999: p[99.99],
	}
}
