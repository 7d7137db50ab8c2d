package flightbench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.arrow.flight.CallHeaders;
import org.apache.arrow.flight.CallStatus;
import org.apache.arrow.flight.Compressed;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightEndpoint;
import org.apache.arrow.flight.FlightInfo;
import org.apache.arrow.flight.FlightProducer.ServerStreamListener;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.PollInfo;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.message.IpcOption;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/** The streams of scripts/peers/README.md that Arrow Java's public interface can send. */
final class Features {
  private static final int BATCHES = 4;
  private static final int ROWS = 100;
  private static final int SLOW_BATCHES = 400;
  private static final int SLOW_MILLIS = 10;
  private static final Location DEAD = Location.forGrpcInsecure("127.0.0.1", 1);

  private static final Map<String, CallStatus> ERRORS = Map.of(
      "unavailable", CallStatus.UNAVAILABLE, "unauthenticated", CallStatus.UNAUTHENTICATED, "unauthorized", CallStatus.UNAUTHORIZED,
      "timed_out", CallStatus.TIMED_OUT, "cancelled", CallStatus.CANCELLED, "internal", CallStatus.INTERNAL, "server_error", CallStatus.UNKNOWN);
  private static final List<String> NAMES = List.of("plain", "two", "location-self", "location-reuse", "location-second", "location-dead", "expiring",
      "unknown-totals", "metadata-only", "zero-rows", "dictionary", "lz4", "zstd", "slow", "needs-header", "needs-binary-header", "needs-cookie");
  private static final Schema PLAIN = new Schema(List.of(
      Field.nullable("a", new ArrowType.Int(64, true)), Field.nullable("b", ArrowType.Utf8.INSTANCE)));
  private static final DictionaryEncoding ENCODING = new DictionaryEncoding(1, false, new ArrowType.Int(32, true));
  /** As it travels, and as a root has it. */
  private static final Schema DICTIONARY = new Schema(List.of(new Field("d", new FieldType(true, ArrowType.Utf8.INSTANCE, ENCODING), null)));
  private static final Schema INDICES = new Schema(List.of(new Field("d", new FieldType(true, new ArrowType.Int(32, true), ENCODING), null)));

  private final BufferAllocator allocator;
  private final AtomicLong cancelled = new AtomicLong();
  private final Map<String, Instant> expires = new ConcurrentHashMap<>();
  private Location self;

  Features(BufferAllocator allocator) {
    this.allocator = allocator;
  }

  void listensAt(Location location) {
    self = location;
  }

  /** Tells whether name, or a ticket NAME#PART, is one of the streams. */
  boolean has(String name) {
    String stem = name.split("#")[0];
    return NAMES.contains(stem) || (stem.startsWith("error-") && ERRORS.containsKey(stem.substring("error-".length())));
  }

  long cancelled() {
    return cancelled.get();
  }

  FlightInfo info(String name, FlightDescriptor descriptor) {
    List<FlightEndpoint> endpoints = switch (name) {
      case "two" -> List.of(endpoint("two#0"), endpoint("two#1"));
      case "location-self" -> List.of(endpoint(name, self));
      case "location-reuse" -> List.of(endpoint(name, Location.reuseConnection()));
      case "location-second" -> List.of(endpoint(name, DEAD, self));
      case "location-dead" -> List.of(endpoint(name, DEAD));
      case "expiring" -> List.of(expiring("expiring#" + System.nanoTime(), Duration.ofMillis(800)));
      default -> List.of(endpoint(name));
    };
    long records = switch (name) {
      case "unknown-totals" -> -1;
      case "slow" -> SLOW_BATCHES;
      default -> BATCHES * ROWS;
    };
    return new FlightInfo(name.equals("dictionary") ? DICTIONARY : PLAIN, descriptor, endpoints, -1, records, name.equals("two"), IpcOption.DEFAULT);
  }

  /** Complete at the third poll: PATH NAME, then NAME/1, then NAME/2. */
  PollInfo poll(String path) {
    String[] parts = path.split("/");
    int n = parts.length > 1 ? Integer.parseInt(parts[1]) : 0;
    FlightInfo whole = info(parts[0], FlightDescriptor.path(parts[0]));
    double progress = (n + 1) / 3.0;
    if (n == 2) {
      return new PollInfo(whole, null, progress, null);
    }
    FlightInfo none = new FlightInfo(whole.getSchema(), whole.getDescriptor(), List.of(), -1, whole.getRecords());
    return new PollInfo(none, FlightDescriptor.path(parts[0], "" + (n + 1)), progress, null);
  }

  private static FlightEndpoint endpoint(String ticket, Location... locations) {
    return new FlightEndpoint(new Ticket(ticket.getBytes(UTF_8)), locations);
  }

