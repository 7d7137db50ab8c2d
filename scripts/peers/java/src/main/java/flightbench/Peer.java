package flightbench;

import java.util.List;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightServer;
import org.apache.arrow.flight.Location;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/** See scripts/peers/java.sh. */
public final class Peer {
  private Peer() {}

  public static void main(String[] args) throws Exception {
    if (args.length >= 1 && args[0].equals("server")) {
      serve(Access.parse(List.of(args).subList(1, args.length)));
    } else if (args.length >= 2 && args[0].equals("rpcs")) {
      Rpcs.check(List.of(args).subList(1, args.length));
      System.exit(0);
    } else if (args.length == 2 && args[0].equals("hlog")) {
      Hlog.print(args[1]);
    } else if (args.length >= 4 && args[0].equals("hgrm")) {
      Hlog.process(args[1], args[2], List.of(args).subList(3, args.length));
    } else if (args.length >= 3 && args.length <= 5 && args[0].equals("client")) {
      String compressions = args.length > 3 ? args[3] : "none,lz4,zstd";
      // Few rows by default: commons-compress takes seconds for a megabyte of text with lz4.
      int rows = args.length > 4 ? Integer.parseInt(args[4]) : 250;
      check(args[1], args[2].split(","), compressions.split(","), rows);
    } else {
      System.err.println("usage: java.sh server [OPTION...] | rpcs URI [OPTION...] | client URI WORKLOAD[,...] [COMPRESSION[,...] [ROWS]] | hlog FILE | hgrm FILE FOLDER TAG...");
      System.exit(2);
    }
  }

  private static void serve(Access access) throws Exception {
    BufferAllocator allocator = new RootAllocator();
    Features features = new Features(allocator);
    FlightServer.Builder builder = FlightServer.builder(allocator, access.location(), new Store(allocator, features));
    FlightServer server = access.apply(builder).build().start();
    String uri = access.uri(server.getPort());
    features.listensAt(new Location(uri));
    System.out.println(uri);
    System.in.readAllBytes();
    Runtime.getRuntime().halt(0); // no waiting for calls that a client left open
  }

  private static void check(String uri, String[] workloads, String[] compressions, int rows) {
    try (BufferAllocator allocator = new RootAllocator();
        FlightClient flight = FlightClient.builder(allocator, new Location(uri)).build()) {
      for (String workload : workloads) {
        for (String compression : compressions) {
          try {
            long got = Client.check(flight, allocator, workload, compression, rows);
            System.out.println("ok " + workload + " " + compression + " " + got + " rows");
          } catch (Exception e) {
            throw new IllegalStateException(workload + " " + compression, e);
          }
        }
      }
    } catch (Exception e) { // an allocator that is not empty throws too
      e.printStackTrace();
      System.exit(1);
    }
    System.exit(0);
  }
}
