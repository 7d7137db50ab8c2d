package server

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"flightbench/internal/wire"
	"flightbench/workloads"
)

// Every RPC that takes a ticket or a command refuses the same bad ones.
func TestBadTickets(t *testing.T) {
	huge := small(t, "perf")
	huge.Spec.Rows, huge.Spec.Distinct = 1<<20, 64
	file := workloads.Ticket{Spec: workloads.Default(), Batches: 1, Endpoints: 1}
	file.Spec.Name, file.Spec.Path, file.Spec.Rows = workloads.File, "/etc/passwd", 0

	cases := []struct {
		name   string
		ticket []byte
		code   codes.Code
		want   []string
	}{
		{"empty", nil, codes.InvalidArgument, []string{"not a flightbench ticket"}},
		{"foreign", []byte("\x0a\x01\x10\x01"), codes.InvalidArgument, []string{"not a flightbench ticket"}},
		{"other JSON", []byte(`{"query":"select 1"}`), codes.InvalidArgument, []string{"not a flightbench ticket"}},
		{"not UTF-8", []byte("{\"flightbench\":1,\"workload\":\"\xff\"}"), codes.InvalidArgument, []string{"not a flightbench ticket"}},
		{"truncated", []byte(`{"flightbench":1,`), codes.InvalidArgument, []string{"not a flightbench ticket"}},
		{"too long", bytes.Repeat([]byte(" "), 1<<20), codes.InvalidArgument, []string{"not a flightbench ticket"}},
		{"version", []byte(`{"flightbench":2,"workload":"perf"}`), codes.InvalidArgument, []string{"is 2"}},
		{"unknown member", []byte(`{"flightbench":1,"workload":"perf","speed":"high"}`), codes.InvalidArgument, []string{"speed"}},
		{"unknown workload", []byte(`{"flightbench":1,"workload":"prof"}`), codes.InvalidArgument, []string{`"prof"`, "perf"}},
		{"no rows", []byte(`{"flightbench":1,"workload":"perf","rows":0}`), codes.InvalidArgument, []string{"rows 0"}},
		{"negative rows", []byte(`{"flightbench":1,"workload":"perf","rows":-5}`), codes.InvalidArgument, []string{"-5"}},
		{"no batches", []byte(`{"flightbench":1,"workload":"perf","batches":0}`), codes.InvalidArgument, []string{"batches 0"}},
		{"codec", []byte(`{"flightbench":1,"workload":"perf","compression":"gzip"}`), codes.InvalidArgument, []string{`"gzip"`, "zstd"}},
		{"level", []byte(`{"flightbench":1,"workload":"perf","compression":"zstd:99"}`), codes.InvalidArgument, []string{"99"}},
		{"decode", []byte(`{"flightbench":1,"workload":"perf","decode":"eat"}`), codes.InvalidArgument, []string{`"eat"`, "verify"}},
		{"too many rows", []byte(`{"flightbench":1,"workload":"perf","rows":65536,"batches":1099511627776,"endpoints":4096}`), codes.InvalidArgument, []string{"1099511627776"}},
		{"one row too large", []byte(`{"flightbench":1,"workload":"perf","batch_bytes":5}`), codes.InvalidArgument, []string{"batch bytes 5"}},
		{"too large", huge.Marshal(), codes.ResourceExhausted, []string{"workload perf", "1048576 rows", "16777216", "--prepare-limit"}},
		{"file not offered", file.Marshal(), codes.PermissionDenied, []string{`"/etc/passwd"`, "--file /etc/passwd"}},
	}
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, func(o *Options) { o.PrepareLimit = 16 << 20 })
		rpcs := map[string]func([]byte) error{
			"GetFlightInfo": func(b []byte) error {
				_, err := c.GetFlightInfo(t.Context(), cmd(b))
				return err
			},
			"PollFlightInfo": func(b []byte) error {
				_, err := c.PollFlightInfo(t.Context(), cmd(b))
				return err
			},
			"GetSchema": func(b []byte) error {
				_, err := c.GetSchema(t.Context(), cmd(b))
				return err
			},
			"DoGet": func(b []byte) error {
				stream, err := c.DoGet(t.Context(), &flight.Ticket{Ticket: b})
				if err == nil {
					_, err = stream.Recv()
				}
				return err
			},
			"prepare": func(b []byte) error {
				_, err := act(t, c, ActionPrepare, b)
				return err
			},
			"CancelFlightInfo": func(b []byte) error {
				_, err := c.CancelFlightInfo(t.Context(), &flight.CancelFlightInfoRequest{Info: &flight.FlightInfo{Endpoint: []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: b}}}}})
				return err
			},
			"RenewFlightEndpoint": func(b []byte) error {
				_, err := c.RenewFlightEndpoint(t.Context(), &flight.RenewFlightEndpointRequest{Endpoint: &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: b}}})
				return err
			},
		}
		needsNoData := map[string]bool{"GetSchema": true, "CancelFlightInfo": true, "RenewFlightEndpoint": true}
		for rpc, call := range rpcs {
			for _, tc := range cases {
				if needsNoData[rpc] && (tc.code == codes.ResourceExhausted || tc.name == "one row too large") {
					continue
				}
				t.Run(rpc+"/"+tc.name, func(t *testing.T) { expect(t, call(tc.ticket), tc.code, tc.want...) })
			}
		}
		if s := statsOf(t, c); s.Streams != 0 {
			t.Errorf("%d streams counted, but each was refused", s.Streams)
		}
	})
}

