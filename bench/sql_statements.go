package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"

	"flightbench/results"
)

// maxWeight bounds a statement's weight, so that their sum is no concern.
const maxWeight = 1_000_000

// weightComment begins the comment that gives a statement its weight.
const weightComment = "-- weight:"

// statement is one of those that --sql names.
type statement struct {
	text   string
	weight int
	at     string // FILE:LINE, "" where it was given itself
}

// explain says of an error which statement it is of, where there are several.
func (st statement) explain(err error) error {
	if err == nil || st.at == "" {
		return err
	}
	return fmt.Errorf("%s: %w", st.at, err)
}

// statements are those of a Config, of which each iteration picks one by weight.
type statements []statement

// pick chooses one by its weight.
func (all statements) pick(r *rand.Rand) int {
	var sum int
	for _, st := range all {
		sum += st.weight
	}
	n := r.IntN(sum)
	for i, st := range all {
		if n -= st.weight; n < 0 {
			return i
		}
	}
	panic("bench: weights do not add up") // n < sum
}

// picker is what a slot picks by: which statements it runs follows from the
// seed and its number alone.
func (s *slot) picker() *rand.Rand {
	return rand.New(rand.NewPCG(s.t.config.Seed, uint64(s.index)))
}

// readStatements reads what --sql says: a statement, or @FILE.
func readStatements(sql string) (statements, error) {
	path, isFile := strings.CutPrefix(sql, "@")
	if !isFile {
		return statements{{text: sql, weight: 1}}, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--sql: %w", err)
	}
	all, err := parseStatements(path, string(b))
	if err != nil {
		return nil, fmt.Errorf("--sql: %w", err)
	}
	return all, nil
}

// parseStatements reads statements, each ended by a ; at the end of a line or
// by the end of the file, and each with its weight where a line
//
//	-- weight: 3
//
// stands before it; without one it is 1. Other comments may stand anywhere.
// Errors begin with name:LINE.
func parseStatements(name, text string) (statements, error) {
	var (
		all    statements
		lines  []string // of the statement that is being read
		begin  int      // its first line
		weight int      // 0: not given
		last   int      // line of the weight
	)
	fail := func(line int, format string, args ...any) (statements, error) {
		return nil, fmt.Errorf("%s:%d: %s", name, line, fmt.Sprintf(format, args...))
	}
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		line = strings.TrimRight(line, " \t\r\n")
		bare := strings.TrimSpace(line)
		if value, ok := strings.CutPrefix(bare, weightComment); ok {
			w, err := strconv.Atoi(strings.TrimSpace(value))
			switch {
			case err != nil || w < 1 || w > maxWeight:
				return fail(n, "weight %q is no whole number from 1 to %d", strings.TrimSpace(value), maxWeight)
			case len(lines) > 0:
				return fail(n, "a weight stands before its statement, not in it: is the ; of the statement of line %d missing?", begin)
			case weight > 0:
				return fail(n, "line %d has given the next statement its weight already", last)
			}
			weight, last = w, n
			continue
		}
		if len(lines) == 0 {
			if bare == "" || strings.HasPrefix(bare, "--") {
				continue
			}
			begin = n
		}
		body, ended := strings.CutSuffix(line, ";")
		if ended && strings.HasPrefix(bare, "--") {
			body, ended = line, false
		}
		lines = append(lines, body)
		if ended {
			st := statement{text: strings.TrimSpace(strings.Join(lines, "\n")), weight: max(weight, 1), at: fmt.Sprintf("%s:%d", name, begin)}
			if st.text == "" {
				return fail(n, "a ; ends a statement, and there is none before it")
			}
			all, lines, weight = append(all, st), nil, 0
		}
	}
	if len(lines) > 0 {
		all = append(all, statement{text: strings.TrimSpace(strings.Join(lines, "\n")), weight: max(weight, 1), at: fmt.Sprintf("%s:%d", name, begin)})
		weight = 0
	}
	switch {
	case weight > 0:
		return fail(last, "no statement follows this weight")
	case len(all) == 0:
		return fail(max(n, 1), "the file holds no statement")
	}
	return all, nil
}

// checkSQLFiles reads the files of SQL operations, so that one that cannot be
// read is told before anything is measured.
func checkSQLFiles(ctx context.Context, configs []results.Config) error {
	var sql, params []string
	for _, c := range configs {
		if c.SQL != "" && !slices.Contains(sql, c.SQL) {
			if _, err := readStatements(c.SQL); err != nil {
				return err
			}
			sql = append(sql, c.SQL)
		}
		if c.Params != "" && !slices.Contains(params, c.Params) {
			var files cache
			_, err := readParams(ctx, &files, c.Params)
			files.release()
			if err != nil {
				return err
			}
			params = append(params, c.Params)
		}
	}
	return nil
}
