package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"flightbench/internal/target"
	"flightbench/results"
)

// OpenConcurrency is the cap on streams in flight of an open loop where none
// is asked for: enough for a second's stall at 10,000 starts a second.
const OpenConcurrency = 10_000

// load is the arrival process of an open loop.
type load struct {
	steps  []Stretch    // over the window
	pacer  *Pacer       // the window's
	bytes  float64      // body bytes of a stream, where a byte rate was asked for
	flight target.Meter // the time of iterations in flight
	peak   int          // most streams in flight
	missed int64        // starts of the window that no slot was free for until its end
}

// validateLoad checks what c says of its arrivals.
func validateLoad(c results.Config, kind opKind) error {
	var given []string
	for _, f := range []struct {
		flag string
		is   bool
	}{{"--rps", c.RPS != 0}, {"--rate", c.Rate != 0}, {"--schedule", c.Schedule != ""}} {
		if f.is {
			given = append(given, f.flag)
		}
	}
	switch {
	case len(given) > 1:
		return fmt.Errorf("%s each say how many streams are begun: give one of them", strings.Join(given, " and "))
	case len(given) == 0 && c.Arrival != "":
		return fmt.Errorf("--arrival %s says how starts are spread, and without --rps, --rate or --schedule a stream begins when another ends: give one of them", c.Arrival)
	case len(given) == 0:
		return nil
	case !slices.Contains([]string{ArrivalConstant, ArrivalPoisson}, c.Arrival):
		return fmt.Errorf("--arrival %q is unknown: use constant or poisson", c.Arrival)
	case c.RPS < 0 || c.RPS > maxRPS || math.IsNaN(c.RPS):
		return fmt.Errorf("--rps %v is out of range: use more than 0 and at most %.0f streams a second", c.RPS, float64(maxRPS))
	case c.Rate < 0 || math.IsNaN(c.Rate) || math.IsInf(c.Rate, 0):
		return fmt.Errorf("--rate %v is no rate: use one above 0, such as 2GB/s", c.Rate)
	case c.Rate > 0 && kind.calls:
		return fmt.Errorf("--rate is of body bytes, and --op %s moves none: use --rps", c.Op)
	case c.Schedule == "":
		return nil
	}
	steps, err := ParseSchedule(c.Schedule)
	if err != nil {
		return fmt.Errorf("--schedule: %w", err)
	}
	if c.Total > 0 {
		return fmt.Errorf("--total %d and --schedule both say how much is measured: leave one of them out", c.Total)
	}
	if d := length(steps); (d - duration(c.Duration)).Abs() > time.Millisecond {
		return fmt.Errorf("--duration %v differs from the length of --schedule, %v: leave --duration out", duration(c.Duration), d)
	}
	return nil
}

// ScheduleLength is how long a schedule lasts.
func ScheduleLength(s string) (time.Duration, error) {
	steps, err := ParseSchedule(s)
	return length(steps), err
}

// ParseByteRate reads bytes a second: 2GB/s, 500MiB/s, 1.5GB/s.
func ParseByteRate(s string) (float64, error) {
	number, ok := strings.CutSuffix(s, "/s")
	if !ok {
		return 0, fmt.Errorf("%q is no rate of bytes: write 2GB/s or 500MiB/s", s)
	}
	digits := strings.TrimRight(number, "kKMGiB")
	unit, err := ParseCount("1" + number[len(digits):])
	if err != nil {
		return 0, fmt.Errorf("%q: %w", s, err)
	}
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is no rate of bytes above 0: write 2GB/s or 500MiB/s", s)
	}
	return v * float64(unit), nil
}

// sized are the streams that are read or sent to learn how many body bytes a
// stream has, and the longest that may take.
const (
	sizedStreams = 8
	sizedFor     = 2 * time.Second
)

// arrivalSeed is that of Poisson arrivals: another one in each round, or rounds
// would repeat one sample of them, and the same for all Configs of a round, so
// that these meet the same arrivals.
func (t *trial) arrivalSeed() uint64 { return t.config.Seed + uint64(t.out.Round)<<32 }

// newLoad makes the arrivals of t's window. A rate of bytes becomes one of
// streams by the body bytes that a few streams turn out to have: what arrives
// are streams all the same.
func (t *trial) newLoad(ctx context.Context) (*load, error) {
	c := t.config
	l := &load{}
	switch {
	case c.Schedule != "":
		var err error
		if l.steps, err = ParseSchedule(c.Schedule); err != nil {
			return nil, err
		}
	case c.RPS > 0:
		l.steps = []Stretch{{From: c.RPS, To: c.RPS}}
	default:
		bytes, err := t.streamBytes(ctx)
		if err != nil {
			return nil, err
		}
		rate := c.Rate / bytes
		if rate > maxRPS {
			return nil, fmt.Errorf("--rate %s needs %.0f streams of %.0f bytes a second, and %.0f are the most: use larger streams (--batches)",
				results.FormatSI(c.Rate, "B/s"), rate, bytes, float64(maxRPS))
		}
		l.bytes, l.steps = bytes, []Stretch{{From: rate, To: rate}}
	}
	l.pacer = NewPacer(l.steps, c.Arrival, t.arrivalSeed())
	return l, nil
}

// streamBytes is the mean of body bytes of the first streams.
func (t *trial) streamBytes(ctx context.Context) (float64, error) {
	until := t.clock.now() + int64(sizedFor)
	n := 0
	for ; n < sizedStreams && (n == 0 || t.clock.now() < until); n++ {
		if _, err := t.iterate(ctx, t.slots[0], 1); err != nil || ctx.Err() != nil {
			return 0, errors.Join(err, ctx.Err())
		}
	}
	bytes := float64(t.recs.whole().Body) / float64(n)
	if bytes == 0 {
		return 0, fmt.Errorf("--rate asks for bytes, and the first %d streams had none: use --rps", n)
	}
	return bytes, nil
}

// warm is the leg of the warm-up: the window's first rate, until it begins. A
// warm-up of no length has no starts.
func (l *load) warm(t *trial, end func() int64) func() leg {
	return func() leg {
		first := l.steps[0].From
		if t.config.Warmup == 0 {
			first = 0
		}
		return leg{pacer: NewPacer([]Stretch{{From: first, To: first}}, t.config.Arrival, t.arrivalSeed()+1), origin: t.clock.now(), end: end, over: t.opened}
	}
}

// main is the leg of the window.
func (l *load) main(t *trial) func() leg {
	return func() leg {
		return leg{pacer: l.pacer, origin: t.window.begin.Load(), end: t.window.end.Load, total: t.config.Total}
	}
}

// flow runs streams from the warm-up on until ctx ends.
func (t *trial) flow(ctx context.Context) error {
	if t.load != nil {
		return t.open(ctx, t.load.warm(t, never), t.load.main(t))
	}
	return t.streams(ctx, func() bool { return true })
}

// warmUp runs streams until then, and waits for their ends.
func (t *trial) warmUp(ctx context.Context, until int64) error {
	if t.load != nil {
		return t.open(ctx, t.load.warm(t, func() int64 { return until }))
	}
	return t.streams(ctx, func() bool { return t.clock.now() < until })
}
