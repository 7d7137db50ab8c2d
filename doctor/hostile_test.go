package doctor

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flightbench/internal/target"
	"flightbench/server"
)

// fake lists one flight with these locations and sends these messages for every ticket.
type fake struct {
	flight.BaseFlightServer
	locations []string
	messages  []*flight.FlightData
	actions   []string
	delay     time.Duration
}

func (f *fake) info() *flight.FlightInfo {
	e := &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: []byte("t")}}
	for _, uri := range f.locations {
		e.Location = append(e.Location, &flight.Location{Uri: uri})
	}
	return &flight.FlightInfo{FlightDescriptor: &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"a", "\x1b[2Jb"}}, Endpoint: []*flight.FlightEndpoint{e}}
}

func (f *fake) ListFlights(_ *flight.Criteria, s flight.FlightService_ListFlightsServer) error {
	return s.Send(f.info())
}

func (f *fake) GetFlightInfo(_ context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	if len(d.GetPath()) == 0 {
		return nil, status.Error(codes.NotFound, "\x1b]0;gotcha\a not here")
	}
	return f.info(), nil
}

func (f *fake) DoGet(t *flight.Ticket, s flight.FlightService_DoGetServer) error {
	if string(t.Ticket) != "t" {
		return status.Error(codes.InvalidArgument, "what?")
	}
	for _, m := range f.messages {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

func (f *fake) ListActions(_ *flight.Empty, s flight.FlightService_ListActionsServer) error {
	time.Sleep(f.delay)
	for _, a := range f.actions {
		if err := s.Send(&flight.ActionType{Type: a}); err != nil {
			return err
		}
	}
	return nil
}

// batchesOf are n record batches of rows int64, as FlightData.
func batchesOf(t *testing.T, n, rows int, opts ...ipc.Option) []*flight.FlightData {
	t.Helper()
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for i := range rows {
		b.Append(int64(i) * 0x9e3779b97f4a7c1)
	}
	return encode(t, n, b.NewArray(), opts...)
}

// encode sends a column n times.
func encode(t *testing.T, n int, column arrow.Array, opts ...ipc.Option) []*flight.FlightData {
	t.Helper()
	defer column.Release()
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: column.DataType()}}, nil)
	rec := array.NewRecordBatch(schema, []arrow.Array{column}, int64(column.Len()))
	defer rec.Release()
	var sent collector
	w := flight.NewRecordWriter(&sent, append(opts, ipc.WithSchema(schema))...)
	for range n {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return sent.all
}

type collector struct{ all []*flight.FlightData }

func (c *collector) Send(d *flight.FlightData) error {
	c.all = append(c.all, &flight.FlightData{DataHeader: bytes.Clone(d.DataHeader), DataBody: bytes.Clone(d.DataBody), AppMetadata: d.AppMetadata})
	return nil
}

func TestLocations(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	hangsUp, alive, bare := listen(t, func(net.Conn) {}).URI, stock(t, &fake{}).URI, stock(t, nil).URI
	for uri, want := range map[string]struct {
		level Level
		words string
	}{
		"":                                     {OK, "same connection"},
		"arrow-flight-reuse-connection://?":    {OK, "same connection"},
		alive:                                  {OK, "answers DoGet from here"},
		"grpc://0.0.0.0:5":                     {Warning, "an address to listen on"},
		"grpc+tcp://[::]:5":                    {Warning, "an address to listen on"},
		"grpc://" + dead.Addr().String():       {Warning, "connection refused → have the server hand out"},
		"grpc://no-such-host.invalid:5":        {Warning, "no such host"},
		"s3://bucket/key:1":                    {Problem, "no port"},
		"ftp://h:1":                            {Problem, "scheme ftp"},
		"grpc://\x1b[31mred":                   {Problem, "leads nowhere"},
		"grpc+unix:///nowhere":                 {Warning, "no such file"},
		strings.Repeat("grpc://x", 10_000):     {Warning, ""},
		"grpc+tls://" + alive[len("grpc://"):]: {Warning, "does not answer from here: it speaks plaintext HTTP/2 there, not TLS → write grpc://"},
		hangsUp:                                {Warning, "does not answer from here: it closes the connection"},
		bare:                                   {Warning, "is a gRPC server, but has no DoGet → have the server"},
	} {
		f := &fake{messages: batchesOf(t, 1, 1)}
		if uri != "" {
			f.locations = []string{uri}
		}
		r := examine(t, stock(t, f), Options{Timeout: 2 * time.Second}, "locations")
		l := r.Find("locations")
		if l == nil || !strings.Contains(l.Text+" → "+l.Advice, want.words) || l.Level != want.level && want.words != "" {
			t.Errorf("location %.50q: %+v, want %v with %q", uri, l, want.level, want.words)
		}
		if strings.ContainsAny(l.Text, "\x1b\a") {
			t.Errorf("control characters came through: %q", l.Text)
		}
	}
	if !unspecified("::") || unspecified("1.2.3.4") || !loopback("LocalHost") || !loopback("127.8.8.8") || !loopback("::1") || loopback("example.com") {
		t.Error("addresses are told apart wrongly")
	}
}

