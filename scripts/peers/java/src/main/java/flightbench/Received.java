package flightbench;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.util.AutoCloseables;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.complex.MapVector;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.DictionaryUtility;
import org.apache.arrow.vector.util.ValueVectorUtility;

/**
 * A stream that was read to its end.
 *
 * @param schema has the index types of dictionary-encoded fields, as a root needs them
 * @param message is the schema as it travels, with the dictionaries' types
 */
record Received(Schema schema, Schema message, DictionaryProvider dictionaries, List<ArrowRecordBatch> batches)
    implements AutoCloseable {

  /** Reads and validates all batches; {@code metadata} gets each one's app_metadata, if it has any. */
  static Received all(FlightStream stream, Consumer<ArrowBuf> metadata) {
    List<ArrowRecordBatch> batches = new ArrayList<>();
    while (stream.next()) {
      VectorSchemaRoot root = stream.getRoot();
      root.getFieldVectors().forEach(Received::validate);
      batches.add(new VectorUnloader(root).getRecordBatch());
      if (stream.getLatestMetadata() != null) {
        metadata.accept(stream.getLatestMetadata());
      }
    }
    Schema schema = stream.getSchema();
    DictionaryProvider dictionaries = stream.takeDictionaryOwnership();
    Set<Long> ids = new HashSet<>();
    List<Field> fields = new ArrayList<>();
    for (Field f : schema.getFields()) {
      fields.add(DictionaryUtility.toMessageFormat(f, dictionaries, ids));
    }
    return new Received(schema, new Schema(fields, schema.getCustomMetadata()), dictionaries, batches);
  }

  /** The library's validation takes a map for a list of another type and refuses it: only its entries are validated. */
  private static void validate(FieldVector vector) {
    ValueVectorUtility.validateFull(vector instanceof MapVector map ? map.getDataVector() : vector);
  }

  long rows() {
    return batches.stream().mapToLong(ArrowRecordBatch::getLength).sum();
  }

  @Override
  public void close() throws Exception {
    AutoCloseables.close(batches);
    for (long id : dictionaries.getDictionaryIds()) {
      dictionaries.lookup(id).getVector().close();
    }
  }
}
