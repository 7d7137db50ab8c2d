package flightbench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.arrow.flight.CallOption;
import org.apache.arrow.flight.CallOptions;
import org.apache.arrow.flight.Compressed;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightInfo;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.PutResult;
import org.apache.arrow.flight.SyncPutListener;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.compare.VectorEqualsVisitor;

/**
 * Reads, puts and exchanges a workload. What it puts is what it read, with decode=verify in the
 * descriptor: the server itself compares that with its generator.
 */
record Client(FlightClient flight, BufferAllocator allocator, Command command, int rows, CallOption... options) {
  private static final int BATCHES = 7;

  /** Bounds each call, so that no client outlives a server that hangs. */
  private static final CallOption LIMIT = CallOptions.timeout(60, TimeUnit.SECONDS);

  /** Returns the number of rows read, or throws at the first difference. */
  static long check(FlightClient flight, BufferAllocator allocator, String workload, String compression, int rows) throws Exception {
    Command command = new Command(new TreeMap<>(Map.of(
        "flightbench", 1, "workload", workload, "rows", rows, "distinct", 3, "batches", BATCHES, "compression", compression)));
    return new Client(flight, allocator, command, rows, LIMIT).checkAll();
  }

  long checkAll() throws Exception {
    try (Received received = get()) {
      put(received);
      exchange(received);
      return received.rows();
    }
  }

  private static void same(String what, Object got, Object want) {
    if (!Objects.equals(got, want)) {
      throw new IllegalStateException(what + ": got " + got + ", want " + want);
    }
  }

  private static FlightDescriptor descriptor(Command command) {
    return FlightDescriptor.command(command.bytes());
  }

  private ArrowBuf buffer(String text) {
    byte[] bytes = text.getBytes(UTF_8);
    ArrowBuf buf = allocator.buffer(bytes.length);
    buf.writeBytes(bytes);
    return buf;
  }

  private static String text(ArrowBuf buf) {
    if (buf == null) {
      return null;
    }
    byte[] bytes = new byte[(int) buf.readableBytes()];
    buf.getBytes(buf.readerIndex(), bytes);
    return new String(bytes, UTF_8);
  }

  private Received read(Ticket ticket) throws Exception {
    try (FlightStream stream = flight.getStream(ticket, options)) {
      return Received.all(stream, metadata -> {});
    }
  }

  private Received get() throws Exception {
    FlightDescriptor asked = descriptor(command.with(Map.of("endpoints", 2)));
    FlightInfo info = flight.getInfo(asked, options);
    same("endpoints", info.getEndpoints().size(), 2);
    same("schema", flight.getSchema(asked, options).getSchema(), info.getSchema());
    same("total_records", info.getRecords(), 2L * rows * BATCHES);
    try (Received second = read(info.getEndpoints().get(1).getTicket())) {
      same("rows of the second endpoint", second.rows(), (long) rows * BATCHES);
    }
    Received first = read(info.getEndpoints().get(0).getTicket());
    same("schema of the stream", first.message(), info.getSchema());
    same("rows", first.rows(), (long) rows * BATCHES);
    same("batches", first.batches().size(), BATCHES);
    return first;
  }

  private void put(Received received) throws Exception {
    try (SyncPutListener acks = new SyncPutListener();
        VectorSchemaRoot root = VectorSchemaRoot.create(received.schema(), allocator)) {
      FlightDescriptor to = descriptor(command.with(Map.of("decode", "verify")));
      FlightClient.ClientStreamListener writer = flight.startPut(to, acks, options);
      Compressed.start(writer, root, received.dictionaries(), command.compression());
      VectorLoader loader = new VectorLoader(root);
      for (int i = 0; i < received.batches().size(); i++) {
        loader.load(received.batches().get(i));
        writer.putNext(buffer("batch " + i));
      }
      writer.completed();
      for (int i = 0; i < received.batches().size(); i++) {
        try (PutResult ack = acks.read()) {
          same("ack", ack == null ? null : text(ack.getApplicationMetadata()), "batch " + i);
        }
      }
      same("end of acks", acks.read(), null);
      writer.getResult();
    }
  }

  private void exchange(Received received) throws Exception {
    try (VectorSchemaRoot root = VectorSchemaRoot.create(received.schema(), allocator);
        FlightClient.ExchangeReaderWriter both = flight.doExchange(descriptor(command), options)) {
      Compressed.start(both.getWriter(), root, received.dictionaries(), command.compression());
      VectorLoader loader = new VectorLoader(root);
      FlightStream reader = both.getReader();
      for (int i = 0; i < received.batches().size(); i++) {
        loader.load(received.batches().get(i));
        both.getWriter().putNext(buffer("" + i));
        same("echo", reader.next(), true);
        same("echoed metadata", text(reader.getLatestMetadata()), "" + i);
        same("echo's schema", reader.getSchema(), received.schema());
        same("echo of batch " + i, reader.getRoot().equals(root), true);
        for (long id : received.dictionaries().getDictionaryIds()) {
          same("dictionary " + id, VectorEqualsVisitor.vectorEquals(
              reader.getDictionaryProvider().lookup(id).getVector(), received.dictionaries().lookup(id).getVector()), true);
        }
      }
      both.getWriter().completed();
      both.getResult();
    }
  }
}
