import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.services.kinesis.producer.KinesisProducer;
import com.amazonaws.services.kinesis.producer.KinesisProducerConfiguration;
import com.amazonaws.services.kinesis.producer.UserRecordResult;
import com.google.common.util.concurrent.ListenableFuture;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Writes numbered records to a stream with the Kinesis Producer Library, aggregated: PORT STREAM COUNT. */
public class KplWriter {
    public static void main(String[] given) throws Exception {
        long port = Long.parseLong(given[0]);
        KinesisProducerConfiguration how = new KinesisProducerConfiguration()
                .setCredentialsProvider(new AWSStaticCredentialsProvider(new BasicAWSCredentials("kpl", "kpl")))
                .setRegion("us-east-1")
                .setKinesisEndpoint("127.0.0.1").setKinesisPort(port)
                .setCloudwatchEndpoint("127.0.0.1").setCloudwatchPort(port)
                .setStsEndpoint("127.0.0.1").setStsPort(port)
                .setVerifyCertificate(false)
                .setMetricsLevel("none")
                .setRecordMaxBufferedTime(200)
                .setLogLevel("warning");
        KinesisProducer producer = new KinesisProducer(how);
        List<ListenableFuture<UserRecordResult>> sent = new ArrayList<>();
        for (int number = 0; number < Integer.parseInt(given[2]); number++) {
            ByteBuffer data = ByteBuffer.wrap(String.valueOf(number).getBytes(StandardCharsets.UTF_8));
            sent.add(producer.addUserRecord(given[1], "key" + number % 50, data));
        }
        int written = 0;
        for (ListenableFuture<UserRecordResult> one : sent) {
            written += one.get(60, TimeUnit.SECONDS).isSuccessful() ? 1 : 0;
        }
        System.out.println("written " + written);
        producer.destroy();
    }
}
