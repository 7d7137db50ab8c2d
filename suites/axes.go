package suites

import (
	"strings"

	"flightbench/bench"
)

func (r *reader) axes(n *node) error {
	axes, err := r.axesOf(n, "axes")
	if err != nil {
		return err
	}
	for i, a := range axes {
		if err := r.claim(a.Name, n.entries[i].key); err != nil {
			return err
		}
		r.suite.Matrix.Axes = append(r.suite.Matrix.Axes, a)
	}
	return nil
}

// axesOf reads keys with a value or a list of them each.
func (r *reader) axesOf(n *node, where string) ([]bench.Axis, error) {
	entries, err := r.mapping(where, n)
	if err != nil {
		return nil, err
	}
	var axes []bench.Axis
	for _, e := range entries {
		name, err := r.fieldKey(e.key, where)
		if err != nil {
			return nil, err
		}
		values := e.value.list
		if values == nil {
			values = []*node{e.value}
		}
		if len(values) == 0 {
			return nil, r.errorf(e.value, "%s has no value: give at least one", name)
		}
		a := bench.Axis{Name: name}
		for _, v := range values {
			s, err := r.scalar(name, v)
			if err != nil {
				return nil, err
			}
			a.Values = append(a.Values, s)
			// An axis of itself: what is wrong with it is wrong with this value.
			if err := bench.CheckAxis(a); err != nil {
				hint := ""
				if strings.Contains(s, ",") && e.value.list == nil {
					hint = "; a list is written [1, 2]"
				}
				return nil, r.errorf(v, "%s%s", inSuite(err), hint)
			}
		}
		axes = append(axes, a)
	}
	return axes, nil
}

func (r *reader) design(n *node) error {
	s, err := r.scalar("design", n)
	if err != nil {
		return err
	}
	switch underscored(s) {
	case "full":
	case "one_at_a_time":
		r.suite.Matrix.OneAtATime = true
	default:
		return r.errorf(n, "design %q is unknown: use full (every combination) or one-at-a-time", s)
	}
	return nil
}

func (r *reader) exclude(n *node) (err error) {
	r.suite.Matrix.Exclude, err = r.pointsOf("exclude", n)
	return err
}

func (r *reader) add(n *node) (err error) {
	r.suite.Matrix.Add, err = r.pointsOf("add", n)
	return err
}

func (r *reader) pointsOf(where string, n *node) (points [][]bench.Axis, err error) {
	if n.list == nil {
		return nil, r.errorf(n, "%s takes a list of points: write - in front of each", where)
	}
	for _, p := range n.list {
		axes, err := r.axesOf(p, where)
		if err != nil {
			return nil, err
		}
		points = append(points, axes)
		r.points = append(r.points, p)
	}
	return points, nil
}
