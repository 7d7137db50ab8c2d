package workloads

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds of a PerfRequest.
const (
	MaxPerfStreams = MaxEndpoints
	perfRecord     = 32 // bytes: four int64
)

// PerfRequest is what Arrow's own Flight benchmark asks for, CMD of its descriptors:
// message Perf of cpp/src/arrow/flight/perf.proto. It asks for Streams streams of
// workload perf, each of RecordsPerStream rows in batches of RecordsPerBatch,
// the last one shorter.
type PerfRequest struct {
	Schema           []byte // of the message, though no server looks at it
	Streams          int32
	RecordsPerStream int64
	RecordsPerBatch  int32
}

// PerfToken is the ticket of one of its streams: message Token. Rows Start to
// End-1 of the flight.
type PerfToken struct {
	Perf       PerfRequest
	Start, End int64
}

// Marshal returns the protobuf message.
func (p PerfRequest) Marshal() []byte {
	var b []byte
	if len(p.Schema) > 0 {
		b = protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), p.Schema)
	}
	b = appendInt(b, 2, int64(p.Streams))
	b = appendInt(b, 3, p.RecordsPerStream)
	return appendInt(b, 4, int64(p.RecordsPerBatch))
}

// Marshal returns the protobuf message.
func (t PerfToken) Marshal() []byte {
	b := protowire.AppendTag(nil, 1, protowire.BytesType)
	b = protowire.AppendBytes(b, t.Perf.Marshal())
	b = appendInt(b, 2, t.Start)
	return appendInt(b, 3, t.End)
}

// appendInt leaves zeros out, as proto3 does.
func appendInt(b []byte, field protowire.Number, v int64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

// ParsePerf reads a Perf message. It is stricter than protobuf, since a CMD may
// be anything: no bytes at all, more than MaxTicketBytes, a field that Perf does
// not have, that has another type or that comes twice, is an error. Whether the values can be served is told by
// [PerfRequest.Validate]. What it returns does not refer to b.
func ParsePerf(b []byte) (PerfRequest, error) {
	var p PerfRequest
	if len(b) == 0 {
		return p, errors.New("not a Perf message: it is empty")
	}
	err := eachField(b, func(f field) error {
		switch {
		case f.number == 1 && f.bytes != nil:
			p.Schema = append([]byte(nil), f.bytes...)
		case f.number == 2 && f.bytes == nil:
			return f.int32(&p.Streams)
		case f.number == 3 && f.bytes == nil:
			p.RecordsPerStream = f.int
		case f.number == 4 && f.bytes == nil:
			return f.int32(&p.RecordsPerBatch)
		default:
			return fmt.Errorf("field %d is none of its own", f.number)
		}
		return nil
	})
	if err != nil {
		return PerfRequest{}, fmt.Errorf("not a Perf message: %w", err)
	}
	return p, nil
}

// ParsePerfToken reads a Token message, as strictly as [ParsePerf].
func ParsePerfToken(b []byte) (PerfToken, error) {
	var t PerfToken
	defined := false
	err := eachField(b, func(f field) (err error) {
		switch {
		case f.number == 1 && f.bytes != nil:
			defined = true
			t.Perf, err = ParsePerf(f.bytes)
		case f.number == 2 && f.bytes == nil:
			t.Start = f.int
		case f.number == 3 && f.bytes == nil:
			t.End = f.int
		default:
			err = fmt.Errorf("field %d is none of its own", f.number)
		}
		return err
	})
	if err == nil && !defined {
		err = errors.New("it has no definition")
	}
	if err != nil {
		return PerfToken{}, fmt.Errorf("not a perf Token message: %w", err)
	}
	return t, nil
}

// field is one of a protobuf message: a varint, or bytes, which are then not nil.
type field struct {
	number protowire.Number
	int    int64
	bytes  []byte
}

func (f field) int32(to *int32) error {
	if f.int < math.MinInt32 || f.int > math.MaxInt32 {
		return fmt.Errorf("field %d is %d, which is no int32", f.number, f.int)
	}
	*to = int32(f.int)
	return nil
}

func eachField(b []byte, do func(field) error) error {
	if len(b) > MaxTicketBytes {
		return fmt.Errorf("it has %d bytes, and at most %d are taken", len(b), MaxTicketBytes)
	}
	seen := make(map[protowire.Number]bool, 4)
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		if seen[number] {
			return fmt.Errorf("field %d comes twice", number)
		}
		seen[number] = true
		b = b[n:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			var v uint64
			v, n = protowire.ConsumeVarint(b)
			f.int = int64(v)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
			if f.bytes == nil {
				f.bytes = []byte{}
			}
		default:
			return fmt.Errorf("field %d has a type that none of its fields has", number)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

// Validate says which field can't be served. Arrow's own server sends endlessly
// where RecordsPerBatch is 0.
func (p PerfRequest) Validate() error {
	const most = MaxBatchBytes / perfRecord
	switch {
	case p.Streams < 1 || p.Streams > MaxPerfStreams:
		return fmt.Errorf("perf: stream_count %d: give 1 to %d", p.Streams, MaxPerfStreams)
	case p.RecordsPerStream < 1 || p.RecordsPerStream > maxExact/int64(p.Streams):
		return fmt.Errorf("perf: records_per_stream %d: give 1 to %d, so that %d streams have at most 2^53", p.RecordsPerStream, maxExact/int64(p.Streams), p.Streams)
	case p.RecordsPerBatch < 1 || p.RecordsPerBatch > most:
		return fmt.Errorf("perf: records_per_batch %d: give 1 to %d", p.RecordsPerBatch, most)
	}
	return nil
}

// Validate checks the Perf, and that the token is one of its streams.
func (t PerfToken) Validate() error {
	if err := t.Perf.Validate(); err != nil {
		return err
	}
	n := t.Perf.RecordsPerStream
	if t.Start < 0 || t.Start%n != 0 || t.Start/n >= int64(t.Perf.Streams) || t.End-t.Start != n {
		return fmt.Errorf("perf: token from %d to %d: that is none of the %d streams of %d records each", t.Start, t.End, t.Perf.Streams, n)
	}
	return nil
}

// Stream is the token of stream i, 0 to Streams-1. P must be valid.
func (p PerfRequest) Stream(i int32) PerfToken {
	start := int64(i) * p.RecordsPerStream
	return PerfToken{Perf: p, Start: start, End: start + p.RecordsPerStream}
}

// Batches tells the rows of each full batch, how many of these a stream has, and
// the rows of the shorter one after them, 0 for none. P must be valid.
func (p PerfRequest) Batches() (rows, full, last int64) {
	rows = min(int64(p.RecordsPerBatch), p.RecordsPerStream)
	return rows, p.RecordsPerStream / rows, p.RecordsPerStream % rows
}
