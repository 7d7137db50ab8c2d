package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"

	"flightbench/bench"
	"flightbench/results"
)

// view shows a run under way on stderr.
type view interface {
	progress(bench.Progress)
	done(*results.Trial)
	close()
}

// newView is a live line on a terminal, a plain line a trial elsewhere.
func newView(w io.Writer, p bench.Plan) view {
	lines := &plainView{w: w, trials: p.Trials(), varying: varying(p)}
	if terminalWidth(w) == 0 {
		return lines
	}
	return newLiveView(w, lines)
}

// varying lists the fields that differ between the plan's Configs.
func varying(p bench.Plan) []string {
	groups := make([]results.Group, len(p.Configs))
	for i, c := range p.Configs {
		groups[i].Config = c
	}
	axes := results.Varying(groups)
	if len(axes) == 0 {
		axes = []string{"op", "rows"}
	}
	return axes
}

// plainView writes a line as each trial ends.
type plainView struct {
	w       io.Writer
	n       int
	trials  int
	varying []string
	left    time.Duration // as the last progress said
}

func (v *plainView) progress(p bench.Progress) { v.n, v.left = p.Trial, p.Remaining }
func (v *plainView) close()                    {}
func (v *plainView) done(t *results.Trial) {
	s := v.line(t)
	if v.n < v.trials {
		s += "  " + about(v.left) + " left"
	}
	fmt.Fprintln(v.w, s)
}

// about is a length of time as one says it: about 20 s, about 2 min, about 1 h 10 min.
func about(d time.Duration) string {
	switch minutes := int(d.Round(time.Minute) / time.Minute); {
	case d < time.Second:
		return "about 1 s"
	case d < 10*time.Second:
		return fmt.Sprintf("about %.0f s", d.Seconds())
	case d < 90*time.Second:
		return fmt.Sprintf("about %.0f s", d.Round(5*time.Second).Seconds())
	case minutes < 60:
		return fmt.Sprintf("about %d min", minutes)
	case minutes%60 < 5:
		return fmt.Sprintf("about %d h", minutes/60)
	default:
		return fmt.Sprintf("about %d h %d min", minutes/60, minutes%60/5*5)
	}
}

// line says what one trial found.
func (v *plainView) line(t *results.Trial) string {
	s := fmt.Sprintf("%*d/%d  %s", len(fmt.Sprint(v.trials)), v.n, v.trials, v.point(t.Config))
	if t.Status == results.StatusFailed {
		first, _, _ := strings.Cut(t.Error, "\n") // a server's traceback is in the results
		return s + "  failed: " + results.Clean(first)
	}
	m, ok := t.Metrics["body_bytes_per_second"]
	if !ok {
		m, ok = t.Metrics["calls_per_second"]
	}
	if ok {
		s += "  " + rate(m.Value, m.Unit)
	} else {
		s += "  nothing measured"
	}
	if name := bench.PrimaryLatency(t.Config); t.Latencies[name].Count > 0 {
		s += fmt.Sprintf("  %s p99 %s", name, results.FormatNanoseconds(float64(t.Latencies[name].P99)))
	}
	if n := count(t.Failures); n > 0 {
		s += fmt.Sprintf("  %d failed", n)
	}
	if t.Status != results.StatusOK {
		s += "  " + t.Status
	}
	return s
}

// rate is a rate with its unit: 2.1 GB/s, 12,300 calls/s.
func rate(v float64, unit string) string {
	if unit == "calls/s" {
		return results.FormatInteger(int64(v)) + " " + unit
	}
	return results.FormatSI(v, unit)
}

func count(m map[string]int64) (n int64) {
	for _, c := range m {
		n += c
	}
	return n
}

// point names a Config by what sets it apart.
func (v *plainView) point(c results.Config) (s string) {
	for i, a := range v.varying {
		if i > 0 {
			s += " · "
		}
		s += c.Phrase(a)
	}
	return s
}

// liveView keeps one line at the bottom of the terminal, and prints a plain
// line above it as each trial ends.
type liveView struct {
	program *tea.Program
	ended   chan struct{}
	lines   *plainView
}

func newLiveView(w io.Writer, lines *plainView) *liveView {
	v := &liveView{lines: lines, ended: make(chan struct{})}
	v.program = tea.NewProgram(liveModel{lines: lines}, tea.WithOutput(w), tea.WithInput(nil), tea.WithoutSignalHandler())
	go func() {
		defer close(v.ended)
		_, _ = v.program.Run() // without its line the run goes on all the same
	}()
	return v
}

func (v *liveView) progress(p bench.Progress) {
	v.lines.progress(p)
	v.program.Send(p)
}

// done prints a trial's line. Program.Println would wait for ever for a program
// that has ended, say with its terminal.
func (v *liveView) done(t *results.Trial) {
	select {
	case <-v.ended:
		v.lines.done(t)
	default:
		v.program.Send(tea.Println(v.lines.line(t))())
	}
}

func (v *liveView) close() {
	v.program.Quit()
	<-v.ended
}

// liveModel is the live line's state: the last progress.
type liveModel struct {
	lines *plainView
	last  bench.Progress
	width int
}

func (m liveModel) Init() tea.Cmd { return nil }

func (m liveModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case bench.Progress:
		m.last = msg
	case tea.WindowSizeMsg:
		m.width = msg.Width
	case tea.QuitMsg:
		m.last = bench.Progress{}
	}
	return m, nil
}

func (m liveModel) View() tea.View {
	p := m.last
	if p.Trial == 0 {
		return tea.NewView("")
	}
	s := fmt.Sprintf("%d/%d  %s left  %s  %s", p.Trial, p.Trials, about(p.Remaining), m.lines.point(p.Config), p.Phase)
	if p.Phase == "measure" {
		of := fmt.Sprintf("%.1fs", p.Config.Duration)
		if p.Config.Total > 0 {
			of = fmt.Sprintf("%d streams", p.Config.Total)
		}
		s += fmt.Sprintf(" %.1fs of %s  %s", p.Elapsed.Round(100*time.Millisecond).Seconds(), of, rate(p.Rate, p.Unit))
		if p.P99 > 0 {
			s += fmt.Sprintf("  %s p99 %s", p.Latency, results.FormatNanoseconds(float64(p.P99)))
		}
	}
	if r := []rune(s); m.width > 0 && len(r) >= m.width {
		s = string(r[:m.width-1])
	}
	return tea.NewView(s)
}

// terminalWidth is w's columns, 0 where w is no terminal.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