func TestData(t *testing.T) {
	good := batchesOf(t, 4, 1000)
	meta := &flight.FlightData{AppMetadata: []byte("progress")}
	broken := append(append([]*flight.FlightData{}, good...), &flight.FlightData{DataHeader: []byte("not a flatbuffer at all"), DataBody: make([]byte, 9)})
	truncated := []*flight.FlightData{good[0], {DataHeader: good[1].DataHeader, DataBody: good[1].DataBody[:80]}}
	for _, tt := range []struct {
		name     string
		messages []*flight.FlightData
		topic    string
		level    Level
		words    string
	}{
		{"good", good, "data", OK, "(all of it): 4,000 rows, 4 batches of 1,000 rows"},
		{"uncompressed", good, "compression", Info, "none"},
		{"compressed", batchesOf(t, 2, 100_000, ipc.WithZstd()), "compression", Warning, "saves next to nothing"},
		{"small", batchesOf(t, 100, 1000), "data", Warning, "64 batches of 1,000 rows, 7.81 KiB (median); the first batch after "},
		{"nothing", nil, "data", Info, "no batches"},
		{"metadata alone", []*flight.FlightData{good[0], meta, good[1], meta, good[2]}, "data", OK, "messages of metadata alone: 2"},
		{"no rows", append(batchesOf(t, 3, 0), batchesOf(t, 1, 5)[1]), "data", Warning, "batches without rows: 3; the first batch after "},
		{"large", batchesOf(t, 1, 1<<20), "data", Warning, "messages of up to 8 MiB → clients with gRPC's usual limit"},
		{"broken", broken, "data", Problem, "cannot be decoded: message 6"},
		{"truncated", truncated, "data", Problem, "cannot be decoded: message 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fake{messages: tt.messages}
			r := examine(t, stock(t, f, grpc.MaxSendMsgSize(1<<30)), Options{Timeout: 2 * time.Second}, "data")
			expect(t, r, tt.topic, tt.level, tt.words)
		})
	}
}

// TestMisalignedData moves a buffer by one byte, into the padding behind it.
func TestMisalignedData(t *testing.T) {
	b := array.NewInt32Builder(memory.DefaultAllocator)
	defer b.Release()
	for i := range 1001 {
		b.Append(int32(i))
	}
	messages := encode(t, 4, b.NewArray())
	for _, m := range messages[1:] {
		at := bytes.Index(m.DataHeader, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0xa4, 0x0f, 0, 0, 0, 0, 0, 0}) // a buffer at 0 of 4004 bytes
		if at < 0 {
			t.Fatalf("no such buffer in % x", m.DataHeader)
		}
		m.DataHeader[at] = 1
	}
	r := examine(t, stock(t, &fake{messages: messages}), Options{}, "data")
	expect(t, r, "alignment", Warning, "15.6 KiB of 15.6 KiB had to be copied, since buffers are not aligned within their messages → pad buffers")
}

// flood lists ever more and ever stranger things.
type flood struct{ flight.BaseFlightServer }

func (flood) ListActions(_ *flight.Empty, s flight.FlightService_ListActionsServer) error {
	for s.Send(&flight.ActionType{Type: strings.Repeat("\x1b[31m\u202e", 50)}) == nil {
	}
	return s.Context().Err()
}

func (flood) ListFlights(_ *flight.Criteria, s flight.FlightService_ListFlightsServer) error {
	for s.Send(&flight.FlightInfo{FlightDescriptor: &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: []byte{0xff, 0, 1}}, TotalRecords: -5, TotalBytes: -7}) == nil {
	}
	return s.Context().Err()
}

func (flood) GetFlightInfo(context.Context, *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return &flight.FlightInfo{Endpoint: []*flight.FlightEndpoint{{}, {Ticket: &flight.Ticket{}}}, TotalRecords: 1}, nil
}

func (flood) DoGet(_ *flight.Ticket, s flight.FlightService_DoGetServer) error {
	for s.Send(&flight.FlightData{DataHeader: make([]byte, 1000)}) == nil {
	}
	return s.Context().Err()
}

func (flood) DoAction(_ *flight.Action, s flight.FlightService_DoActionServer) error {
	for s.Send(&flight.Result{Body: []byte("ok")}) == nil {
	}
	return s.Context().Err()
}

