// What the tests let the Kinesis Producer Library do: KplWriter PORT STREAM COUNT KEYS FOLDER
// It writes "record N" for each N below COUNT, and prints "acknowledged N SHARD" or "refused N WHY".
import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.services.kinesis.producer.KinesisProducer;
import com.amazonaws.services.kinesis.producer.KinesisProducerConfiguration;
import com.amazonaws.services.kinesis.producer.UserRecordFailedException;
import com.amazonaws.services.kinesis.producer.UserRecordResult;
import com.google.common.util.concurrent.ListenableFuture;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;

public class KplWriter {
  public static void main(String[] args) throws Exception {
    String here = "127.0.0.1";
    long port = Long.parseLong(args[0]);
    int count = Integer.parseInt(args[2]), keys = Integer.parseInt(args[3]);
    var configuration = new KinesisProducerConfiguration()
        .setCredentialsProvider(new AWSStaticCredentialsProvider(new BasicAWSCredentials("AKIDEXAMPLE", "secret")))
        .setRegion("us-east-1").setVerifyCertificate(false).setTempDirectory(args[4])
        .setKinesisEndpoint(here).setKinesisPort(port).setStsEndpoint(here).setStsPort(port)
        .setCloudwatchEndpoint(here).setCloudwatchPort(port).setMetricsLevel("none")
        .setRecordMaxBufferedTime(100).setAggregationMaxCount(50).setRecordTtl(30_000);
    var producer = new KinesisProducer(configuration);
    List<ListenableFuture<UserRecordResult>> sent = new ArrayList<>();
    for (int number = 0; number < count; number++) {
      var data = ByteBuffer.wrap(("record " + number).getBytes(StandardCharsets.UTF_8));
      sent.add(producer.addUserRecord(args[1], "key-" + number % keys, data));
      if (number == 0) {
        producer.flush();
        sent.get(0).get();  // before the library knows the shards it aggregates nothing
      }
    }
    producer.flush();
    for (int number = 0; number < count; number++) {
      try {
        System.out.println("acknowledged " + number + " " + sent.get(number).get().getShardId());
      } catch (ExecutionException failed) {
        String why = failed.getCause() instanceof UserRecordFailedException
            ? String.valueOf(((UserRecordFailedException) failed.getCause()).getResult().getAttempts())
            : String.valueOf(failed.getCause());
        System.out.println("refused " + number + " " + why);
      }
    }
    producer.destroy();
  }
}
