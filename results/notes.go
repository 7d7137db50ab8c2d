package results

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The kinds of Note, the gravest first.
const (
	NoteError   = "error"
	NoteWarning = "warning"
	NoteFact    = "note"
)

var noteKinds = []string{NoteError, NoteWarning, NoteFact}

// Note is what is told below a table.
type Note struct{ Kind, Text string }

// teller says of which trials a note is: by Config and round, as people know
// them.
type teller struct {
	groups []Group
	names  []string // of the groups
	all    int
}

func newTeller(groups []Group) teller {
	t := teller{groups: groups, names: NamesOf(groups)}
	for _, g := range groups {
		t.all += len(g.Trials)
	}
	return t
}

// NamesOf tells the groups of a run apart: by the axes that vary, or by what
// differs from the base where they depart from one.
func NamesOf(groups []Group) []string {
	names := make([]string, len(groups))
	axes := Varying(groups)
	stars := Departures(groups)
	what := changed(stars)
	for i, g := range groups {
		if stars == nil {
			names[i] = g.Config.Label(axes)
			continue
		}
		whole := slices.DeleteFunc(slices.Clone(axes), func(a string) bool { return !slices.Contains(WholeAxes, a) })
		names[i] = strings.TrimPrefix(g.Config.Label(whole)+" · "+what(g), " · ")
	}
	return names
}

// of names trials: "get · 4,096 rows, round 2: "; "" where they are all or there
// is but one.
func (t teller) of(trials []*Trial) string {
	if len(trials) == t.all {
		return ""
	}
	const shown = 3
	var parts []string
	more := 0
	for i, g := range t.groups {
		var rounds []string
		for _, tr := range g.Trials {
			if slices.Contains(trials, tr) {
				rounds = append(rounds, strconv.Itoa(tr.Round))
			}
		}
		if len(rounds) == 0 {
			continue
		}
		if len(parts) == shown {
			more++
			continue
		}
		parts = append(parts, named(t.names[i], rounds, len(rounds) == len(g.Trials)))
	}
	s := strings.Join(parts, "; ")
	switch {
	case more == 1:
		s += "; and 1 more configuration"
	case more > 1:
		s += fmt.Sprintf("; and %d more configurations", more)
	}
	return s + ": "
}

// named is the name of a Config and those of its rounds that are meant.
func named(config string, rounds []string, all bool) string {
	text := "round " + strings.Join(rounds, ", ")
	if len(rounds) > 1 {
		text = "rounds " + strings.Join(rounds, ", ")
	}
	switch {
	case config == "":
		return text
	case all:
		return config
	}
	return config + ", " + text
}

// notes gathers what there is to tell of the groups; what several trials have
// to tell is told once.
func notes(groups []Group) []Note { return notesWith(groups, FindDrifts(groups)) }

func notesWith(groups []Group, drifts Drifts) []Note {
	type told struct {
		kind, key string
		texts     []string
		trials    []*Trial
	}
	var order []*told
	tell := func(kind, text string, trials ...*Trial) {
		key := text
		if kind == NoteWarning {
			key = numbers.ReplaceAllString(text, "#")
		}
		i := slices.IndexFunc(order, func(t *told) bool { return t.kind == kind && t.key == key })
		if i < 0 {
			i = len(order)
			order = append(order, &told{kind: kind, key: key})
		}
		order[i].texts = append(order[i].texts, text)
		order[i].trials = append(order[i].trials, trials...)
	}
	for _, g := range groups {
		var some []*Trial // that went on in spite of errors
		for _, t := range g.Trials {
			switch {
			case t.Status == StatusFailed || t.Error != "":
				tell(NoteError, t.failure(), t)
			case t.errors() > 0:
				some = append(some, t)
			}
		}
		if len(some) > 0 {
			tell(NoteError, someFailed(some), some...)
		}
		for _, t := range g.Trials {
			if len(t.Evidence) > 0 {
				tell(NoteWarning, t.Verdict+": "+strings.Join(t.Evidence, "; "), t)
			}
			for _, w := range t.Warnings {
				if !(t.errors() > 0 && someStreams.MatchString(w)) { // told as an error
					tell(NoteWarning, Brief(w, maxMessage), t)
				}
			}
		}
	}
	drifts.notes(tell, groups)
	for _, f := range facts(groups) {
		tell(NoteFact, f.text, f.trials...)
	}
	slices.SortStableFunc(order, func(a, b *told) int { return slices.Index(noteKinds, a.kind) - slices.Index(noteKinds, b.kind) })
	teller := newTeller(groups)
	var out []Note
	for _, t := range order {
		out = append(out, Note{t.kind, Clean(teller.of(t.trials) + ranged(t.texts))})
	}
	return out
}

// numbers finds numbers, behind a space with their sign.
var numbers = regexp.MustCompile(`(?: [+-])?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)`)

// ranged is the one text of texts that differ in nothing but numbers, with the
// least and the greatest of each: "97–100 % of CPU time", "by -58 … +91 %".
func ranged(texts []string) string {
	low := numbers.FindAllString(texts[0], -1)
	high := slices.Clone(low)
	value := func(s string) float64 {
		v, _ := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(s), ",", ""), 64)
		return v
	}
	for _, t := range texts[1:] {
		for i, n := range numbers.FindAllString(t, -1) {
			if value(n) < value(low[i]) {
				low[i] = n
			}
			if value(n) > value(high[i]) {
				high[i] = n
			}
		}
	}
	i := -1
	return numbers.ReplaceAllStringFunc(texts[0], func(n string) string {
		if i++; low[i] != high[i] {
			if strings.HasPrefix(n, " ") { // a sign, which a dash between numbers would look like
				return low[i] + " …" + high[i]
			}
			return low[i] + "–" + high[i]
		}
		return n
	})
}

