// A member of a share group that does with each record what its value says: ShareReader BOOTSTRAP GROUP TOPIC
// "accept", "reject" and "release" are Kafka's words; "hold" is kept in flight, and the reader polls no more: it waits.
// With a fourth argument it does that with every record. It prints "ACKNOWLEDGEMENT PARTITION OFFSET". Asked to end while
// it waits it leaves the group, and what it holds goes to others at once.
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class ShareReader {
  public static void main(String[] args) throws Exception {
    Map<String, Object> settings = Map.of(
        "bootstrap.servers", args[0], "group.id", args[1], "share.acknowledgement.mode", "explicit");
    var bytes = new ByteArrayDeserializer();
    try (var consumer = new KafkaShareConsumer<>(settings, bytes, bytes)) {
      consumer.subscribe(List.of(args[2]));
      boolean holds = false;
      while (!holds) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
          String word = args.length > 3 ? args[3] : new String(record.value(), StandardCharsets.UTF_8);
          if (word.equals("hold")) {
            holds = true;
          } else {
            consumer.acknowledge(record, AcknowledgeType.valueOf(word.toUpperCase(Locale.ROOT)));
          }
          System.out.println(word + " " + record.partition() + " " + record.offset());
        }
        consumer.commitSync();
      }
      Thread reader = Thread.currentThread();
      Runtime.getRuntime().addShutdownHook(new Thread(() -> end(reader)));
      Thread.sleep(Long.MAX_VALUE);
    } catch (InterruptedException asked) {
      System.out.println("left");
    }
  }

  private static void end(Thread reader) {
    reader.interrupt();
    try {
      reader.join();
    } catch (InterruptedException ignored) {
      Thread.currentThread().interrupt();
    }
  }
}
