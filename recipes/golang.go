package recipes

import "fmt"

// golang is arrow-go over grpc-go.
func (s settings) golang() Recipe {
	r := Recipe{Name: "Go (arrow-go, grpc-go)"}
	options := func(prefix string) string {
		return block(
			when(s.has("window"), "\t\tgrpc.%sInitialWindowSize(%d),", prefix, s.Window),
			when(s.has("conn_window"), "\t\tgrpc.%sInitialConnWindowSize(%d),", prefix, s.ConnWindow),
			when(s.has("read_buffer"), "\t\tgrpc.%sReadBufferSize(%d),", prefix, s.ReadBuffer),
			when(s.has("write_buffer"), "\t\tgrpc.%sWriteBufferSize(%d),", prefix, s.WriteBuffer))
	}
	if s.any("window", "conn_window", "read_buffer", "write_buffer", "connections") {
		r.Client = block(
			"func dial(addr string) ([]flight.Client, error) {",
			"\topts := []grpc.DialOption{",
			"\t\tgrpc.WithTransportCredentials(insecure.NewCredentials()), // or credentials.NewTLS",
			"\t\tgrpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)),",
			options("With"),
			"\t}",
			"\tvar clients []flight.Client",
			fmt.Sprintf("\tfor range %d {", s.connections()),
			"\t\tc, err := flight.NewClientWithMiddleware(addr, nil, nil, opts...)",
			"\t\tif err != nil {",
			"\t\t\treturn nil, err",
			"\t\t}",
			"\t\tclients = append(clients, c)",
			"\t}",
			"\treturn clients, nil",
			"}")
	}
	if o := options(""); o != "" {
		r.Server = block(
			"func newServer() flight.Server {",
			"\treturn flight.NewServerWithMiddleware(nil,",
			o,
			"\t)",
			"}")
	}
	if code := s.goWriter(); code != "" {
		if s.sends() {
			r.Client = block(r.Client, code)
		} else {
			r.Server = block(r.Server, code)
		}
	}
	_, level := s.codec()
	r.Without = s.without([2]string{"max_frame", "grpc-go's frames are 16 KiB, and nothing sets them"})
	if level != "" {
		r.Without = append(r.Without, s.flag("compression")+": arrow-go has no option for the level")
	}
	return r
}

// goWriter sends batches of the size and codec, "" where none is to be set.
func (s settings) goWriter() string {
	codec, _ := s.codec()
	option := map[string]string{"lz4": ", ipc.WithLZ4()", "zstd": ", ipc.WithZstd()"}[codec]
	if option == "" && !s.has("rows") {
		return ""
	}
	begin := block(
		"func write(stream flight.DataStreamWriter, descriptor *flight.FlightDescriptor, rec arrow.RecordBatch) error {",
		fmt.Sprintf("\tout := flight.NewRecordWriter(stream, ipc.WithSchema(rec.Schema())%s)", option),
		"\tout.SetFlightDescriptor(descriptor) // nil of a server",
		"\tdefer out.Close()")
	if !s.has("rows") {
		return block(begin, "\treturn out.Write(rec)", "}")
	}
	return block(begin,
		fmt.Sprintf("\tfor from := int64(0); from < rec.NumRows(); from += %d {", s.Rows),
		fmt.Sprintf("\t\tpart := rec.NewSlice(from, min(from+%d, rec.NumRows()))", s.Rows),
		"\t\terr := out.Write(part)",
		"\t\tpart.Release()",
		"\t\tif err != nil {",
		"\t\t\treturn err",
		"\t\t}",
		"\t}",
		"\treturn nil",
		"}")
}
