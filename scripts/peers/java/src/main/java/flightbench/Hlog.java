package flightbench;

import java.io.File;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogProcessor;
import org.HdrHistogram.HistogramLogReader;

/** Reads a histogram log with HdrHistogram's own library, which shares no code with this project. */
final class Hlog {
  private Hlog() {}

  /** Prints a line a tag: TAG COUNT MAX P50 P99, of all intervals together. */
  static void print(String path) throws Exception {
    Map<String, Histogram> sums = new TreeMap<>();
    try (HistogramLogReader log = new HistogramLogReader(new File(path))) {
      while (log.hasNext()) {
        EncodableHistogram interval = log.nextIntervalHistogram();
        if (interval instanceof Histogram h) {
          sums.computeIfAbsent(String.valueOf(h.getTag()), t -> new Histogram(h)).add(h);
        }
      }
    }
    sums.forEach((tag, h) ->
        System.out.printf("%s %d %d %d %d%n", tag, h.getTotalCount(), h.getMaxValue(), h.getValueAtPercentile(50), h.getValueAtPercentile(99)));
  }

  /** Has HdrHistogram's log processor write the intervals of each tag to FOLDER/TAG.hgrm, in milliseconds. */
  static void process(String path, String folder, List<String> tags) {
    for (String tag : tags) {
      HistogramLogProcessor.main(new String[] {"-i", path, "-tag", tag, "-o", folder + "/" + tag});
    }
  }
}
