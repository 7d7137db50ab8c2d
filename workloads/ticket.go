package workloads

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a Ticket.
const (
	MaxTicketBytes = 64 << 10
	MaxBatches     = 1 << 40 // batches of a stream
	MaxEndpoints   = 4096
	MaxDelay       = time.Hour
	maxExact       = 1 << 53 // integers below it survive every JSON reader
)

const ticketVersion = 1

// How far the server takes what it receives by DoPut and DoExchange.
const (
	DecodeCount  = "count"  // bodies are counted
	DecodeBatch  = "batch"  // and decoded to record batches
	DecodeVerify = "verify" // and compared with the generated ones
)

// Kinds of error that a Ticket may have a stream end with: Flight's own.
const (
	FailUnavailable     = "unavailable"
	FailUnauthenticated = "unauthenticated"
	FailUnauthorized    = "unauthorized"
	FailTimedOut        = "timed_out"
	FailCancelled       = "cancelled"
	FailInternal        = "internal"
	FailServerError     = "server_error" // with extra information
)

// Quirks are what a DoGet stream may hold though few servers send it.
const (
	QuirkMetadata     = "metadata"     // a message of app_metadata alone before each batch
	QuirkEmpty        = "empty"        // a batch of no rows before each batch
	QuirkDictionaries = "dictionaries" // of workload dict: other dictionaries before each batch, which replace those before
)

// FailKinds are the kinds of error in their documented order.
func FailKinds() []string {
	return []string{FailUnavailable, FailUnauthenticated, FailUnauthorized, FailTimedOut, FailCancelled, FailInternal, FailServerError}
}

// Ticket asks a server for streams. The same bytes are the CMD of a descriptor
// and the ticket of an endpoint.
type Ticket struct {
	Spec        Spec
	Batches     int64  // of one stream, 1 to MaxBatches
	Compression string // none, lz4, zstd or zstd:LEVEL; empty means none
	Endpoints   int    // of GetFlightInfo, 1 to MaxEndpoints; 0 means 1
	Start       int64  // index of the stream's first batch in the rotation, 0 to 2^53
	Decode      string // count, batch or verify; empty means count

	// What goes wrong with a DoGet, DoPut or DoExchange.
	Fail      string        // kind of error that the stream ends with; empty: none
	FailAfter int64         // batches sent or taken before it, 0 to MaxBatches; a stream that has fewer does not fail
	FailEvery int64         // every Nth stream that asks for an error gets one, counted over the server's life; 0 means 1
	Delay     time.Duration // waited before each batch, 0 to MaxDelay
	Quirk     string        // of a DoGet; empty: none

	// What a server writes into tickets and descriptors of its own.
	Expires int64 // milliseconds since 1970 after which DoGet is refused; 0: never
	Poll    int64 // times that PollFlightInfo was asked before
}

// The members of a ticket's JSON. Flightbench comes first: it is what tells a
// ticket of ours from any other JSON.
type ticketJSON struct {
	Flightbench int      `json:"flightbench"`
	Workload    string   `json:"workload"`
	Rows        *int64   `json:"rows,omitempty"`
	BatchBytes  int64    `json:"batch_bytes,omitempty"`
	Entropy     *float64 `json:"entropy,omitempty"`
	Seed        *uint64  `json:"seed,omitempty"`
	Distinct    int      `json:"distinct,omitempty"`
	Batches     *int64   `json:"batches,omitempty"`
	Compression string   `json:"compression,omitempty"`
	Endpoints   int      `json:"endpoints,omitempty"`
	Start       int64    `json:"start,omitempty"`
	Decode      string   `json:"decode,omitempty"`
	Fail        string   `json:"fail,omitempty"`
	FailAfter   int64    `json:"fail_after,omitempty"`
	FailEvery   int64    `json:"fail_every,omitempty"`
	Delay       string   `json:"delay,omitempty"`
	Quirk       string   `json:"quirk,omitempty"`
	Expires     int64    `json:"expires,omitempty"`
	Poll        int64    `json:"poll,omitempty"`
}

