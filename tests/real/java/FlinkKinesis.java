// What reads a stream in a job of Flink: the consumer that applications of Flink 1.x have, with its own defaults.
import java.util.Properties;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.connectors.kinesis.FlinkKinesisConsumer;

public class FlinkKinesis {
  public static DataStream<String> source(StreamExecutionEnvironment flink, String endpoint, String stream) {
    Properties settings = new Properties();
    settings.setProperty("aws.region", "us-east-1");
    settings.setProperty("aws.endpoint", endpoint);
    settings.setProperty("aws.credentials.provider", "BASIC");
    settings.setProperty("aws.credentials.provider.basic.accesskeyid", "AKIDEXAMPLE");
    settings.setProperty("aws.credentials.provider.basic.secretkey", "secret");
    settings.setProperty("flink.stream.initpos", "TRIM_HORIZON");
    return flink.addSource(new FlinkKinesisConsumer<>(stream, new SimpleStringSchema(), settings)).name("source")
        .uid("source");
  }
}
