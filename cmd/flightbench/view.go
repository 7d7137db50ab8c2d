package main

import (
	"fmt"
	"io"
	"os"
	"slices"
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
// guess tells that the number of trials is one.
func newView(w io.Writer, varying []string, guess bool) view {
	lines := &plainView{w: w, varying: varying}
	if guess {
		lines.about = "~"
	}
	if terminalWidth(w) == 0 {
		return lines
	}
	return newLiveView(w, lines)
}

// varying lists the fields that differ between the plan's Configs, and more.
func varying(p bench.Plan, more []string) []string {
	groups := make([]results.Group, len(p.Configs))
	for i, c := range p.Configs {
		groups[i].Config = c
	}
	axes := results.Varying(groups)
	for _, a := range more {
		if !slices.Contains(axes, a) {
			axes = append(axes, a)
		}
	}
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
	about   string // "~" where trials is a guess
	varying []string
	left    time.Duration // as the last progress said
}

func (v *plainView) progress(p bench.Progress) {
	v.n, v.trials, v.left = p.Trial, p.Trials, p.Remaining
}
func (v *plainView) close() {}
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
	s := fmt.Sprintf("%*d/%s%d  %s", len(fmt.Sprint(v.trials)), v.n, v.about, v.trials, v.point(t.Config, t.Phase))
	if t.Status == results.StatusFailed {
		return s + "  failed: " + results.FirstLine(t.Error, 160) // the whole of it is in the results
	}
	k := t.Kind()
	if m, ok := t.Metrics[k.Rate]; ok {
		s += "  " + k.FormatRate(m.Value)
	} else {
		s += "  nothing measured"
	}
	name := bench.PrimaryLatency(t.Config)
	if l := t.Latencies[name]; l.Count > 0 {
		s += fmt.Sprintf("  %s p99 %s", name, l.FormatP99())
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
	if unit == "B/s" {
		return results.FormatSI(v, unit)
	}
	return results.FormatInteger(int64(v)) + " " + unit
}

func count(m map[string]int64) (n int64) {
	for _, c := range m {
		n += c
	}
	return n
}

// point names a Config by what sets it apart, and what a search wants of it.
func (v *plainView) point(c results.Config, search string) string {
	if search == "" {
		return c.Label(v.varying)
	}
	return search + ": " + c.Label(v.varying)
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
	parts := []string{fmt.Sprintf("%d/%s%d", p.Trial, m.lines.about, p.Trials), about(p.Remaining) + " left", m.lines.point(p.Config, p.Search), p.Phase, "", ""}
	if p.Phase == "measure" {
		of := fmt.Sprintf("%.1fs", p.Config.Duration)
		if p.Config.Total > 0 {
			of = fmt.Sprintf("%d streams", p.Config.Total)
		}
		parts[3] += fmt.Sprintf(" %.1fs of %s", p.Elapsed.Round(100*time.Millisecond).Seconds(), of)
		if k := (&results.Trial{Config: p.Config}).Kind(); k != results.KindQueries || p.Unit != "B/s" { // bytes say little of a query
			parts[4] = rate(p.Rate, p.Unit)
		}
		if p.P99 > 0 {
			parts[5] = fmt.Sprintf("%s p99 %s", p.Latency, results.FormatNanoseconds(float64(p.P99)))
		}
	}
	return tea.NewView(fit(parts, []int{2, 1, 5, 3}, m.width))
}

// fit joins the parts of the live line so that it is shorter than width, 0 for
// any width. The parts of yield give way in its order: the first is cut, the
// next ones are left out.
func fit(parts []string, yield []int, width int) string {
	const least = 8 // less of a part tells nothing
	parts = slices.Clone(parts)
	line := func() []rune {
		return []rune(strings.Join(slices.DeleteFunc(slices.Clone(parts), func(s string) bool { return s == "" }), "  "))
	}
	for i, y := range yield {
		over := len(line()) - (width - 1)
		if width == 0 || over <= 0 {
			break
		}
		if r := []rune(parts[y]); i == 0 && len(r)-over > least {
			parts[y] = string(r[:len(r)-over-1]) + "…"
		} else {
			parts[y] = ""
		}
	}
	r := line()
	if width > 0 && len(r) >= width {
		r = r[:width-1]
	}
	return string(r)
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
