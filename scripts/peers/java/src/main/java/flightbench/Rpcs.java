package flightbench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FileInputStream;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.arrow.flight.Action;
import org.apache.arrow.flight.ActionType;
import org.apache.arrow.flight.CallOption;
import org.apache.arrow.flight.CallOptions;
import org.apache.arrow.flight.CallStatus;
import org.apache.arrow.flight.CancelFlightInfoRequest;
import org.apache.arrow.flight.CancelStatus;
import org.apache.arrow.flight.Criteria;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightInfo;
import org.apache.arrow.flight.FlightRuntimeException;
import org.apache.arrow.flight.FlightStatusCode;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.PollInfo;
import org.apache.arrow.flight.Result;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.flight.auth2.BasicAuthCredentialWriter;
import org.apache.arrow.flight.client.ClientCookieMiddleware;
import org.apache.arrow.flight.grpc.CredentialCallOption;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/** Makes every call that flight-core's client has against a flightbench server. */
final class Rpcs {
  private static final int ROWS = 100;
  private static final int BATCHES = 7;
  private static final CallOption LIMIT = CallOptions.timeout(60, TimeUnit.SECONDS);

  private final FlightClient client;
  private final BufferAllocator allocator;
  private CallOption[] options = {LIMIT};

  private Rpcs(FlightClient client, BufferAllocator allocator) {
    this.client = client;
    this.allocator = allocator;
  }

  /** arguments: URI [--cacert F] [--cert F --key F] [--auth METHOD]. */
  static void check(List<String> args) throws Exception {
    Map<String, String> given = new TreeMap<>();
    for (int i = 1; i + 1 < args.size(); i += 2) {
      given.put(args.get(i), args.get(i + 1));
    }
    String auth = given.getOrDefault("--auth", "none");
    try (BufferAllocator allocator = new RootAllocator();
        FlightClient client = connect(allocator, args.get(0), given)) {
      Rpcs rpcs = new Rpcs(client, allocator);
      if (!auth.equals("none")) {
        rpcs.refused();
        say("refused");
      }
      rpcs.login(auth);
      say(auth.equals("none") || auth.equals("token") ? "connect" : "Handshake");
      rpcs.all();
    }
  }

  private static FlightClient connect(BufferAllocator allocator, String uri, Map<String, String> given) throws Exception {
    FlightClient.Builder builder = FlightClient.builder(allocator, new Location(uri)).intercept(new ClientCookieMiddleware.Factory());
    if (given.containsKey("--cacert")) {
      builder.trustedCertificates(new FileInputStream(given.get("--cacert")));
    }
    if (given.containsKey("--cert")) {
      builder.clientCertificate(new FileInputStream(given.get("--cert")), new FileInputStream(given.get("--key")));
    }
    return builder.build();
  }

  private static void say(String name) {
    System.out.println("ok " + name);
  }

  private static void same(String what, Object got, Object want) {
    if (!want.equals(got)) {
      throw new IllegalStateException(what + ": got " + got + ", want " + want);
    }
  }

  private void refused() {
    try {
      client.listActions(LIMIT).forEach(a -> { });
    } catch (FlightRuntimeException e) {
      same("a call without credentials", e.status().code(), FlightStatusCode.UNAUTHENTICATED);
      return;
    }
    throw new IllegalStateException("a call without credentials was answered");
  }

  private void login(String auth) {
    String user = System.getenv("FLIGHTBENCH_USER");
    String password = System.getenv("FLIGHTBENCH_PASSWORD");
    switch (auth) {
      case "none" -> { }
      case "token" -> {
        String token = System.getenv("FLIGHTBENCH_TOKEN");
        options = new CallOption[] {LIMIT, new CredentialCallOption(headers -> headers.insert("authorization", "Bearer " + token))};
      }
      case "basic" -> options = new CallOption[] {LIMIT, client.authenticateBasicToken(user, password).orElseThrow()};
      case "handshake" -> client.authenticateBasic(user, password); // the client keeps the token
      case "basic-each" -> options = new CallOption[] {LIMIT, new CredentialCallOption(new BasicAuthCredentialWriter(user, password))};
      default -> throw new IllegalArgumentException("--auth " + auth);
    }
  }

