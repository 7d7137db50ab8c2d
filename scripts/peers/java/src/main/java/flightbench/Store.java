package flightbench;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.arrow.flight.BackpressureStrategy;
import org.apache.arrow.flight.CallStatus;
import org.apache.arrow.flight.Compressed;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightEndpoint;
import org.apache.arrow.flight.FlightInfo;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.NoOpFlightProducer;
import org.apache.arrow.flight.PutResult;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Keeps what is put and gives it back. What is replaced is kept too: a DoGet may be reading it. */
final class Store extends NoOpFlightProducer {
  private final BufferAllocator allocator;
  private final Map<String, Received> streams = new ConcurrentHashMap<>();
  private final ExecutorService senders = Executors.newCachedThreadPool();

  Store(BufferAllocator allocator) {
    this.allocator = allocator;
  }

  private Received find(byte[] command) {
    Received found = streams.get(Command.parse(command).key());
    if (found == null) {
      throw CallStatus.NOT_FOUND.withDescription("nothing was put under " + new String(command)).toRuntimeException();
    }
    return found;
  }

  @Override
  public FlightInfo getFlightInfo(CallContext context, FlightDescriptor descriptor) {
    Received found = find(descriptor.getCommand());
    FlightEndpoint endpoint = new FlightEndpoint(new Ticket(descriptor.getCommand()));
    return new FlightInfo(found.message(), descriptor, List.of(endpoint), -1, -1);
  }

  @Override
  public void getStream(CallContext context, Ticket ticket, ServerStreamListener listener) {
    Received found = find(ticket.getBytes());
    // On a thread of its own: a cancellation is only told when this method has returned.
    senders.submit(() -> send(found, Command.parse(ticket.getBytes()), listener));
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
      streams.put(Command.parse(stream.getDescriptor().getCommand()).key(), received);
      acks.onCompleted();
    };
  }

  @Override
  public void doExchange(CallContext context, FlightStream stream, ServerStreamListener listener) {
    String compression = Command.parse(stream.getDescriptor().getCommand()).compression();
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
}
