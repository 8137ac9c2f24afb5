// An application of Kafka Streams in a group of its own protocol (KIP-1071), which counts the values of a topic by way
// of a repartition topic: StreamsCounter BOOTSTRAP APPLICATION TOPIC THREADS FOLDER
// At a record "hold" the thread that processes it stands still.
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;

public class StreamsCounter {
  public static void main(String[] args) throws Exception {
    var settings = new Properties();
    settings.putAll(Map.of(
        "bootstrap.servers", args[0], "application.id", args[1], "num.stream.threads", args[3], "state.dir", args[4],
        "group.protocol", "streams", "auto.offset.reset", "earliest", "commit.interval.ms", "200",
        "replication.factor", "1"));
    var text = Serdes.String();
    var builder = new StreamsBuilder();
    builder.stream(args[2], Consumed.with(text, text))
        .peek((key, value) -> hold(value))
        .groupBy((key, value) -> value, Grouped.with("by-value", text, text))
        .count();
    var streams = new KafkaStreams(builder.build(), settings);
    streams.start();
    Thread.sleep(Long.MAX_VALUE);
  }

  private static void hold(String value) {
    if (value.equals("hold")) {
      try {
        Thread.sleep(Long.MAX_VALUE);
      } catch (InterruptedException ended) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