  private static byte[] command(String more) {
    return ("{\"flightbench\":1,\"workload\":\"perf\",\"rows\":" + ROWS + ",\"distinct\":2,\"batches\":" + BATCHES + more + "}").getBytes(UTF_8);
  }

  private void all() throws Exception {
    FlightDescriptor two = FlightDescriptor.command(command(",\"endpoints\":2"));
    int flights = 0;
    for (FlightInfo ignored : client.listFlights(Criteria.ALL, options)) {
      flights++;
    }
    same("flights are listed", flights > 0, true);
    say("ListFlights");
    FlightInfo info = client.getInfo(two, options);
    same("endpoints", info.getEndpoints().size(), 2);
    same("total_records", info.getRecords(), 2L * ROWS * BATCHES);
    say("GetFlightInfo");
    poll(two);
    say("PollFlightInfo");
    same("schema", client.getSchema(two, options).getSchema(), info.getSchema());
    say("GetSchema");
    new Client(client, allocator, Command.parse(command("")), ROWS, options).checkAll();
    say("DoGet");
    say("DoPut");
    say("DoExchange");
    Iterator<Result> pong = client.doAction(new Action("ping"), options);
    same("ping", new String(pong.next().getBody(), UTF_8), "ok");
    say("DoAction");
    boolean ping = false;
    for (ActionType a : client.listActions(options)) {
      ping |= a.getType().equals("ping");
    }
    same("ping is listed", ping, true);
    say("ListActions");
    CancelStatus status = client.cancelFlightInfo(new CancelFlightInfoRequest(info), options).getStatus();
    same("CancelFlightInfo is answered", status != CancelStatus.UNSPECIFIED, true);
    say("CancelFlightInfo");
    cancel();
    say("cancel");
    errors();
    say("errors");
  }

  private void poll(FlightDescriptor descriptor) {
    PollInfo poll = client.pollInfo(descriptor, options);
    for (int i = 0; poll.getFlightDescriptor().isPresent(); i++) {
      same("the poll ends", i < 100, true);
      poll = client.pollInfo(poll.getFlightDescriptor().get(), options);
    }
    same("endpoints of the last poll", poll.getFlightInfo().getEndpoints().size(), 2);
  }

  private void cancel() throws Exception {
    byte[] endless = new String(command(""), UTF_8).replace("\"batches\":" + BATCHES, "\"batches\":1000000").getBytes(UTF_8);
    try (FlightStream stream = client.getStream(new Ticket(endless), options)) {
      stream.next();
      stream.cancel("enough", null);
      while (stream.next()) { }
    } catch (FlightRuntimeException e) {
      same("a cancelled stream", e.status().code(), FlightStatusCode.CANCELLED);
      return;
    }
    throw new IllegalStateException("a cancelled stream ended as if it were whole");
  }

  private void errors() throws Exception {
    Map<String, CallStatus> kinds = Map.of("unavailable", CallStatus.UNAVAILABLE, "unauthenticated", CallStatus.UNAUTHENTICATED, "unauthorized",
        CallStatus.UNAUTHORIZED, "timed_out", CallStatus.TIMED_OUT, "cancelled", CallStatus.CANCELLED, "internal", CallStatus.INTERNAL, "server_error", CallStatus.UNKNOWN);
    for (Map.Entry<String, CallStatus> kind : kinds.entrySet()) {
      byte[] ticket = command(",\"fail\":\"" + kind.getKey() + "\",\"fail_after\":2");
      try (FlightStream stream = client.getStream(new Ticket(ticket), options)) {
        while (stream.next()) { }
        throw new IllegalStateException(kind.getKey() + ": the stream ended without an error");
      } catch (FlightRuntimeException e) {
        same(kind.getKey(), e.status().code(), kind.getValue().code());
      }
    }
  }
}
