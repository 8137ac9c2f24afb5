// What the tests let the Kinesis Client Library do: KclReader ENDPOINT DYNAMODB STREAM APPLICATION WORKER polling|fan-out
// It prints "start SHARD", "record SHARD SEQUENCE KEY DATA" and "end SHARD". One source for 2.x and 3.x.
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.async.SdkAsyncHttpClient;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.CoordinatorConfig;
import software.amazon.kinesis.coordinator.QuickScheduler;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

public class KclReader {
  static final SdkAsyncHttpClient.Builder<?> HTTP =
      NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1).maxConcurrency(200);

  static class Printer implements ShardRecordProcessor {
    private String shard;

    public void initialize(InitializationInput input) {
      shard = input.shardId();
      say("start " + shard);
    }

    public void processRecords(ProcessRecordsInput input) {
      for (KinesisClientRecord one : input.records()) {
        String data = StandardCharsets.UTF_8.decode(one.data()).toString();
        say("record " + shard + " " + one.sequenceNumber() + " " + one.partitionKey() + " " + data);
      }
      if (!input.records().isEmpty()) checkpoint(input.checkpointer());
    }

    public void leaseLost(LeaseLostInput input) {
      say("lost " + shard);
    }

    public void shardEnded(ShardEndedInput input) {
      say("end " + shard);
      checkpoint(input.checkpointer());
    }

    public void shutdownRequested(ShutdownRequestedInput input) {
      checkpoint(input.checkpointer());
    }

    private void checkpoint(RecordProcessorCheckpointer checkpointer) {
      try {
        checkpointer.checkpoint();
      } catch (Exception reason) {
        say("unsaved " + shard + " " + reason);
      }
    }
  }

  static void say(String line) {
    byte[] whole = (line + "\n").getBytes(StandardCharsets.UTF_8);
    System.out.write(whole, 0, whole.length);  // one write: the log has other writers
    System.out.flush();
  }

  static <B extends AwsClientBuilder<B, C>, C> C client(B builder, String url) {
    var keys = StaticCredentialsProvider.create(AwsBasicCredentials.create("AKIDEXAMPLE", "secret"));
    return builder.region(Region.US_EAST_1).credentialsProvider(keys).endpointOverride(URI.create(url)).build();
  }

  /** The intervals that 3.x added: how often it measures its workers, and shares out leases. */
  static void hurry(LeaseManagementConfig leases) throws Exception {
    try {
      Object sharing = leases.getClass().getMethod("workerUtilizationAwareAssignmentConfig").invoke(leases);
      for (var each : Map.of("inMemoryWorkerMetricsCaptureFrequencyMillis", 200L,
          "workerMetricsReporterFreqInMillis", 500L).entrySet()) {
        sharing.getClass().getMethod(each.getKey(), long.class).invoke(sharing, each.getValue());
      }
      leases.getClass().getMethod("leaseAssignmentIntervalMillis", Long.class).invoke(leases, 500L);
    } catch (NoSuchMethodException isVersion2) {
      return;
    }
  }

  public static void main(String[] args) throws Exception {
    String endpoint = args[0], dynamo = args[1], stream = args[2], application = args[3], worker = args[4];
    KinesisAsyncClient kinesis = client(KinesisAsyncClient.builder().httpClientBuilder(HTTP), endpoint);
    DynamoDbAsyncClient dynamodb = client(DynamoDbAsyncClient.builder().httpClientBuilder(HTTP), dynamo);
    CloudWatchAsyncClient cloudwatch = client(CloudWatchAsyncClient.builder().httpClientBuilder(HTTP), endpoint);
    var start = InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON);
    RetrievalSpecificConfig how = args[5].equals("fan-out")
        ? new FanOutConfig(kinesis).streamName(stream).applicationName(application).retryBackoffMillis(200)
        : new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(250).usePollingConfigIdleTimeValue(true);
    var configs = new ConfigsBuilder(new SingleStreamTracker(stream, start), application, kinesis, dynamodb,
        cloudwatch, worker, Printer::new);
    LeaseManagementConfig leases = configs.leaseManagementConfig().billingMode(BillingMode.PAY_PER_REQUEST)
        .failoverTimeMillis(1000).shardSyncIntervalMillis(1000).leasesRecoveryAuditorExecutionFrequencyMillis(1000)
        .maxLeasesToStealAtOneTime(4);
    hurry(leases);
    CoordinatorConfig coordinator = configs.coordinatorConfig().parentShardPollIntervalMillis(200)
        .shardConsumerDispatchPollIntervalMillis(100).schedulerInitializationBackoffTimeMillis(200);
    Scheduler scheduler = new QuickScheduler(configs.checkpointConfig(), coordinator, leases,
        configs.lifecycleConfig().taskBackoffTimeMillis(100),
        configs.metricsConfig().metricsFactory(new NullMetricsFactory()), configs.processorConfig(),
        configs.retrievalConfig().retrievalSpecificConfig(how).initialPositionInStreamExtended(start));
    scheduler.run();
  }
}
