package results

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// WriteJSON prints run and trials as one Document.
func WriteJSON(w io.Writer, run Run, trials []*Trial) error {
	d := Document{Schema: Schema, Run: run, Trials: make([]*Trial, len(trials))}
	if d.Run.Schema == 0 {
		d.Run.Schema = Schema
	}
	if d.Run.Command == nil {
		d.Run.Command = []string{}
	}
	for i, t := range trials {
		d.Trials[i] = t.Storable()
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("write json: %w", err)
	}
	return nil
}

// WriteCSV prints a row per trial. Values are in base units. The columns are
// those of the contract, in its order and whether or not a trial has them;
// metrics and latencies beyond it follow, by name. An empty cell is a figure
// that was not measured.
func WriteCSV(w io.Writer, run Run, trials []*Trial) error {
	cols := csvColumns(trials)
	out := csv.NewWriter(w)
	row := make([]string, len(cols))
	for i, c := range cols {
		row[i] = c.name
	}
	if err := out.Write(row); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	for _, t := range trials {
		t := t.Storable()
		for i, c := range cols {
			row[i] = c.cell(run, t)
		}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("write csv: trial %s: %w", t.ID, err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}

type csvColumn struct {
	name string
	cell func(Run, *Trial) string
}

func csvColumns(trials []*Trial) []csvColumn {
	var cols []csvColumn
	add := func(name string, cell func(Run, *Trial) string) {
		cols = append(cols, csvColumn{name, cell})
	}
	add("run", func(r Run, _ *Trial) string { return Clean(r.Name) })
	add("id", func(_ Run, t *Trial) string { return t.ID })
	add("round", func(_ Run, t *Trial) string { return strconv.Itoa(t.Round) })
	for _, name := range configNames {
		add("config_"+name, func(_ Run, t *Trial) string { v, _ := t.Config.Axis(name); return Clean(v) })
	}
	add("status", func(_ Run, t *Trial) string { return t.Status })
	add("verdict", func(_ Run, t *Trial) string { return t.Verdict })
	add("started", func(_ Run, t *Trial) string { return t.Started.Format(time.RFC3339Nano) })
	add("seconds", func(_ Run, t *Trial) string { return float(t.Seconds) })
	add("logical_bytes", func(_ Run, t *Trial) string { return integer(t.Bytes.Logical) })
	add("body_bytes", func(_ Run, t *Trial) string { return integer(t.Bytes.Body) })
	add("wire_bytes", func(_ Run, t *Trial) string { return integer(t.Bytes.Wire) })
	add("rows", func(_ Run, t *Trial) string { return integer(t.Rows) })
	add("batches", func(_ Run, t *Trial) string { return integer(t.Batches) })
	add("streams", func(_ Run, t *Trial) string { return integer(t.Streams) })

	metrics, latencies := map[string]bool{}, map[string]bool{}
	for _, n := range Metrics {
		metrics[n] = true
	}
	for _, n := range Latencies {
		latencies[n] = true
	}
	for _, t := range trials {
		for n := range t.Metrics {
			metrics[n] = true
		}
		for n := range t.Latencies {
			latencies[n] = true
		}
	}
	for _, n := range InOrder(metrics, Metrics) {
		add(n, func(_ Run, t *Trial) string {
			m, ok := t.Metrics[n]
			if !ok {
				return ""
			}
			return float(m.Value)
		})
	}
	for _, n := range InOrder(latencies, Latencies) {
		cols = append(cols, latencyColumns(n)...)
	}
	cols = append(cols, structColumns("whole_", func(t *Trial) any { return t.Whole })...)
	cols = append(cols, structColumns("server_", func(t *Trial) any {
		if t.Server == nil {
			return nil
		}
		return *t.Server
	}, Peer{})...)
	add("errors", func(_ Run, t *Trial) string { return countsCell(t.Errors) })
	add("failures", func(_ Run, t *Trial) string { return countsCell(t.Failures) })
	add("served", func(_ Run, t *Trial) string { return countsCell(t.Served) })
	add("error", func(_ Run, t *Trial) string { return Clean(t.Error) })
	add("warnings", func(_ Run, t *Trial) string { return Clean(strings.Join(t.Warnings, "; ")) })
	return cols
}

// countsCell is "name=count;name=count".
func countsCell(counts map[string]int64) string {
	var parts []string
	for _, name := range InOrder(counts, nil) {
		parts = append(parts, name+"="+integer(counts[name]))
	}
	return Clean(strings.Join(parts, ";"))
}

func latencyColumns(name string) []csvColumn {
	var cols []csvColumn
	t := reflect.TypeFor[Latency]()
	for i := range t.NumField() {
		field := jsonName(t.Field(i))
		if field == "unit" {
			continue
		}
		head := name + "_" + field
		if field != "count" && field != "below" && field != "above" {
			head += "_ns"
		}
		cols = append(cols, csvColumn{head, func(_ Run, t *Trial) string {
			l, ok := t.Latencies[name]
			if !ok {
				return ""
			}
			return scalar(reflect.ValueOf(l).Field(i))
		}})
	}
	return cols
}

// structColumns are the fields of the struct of gives for a trial. zero tells
// its type where a trial may have none.
func structColumns(prefix string, of func(*Trial) any, zero ...any) []csvColumn {
	example := of(&Trial{})
	if len(zero) > 0 {
		example = zero[0]
	}
	var cols []csvColumn
	t := reflect.TypeOf(example)
	for i := range t.NumField() {
		cols = append(cols, csvColumn{prefix + jsonName(t.Field(i)), func(_ Run, t *Trial) string {
			v := of(t)
			if v == nil {
				return ""
			}
			return scalar(reflect.ValueOf(v).Field(i))
		}})
	}
	return cols
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func scalar(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return Clean(v.String())
	case reflect.Float64:
		return float(v.Float())
	default:
		return integer(v.Int())
	}
}

func integer(n int64) string { return strconv.FormatInt(n, 10) }

func float(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
