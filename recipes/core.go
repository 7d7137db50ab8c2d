package recipes

import (
	"fmt"
	"strings"
)

// channelArguments are those of gRPC's C core, which C++ and Python share.
func (s settings) channelArguments(format string) (lines []string) {
	for _, a := range []struct {
		field, name string
		value       int64
	}{
		{"window", "grpc.http2.lookahead_bytes", s.Window},
		{"window", "grpc.http2.bdp_probe", 0}, // which would set the window anew
		{"max_frame", "grpc.http2.max_frame_size", s.MaxFrame},
		{"write_buffer", "grpc.http2.write_buffer_size", s.WriteBuffer},
		{"read_buffer", "grpc.experimental.tcp_read_chunk_size", s.ReadBuffer},
	} {
		if s.has(a.field) {
			lines = append(lines, fmt.Sprintf(format, a.name, a.value))
		}
	}
	return lines
}

const coreConnWindow = "gRPC's C core has no option for a connection's window: it follows the streams'"

// python is pyarrow.
func (s settings) python() Recipe {
	r := Recipe{Name: "Python (pyarrow)"}
	args := s.channelArguments("        (%q, %d),")
	if len(args) > 0 || s.has("connections") {
		r.Client = block(
			"def connect(location):",
			"    options = [",
			strings.Join(args, "\n"),
			when(s.has("connections"), `        ("grpc.use_local_subchannel_pool", 1),  # a connection for each client`),
			"    ]",
			fmt.Sprintf("    return [pyarrow.flight.connect(location, generic_options=options) for _ in range(%d)]", s.connections()))
	}
	chunk, options := "", s.pythonCodec()
	if s.has("rows") {
		chunk = fmt.Sprintf("max_chunksize=%d", s.Rows)
	}
	switch {
	case chunk == "" && options == "":
	case s.sends():
		r.Client = block(r.Client,
			"def write(client, descriptor, table):",
			when(options != "", "    options = pyarrow.flight.FlightCallOptions(write_options=%s)", options),
			fmt.Sprintf("    writer, _ = client.do_put(descriptor, table.schema%s)", when(options != "", ", options")),
			"    with writer:",
			fmt.Sprintf("        writer.write_table(table%s)", when(chunk != "", ", %s", chunk)))
	default:
		r.Server = block("def stream(table):  # for do_get to return",
			fmt.Sprintf("    return pyarrow.flight.RecordBatchStream(table.to_reader(%s)%s)", chunk, when(options != "", ", options=%s", options)))
	}
	r.Without = s.without([2]string{"conn_window", coreConnWindow})
	if len(args) > 0 {
		r.Without = append(r.Without, "a server of pyarrow takes none of gRPC's options")
	}
	return r
}

func (s settings) pythonCodec() string {
	switch codec, level := s.codec(); {
	case codec == "":
		return ""
	case level == "":
		return fmt.Sprintf("pyarrow.ipc.IpcWriteOptions(compression=%q)", codec)
	default:
		return fmt.Sprintf("pyarrow.ipc.IpcWriteOptions(compression=pyarrow.Codec(%q, compression_level=%s))", codec, level)
	}
}

// cpp is libarrow_flight.
func (s settings) cpp() Recipe {
	r := Recipe{Name: "C++ (libarrow_flight)"}
	if args := s.channelArguments("options.generic_options.emplace_back(%q, %d);"); len(args) > 0 || s.has("connections") {
		r.Client = block("auto options = arrow::flight::FlightClientOptions::Defaults();", strings.Join(args, "\n"),
			when(s.has("connections"), `options.generic_options.emplace_back("grpc.use_local_subchannel_pool", 1);  // a connection for each client`),
			"ARROW_ASSIGN_OR_RAISE(auto client, arrow::flight::FlightClient::Connect(location, options));")
	}
	if args := s.channelArguments("  builder->AddChannelArgument(%q, %d);"); len(args) > 0 {
		r.Server = block("server_options.builder_hook = [](void* raw) {", "  auto* builder = reinterpret_cast<grpc::ServerBuilder*>(raw);", strings.Join(args, "\n"), "};")
	}
	codec, level := s.codec()
	create := map[string]string{"lz4": "arrow::Compression::LZ4_FRAME", "zstd": "arrow::Compression::ZSTD"}[codec]
	if level != "" {
		create += ", " + level
	}
	both := block(
		when(codec != "", "ARROW_ASSIGN_OR_RAISE(write_options.codec, arrow::util::Codec::Create(%s));  // of FlightCallOptions, and of RecordBatchStream", create),
		when(s.has("rows"), "batches.set_chunksize(%d);  // of an arrow::TableBatchReader", s.Rows))
	if s.sends() {
		r.Client = block(r.Client, both)
	} else {
		r.Server = block(r.Server, both)
	}
	r.Without = s.without([2]string{"conn_window", coreConnWindow})
	return r
}
