package org.apache.arrow.flight;

import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.compression.CompressionCodec;
import org.apache.arrow.vector.compression.CompressionUtil.CodecType;
import org.apache.arrow.vector.compression.NoCompressionCodec;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/**
 * Starts a stream whose batches are compressed.
 *
 * <p>flight-core 19 reads compressed batches, but has no option to write them: its listeners keep
 * the unloader, which would take a codec, to their package. Hence this class in that package. The
 * dictionaries themselves always leave uncompressed (DictionaryUtils).
 */
public final class Compressed {
  private Compressed() {}

  /** {@code compression} is none, lz4 or zstd; a level, as in zstd:3, is left to the library. */
  public static void start(
      OutboundStreamListener listener, VectorSchemaRoot root, DictionaryProvider dictionaries, String compression) {
    listener.start(root, dictionaries);
    ((OutboundStreamListenerImpl) listener).unloader = new VectorUnloader(root, true, codec(compression), true);
  }

  private static CompressionCodec codec(String compression) {
    return switch (compression.split(":")[0]) {
      case "none" -> NoCompressionCodec.INSTANCE;
      case "lz4" -> CompressionCodec.Factory.INSTANCE.createCodec(CodecType.LZ4_FRAME);
      case "zstd" -> CompressionCodec.Factory.INSTANCE.createCodec(CodecType.ZSTD);
      default -> throw CallStatus.INVALID_ARGUMENT.withDescription("compression " + compression).toRuntimeException();
    };
  }
}