// Marshal returns the ticket as one JSON object,
//
//	{"flightbench":1,"workload":"perf","rows":65536,"entropy":1,"seed":1,"distinct":32,"batches":16,"compression":"none","endpoints":1,"decode":"count"}
//
// which [ParseTicket] reads. Equal tickets have equal bytes. T must be valid; a
// NaN as entropy, which JSON can't say, panics.
func (t Ticket) Marshal() []byte {
	t = t.resolved()
	delay := ""
	if t.Delay != 0 {
		delay = t.Delay.String()
	}
	b, err := json.Marshal(ticketJSON{
		Flightbench: ticketVersion,
		Workload:    t.Spec.String(),
		Rows:        &t.Spec.Rows,
		BatchBytes:  t.Spec.BatchBytes,
		Entropy:     &t.Spec.Entropy,
		Seed:        &t.Spec.Seed,
		Distinct:    t.Spec.Distinct,
		Batches:     &t.Batches,
		Compression: t.Compression,
		Endpoints:   t.Endpoints,
		Start:       t.Start,
		Decode:      t.Decode,
		Fail:        t.Fail,
		FailAfter:   t.FailAfter,
		FailEvery:   t.FailEvery,
		Delay:       delay,
		Quirk:       t.Quirk,
		Expires:     t.Expires,
		Poll:        t.Poll,
	})
	if err != nil {
		panic(fmt.Sprintf("workloads: marshal of an invalid ticket: %v", err))
	}
	return b
}

// ParseTicket reads what [Ticket.Marshal] or a person wrote. Of the members only
// flightbench and workload are required; the others default to [Default], one
// batch, no compression, one endpoint, count, and nothing that goes wrong.
// Everything else is strict: an
// unknown member, another version, more than MaxTicketBytes, trailing data or an
// invalid value is an error that begins with "not a flightbench ticket".
func ParseTicket(b []byte) (Ticket, error) {
	t, err := parseTicket(b)
	if err != nil {
		return Ticket{}, fmt.Errorf("not a flightbench ticket: %w", err)
	}
	return t, nil
}

func parseTicket(b []byte) (Ticket, error) {
	if len(b) > MaxTicketBytes {
		return Ticket{}, fmt.Errorf("%d bytes, and a ticket has at most %d", len(b), MaxTicketBytes)
	}
	if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '{' {
		return Ticket{}, fmt.Errorf(`it is no JSON object: want one like {"flightbench":%d,"workload":"perf"}`, ticketVersion)
	}
	var j ticketJSON
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return Ticket{}, oneLine(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Ticket{}, fmt.Errorf("data after the JSON object, at byte %d", d.InputOffset())
	}
	if j.Flightbench != ticketVersion {
		return Ticket{}, fmt.Errorf(`member "flightbench" is %d: this version reads %d`, j.Flightbench, ticketVersion)
	}
	spec, err := Parse(j.Workload)
	if err != nil {
		return Ticket{}, err
	}
	if spec.BatchBytes = j.BatchBytes; j.BatchBytes != 0 {
		spec.Rows = 0
	}
	setIf(&spec.Rows, j.Rows)
	setIf(&spec.Entropy, j.Entropy)
	setIf(&spec.Seed, j.Seed)
	spec.Distinct = j.Distinct
	t := Ticket{
		Spec: spec, Batches: 1, Compression: j.Compression, Endpoints: j.Endpoints, Start: j.Start, Decode: j.Decode,
		Fail: j.Fail, FailAfter: j.FailAfter, FailEvery: j.FailEvery, Quirk: j.Quirk, Expires: j.Expires, Poll: j.Poll,
	}
	setIf(&t.Batches, j.Batches)
	if j.Delay != "" {
		if t.Delay, err = time.ParseDuration(j.Delay); err != nil {
			return Ticket{}, fmt.Errorf("delay %q: give a duration such as 10ms", clip(j.Delay))
		}
	}
	if err := t.Validate(); err != nil {
		return Ticket{}, err
	}
	return t.resolved(), nil
}

func setIf[T any](dst, src *T) {
	if src != nil {
		*dst = *src
	}
}

// oneLine cuts a decoder's error, which may quote the input.
func oneLine(err error) error {
	s := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "json: "), "\n", " ")
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return errors.New(strings.ToValidUTF8(s, "?"))
}

// resolved spells out what empty members mean.
func (t Ticket) resolved() Ticket {
	if t.Compression == "" {
		t.Compression = "none"
	}
	if t.Endpoints == 0 {
		t.Endpoints = 1
	}
	if t.Decode == "" {
		t.Decode = DecodeCount
	}
	if t.FailEvery == 0 && t.Fail != "" {
		t.FailEvery = 1
	}
	return t
}

