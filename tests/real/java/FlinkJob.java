// A job of real Apache Flink, in a cluster of this one process, and what Flink itself says of it once a second:
//   FlinkJob kinesis ENDPOINT STREAM CHECKPOINTS [SAVEPOINT]
//   FlinkJob kafka BOOTSTRAP TOPIC CHECKPOINTS [SAVEPOINT]
// Nothing is configured but a checkpoint every second and what tells numbers: restarts are Flink's own default. Of each
// record the value says what is done with it: "poison" fails, "pause-N..." takes N milliseconds.
// It prints "metric AT NAME VALUE SCOPE", "status AT STATUS", "done AT VALUE" of each record and, asked by a file "stop"
// in CHECKPOINTS, "savepoint PATH"; then it ends.
import java.io.File;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

public class FlinkJob {
  static final Set<String> NAMES = Set.of("millisBehindLatest", "numRestarts", "fullRestarts", "uptime", "downtime",
      "restartingTime", "runningTime", "failingTime", "cancellingTime", "numberOfFailedCheckpoints",
      "numberOfCompletedCheckpoints", "lastCheckpointDuration", "lastCheckpointSize", "backPressuredTimeMsPerSecond",
      "records-lag-max", "commitsFailed", "commitsSucceeded", "pendingRecords", "numRecordsIn");
  static final Map<Metric, String[]> KNOWN = new ConcurrentHashMap<>();

  /** Flink makes one of it, by its name in META-INF/services. */
  public static class Reporter implements MetricReporter, MetricReporterFactory {
    public MetricReporter createMetricReporter(Properties properties) {
      return this;
    }

    public void open(MetricConfig config) {}

    public void close() {}

    public void notifyOfAddedMetric(Metric metric, String name, MetricGroup group) {
      if (NAMES.contains(name)) KNOWN.put(metric, new String[] {name, group.getMetricIdentifier(name).replace(' ', '_')});
    }

    public void notifyOfRemovedMetric(Metric metric, String name, MetricGroup group) {
      KNOWN.remove(metric);
    }
  }

  static void tell() {
    long at = System.currentTimeMillis();
    KNOWN.forEach((metric, of) -> {
      try {
        Object value = metric instanceof Gauge ? ((Gauge<?>) metric).getValue()
            : metric instanceof Counter ? ((Counter) metric).getCount() : null;
        if (value != null) say("metric " + at + " " + of[0] + " " + value + " " + of[1]);
      } catch (RuntimeException gone) {
        say("unreadable " + at + " " + of[0] + " " + gone);
      }
    });
  }

  static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  static String handled(String value) throws Exception {
    if (value.startsWith("poison")) throw new IllegalStateException("a record that cannot be read");
    if (value.startsWith("pause-")) Thread.sleep(Long.parseLong(value.substring("pause-".length()).split("-")[0]));
    say("done " + System.currentTimeMillis() + " " + value);
    return value;
  }

  static DataStream<String> kafka(StreamExecutionEnvironment flink, String bootstrap, String topic) {
    KafkaSource<String> source = KafkaSource.<String>builder().setBootstrapServers(bootstrap).setTopics(topic)
        .setGroupId("flink-" + topic).setStartingOffsets(OffsetsInitializer.earliest())
        .setValueOnlyDeserializer(new SimpleStringSchema()).build();
    return flink.fromSource(source, WatermarkStrategy.noWatermarks(), "source").uid("source");
  }

  @SuppressWarnings("unchecked")
  static DataStream<String> source(StreamExecutionEnvironment flink, String[] args) throws Exception {
    if (args[0].equals("kafka")) return kafka(flink, args[1], args[2]);
    return (DataStream<String>) Class.forName("FlinkKinesis")
        .getMethod("source", StreamExecutionEnvironment.class, String.class, String.class)
        .invoke(null, flink, args[1], args[2]);
  }

  public static void main(String[] args) throws Exception {
    Configuration settings = new Configuration();
    settings.setString("metrics.reporters", "ours");
    settings.setString("metrics.reporter.ours.factory.class", Reporter.class.getName());
    settings.setString("execution.checkpointing.interval", "1s");
    settings.setString("execution.checkpointing.dir", "file://" + args[3]);
    settings.setString("state.checkpoints.dir", "file://" + args[3]);
    if (args.length > 4) settings.setString("execution.savepoint.path", args[4]);
    if (args.length > 4) settings.setString("execution.state-recovery.path", args[4]);
    StreamExecutionEnvironment flink = StreamExecutionEnvironment.createLocalEnvironment(1, settings);
    source(flink, args).rebalance().map(FlinkJob::handled).uid("work").sinkTo(new DiscardingSink<>()).uid("end");
    JobClient job = flink.executeAsync("flink-minutes");
    File stop = new File(args[3], "stop");
    while (!stop.exists()) {
      tell();
      say("status " + System.currentTimeMillis() + " " + job.getJobStatus().get(5, TimeUnit.SECONDS));
      TimeUnit.SECONDS.sleep(1);
    }
    say("savepoint " + job.stopWithSavepoint(false, args[3], SavepointFormatType.CANONICAL).get(60, TimeUnit.SECONDS));
    System.exit(0);
  }
}
