package results

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TrialColumn is a column of a Sheet whose rows are of trials, with what it
// holds of one.
type TrialColumn struct {
	SheetColumn
	Of func(*Trial) any // nil where the trial has none
}

// TrialSheet has a row per trial. The columns are those of the contract, in
// its order and whether or not a trial has them; metrics and latencies beyond
// it follow, by name.
func TrialSheet(run Run, trials []*Trial) Sheet {
	columns := trialColumns(run, trials)
	s := Sheet{Rows: func(yield func([]any) error) error {
		cells := make([]any, len(columns))
		for _, t := range trials {
			t := t.Storable()
			for i, c := range columns {
				cells[i] = c.Of(t)
			}
			if err := yield(cells); err != nil {
				return err
			}
		}
		return nil
	}}
	for _, c := range columns {
		s.Columns = append(s.Columns, c.SheetColumn)
	}
	return s
}

// IdentityColumns say which trial a row is of: the run's name, the trial's ID
// and round, and the fields of its Config. No names means all fields.
func IdentityColumns(run Run, fields []string) []TrialColumn {
	if fields == nil {
		fields = configNames
	}
	name := Clean(run.Name)
	columns := []TrialColumn{
		{SheetColumn{Name: "run", Type: ""}, func(*Trial) any { return name }},
		{SheetColumn{Name: "id", Type: ""}, func(t *Trial) any { return t.ID }},
		{SheetColumn{Name: "round", Type: int64(0)}, func(t *Trial) any { return int64(t.Round) }},
	}
	for _, field := range fields {
		i := configFields[field]
		columns = append(columns, TrialColumn{
			SheetColumn{Name: "config_" + field, Type: cell(reflect.ValueOf(Config{}).Field(i)), Unit: configUnit(field)},
			func(t *Trial) any { return cell(reflect.ValueOf(t.Config).Field(i)) },
		})
	}
	return columns
}

// configUnits are the units of Config fields beside byteAxes.
var configUnits = map[string]string{"duration": "s", "warmup": "s", "timeout": "s", "stall": "s", "rtt": "s", "rate": "B/s", "bandwidth": "B/s", "rps": "streams/s"}

func configUnit(field string) string {
	if slices.Contains(byteAxes, field) {
		return "B"
	}
	return configUnits[field]
}

func trialColumns(run Run, trials []*Trial) []TrialColumn {
	columns := IdentityColumns(run, nil)
	add := func(c SheetColumn, of func(*Trial) any) { columns = append(columns, TrialColumn{c, of}) }
	add(SheetColumn{Name: "status", Type: ""}, func(t *Trial) any { return t.Status })
	add(SheetColumn{Name: "verdict", Type: ""}, func(t *Trial) any { return t.Verdict })
	add(SheetColumn{Name: "started", Type: time.Time{}}, func(t *Trial) any { return t.Started })
	add(SheetColumn{Name: "seconds", Type: float64(0), Unit: "s"}, func(t *Trial) any { return t.Seconds })
	add(SheetColumn{Name: "took", Type: float64(0), Unit: "s"}, func(t *Trial) any { return t.Took })
	add(SheetColumn{Name: "phase", Type: ""}, func(t *Trial) any { return Clean(t.Phase) })
	add(SheetColumn{Name: "logical_bytes", Type: int64(0), Unit: "B"}, func(t *Trial) any { return t.Bytes.Logical })
	add(SheetColumn{Name: "body_bytes", Type: int64(0), Unit: "B"}, func(t *Trial) any { return t.Bytes.Body })
	add(SheetColumn{Name: "wire_bytes", Type: int64(0), Unit: "B"}, func(t *Trial) any { return t.Bytes.Wire })
	add(SheetColumn{Name: "rows", Type: int64(0)}, func(t *Trial) any { return t.Rows })
	add(SheetColumn{Name: "batches", Type: int64(0)}, func(t *Trial) any { return t.Batches })
	add(SheetColumn{Name: "streams", Type: int64(0)}, func(t *Trial) any { return t.Streams })

	metrics, latencies := measured(trials)
	for _, n := range InOrder(metrics, Metrics) {
		m := metrics[n]
		add(SheetColumn{Name: n, Type: float64(0), Unit: m.Unit, Better: m.Better}, func(t *Trial) any {
			if m, ok := t.Metrics[n]; ok {
				return m.Value
			}
			return nil
		})
	}
	for _, n := range InOrder(latencies, Latencies) {
		columns = append(columns, latencyColumns(n)...)
	}
	columns = append(columns, structColumns("whole_", Whole{}, func(t *Trial) any { return t.Whole })...)
	columns = append(columns, structColumns("server_", Peer{}, func(t *Trial) any {
		if t.Server == nil {
			return nil
		}
		return *t.Server
	})...)
	add(SheetColumn{Name: "errors", Type: ""}, func(t *Trial) any { return countsCell(t.Errors) })
	add(SheetColumn{Name: "failures", Type: ""}, func(t *Trial) any { return countsCell(t.Failures) })
	add(SheetColumn{Name: "served", Type: ""}, func(t *Trial) any { return countsCell(t.Served) })
	add(SheetColumn{Name: "error", Type: ""}, func(t *Trial) any { return Clean(t.Error) })
	add(SheetColumn{Name: "warnings", Type: ""}, func(t *Trial) any { return Clean(strings.Join(t.Warnings, "; ")) })
	return columns
}