// someStreams is how a trial warns of streams that failed while others went on.
var someStreams = regexp.MustCompile(`^(\d+) of (\d+) streams failed \(.*?\)(?:, the first: (?s:(.*)))?$`)

// someFailed tells of trials that went on in spite of errors: how many of their
// streams failed, of which kinds, and the first error.
func someFailed(trials []*Trial) string {
	var failed, begun int64
	first := ""
	for _, t := range trials {
		for _, w := range t.Warnings {
			m := someStreams.FindStringSubmatch(w)
			if m == nil {
				continue
			}
			n, _ := strconv.ParseInt(m[1], 10, 64)
			of, _ := strconv.ParseInt(m[2], 10, 64)
			failed, begun = failed+n, begun+of
			if first == "" {
				first = m[3]
			}
		}
	}
	text := kinds(trials...)
	if begun > 0 {
		text = fmt.Sprintf("%s of %s streams failed: %s", FormatInteger(failed), FormatInteger(begun), text)
	}
	if first != "" {
		text += "; first: " + Brief(first, maxMessage)
	}
	return text
}

type trialsFact struct {
	text   string
	trials []*Trial
}

// facts are counts that are worth knowing and no fault of anybody: by whom
// endpoints were served, and what the client did beside its streams.
func facts(groups []Group) (out []trialsFact) {
	served := map[string]map[string]int64{} // by the addresses
	trials := map[string][]*Trial{}
	var order []string
	counts := []struct {
		of        func(Whole) int64
		one, many string
	}{
		{func(w Whole) int64 { return w.Renewals }, "login anew because a token had expired", "logins anew because a token had expired"},
		{func(w Whole) int64 { return w.Failovers }, "stream went to an endpoint's next location, the one before being out of reach", "streams went to an endpoint's next location, the one before being out of reach"},
		{func(w Whole) int64 { return w.EndpointRenewals }, "endpoint was renewed (RenewFlightEndpoint)", "endpoints were renewed (RenewFlightEndpoint)"},
	}
	for _, g := range groups {
		for _, t := range g.Trials {
			if len(t.Served) == 0 {
				continue
			}
			addresses := InOrder(t.Served, nil)
			key := strings.Join(addresses, "\x00")
			if served[key] == nil {
				served[key] = map[string]int64{}
				order = append(order, key)
			}
			for _, a := range addresses {
				served[key][a] += t.Served[a]
			}
			trials[key] = append(trials[key], t)
		}
	}
	for _, key := range order {
		out = append(out, trialsFact{"endpoints were read from: " + Streams(served[key]), trials[key]})
	}
	for _, c := range counts {
		var sum int64
		var who []*Trial
		for _, g := range groups {
			for _, t := range g.Trials {
				if n := c.of(t.Whole); n > 0 {
					sum, who = sum+n, append(who, t)
				}
			}
		}
		switch {
		case sum == 1:
			out = append(out, trialsFact{"1 " + c.one, who})
		case sum > 1:
			out = append(out, trialsFact{FormatInteger(sum) + " " + c.many, who})
		}
	}
	return out
}

// Streams tells by address how many streams it served: "A 12 streams, B 34".
func Streams(served map[string]int64) string {
	var parts []string
	for i, a := range InOrder(served, nil) {
		noun := ""
		if i == 0 {
			noun = " streams"
		}
		if i == 0 && served[a] == 1 {
			noun = " stream"
		}
		parts = append(parts, a+" "+FormatInteger(served[a])+noun)
	}
	return strings.Join(parts, ", ")
}

// errors is the number of iterations of t that failed.
func (t *Trial) errors() (n int64) {
	counts := t.Failures
	if counts == nil { // of an older flightbench
		counts = t.Errors
	}
	for _, c := range counts {
		n += c
	}
	return n
}

// kinds counts the errors of trials by Flight's names, and by gRPC's in
// brackets: "unavailable × 3, timed_out × 1 (gRPC: DeadlineExceeded × 1, Unavailable × 3)".
func kinds(trials ...*Trial) string {
	names, codes := map[string]int64{}, map[string]int64{}
	for _, t := range trials {
		for k, n := range t.Failures {
			names[k] += n
		}
		for k, n := range t.Errors {
			codes[k] += n
		}
	}
	list := func(m map[string]int64) string {
		var parts []string
		for _, k := range InOrder(m, nil) {
			parts = append(parts, k+" × "+strconv.FormatInt(m[k], 10))
		}
		return strings.Join(parts, ", ")
	}
	switch {
	case len(names) == 0:
		return list(codes)
	case len(codes) == 0:
		return list(names)
	}
	return list(names) + " (gRPC: " + list(codes) + ")"
}

// failure says what went wrong in t: its errors with their counts, and the
// first of them.
func (t *Trial) failure() string {
	s := kinds(t)
	switch {
	case t.Error == "":
	case s == "":
		s = Brief(t.Error, maxMessage)
	default:
		s += "; first: " + Brief(t.Error, maxMessage)
	}
	if s == "" {
		return t.Status
	}
	return s
}

// Clean replaces the control characters of s, which may come from a server,
// so that it is one line, cannot steer a terminal and fits into XML.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
