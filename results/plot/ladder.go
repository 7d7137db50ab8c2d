package plot

import (
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"flightbench/results"
)

// ladders draws each ladder of ceilings: the time of a gigabyte at every rung.
func (d *drawer) ladders() error {
	ladders := results.Ladders(d.run.Trials)
	if len(ladders) > maxFacets {
		d.note("Ceilings: %d of %d ladders are drawn; the table holds all", maxFacets, len(ladders))
		ladders = ladders[:maxFacets]
	}
	var flights []results.Group
	for _, l := range ladders {
		flights = append(flights, l.Flight)
	}
	axes := results.Varying(flights)
	for _, l := range ladders {
		fig := &Figure{Name: "ladder", Title: "Ceilings", Subtitle: strings.TrimSuffix(l.Sentence(), ".")}
		if label := l.Flight.Config.Label(axes); label != "" {
			fig.Name, fig.Title = "ladder-"+fileName(label), "Ceilings of "+label
		}
		fig.Subtitle = join(fig.Subtitle, repeats([]results.Group{l.Flight}), results.Common([]results.Group{l.Flight}, axes))
		bars := &rungBars{}
		chain, part, no := styles[0], styles[2], style{color: muted, glyph: styles[6].glyph}
		var names []string
		var missing string
		slower, parts := false, false
		for _, r := range l.Rungs {
			if r.Missing != "" {
				missing = join(missing, r.Name)
				continue
			}
			s := rungBar{seconds: inverse(r.Rate), style: part, label: results.FormatSeconds(r.Seconds()) + " · " + results.FormatSI(r.Rate.Median, "B/s")}
			switch {
			case r.Slower:
				s.style, slower = no, true
			case r.Chain:
				s.style, s.before = chain, r.Seconds()-r.Step
			default:
				parts = true
			}
			names, bars.rows = append(names, r.Name), append(bars.rows, s)
		}
		if missing != "" {
			fig.Notes = append(fig.Notes, "Not available: "+missing+".")
		}
		fig.entries = []entry{{label: "what the rung adds to the one above it (pale: what it shares with it)", style: chain, bar: true}}
		if slower {
			fig.entries = append(fig.entries, entry{label: "slower than Flight: no ceiling", style: no, bar: true})
		}
		if parts {
			fig.entries = append(fig.entries, entry{label: "work of one end by itself", style: part, bar: true})
		}
		fig.stand(bars, names)
		d.add(fig)
	}
	return nil
}

// join joins what is not empty.
func join(parts ...string) (s string) {
	for _, p := range parts {
		if p != "" && s != "" {
			s += " · "
		}
		s += p
	}
	return s
}

// inverse is the seconds of a gigabyte at rates.
func inverse(rate results.Spread) results.Spread {
	return results.Spread{N: rate.N, Median: 1e9 / rate.Median, Min: 1e9 / rate.Max, Max: 1e9 / rate.Min}
}

// rungBars are lying bars, of which each shows what it has in common with the one
// above it. It is a plot.Plotter.
type rungBars struct {
	rows []rungBar
	end  float64 // of whiskers: what is longer is cut, and has no cross at its end
}

// whiskerRoom is how long a whisker may be, in lengths of the longest bar: one bad
// round should not make all bars short.
const whiskerRoom = 1.6

type rungBar struct {
	seconds results.Spread
	before  float64 // of the rung above; 0: the bar has nothing in common
	style   style
	label   string
}

// stand lays the figure out with s, whose rows have names.
func (fig *Figure) stand(s *rungBars, names []string) {
	p := newPlot()
	top, far := 0.0, 0.0
	for _, r := range s.rows {
		top = math.Max(top, r.seconds.Median)
		far = math.Max(far, r.seconds.Max)
	}
	s.end = math.Min(far, whiskerRoom*top)
	ticks, end := linearTicks(s.end*1.3, 7) // room for the words at the longest bar's end
	p.X.Min, p.X.Max = 0, end
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.X.Label.Text = "seconds for a gigabyte of Arrow IPC bodies, less is better"
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5
	marks := make([]plot.Tick, len(names))
	for i, n := range names {
		marks[i] = plot.Tick{Value: float64(len(names) - 1 - i), Label: n}
	}
	p.Y.Tick.Marker = plot.ConstantTicks(marks)
	p.Y.Tick.Length = 0
	p.Y.LineStyle.Width = 0
	p.Y.Padding = 0
	p.Add(grid{vertical: true}, s)
	fig.plot, fig.height = p, vg.Length(len(names))*(barPitch+rowGap)+40
}

// Plot implements plot.Plotter.
func (s *rungBars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	sty := textStyle(8.5, ink, false)
	for i, r := range s.rows {
		at := y(float64(len(s.rows) - 1 - i))
		low, high := at-barHeight/2, at+barHeight/2
		box := func(from, to float64) []vg.Point {
			return []vg.Point{{X: x(from), Y: low}, {X: x(to), Y: low}, {X: x(to), Y: high}, {X: x(from), Y: high}}
		}
		common := math.Min(r.before, r.seconds.Median)
		if common > 0 {
			c.FillPolygon(paled(r.style.color), box(0, common))
		}
		c.FillPolygon(r.style.color, box(common, r.seconds.Median))
		end := x(r.seconds.Median)
		if r.seconds.N > 1 {
			end = x(math.Min(r.seconds.Max, s.end))
			if r.seconds.Max > s.end { // without its end
				c.StrokeLine2(draw.LineStyle{Color: ink, Width: 0.9}, x(r.seconds.Median), at, end, at)
			} else {
				whisker(&c, style{color: ink}, x(r.seconds.Min), at, end, at)
			}
		}
		c.FillText(sty, vg.Point{X: end + 6, Y: at - 3}, r.label)
	}
}
