package flightbench;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.apache.arrow.flight.CallHeaders;
import org.apache.arrow.flight.CallInfo;
import org.apache.arrow.flight.CallStatus;
import org.apache.arrow.flight.FlightMethod;
import org.apache.arrow.flight.FlightServer;
import org.apache.arrow.flight.FlightServerMiddleware;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.RequestContext;
import org.apache.arrow.flight.auth.BasicServerAuthHandler;
import org.apache.arrow.flight.auth.ServerAuthHandler;
import org.apache.arrow.flight.auth2.BasicCallHeaderAuthenticator;
import org.apache.arrow.flight.auth2.CallHeaderAuthenticator;
import org.apache.arrow.flight.auth2.GeneratedBearerTokenAuthenticator;

/** Who may call a server, and over what: the options that every peer has. */
record Access(String listen, String tls, boolean mtls, String auth) {
  static final String USER = "bench";
  static final String PASSWORD = "open sesame";
  static final String TOKEN = "let-me-in";

  static Access parse(List<String> args) {
    String listen = "grpc://127.0.0.1:0";
    String tls = null;
    boolean mtls = false;
    String auth = "none";
    for (Iterator<String> it = args.iterator(); it.hasNext(); ) {
      String option = it.next();
      switch (option) {
        case "--listen" -> listen = it.next();
        case "--tls" -> tls = it.next();
        case "--mtls" -> mtls = true;
        case "--auth" -> auth = it.next();
        default -> throw new IllegalArgumentException("unknown option " + option);
      }
    }
    return new Access(listen, tls, mtls, auth);
  }

  Location location() throws URISyntaxException {
    return new Location(tls == null ? listen : listen.replaceFirst("^grpc(\\+tcp)?:", "grpc+tls:"));
  }

  /** The URI with the port that the server was given. */
  String uri(int port) throws URISyntaxException {
    return location().getUri().toString().replaceFirst(":0$", ":" + port);
  }

  FlightServer.Builder apply(FlightServer.Builder builder) throws IOException {
    builder.middleware(FlightServerMiddleware.Key.of("cookie"), new CookieFactory());
    if (tls != null) {
      builder.useTls(new File(tls, "cert.pem"), new File(tls, "key.pem"));
    }
    if (mtls) {
      builder.useMTlsClientVerification(new File(tls, "ca.pem"));
    }
    switch (auth) {
      case "none" -> { }
      case "token" -> builder.headerAuthenticator(Access::checkToken);
      case "basic" -> builder.headerAuthenticator(new GeneratedBearerTokenAuthenticator(new BasicCallHeaderAuthenticator((user, password) -> {
        checkPassword(user, password);
        return () -> user;
      })));
      case "handshake" -> builder.authHandler(new BasicServerAuthHandler(new Tokens()));
      case "handshake-plain" -> builder.authHandler(new Plain());
      default -> throw new IllegalArgumentException("--auth " + auth + ": use none, token, basic, handshake or handshake-plain");
    }
    return builder;
  }

  private static void checkPassword(String user, String password) {
    if (!USER.equals(user) || !PASSWORD.equals(password)) {
      throw CallStatus.UNAUTHENTICATED.withDescription("wrong user or password").toRuntimeException();
    }
  }

  private static CallHeaderAuthenticator.AuthResult checkToken(CallHeaders headers) {
    if (!("Bearer " + TOKEN).equals(headers.get("authorization"))) {
      throw CallStatus.UNAUTHENTICATED.withDescription("invalid token").toRuntimeException();
    }
    return () -> USER;
  }

  /** What the older handshake answers with: one token for all. */
  private static final class Tokens implements BasicServerAuthHandler.BasicAuthValidator {
    private final byte[] token = UUID.randomUUID().toString().getBytes();

    @Override
    public byte[] getToken(String user, String password) {
      checkPassword(user, password);
      return token;
    }

    @Override
    public Optional<String> isValid(byte[] got) {
      return Arrays.equals(got, token) ? Optional.of(USER) : Optional.empty();
    }
  }

  /** A handshake of two payloads, as in pyarrow's tests. */
  private static final class Plain implements ServerAuthHandler {
    private final Tokens tokens = new Tokens();

    @Override
    public boolean authenticate(ServerAuthSender sender, Iterator<byte[]> payloads) {
      String user = new String(payloads.next());
      sender.send(tokens.getToken(user, new String(payloads.next())));
      return true;
    }

    @Override
    public Optional<String> isValid(byte[] token) {
      return tokens.isValid(token);
    }
  }

  /** Sets a cookie in the answer to GetFlightInfo. */
  private static final class CookieFactory implements FlightServerMiddleware.Factory<FlightServerMiddleware> {
    @Override
    public FlightServerMiddleware onCallStarted(CallInfo call, CallHeaders incoming, RequestContext context) {
      return new FlightServerMiddleware() {
        @Override
        public void onBeforeSendingHeaders(CallHeaders outgoing) {
          if (call.method() == FlightMethod.GET_FLIGHT_INFO) {
            outgoing.insert("set-cookie", "peer=crumb");
          }
        }

        @Override
        public void onCallCompleted(CallStatus status) {}

        @Override
        public void onCallErrored(Throwable error) {}
      };
    }
  }
}