// measured are the metrics and latencies of the contract, and those of trials.
func measured(trials []*Trial) (metrics map[string]Metric, latencies map[string]bool) {
	metrics, latencies = map[string]Metric{}, map[string]bool{}
	for _, n := range Metrics {
		metrics[n] = Metric{}
	}
	for _, n := range Latencies {
		latencies[n] = true
	}
	for _, t := range trials {
		for n, m := range t.Metrics {
			metrics[n] = m
		}
		for n := range t.Latencies {
			latencies[n] = true
		}
	}
	return metrics, latencies
}

// countsCell is "name=count;name=count".
func countsCell(counts map[string]int64) string {
	var parts []string
	for _, name := range InOrder(counts, nil) {
		parts = append(parts, name+"="+strconv.FormatInt(counts[name], 10))
	}
	return Clean(strings.Join(parts, ";"))
}

// latencyColumns are the figures of one latency.
func latencyColumns(name string) []TrialColumn {
	columns := structColumns(name+"_", Latency{}, func(t *Trial) any {
		l, ok := t.Latencies[name]
		if !ok {
			return nil
		}
		return l
	})
	columns = slices.DeleteFunc(columns, func(c TrialColumn) bool { return c.Name == name+"_unit" })
	for i := range columns {
		c := &columns[i]
		if figure := strings.TrimPrefix(c.Name, name+"_"); figure != "count" && figure != "below" && figure != "above" {
			c.Name, c.Unit, c.Better = c.Name+"_ns", "ns", "lower"
		}
	}
	return columns
}

// structUnits are the units of fields of Whole and Peer.
var structUnits = map[string]string{"body": "B", "wire_read": "B", "wire_written": "B", "control_read": "B", "control_written": "B",
	"realign_bytes": "B", "alloc_bytes": "B", "cpu_seconds": "s"}

// structColumns are the fields of the struct, like example, that of gives for
// a trial, or nil for none.
func structColumns(prefix string, example any, of func(*Trial) any) []TrialColumn {
	var columns []TrialColumn
	e := reflect.ValueOf(example)
	for i := range e.NumField() {
		name, _, _ := strings.Cut(e.Type().Field(i).Tag.Get("json"), ",")
		columns = append(columns, TrialColumn{
			SheetColumn{Name: prefix + name, Type: cell(e.Field(i)), Unit: structUnits[name]},
			func(t *Trial) any {
				v := of(t)
				if v == nil {
					return nil
				}
				return cell(reflect.ValueOf(v).Field(i))
			},
		})
	}
	return columns
}

// cell is a field as a cell of a Sheet. Note: a seed above 2^63 has no int64,
// so it is text, as every uint64.
func cell(v reflect.Value) any {
	switch v.Kind() {
	case reflect.String:
		return Clean(v.String())
	case reflect.Bool:
		return v.Bool()
	case reflect.Float64:
		return v.Float()
	case reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	}
	return v.Int()
}
