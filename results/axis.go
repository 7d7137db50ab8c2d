package results

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// configFields maps the JSON name of each Config field to its index, and
// configNames lists the names in the order of the struct.
var configFields, configNames = func() (map[string]int, []string) {
	m := map[string]int{}
	var names []string
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		m[name] = i
		names = append(names, name)
	}
	return m, names
}()

// axisOrder ranks the values of the axes that are words; other words follow
// by the alphabet.
var axisOrder = map[string][]string{
	"op":               {"get", "put", "exchange", "ingest", "query", "info", "poll", "schema", "list-flights", "list-actions", "action", "handshake"},
	"transport":        {"direct", "grpc", "stock"},
	"server_transport": {"direct", "grpc", "stock"},
	"tls":              {"off", "on", "mtls"},
	"compression":      {"none", "lz4", "zstd"},
	"decode":           {"count", "batch", "verify"},
	"put_ack":          {"none", "last", "all"},
	"auth":             {"none", "token", "basic", "handshake", "handshake-plain"},
	"workload":         {"perf", "lineitem", "wide", "strings", "dict", "nested", "nulls"},
}

// axisLabels name an axis with its unit, for plots.
var axisLabels = map[string]string{
	"op":               "operation",
	"tls":              "TLS",
	"rows":             "batch size (rows)",
	"batch_bytes":      "batch size (body bytes before the codec)",
	"concurrency":      "streams in flight",
	"connections":      "HTTP/2 connections",
	"server_transport": "server's transport",
	"entropy":          "entropy (0 to 1)",
	"batches":          "batches per stream",
	"endpoints":        "endpoints",
	"put_ack":          "put acks",
	"duration":         "measured window (s)",
	"warmup":           "warm-up (s)",
	"total":            "measured streams",
	"distinct":         "distinct batches",
	"poll":             "GetFlightInfo or PollFlightInfo",
	"ordered":          "endpoints read in order",
	"location":         "location read",
	"cancel_after":     "canceled after",
	"provoke":          "provoked error",
	"window":           "HTTP/2 stream window (bytes)",
	"conn_window":      "HTTP/2 connection window (bytes)",
	"read_buffer":      "read buffer (bytes)",
	"write_buffer":     "write buffer (bytes)",
	"max_frame":        "largest HTTP/2 frame (bytes)",
	"max_message":      "largest gRPC message (bytes)",
	"gomaxprocs":       "GOMAXPROCS of the client",
	"in_process":       "client and server in one process",
	"auth":             "authentication",
	"headers":          "added headers",
	"middleware":       "server middlewares",
	"tls_min":          "lowest TLS version",
	"timeout":          "timeout of a call (s)",
	"stall":            "stall (s)",
	"rps":              "asked streams/s",
	"rate":             "asked body bytes/s",
	"arrival":          "arrivals",
}

// byteAxes are the axes whose values are sizes.
var byteAxes = []string{"batch_bytes", "window", "conn_window", "read_buffer", "write_buffer", "max_frame", "max_message"}

// tuningFields are those whose 0 is the transport's default.
var tuningFields = []string{"window", "conn_window", "read_buffer", "write_buffer", "max_frame"}

// AxisLabel names an axis for people, with its unit.
func AxisLabel(axis string) string {
	if l, ok := axisLabels[axis]; ok {
		return l
	}
	return strings.ReplaceAll(axis, "_", " ")
}

// Number is the value of the axis as a number; ok is false where it is a word.
func (c Config) Number(axis string) (v float64, ok bool) {
	i, known := configFields[axis]
	if !known {
		return 0, false
	}
	switch f := reflect.ValueOf(c).Field(i); f.Kind() {
	case reflect.Int, reflect.Int64:
		return float64(f.Int()), true
	case reflect.Uint64:
		return float64(f.Uint()), true
	case reflect.Float64:
		return f.Float(), true
	default:
		return 0, false
	}
}

// CompareAxis orders a and b by one axis: numbers by size, known words by
// their usual order, others by the alphabet.
func CompareAxis(a, b Config, axis string) int { return Order(nil).Compare(a, b, axis) }

// Order knows in which order the plan of a run named the words of an axis
// that have no order of their own, such as targets: by axis and value, the
// place of the first Config that has it. The zero Order knows none.
type Order map[string]map[string]int

// OrderOf reads the order off the groups of a run, or of a part of it.
func OrderOf(groups []Group) Order {
	o := Order{}
	for _, axis := range Axes {
		if _, numeric := (Config{}).Number(axis); numeric {
			continue
		}
		places := map[string]int{}
		for _, g := range groups {
			v, _ := g.Config.Axis(axis)
			if old, ok := places[v]; !ok || g.Place < old {
				places[v] = g.Place
			}
		}
		o[axis] = places
	}
	return o
}

// Compare is CompareAxis, but that words without an order of their own are in
// that of the plan.
func (o Order) Compare(a, b Config, axis string) int {
	if x, ok := a.Number(axis); ok {
		y, _ := b.Number(axis)
		return cmp.Compare(x, y)
	}
	s, _ := a.Axis(axis)
	t, _ := b.Axis(axis)
	sr, sp := axisRank(axis, s)
	tr, tp := axisRank(axis, t)
	return cmp.Or(cmp.Compare(sr, tr), cmp.Compare(sp, tp), cmp.Compare(o[axis][s], o[axis][t]), cmp.Compare(s, t))
}

// axisRank ranks a word by its part before the colon, and its parameter
// after it as a number where it is one.
func axisRank(axis, v string) (rank int, param float64) {
	head, tail, _ := strings.Cut(v, ":")
	order := axisOrder[axis]
	if i := slices.Index(order, head); i >= 0 {
		param, _ = strconv.ParseFloat(tail, 64)
		return i, param
	}
	return len(order), 0
}
