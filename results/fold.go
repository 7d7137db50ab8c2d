package results

import "strings"

// foldFrom is the least width that Fold heeds.
const foldFrom = 40

// Fold breaks the lines of s between words so that none is wider than width
// characters; what follows in a line is indented. A word that is wider stays
// whole, and below foldFrom, as where a terminal's width is not known (0),
// nothing is broken.
func Fold(s string, indent, width int) string {
	if width < foldFrom {
		return s
	}
	var out []string
	for _, l := range strings.Split(s, "\n") {
		r := []rune(l)
		for from := 0; len(r) > width; from = indent {
			at := lastSpace(r[:width+1], from)
			if at < 0 {
				if at = firstSpace(r, width); at < 0 {
					break
				}
			}
			out = append(out, strings.TrimRight(string(r[:at]), " "))
			r = []rune(strings.Repeat(" ", indent) + strings.TrimLeft(string(r[at:]), " "))
		}
		out = append(out, string(r))
	}
	return strings.Join(out, "\n")
}

// lastSpace is where the last space of r behind from is, -1 without one.
func lastSpace(r []rune, from int) int {
	for i := len(r) - 1; i > from; i-- {
		if r[i] == ' ' {
			return i
		}
	}
	return -1
}

// firstSpace is where the first space of r from on is, -1 without one.
func firstSpace(r []rune, from int) int {
	for i := from; i < len(r); i++ {
		if r[i] == ' ' {
			return i
		}
	}
	return -1
}
