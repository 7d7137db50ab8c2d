package flightbench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.arrow.flight.Action;
import org.apache.arrow.flight.ActionType;
import org.apache.arrow.flight.BackpressureStrategy;
import org.apache.arrow.flight.CallHeaders;
import org.apache.arrow.flight.CallStatus;
import org.apache.arrow.flight.CancelFlightInfoResult;
import org.apache.arrow.flight.CancelStatus;
import org.apache.arrow.flight.Compressed;
import org.apache.arrow.flight.Criteria;
import org.apache.arrow.flight.FlightConstants;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightEndpoint;
import org.apache.arrow.flight.FlightInfo;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.NoOpFlightProducer;
import org.apache.arrow.flight.PollInfo;
import org.apache.arrow.flight.PutResult;
import org.apache.arrow.flight.RenewFlightEndpointRequest;
import org.apache.arrow.flight.Result;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Keeps what is put and gives it back, and has the features. What is replaced is kept too: a DoGet may be reading it. */
final class Store extends NoOpFlightProducer {
  private final BufferAllocator allocator;
  private final Map<String, Received> streams = new ConcurrentHashMap<>();
  private final ExecutorService senders = Executors.newCachedThreadPool();

  private final Features features;

  Store(BufferAllocator allocator, Features features) {
    this.allocator = allocator;
    this.features = features;
  }

  /** A descriptor's command, or its path. */
  private static byte[] name(FlightDescriptor descriptor) {
    return descriptor.isCommand() ? descriptor.getCommand() : String.join("/", descriptor.getPath()).getBytes(UTF_8);
  }

  private static String key(byte[] command) {
    return command.length > 0 && command[0] == '{' ? Command.parse(command).key() : new String(command, UTF_8);
  }

  private Received find(byte[] command) {
    Received found = streams.get(key(command));
    if (found == null) {
      throw CallStatus.NOT_FOUND.withDescription("nothing was put under " + new String(command)).toRuntimeException();
    }
    return found;
  }

  @Override
  public FlightInfo getFlightInfo(CallContext context, FlightDescriptor descriptor) {
    byte[] command = name(descriptor);
    if (features.has(key(command))) {
      return features.info(key(command), descriptor);
    }
    Received found = find(command);
    FlightEndpoint endpoint = new FlightEndpoint(new Ticket(command));
    return new FlightInfo(found.message(), descriptor, List.of(endpoint), -1, -1);
  }

  @Override
  public void getStream(CallContext context, Ticket ticket, ServerStreamListener listener) {
    // On a thread of its own: a cancellation is only told when this method has returned.
    String name = key(ticket.getBytes());
    if (features.has(name)) {
      CallHeaders headers = context.getMiddleware(FlightConstants.HEADER_KEY).headers();
      senders.submit(() -> {
        try {
          features.send(name, headers, listener);
        } catch (Throwable e) {
          listener.error(e);
        }
      });
      return;
    }
    Received found = find(ticket.getBytes());
    Command asked = name.startsWith("{") ? Command.parse(ticket.getBytes()) : new Command(new TreeMap<>(Map.of("batches", found.batches().size())));
    senders.submit(() -> send(found, asked, listener));
  }

  private void send(Received found, Command asked, ServerStreamListener listener) {
    BackpressureStrategy pressure = new BackpressureStrategy.CallbackBackpressureStrategy();
    pressure.register(listener);
    try (VectorSchemaRoot root = VectorSchemaRoot.create(found.schema(), allocator)) {
      VectorLoader loader = new VectorLoader(root);
      Compressed.start(listener, root, found.dictionaries(), asked.compression());
      for (int i = 0; i < asked.batches(); i++) {
        loader.load(found.batches().get(i % found.batches().size()));
        if (pressure.waitForListener(60_000) != BackpressureStrategy.WaitResult.READY) {
          throw CallStatus.CANCELLED.withDescription("the client did not read on").toRuntimeException();
        }
        listener.putNext();
      }
      listener.completed();
    } catch (Throwable e) {
      listener.error(e);
    }
  }