// Validate checks the Spec, the other members, and that the rows and bytes of all
// streams together can be counted. It does not check that the server knows the
// codec's level.
func (t Ticket) Validate() error {
	if err := t.Spec.Validate(); err != nil {
		return err
	}
	t = t.resolved()
	switch {
	case t.Batches < 1 || t.Batches > MaxBatches:
		return fmt.Errorf("batches %d: a stream has 1 to %d", t.Batches, int64(MaxBatches))
	case t.Endpoints < 1 || t.Endpoints > MaxEndpoints:
		return fmt.Errorf("endpoints %d: give 1 to %d", t.Endpoints, MaxEndpoints)
	case t.Start < 0 || t.Start > maxExact:
		return fmt.Errorf("start %d: give 0 to %d", t.Start, int64(maxExact))
	case t.Decode != DecodeCount && t.Decode != DecodeBatch && t.Decode != DecodeVerify:
		return fmt.Errorf("decode %q: use count, batch or verify", clip(t.Decode))
	}
	codec, level, has := strings.Cut(t.Compression, ":")
	if n, err := strconv.Atoi(level); has && (codec == "none" || err != nil || n < 0 || n > 99) {
		return fmt.Errorf("compression %q: a level is a small number, as in zstd:3", clip(t.Compression))
	}
	if codec != "none" && codec != "lz4" && codec != "zstd" {
		return fmt.Errorf("compression %q: use none, lz4, zstd or zstd:LEVEL", clip(t.Compression))
	}
	if err := t.validateFaults(); err != nil {
		return err
	}
	return t.validateTotals()
}

func (t Ticket) validateFaults() error {
	switch {
	case t.Fail != "" && !slices.Contains(FailKinds(), t.Fail):
		return fmt.Errorf("fail %q: use one of %s", clip(t.Fail), strings.Join(FailKinds(), ", "))
	case t.Fail == "" && (t.FailAfter != 0 || t.FailEvery != 0):
		return fmt.Errorf("fail_after %d and fail_every %d: they say when fail happens, name one of %s", t.FailAfter, t.FailEvery, strings.Join(FailKinds(), ", "))
	case t.FailAfter < 0 || t.FailAfter > MaxBatches:
		return fmt.Errorf("fail_after %d: give 0 to %d batches", t.FailAfter, int64(MaxBatches))
	case t.FailEvery < 0 || t.FailEvery > maxExact:
		return fmt.Errorf("fail_every %d: give 1, for each stream, to %d", t.FailEvery, int64(maxExact))
	case t.Delay < 0 || t.Delay > MaxDelay:
		return fmt.Errorf("delay %s: give 0 to %s", t.Delay, MaxDelay)
	case t.Quirk == QuirkDictionaries && t.Spec.Name != Dict:
		return fmt.Errorf("quirk %s: only workload %s has any, not %s", t.Quirk, Dict, clip(t.Spec.String()))
	case t.Quirk == QuirkDictionaries && t.Spec.Distinct == 1:
		return fmt.Errorf("quirk %s: one distinct batch has nothing to replace, ask for 2 or more", t.Quirk)
	case t.Quirk != "" && t.Quirk != QuirkMetadata && t.Quirk != QuirkEmpty && t.Quirk != QuirkDictionaries:
		return fmt.Errorf("quirk %q: use %s, %s or %s", clip(t.Quirk), QuirkMetadata, QuirkEmpty, QuirkDictionaries)
	case t.Expires < 0 || t.Expires > maxExact:
		return fmt.Errorf("expires %d: give milliseconds since 1970, 0 to %d", t.Expires, int64(maxExact))
	case t.Poll < 0 || t.Poll > maxExact:
		return fmt.Errorf("poll %d: give 0 to %d", t.Poll, int64(maxExact))
	}
	return nil
}

func (t Ticket) validateTotals() error {
	if t.Spec.Name == File {
		return nil
	}
	one := t.Spec
	one.Distinct = 1
	streams := uint64(t.Batches) * uint64(t.Endpoints) // < 2^53
	if hi, lo := bits.Mul64(streams, uint64(one.EstimateBytes())); hi != 0 || lo >= 1<<62 {
		return fmt.Errorf("batches %d over %d endpoints: together they exceed 2^62 bytes, ask for fewer", t.Batches, t.Endpoints)
	}
	if t.Spec.Rows > 0 && streams > maxExact/uint64(t.Spec.Rows) {
		return fmt.Errorf("batches %d of %d rows over %d endpoints: together they exceed 2^53 rows, ask for fewer", t.Batches, t.Spec.Rows, t.Endpoints)
	}
	return nil
}
