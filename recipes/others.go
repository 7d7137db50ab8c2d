package recipes

import "fmt"

// java is flight-core over grpc-netty.
func (s settings) java() Recipe {
	r := Recipe{Name: "Java (flight-core, grpc-netty)"}
	if s.any("window", "conn_window") {
		window := int64(0)
		for field, v := range map[string]int64{"window": s.Window, "conn_window": s.ConnWindow} {
			if s.has(field) {
				window = max(window, v)
			}
		}
		r.Client = block(
			"ManagedChannel channel = NettyChannelBuilder.forAddress(host, port).usePlaintext() // or TLS",
			"    .maxInboundMessageSize(Integer.MAX_VALUE)",
			fmt.Sprintf("    .flowControlWindow(%d) // of streams and of the connection", window),
			"    .build();",
			"FlightClient client = FlightGrpcUtils.createFlightClient(allocator, channel);")
		r.Server = block(
			"FlightServer server = FlightServer.builder(allocator, location, producer)",
			fmt.Sprintf(`    .transportHint("grpc.builderConsumer", (Consumer<NettyServerBuilder>) b -> b.flowControlWindow(%d))`, window),
			"    .build();")
	}
	if s.has("rows") {
		rows := fmt.Sprintf("root.setRowCount(%d); // as many as are loaded before each listener.putNext()", s.Rows)
		if s.sends() {
			r.Client = block(r.Client, rows)
		} else {
			r.Server = block(r.Server, rows)
		}
	}
	const buffers = "grpc-netty has no option for it"
	r.Without = s.without([2]string{"read_buffer", buffers}, [2]string{"write_buffer", buffers}, [2]string{"max_frame", buffers},
		[2]string{"compression", "flight-core sends batches without a codec; it reads those with one where arrow-compression is on the class path"})
	return r
}

// rust is arrow-flight over tonic.
func (s settings) rust() Recipe {
	r := Recipe{Name: "Rust (arrow-flight, tonic)"}
	options := block(
		when(s.has("window"), "    .initial_stream_window_size(%d)", s.Window),
		when(s.has("conn_window"), "    .initial_connection_window_size(%d)", s.ConnWindow),
		when(s.has("max_frame"), "    .max_frame_size(%d)", s.MaxFrame))
	if options != "" {
		r.Client = block("let endpoint = tonic::transport::Endpoint::from_shared(uri)?", options+";",
			"let client = FlightServiceClient::new(endpoint.connect().await?).max_decoding_message_size(usize::MAX);")
		r.Server = block("tonic::transport::Server::builder()", options, "    .add_service(FlightServiceServer::new(service).max_decoding_message_size(usize::MAX))")
	}
	codec, level := s.codec()
	kind := map[string]string{"lz4": "LZ4_FRAME", "zstd": "ZSTD"}[codec]
	if codec != "" || s.has("rows") {
		batches := block(
			"let batches = FlightDataEncoderBuilder::new()",
			when(codec != "", "    .with_options(IpcWriteOptions::default().try_with_compression(Some(CompressionType::%s))?)", kind),
			"    .with_max_flight_data_size(usize::MAX) // else it parts batches of more than 2 MiB",
			fmt.Sprintf("    .build(stream);%s", when(s.has("rows"), " // of batch.slice(offset, %d)", s.Rows)))
		if s.sends() {
			r.Client = block(r.Client, batches)
		} else {
			r.Server = block(r.Server, batches)
		}
	}
	r.Without = s.without([2]string{"read_buffer", "tonic has no option for it"}, [2]string{"write_buffer", "tonic has no option for it"})
	if level != "" {
		r.Without = append(r.Without, s.flag("compression")+": arrow-ipc has no option for the level")
	}
	return r
}

// drivers are those of Flight SQL.
func (s settings) drivers() Recipe {
	r := Recipe{Name: "Drivers of Flight SQL (ADBC, JDBC, ODBC)"}
	if s.any("rows", "batch_bytes") {
		r.Client = `db_kwargs={"adbc.flight.sql.client_option.with_max_msg_size": "2147483647"}  # ADBC: it refuses batches of more than 16 MiB otherwise`
	}
	const no = "no driver has an option for it; the server's own applies to what it receives"
	r.Without = s.without([2]string{"window", no}, [2]string{"conn_window", no}, [2]string{"read_buffer", no}, [2]string{"write_buffer", no}, [2]string{"max_frame", no},
		[2]string{"rows", "of results the server decides"}, [2]string{"compression", "of results the server decides; the drivers read lz4 and zstd"},
		[2]string{"connections", "each database handle of ADBC and each JDBC connection has its own"})
	return r
}