  @Override
  public Runnable acceptPut(CallContext context, FlightStream stream, StreamListener<PutResult> acks) {
    return () -> {
      Received received = Received.all(stream, metadata -> {
        metadata.getReferenceManager().retain();
        try (PutResult ack = PutResult.metadata(metadata)) {
          acks.onNext(ack);
        }
      });
      streams.put(key(name(stream.getDescriptor())), received);
      acks.onCompleted();
    };
  }

  @Override
  public void doExchange(CallContext context, FlightStream stream, ServerStreamListener listener) {
    byte[] command = name(stream.getDescriptor());
    String compression = key(command).startsWith("{") ? Command.parse(command).compression() : "none";
    BackpressureStrategy pressure = new BackpressureStrategy.CallbackBackpressureStrategy();
    pressure.register(listener);
    boolean begun = false;
    while (stream.next()) {
      if (!begun) { // not sooner: the dictionaries leave at the start
        Compressed.start(listener, stream.getRoot(), stream.getDictionaryProvider(), compression);
        begun = true;
      }
      if (pressure.waitForListener(60_000) != BackpressureStrategy.WaitResult.READY) {
        throw CallStatus.CANCELLED.withDescription("the client did not read on").toRuntimeException();
      }
      ArrowBuf metadata = stream.getLatestMetadata();
      if (metadata == null) {
        listener.putNext();
      } else {
        metadata.getReferenceManager().retain(); // putNext takes one
        listener.putNext(metadata);
      }
    }
    listener.completed();
  }

  @Override
  public PollInfo pollFlightInfo(CallContext context, FlightDescriptor descriptor) {
    String path = new String(name(descriptor), UTF_8);
    if (!features.has(path.split("/")[0])) {
      throw CallStatus.NOT_FOUND.withDescription("no feature " + path).toRuntimeException();
    }
    return features.poll(path);
  }

  @Override
  public void listFlights(CallContext context, Criteria criteria, StreamListener<FlightInfo> listener) {
    listener.onNext(features.info("plain", FlightDescriptor.path("plain")));
    listener.onNext(features.info("two", FlightDescriptor.path("two")));
    listener.onCompleted();
  }

  @Override
  public void listActions(CallContext context, StreamListener<ActionType> listener) {
    listener.onNext(new ActionType("ping", "Answers ok."));
    listener.onNext(new ActionType("echo", "Answers with its body."));
    listener.onNext(new ActionType("cancelled", "How many streams of slow were seen to be cancelled."));
    listener.onNext(FlightConstants.CANCEL_FLIGHT_INFO);
    listener.onNext(FlightConstants.RENEW_FLIGHT_ENDPOINT);
    listener.onCompleted();
  }

  @Override
  public void doAction(CallContext context, Action action, StreamListener<Result> listener) {
    try {
      listener.onNext(new Result(act(action)));
      listener.onCompleted();
    } catch (Exception e) {
      listener.onError(e);
    }
  }

  private byte[] act(Action action) throws Exception {
    return switch (action.getType()) {
      case "ping" -> "ok".getBytes(UTF_8);
      case "echo" -> action.getBody();
      case "cancelled" -> Long.toString(features.cancelled()).getBytes(UTF_8);
      case "CancelFlightInfo" -> bytes(new CancelFlightInfoResult(CancelStatus.CANCELLED).serialize());
      case "RenewFlightEndpoint" -> {
        RenewFlightEndpointRequest asked = RenewFlightEndpointRequest.deserialize(ByteBuffer.wrap(action.getBody()));
        String ticket = new String(asked.getFlightEndpoint().getTicket().getBytes(), UTF_8);
        yield bytes(features.expiring(ticket, Duration.ofMinutes(1)).serialize());
      }
      default -> throw CallStatus.INVALID_ARGUMENT.withDescription("unknown action " + action.getType()).toRuntimeException();
    };
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }
}