func TestBadCalls(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		path := &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"sales", "2026"}}
		for _, tc := range []struct {
			name string
			call func() error
			code codes.Code
			want []string
		}{
			{"unknown path", func() error {
				_, err := c.GetFlightInfo(t.Context(), path)
				return err
			}, codes.NotFound, []string{`"sales/2026"`, "ListFlights"}},
			{"path to a file", func() error {
				_, err := c.GetSchema(t.Context(), &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"file:/etc/passwd"}})
				return err
			}, codes.PermissionDenied, []string{"/etc/passwd", "--file"}},
			{"failure of no kind", func() error {
				_, err := act(t, c, ActionFail, []byte("lost"))
				return err
			}, codes.InvalidArgument, []string{`"lost"`, "unavailable"}},
			{"options of garbage", func() error {
				_, err := act(t, c, flight.SetSessionOptionsActionType, []byte("\xff\xff"))
				return err
			}, codes.InvalidArgument, []string{"no SetSessionOptionsRequest"}},
			{"no session to close", func() error {
				_, err := act(t, c, flight.CloseSessionActionType, nil)
				return err
			}, codes.NotFound, []string{"arrow_flight_session_id"}},
			{"no descriptor", func() error {
				_, err := c.GetSchema(t.Context(), &flight.FlightDescriptor{})
				return err
			}, codes.InvalidArgument, []string{"UNKNOWN", "CMD"}},
			{"unknown action", func() error {
				_, err := act(t, c, "explode", nil)
				return err
			}, codes.Unimplemented, []string{`"explode"`, "ListActions"}},
			{"cancel of garbage", func() error {
				_, err := act(t, c, flight.CancelFlightInfoActionType, []byte("\xff\xff"))
				return err
			}, codes.InvalidArgument, []string{"no CancelFlightInfoRequest"}},
			{"cancel of nothing", func() error {
				_, err := act(t, c, flight.CancelFlightInfoActionType, nil)
				return err
			}, codes.InvalidArgument, []string{"no endpoint"}},
			{"renewal of garbage", func() error {
				_, err := act(t, c, flight.RenewFlightEndpointActionType, []byte("\xff\xff"))
				return err
			}, codes.InvalidArgument, []string{"no RenewFlightEndpointRequest"}},
			{"renewal of nothing", func() error {
				_, err := act(t, c, flight.RenewFlightEndpointActionType, nil)
				return err
			}, codes.InvalidArgument, []string{"not a flightbench ticket"}},
		} {
			t.Run(tc.name, func(t *testing.T) { expect(t, tc.call(), tc.code, tc.want...) })
		}
	})
}

