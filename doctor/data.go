package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/target"
	"flightbench/internal/wire"
)

// Bounds of what is read, and of what one message may take.
const (
	maxBatches  = 64
	maxBytes    = 32 << 20
	maxInflated = 256 << 20
	maxRows     = 1 << 28
)

// What is warned about.
const (
	smallBatch   = 64 << 10 // bytes of a batch's body
	largeMessage = 4 << 20  // what grpc-go and tonic receive unless told otherwise

	// A stream slower than this over a short way waits for its server: a single core and a network of 1 Gbit/s have more.
	slowStream = 50e6 // bytes/s
	shortWay   = 5 * time.Millisecond
)

// What a rate takes: this many bytes, or this much time, after the first batch. No warning comes of less time.
const (
	leastRated   = 1 << 20
	leastWatched = 200 * time.Millisecond
)

type dataData struct {
	Flight       string           `json:"flight"`
	Location     string           `json:"location,omitempty"` // empty: the same connection
	Ended        bool             `json:"ended"`              // everything was read
	Batches      int64            `json:"batches"`
	Rows         int64            `json:"rows"`
	Bytes        int64            `json:"body_bytes"`
	Logical      int64            `json:"logical_bytes"`
	MedianRows   int64            `json:"median_batch_rows"`
	MedianBytes  int64            `json:"median_batch_bytes"`
	Largest      int64            `json:"largest_message_bytes"`
	Codecs       map[string]int64 `json:"codecs"` // batches of each
	Dictionaries int64            `json:"dictionary_batches"`
	Misaligned   int64            `json:"misaligned_bytes"`
	EmptyBatches int64            `json:"zero_row_batches"`
	Metadata     int64            `json:"metadata_only_messages"`
	First        int64            `json:"first_batch_ns"`
	Rest         int64            `json:"rest_ns"`        // from the first batch to the last
	Rate         float64          `json:"rate,omitempty"` // logical bytes/s of the rest; 0: too little for one
}

// data reads the beginning of a stream and tells how it is made.
func (x *examiner) data(ctx context.Context) {
	s, err := x.findSource(ctx)
	if _, told := status.FromError(err); err != nil {
		switch {
		case errors.Is(err, errNoSource):
			x.add(Info, "not looked at: "+err.Error(), adviceSource, nil)
		case told && x.o.Descriptor != nil:
			x.noFlight(ctx, err)
		default:
			x.fail(ctx, "", err, "a flight that is listed or named should have data: look at the server's log", nil)
		}
		return
	}
	d := dataData{Flight: s.name, Location: s.location, Codecs: map[string]int64{}}
	err = d.read(ctx, s)
	s.read, s.ended = d.Bytes, d.Ended
	var bad *wire.DataError
	switch {
	case errors.As(err, &bad):
		x.add(Problem, fmt.Sprintf("%s%s cannot be decoded: %v", s.name, s.at(), err), "the server, or what wrote its data, does not keep to Arrow's format", d)
		s.close()
		return
	case err != nil && d.Batches == 0:
		x.add(Problem, fmt.Sprintf("DoGet of %s%s: %s%s", s.name, s.at(), target.CodeName(status.Code(err)), x.quote(status.Convert(err).Message())), "a flight that is listed should have data: look at the server's log", d)
		s.close()
		return
	}
	x.source = s
	x.tellData(d)
	if err != nil && status.Code(err) != codes.DeadlineExceeded {
		x.add(Problem, fmt.Sprintf("then the stream%s broke: %s%s", s.at(), target.CodeName(status.Code(err)), x.quote(status.Convert(err).Message())), "look at the server's log", nil)
	}
	if d.Batches > 0 {
		x.tellCompression(d)
		x.tellAlignment(d)
	}
}

// read reads up to the bounds. What was counted stays counted if it fails.
func (d *dataData) read(ctx context.Context, s *source) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	stream, err := s.link.DoGet(ctx, &flight.Ticket{Ticket: s.ticket})
	if err != nil {
		return err
	}
	r := wire.NewReaderLimits(stream, wire.Direct, wire.Batch, memory.DefaultAllocator, wire.Limits{Inflated: maxInflated, Rows: maxRows})
	defer r.Close()
	var rows, sizes []int64
	var first, last time.Time // batch
	var before int64          // logical bytes up to the first
	defer func() {
		d.MedianRows, d.MedianBytes = median(rows), median(sizes)
		if d.Rest = int64(last.Sub(first)); d.Logical-before >= leastRated || d.Rest >= int64(leastWatched) {
			d.Rate = float64(d.Logical-before) / max(last.Sub(first), 1).Seconds()
		}
	}()
	for d.Batches < maxBatches && d.Bytes < maxBytes {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			d.Ended = true
			return nil
		}
		if err != nil {
			return err
		}
		d.Largest = max(d.Largest, e.Message)
		d.Misaligned += e.Realigned
		switch e.Kind {
		case wire.KindMetadata:
			d.Metadata++
		case wire.KindDictionary:
			d.Dictionaries++
			d.Bytes += e.Body
			d.Logical += e.Logical
		case wire.KindBatch:
			d.Batches++
			d.Rows += e.Rows
			d.Bytes += e.Body
			d.Logical += e.Logical
			d.Codecs[e.Codec]++
			if last = time.Now(); d.Batches == 1 {
				first, before, d.First = last, d.Logical, int64(last.Sub(start))
			}
			if e.Rows == 0 {
				d.EmptyBatches++
				continue
			}
			rows, sizes = append(rows, e.Rows), append(sizes, e.Body)
		}
	}
	return nil
}