func TestFlood(t *testing.T) {
	r := examine(t, stock(t, &flood{}), Options{Timeout: 2 * time.Second})
	expect(t, r, "flights", Info, "more than 1,000 flights: command hex:ff0001")
	expect(t, r, "actions", Info, "1,000 actions")
	for _, l := range r.Lines {
		if strings.ContainsAny(l.Text+l.Advice, "\x1b\u202e\n") {
			t.Errorf("control characters came through: %q", l.Text)
		}
	}
}

func TestEchoedSecretsStayOut(t *testing.T) {
	const token = "very-s3cret"
	tt := stock(t, &fake{}, grpc.StreamInterceptor(func(_ any, s grpc.ServerStream, _ *grpc.StreamServerInfo, _ grpc.StreamHandler) error {
		md, _ := metadata.FromIncomingContext(s.Context())
		return status.Errorf(codes.PermissionDenied, "go away, you with %v", md["authorization"])
	}))
	tt.Auth = target.Auth{Method: "token", Token: token}
	r := examine(t, tt, Options{Timeout: time.Second})
	for _, l := range r.Lines {
		if strings.Contains(l.Text+l.Advice, token) {
			t.Errorf("the token is in %q", l.Text)
		}
	}
	expect(t, r, "credentials", Problem, "***")
}

// between is a proxy that takes frames of a kind out of what the client sends.
func between(t *testing.T, to target.Target, dropped http2.FrameType) target.Target {
	return listen(t, func(nc net.Conn) {
		back, err := net.Dial("tcp", strings.TrimPrefix(to.URI, "grpc://"))
		if err != nil {
			return
		}
		defer back.Close()
		go func() { _, _ = io.Copy(nc, back); _ = nc.Close() }()
		if _, err := io.CopyN(back, nc, int64(len(http2.ClientPreface))); err != nil {
			return
		}
		var head [9]byte
		for {
			if _, err := io.ReadFull(nc, head[:]); err != nil {
				return
			}
			out := io.Writer(back)
			if http2.FrameType(head[3]) == dropped {
				out = io.Discard
			}
			_, _ = out.Write(head[:])
			if _, err := io.CopyN(out, nc, int64(head[0])<<16|int64(head[1])<<8|int64(head[2])); err != nil {
				return
			}
		}
	})
}

func TestCancelIgnored(t *testing.T) {
	r := examine(t, between(t, serve(t, func(o *server.Options) { o.Drain = 1 }), http2.FrameRSTStream), Options{}, "server", "data", "cancellation")
	expect(t, r, "cancellation", Warning, "not honoured: the server went on")
}

// TestDeadlineIgnored has a server that answers no call and ends none.
func TestDeadlineIgnored(t *testing.T) {
	r := examine(t, listen(t, func(nc net.Conn) {
		_, _ = io.ReadFull(nc, make([]byte, len(http2.ClientPreface)))
		fr := http2.NewFramer(nc, nc)
		fr.SetMaxReadFrameSize(1 << 24)
		_ = fr.WriteSettings()
		for {
			f, err := fr.ReadFrame()
			if err != nil {
				return
			}
			if p, ok := f.(*http2.PingFrame); ok {
				_ = fr.WritePing(true, p.Data)
			}
		}
	}), Options{Timeout: 400 * time.Millisecond})
	expect(t, r, "calls", Problem, "no answer in 400 ms")
	expect(t, r, "deadline", Warning, "not honoured")
}

func TestSlowCall(t *testing.T) {
	r := examine(t, stock(t, &fake{delay: 50 * time.Millisecond}), Options{}, "empty call")
	expect(t, r, "empty call", Warning, "more than a PING")
}

// sqlServer answers SqlInfo alone.
type sqlServer struct{ flightsql.BaseServer }

func (s *sqlServer) GetFlightInfoSqlInfo(_ context.Context, _ flightsql.GetSqlInfo, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return &flight.FlightInfo{Endpoint: []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: d.Cmd}}}, FlightDescriptor: d}, nil
}

func TestFlightSQL(t *testing.T) {
	s := &sqlServer{}
	for info, v := range map[flightsql.SqlInfo]any{flightsql.SqlInfoFlightSqlServerName: "toy", flightsql.SqlInfoFlightSqlServerVersion: "1.2",
		flightsql.SqlInfoFlightSqlServerArrowVersion: "18.0", flightsql.SqlInfoFlightSqlServerReadOnly: true, flightsql.SqlInfoFlightSqlServerTransaction: int32(1)} {
		if err := s.RegisterSqlInfo(info, v); err != nil {
			t.Fatal(err)
		}
	}
	r := examine(t, stock(t, flightsql.NewFlightServer(s)), Options{}, "Flight SQL")
	expect(t, r, "Flight SQL", OK, "yes: toy 1.2, Arrow 18.0, read-only, transactions")

	r = examine(t, stock(t, flightsql.NewFlightServer(&sqlServer{})), Options{}, "Flight SQL")
	expect(t, r, "Flight SQL", Warning, "no server name → register")
}
