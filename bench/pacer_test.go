package bench_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"flightbench/bench"
)

func steps(t *testing.T, s string) []bench.Stretch {
	t.Helper()
	p, err := bench.ParseSchedule(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPacer(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	forEver := func(rate float64) []bench.Stretch { return []bench.Stretch{{From: rate, To: rate}} }
	for _, c := range []struct {
		name    string
		steps   []bench.Stretch
		elapsed time.Duration
		n       int64
		due     time.Duration
		wait    time.Duration
		more    bool
	}{
		{"the first is due at once", forEver(100), 0, 0, 0, 0, true},
		{"evenly", forEver(100), 0, 7, 70 * ms, 70 * ms, true},
		{"part of the wait is over", forEver(100), 65 * ms, 7, 70 * ms, 5 * ms, true},
		{"late", forEver(100), 3 * s, 7, 70 * ms, 0, true},
		{"an hour on", forEver(50000), 0, 50000 * 3600, 3600 * s, 3600 * s, true},
		{"less than one a second", forEver(0.5), 0, 3, 6 * s, 6 * s, true},
		{"no rate", forEver(0), 0, 0, 0, 0, false},
		{"first step", steps(t, "100/10s,200/10s"), 0, 999, 9990 * ms, 9990 * ms, true},
		{"second step", steps(t, "100/10s,200/10s"), 0, 1000, 10 * s, 10 * s, true},
		{"in the second step", steps(t, "100/10s,200/10s"), 10 * s, 1001, 10005 * ms, 5 * ms, true},
		{"last", steps(t, "100/10s,200/10s"), 0, 2999, 19995 * ms, 19995 * ms, true},
		{"over", steps(t, "100/10s,200/10s"), 0, 3000, 0, 0, false},
		{"a pause first", steps(t, "0/5s,10/1s"), 0, 0, 5 * s, 5 * s, true},
		{"a pause between", steps(t, "10/1s,0/5s,10/1s"), 0, 10, 6 * s, 6 * s, true},
		{"ramp from 0", steps(t, "0-100/10s"), 0, 0, 0, 0, true},
		{"ramp from 0, a quarter", steps(t, "0-100/10s"), 0, 125, 5 * s, 5 * s, true}, // 5*5^2
		{"ramp up", steps(t, "100-1000/60s"), 0, 9750, 30 * s, 30 * s, true},          // 100*30 + 7.5*30^2
		{"ramp down", steps(t, "1000-100/60s"), 0, 23250, 30 * s, 30 * s, true},       // 1000*30 - 7.5*30^2
		{"ramp to 0", steps(t, "100-0/10s"), 0, 375, 5 * s, 5 * s, true},
		{"ramp to 0 is over", steps(t, "100-0/10s"), 0, 500, 0, 0, false},
	} {
		p := bench.NewPacer(c.steps, bench.ArrivalConstant, 1)
		due, wait, more := p.Pace(c.elapsed, c.n)
		if near := func(a, b time.Duration) bool { return (a - b).Abs() < time.Microsecond }; !near(due, c.due) || !near(wait, c.wait) || more != c.more {
			t.Errorf("%s: due %v, wait %v, %v, want %v, %v, %v", c.name, due, wait, more, c.due, c.wait, c.more)
		}
	}
}

// Whatever the order of the questions, the answers are the same; another seed
// has others.
func TestPoissonIsPure(t *testing.T) {
	st := steps(t, "1000/10s")
	p, q, other := bench.NewPacer(st, bench.ArrivalPoisson, 7), bench.NewPacer(st, bench.ArrivalPoisson, 7), bench.NewPacer(st, bench.ArrivalPoisson, 8)
	var in []time.Duration
	same := 0
	for n := range int64(1000) {
		due, _, _ := p.Pace(0, n)
		in = append(in, due)
		if d, _, _ := other.Pace(0, n); d == due {
			same++
		}
	}
	if same > 0 {
		t.Errorf("another seed gave %d equal times", same)
	}
	for n := int64(999); n >= 0; n -= 111 {
		if due, _, _ := q.Pace(5*time.Second, n); due != in[n] {
			t.Errorf("start %d: %v when asked backwards, %v forwards", n, due, in[n])
		}
		if due, _, _ := q.Pace(0, n); due != in[n] {
			t.Errorf("start %d: %v when asked twice, %v once", n, due, in[n])
		}
	}
}

// The gaps of a Poisson process of constant rate are exponential: mean and
// standard deviation are 1/rate, and (1-1/e) of them are shorter than that.
func TestPoissonGaps(t *testing.T) {
	const rate, count = 500.0, 20000
	p := bench.NewPacer([]bench.Stretch{{From: rate, To: rate}}, bench.ArrivalPoisson, 3)
	var sum, squares, short, last float64
	for n := range int64(count) {
		due, _, _ := p.Pace(0, n)
		gap := due.Seconds() - last
		last = due.Seconds()
		sum, squares = sum+gap, squares+gap*gap
		if gap < 1/rate {
			short++
		}
	}
	mean := sum / count
	deviation := math.Sqrt(squares/count - mean*mean)
	for _, c := range []struct {
		what      string
		got, want float64
	}{{"mean", mean * rate, 1}, {"deviation", deviation * rate, 1}, {"share below the mean", short / count, 1 - 1/math.E}} {
		if math.Abs(c.got-c.want) > 0.03 {
			t.Errorf("%s %.4f, want %.4f", c.what, c.got, c.want)
		}
	}
}

func TestAsked(t *testing.T) {
	for _, c := range []struct {
		schedule string
		elapsed  time.Duration
		want     float64
	}{
		{"100/10s,200/10s", 0, 0}, {"100/10s,200/10s", 5 * time.Second, 500}, {"100/10s,200/10s", 15 * time.Second, 2000},
		{"100/10s,200/10s", time.Minute, 3000}, {"100-1000/60s", 30 * time.Second, 9750}, {"100-1000/60s", 60 * time.Second, 33000},
	} {
		p := bench.NewPacer(steps(t, c.schedule), bench.ArrivalConstant, 1)
		if got := p.Asked(c.elapsed); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s until %v: %v, want %v", c.schedule, c.elapsed, got, c.want)
		}
	}
	p := bench.NewPacer([]bench.Stretch{{From: 30, To: 30}}, bench.ArrivalPoisson, 1)
	if got := p.Asked(time.Minute); got != 1800 {
		t.Errorf("a rate without an end: %v, want 1800", got)
	}
}

func TestParseSchedule(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "no step"}, {"100", "no step"}, {"100/", "no length"}, {"100/10", "no length"}, {"100/-1s", "no length"}, {"/10s", "no rate"},
		{"x/10s", "no rate"}, {"-5/10s", "no rate"}, {"1e9/10s", "no rate"}, {"NaN/10s", "no rate"}, {"1-/10s", "no rate"},
		{"100/10s,,200/10s", "no step"}, {"0/10s", "asks for no start"},
	} {
		if _, err := bench.ParseSchedule(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.in, err, c.want)
		}
	}
	got := steps(t, "100/10s, 100-1000/1m")
	if want := (bench.Stretch{From: 100, To: 1000, For: time.Minute}); len(got) != 2 || got[1] != want {
		t.Errorf("%+v", got)
	}
}