func median(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func (x *examiner) tellData(d dataData) {
	end := ""
	if d.Ended {
		end = " (all of it)"
	}
	slow := d.Rate > 0 && d.Rate < slowStream && d.Rest >= int64(leastWatched) && x.peer.RTT < shortWay
	speed := ""
	switch {
	case slow:
		speed = fmt.Sprintf(" at %s, slow for a round trip of %s", rate(d.Rate), span(x.peer.RTT))
	case d.Rate > 0:
		speed = " at " + rate(d.Rate)
	}
	parts := []string{fmt.Sprintf("read %s of %s%s%s: %s, %s", size(d.Bytes), d.Flight, end, speed, count(int(d.Rows), "row"), batches(d))}
	if d.Location != "" {
		parts[0] += ", from " + d.Location
	}
	for _, p := range []struct {
		n    int64
		what string
	}{{d.Dictionaries, "dictionary messages"}, {d.EmptyBatches, "batches without rows"}, {d.Metadata, "messages of metadata alone"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %s", p.what, number(p.n)))
		}
	}
	if d.Batches > 0 {
		parts = append(parts, fmt.Sprintf("the first batch after %s", span(time.Duration(d.First))))
	}
	level, advice := OK, ""
	switch {
	case d.Batches == 0:
		level = Info
	case slow:
		level, advice = Warning, "see what the server does between batches, and whether several streams at once get more"
	case d.Largest > largeMessage:
		level = Warning
		parts = append(parts, "messages of up to "+size(d.Largest))
		advice = "clients with gRPC's usual limit of 4 MiB cannot receive them: send batches of 1 to 3 MiB, or have every client raise its limit"
	case d.MedianBytes < smallBatch && (d.Bytes >= 16*smallBatch || d.Batches == maxBatches): // else there is too little for it to matter
		level = Warning
		advice = fmt.Sprintf("small batches: each message costs more than its bytes. Send %d KiB to 2 MiB in each (try sizes with run --batch-bytes)", 4*smallBatch>>10)
	case d.Batches >= 4 && d.EmptyBatches*2 > d.Batches:
		level, advice = Warning, "most batches have no rows: leave them out"
	}
	x.add(level, strings.Join(parts, "; "), advice, d)
}

func batches(d dataData) string {
	switch {
	case d.Batches == 0:
		return "no batches"
	case d.Batches == 1:
		return "1 batch"
	}
	return fmt.Sprintf("%s batches of %s, %s (median)", number(d.Batches), count(int(d.MedianRows), "row"), size(d.MedianBytes))
}

func (x *examiner) tellCompression(d dataData) {
	x.topic = "compression"
	var names []string
	for name, n := range d.Codecs {
		if len(d.Codecs) > 1 {
			name = fmt.Sprintf("%s (%s)", name, count(int(n), "message"))
		}
		names = append(names, name)
	}
	slices.Sort(names)
	text := strings.Join(names, ", ")
	if d.Codecs[wire.None] == d.Batches {
		x.add(Info, "none", "", d.Codecs)
		return
	}
	ratio := float64(d.Logical) / float64(max(d.Bytes, 1))
	text += fmt.Sprintf(", %.2f to 1", ratio)
	if ratio < 1.1 {
		x.add(Warning, text, "it costs CPU at both ends and saves next to nothing: turn it off for this data", d.Codecs)
		return
	}
	x.add(OK, text, "", d.Codecs)
}

func (x *examiner) tellAlignment(d dataData) {
	x.topic = "alignment"
	if d.Misaligned == 0 {
		x.add(OK, "every buffer is aligned within its message", "", nil)
		return
	}
	x.add(Warning, fmt.Sprintf("%s of %s had to be copied, since buffers are not aligned within their messages", size(d.Misaligned), size(d.Logical)),
		"pad buffers to 64 bytes (8 at least, says Arrow's format): every reader pays for this copy", nil)
}
