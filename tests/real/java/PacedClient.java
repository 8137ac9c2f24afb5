// Kafka's own producer and consumer at a pace: PacedClient BOOTSTRAP TOPIC PARTITIONS INTERVAL_MS RECORDS
// Each interval one record goes to each partition, spread over the interval, acks=all, none waits for others; a consumer
// without a group reads them. At last it prints of each "STARTED_NS ACKNOWLEDGED_US CONSUMED_US", times from the call of send.
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class PacedClient {
  private static final int BYTES = 16;
  private static final Map<Long, Long> ACKNOWLEDGED = new ConcurrentHashMap<>();
  private static final Map<Long, Long> CONSUMED = new ConcurrentHashMap<>();
  private static volatile boolean reading;

  public static void main(String[] args) throws Exception {
    String topic = args[1];
    int partitions = Integer.parseInt(args[2]);
    long apart = Long.parseLong(args[3]) * 1_000_000 / partitions;
    int records = Integer.parseInt(args[4]);
    Thread reader = new Thread(() -> read(args[0], topic, partitions, records));
    reader.start();
    var bytes = new ByteArraySerializer();
    Map<String, Object> settings = Map.of("bootstrap.servers", args[0], "acks", "all", "linger.ms", 0);
    try (var producer = new KafkaProducer<>(settings, bytes, bytes)) {
      producer.partitionsFor(topic);
      while (!reading) Thread.sleep(10);
      long due = System.nanoTime();
      for (int number = 0; number < records; number++) {
        due = Math.max(due + apart, System.nanoTime());
        long left = due - System.nanoTime();
        if (left > 0) Thread.sleep(left / 1_000_000, (int) (left % 1_000_000));
        long started = System.nanoTime();
        byte[] value = ByteBuffer.allocate(BYTES).putLong(started).array();
        producer.send(new ProducerRecord<>(topic, number % partitions, null, value), (at, error) -> {
          if (error != null) throw new IllegalStateException(error);
          ACKNOWLEDGED.put(started, System.nanoTime() - started);
        });
      }
    }
    reader.join();
    CONSUMED.forEach((started, nanos) -> 
        System.out.println(started + " " + ACKNOWLEDGED.get(started) / 1000 + " " + nanos / 1000));
  }

  private static void read(String bootstrap, String topic, int partitions, int records) {
    var bytes = new ByteArrayDeserializer();
    Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "enable.auto.commit", false);
    try (var consumer = new KafkaConsumer<>(settings, bytes, bytes)) {
      consumer.assign(IntStream.range(0, partitions).mapToObj(at -> new TopicPartition(topic, at)).toList());
      consumer.seekToEnd(List.of());
      consumer.assignment().forEach(consumer::position);
      reading = true;
      for (int come = 0; come < records; ) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
          long started = ByteBuffer.wrap(record.value()).getLong();
          CONSUMED.put(started, System.nanoTime() - started);
          come++;
        }
      }
    }
  }
}
