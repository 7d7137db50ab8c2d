package compare

// Line is a Cell as tables of every format show it.
type Line struct {
	Figure, Old, New, Change, Interval, P string
	Word                                  string // as in the text table: Comparison.Key explains it
	Outcome                               string // better, worse, same, unknown
}

// Line is the cell for people.
func (c Cell) Line() Line {
	return Line{c.Figure.Label(), c.value(c.Old), c.value(c.New), c.changeText(), c.intervalText(), pText(c.P), c.shortVerdict(), c.Outcome}
}

// Sides are the names of old and new as the heads of columns.
func (c *Comparison) Sides() (old, new string) {
	h := c.heads()
	return h[1], h[2]
}
