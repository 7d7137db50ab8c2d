package flightbench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.arrow.flight.CallStatus;

/** The JSON object of a descriptor or ticket: see docs/server.md. */
record Command(TreeMap<String, Object> members) {
  private static final List<String> SENDING = List.of("compression", "batches", "endpoints", "start", "decode");
  private static final ObjectMapper JSON = new ObjectMapper();

  @SuppressWarnings("unchecked")
  static Command parse(byte[] json) {
    try {
      return new Command(JSON.readValue(json, TreeMap.class));
    } catch (IOException e) {
      throw CallStatus.INVALID_ARGUMENT.withDescription("the command is no JSON object").withCause(e).toRuntimeException();
    }
  }

  Command with(Map<String, Object> more) {
    TreeMap<String, Object> all = new TreeMap<>(members);
    all.putAll(more);
    return new Command(all);
  }

  /** Names the data, whatever way it is to be sent. */
  String key() {
    TreeMap<String, Object> data = new TreeMap<>(members);
    data.keySet().removeAll(SENDING);
    return new String(new Command(data).bytes());
  }

  String compression() {
    return (String) members.getOrDefault("compression", "none");
  }

  int batches() {
    return ((Number) members.getOrDefault("batches", 1)).intValue();
  }

  byte[] bytes() {
    try {
      return JSON.writeValueAsBytes(members);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