  FlightEndpoint expiring(String ticket, Duration life) {
    Instant until = Instant.now().plus(life);
    expires.put(ticket, until);
    return new FlightEndpoint(new Ticket(ticket.getBytes(UTF_8)), until);
  }

  /** Sends a ticket's batches, once the call has what its name asks for. */
  void send(String ticket, CallHeaders headers, ServerStreamListener listener) throws Exception {
    String name = ticket.split("#")[0];
    switch (name) {
      case "expiring" -> {
        Instant until = expires.get(ticket);
        if (until == null || Instant.now().isAfter(until)) {
          throw CallStatus.NOT_FOUND.withDescription("the ticket " + ticket + " has expired: renew its endpoint").toRuntimeException();
        }
      }
      case "needs-header" -> need("yes".equals(headers.get("x-peer-feature")), "the header x-peer-feature: yes");
      case "needs-binary-header" -> {
        byte[] value = headers.getByte("x-peer-feature-bin");
        need(value != null && value.length == 3 && value[1] == (byte) 0xff, "the header x-peer-feature-bin with the bytes 00ff01");
      }
      case "needs-cookie" -> {
        String cookie = headers.get("cookie");
        need(cookie != null && cookie.contains("peer=crumb"), "the cookie peer=crumb, which GetFlightInfo set,");
      }
      case "dictionary" -> {
        dictionary(listener);
        return;
      }
      default -> { }
    }
    int first = name.equals("two") ? 2 * Integer.parseInt(ticket.split("#")[1]) : 0;
    int end = name.equals("slow") ? SLOW_BATCHES : name.equals("two") ? first + 2 : BATCHES;
    String error = name.startsWith("error-") ? name.substring("error-".length()) : null;
    try (VectorSchemaRoot root = VectorSchemaRoot.create(PLAIN, allocator)) {
      Compressed.start(listener, root, new DictionaryProvider.MapDictionaryProvider(), name.equals("lz4") || name.equals("zstd") ? name : "none");
      for (int i = first; i < end; i++) {
        if (error != null && i == 2) {
          throw ERRORS.get(error).withDescription("as asked for: " + error).toRuntimeException();
        }
        if (name.equals("slow") && !pause(listener)) {
          throw CallStatus.CANCELLED.withDescription("the client has gone").toRuntimeException();
        }
        if (name.equals("metadata-only")) {
          listener.putMetadata(buffer("before a batch"));
        }
        if (name.equals("zero-rows")) {
          fill(root, 0, 0);
          listener.putNext();
        }
        fill(root, i, name.equals("slow") ? 1 : ROWS);
        listener.putNext();
      }
      listener.completed();
    }
  }

  private static void need(boolean there, String what) {
    if (!there) {
      throw CallStatus.UNAUTHENTICATED.withDescription(what + " is missing").toRuntimeException();
    }
  }

  private boolean pause(ServerStreamListener listener) throws InterruptedException {
    Thread.sleep(SLOW_MILLIS);
    if (listener.isCancelled()) {
      cancelled.incrementAndGet();
      return false;
    }
    return true;
  }

  private ArrowBuf buffer(String text) {
    byte[] bytes = text.getBytes(UTF_8);
    ArrowBuf buf = allocator.buffer(bytes.length);
    buf.writeBytes(bytes);
    return buf;
  }

  private static void fill(VectorSchemaRoot root, int batch, int rows) {
    BigIntVector a = (BigIntVector) root.getVector("a");
    VarCharVector b = (VarCharVector) root.getVector("b");
    a.reset();
    b.reset();
    for (int i = 0; i < rows; i++) {
      a.setSafe(i, (long) batch * rows + i);
      b.setSafe(i, ("row " + (batch * rows + i)).getBytes(UTF_8));
    }
    root.setRowCount(rows);
  }

  private void dictionary(ServerStreamListener listener) {
    try (VarCharVector values = new VarCharVector("values", allocator); VectorSchemaRoot root = VectorSchemaRoot.create(INDICES, allocator)) {
      for (int i = 0; i < 3; i++) {
        values.setSafe(i, ("value " + i).getBytes(UTF_8));
      }
      values.setValueCount(3);
      listener.start(root, new DictionaryProvider.MapDictionaryProvider(new Dictionary(values, ENCODING)));
      for (int batch = 0; batch < BATCHES; batch++) {
        IntVector indices = (IntVector) root.getVector("d");
        for (int i = 0; i < ROWS; i++) {
          indices.setSafe(i, i % 3);
        }
        root.setRowCount(ROWS);
        listener.putNext();
      }
      listener.completed();
    }
  }
}