// uploads are DoPut and DoExchange as one sends messages to them: the call's
// status is returned.
func uploads(t *testing.T, c flight.Client) map[string]func(...*flight.FlightData) error {
	type stream interface {
		Send(*flight.FlightData) error
		CloseSend() error
		RecvMsg(any) error
	}
	run := func(s stream, err error, answer proto.Message, msgs []*flight.FlightData) error {
		if err != nil {
			return err
		}
		for _, m := range msgs {
			if s.Send(m) != nil {
				break
			}
		}
		s.CloseSend()
		for {
			if err := s.RecvMsg(answer); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	return map[string]func(...*flight.FlightData) error{
		"DoPut": func(msgs ...*flight.FlightData) error {
			s, err := c.DoPut(t.Context())
			return run(s, err, &flight.PutResult{}, msgs)
		},
		"DoExchange": func(msgs ...*flight.FlightData) error {
			s, err := c.DoExchange(t.Context())
			return run(s, err, &flight.FlightData{}, msgs)
		},
	}
}

// recorder keeps the messages of a flight.Writer.
type recorder struct{ msgs []*flight.FlightData }

func (r *recorder) Send(d *flight.FlightData) error {
	r.msgs = append(r.msgs, proto.Clone(d).(*flight.FlightData))
	return nil
}

func TestBadUploads(t *testing.T) {
	set := generate(t, small(t, "perf").Spec)
	var rec recorder
	w := flight.NewRecordWriter(&rec, ipc.WithSchema(set.Schema))
	if err := errors.Join(w.Write(set.Batches[0].Record), w.Close()); err != nil {
		t.Fatal(err)
	}
	schema, batch := rec.msgs[0], rec.msgs[1]
	with := func(m *flight.FlightData, change func(*flight.FlightData)) *flight.FlightData {
		m = proto.Clone(m).(*flight.FlightData)
		change(m)
		return m
	}
	first := with(schema, func(m *flight.FlightData) { m.FlightDescriptor = &flight.FlightDescriptor{} })
	asked := func(ticket string) *flight.FlightData {
		return with(schema, func(m *flight.FlightData) { m.FlightDescriptor = cmd([]byte(ticket)) })
	}

	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, nil)
		for rpc, send := range uploads(t, c) {
			for _, tc := range []struct {
				name string
				msgs []*flight.FlightData
				code codes.Code
				want []string
			}{
				{"nothing", nil, codes.InvalidArgument, []string{rpc + " ended before its first message"}},
				{"no descriptor", []*flight.FlightData{schema, batch}, codes.InvalidArgument, []string{"first message of " + rpc + " has no descriptor"}},
				{"bad ticket", []*flight.FlightData{asked(`{"flightbench":1,"workload":"prof"}`)}, codes.InvalidArgument, []string{"not a flightbench ticket", `"prof"`}},
				{"bad codec", []*flight.FlightData{asked(`{"flightbench":1,"workload":"perf","compression":"zstd:99"}`)}, codes.InvalidArgument, []string{"99"}},
				{"file not offered", []*flight.FlightData{asked(`{"flightbench":1,"workload":"file:/x","decode":"verify"}`)}, codes.PermissionDenied, []string{"--file /x"}},
				{"too large", []*flight.FlightData{asked(`{"flightbench":1,"workload":"perf","rows":4194304,"distinct":64,"decode":"verify"}`)}, codes.ResourceExhausted, []string{"--prepare-limit"}},
			} {
				t.Run(rpc+"/"+tc.name, func(t *testing.T) { expect(t, send(tc.msgs...), tc.code, tc.want...) })
			}
			// What is undecodable is refused at every level.
			for _, ticket := range []string{"", `{"flightbench":1,"workload":"perf","decode":"batch"}`} {
				begin := first
				if ticket != "" {
					begin = asked(ticket)
				}
				for name, msg := range map[string]*flight.FlightData{
					"garbage header": with(batch, func(m *flight.FlightData) { m.DataHeader = []byte("no flatbuffer") }),
					"short body":     with(batch, func(m *flight.FlightData) { m.DataBody = m.DataBody[:len(m.DataBody)/2] }),
				} {
					t.Run(rpc+"/"+name+ticket, func(t *testing.T) {
						expect(t, send(begin, msg, batch), codes.InvalidArgument, "message 2")
					})
				}
			}
		}
		if n := statsOf(t, c).StreamsOpen; n != 0 {
			t.Errorf("%d streams are open", n)
		}
	})
}

func TestMessageLimit(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, func(o *Options) { o.MaxMessage = 64 << 10 })
		tk := small(t, "perf")
		tk.Spec.Rows = 4096 // 128 KiB
		stream, err := c.DoGet(t.Context(), &flight.Ticket{Ticket: tk.Marshal()})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = stream.Recv()
		}
		expect(t, err, codes.ResourceExhausted, "65536", "131072", "fewer rows", "--max-message")
		_, err = put(t, c, &flight.FlightDescriptor{}, generate(t, tk.Spec), 0, 2, "none", nil)
		expect(t, err, codes.ResourceExhausted, "65536") // grpc-go's own words: it answers before we could
	})
}

func TestFiles(t *testing.T) {
	set := generate(t, small(t, "nested").Spec)
	dir := t.TempDir()
	good, corrupt, missing, other := filepath.Join(dir, "good.arrow"), filepath.Join(dir, "corrupt.arrow"), filepath.Join(dir, "missing.arrow"), filepath.Join(dir, "other.arrow")
	f, err := os.Create(good)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(set.Schema))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range set.Batches {
		if err := w.Write(b.Record); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close(), os.WriteFile(corrupt, []byte("ARROW1\x00\x00 and nothing more"), 0o600)); err != nil {
		t.Fatal(err)
	}
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, func(o *Options) { o.Files = []string{good, corrupt, missing} })
		ticket := func(path string) workloads.Ticket {
			tk := small(t, "file:"+path)
			tk.Spec.Distinct = 0
			return tk
		}
		tk := ticket(good)
		if n, rows := read(t, c, set, tk.Marshal()); n != 7 || rows != 700 {
			t.Errorf("%d batches and %d rows of the file, want 7 and 700", n, rows)
		}
		info, err := c.GetFlightInfo(t.Context(), cmd(tk.Marshal()))
		if err != nil || info.TotalRecords != 700 {
			t.Errorf("info %v, %v", info, err)
		}
		if _, err := c.GetSchema(t.Context(), cmd(tk.Marshal())); err != nil {
			t.Error(err)
		}
		for path, want := range map[string]codes.Code{corrupt: codes.FailedPrecondition, missing: codes.NotFound, other: codes.PermissionDenied} {
			_, err := c.GetFlightInfo(t.Context(), cmd(ticket(path).Marshal()))
			expect(t, err, want, path)
		}
	})
}
