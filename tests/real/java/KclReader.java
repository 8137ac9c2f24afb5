// What the tests let the Kinesis Client Library do. One source for 2.x and 3.x:
//   KclReader ENDPOINT DYNAMODB STREAM[,STREAM...] APPLICATION WORKER polling|fan-out [START [FAILOVER_MILLIS]]
// Several streams are ACCOUNT:NAME:EPOCH each. START is TRIM_HORIZON (if nothing is written), LATEST or AT_TIMESTAMP.
// It prints "start SHARD", "record SHARD SEQUENCE KEY DATA", "behind SHARD MILLIS RECORDS AT" (what KCL itself knows of
// its lag, at each batch) and "end SHARD". A record "pause-N" takes N milliseconds; a worker whose name begins with
// "hangs" is never done with a record "hang".
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
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
import software.amazon.kinesis.common.StreamConfig;
import software.amazon.kinesis.common.StreamIdentifier;
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
import software.amazon.kinesis.processor.FormerStreamsLeasesDeletionStrategy;
import software.amazon.kinesis.processor.MultiStreamTracker;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.processor.StreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

public class KclReader {
  static final SdkAsyncHttpClient.Builder<?> HTTP =
      NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1).maxConcurrency(200);

  static boolean hangs;

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
        if (data.equals("hang") && hangs) pause(Long.MAX_VALUE);
        if (data.startsWith("pause-")) pause(Long.parseLong(data.substring("pause-".length())));
      }
      say("behind " + shard + " " + input.millisBehindLatest() + " " + input.records().size()
          + " " + System.currentTimeMillis());
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

  static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException reason) {
      Thread.currentThread().interrupt();
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

  static InitialPositionInStreamExtended start(String where) {
    return where.equals("AT_TIMESTAMP")
        ? InitialPositionInStreamExtended.newInitialPositionAtTimestamp(new Date(System.currentTimeMillis() - 60_000))
        : InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.valueOf(where));
  }

  /** Several streams, each as ACCOUNT:NAME:EPOCH. */
  static class Several implements MultiStreamTracker {
    private final List<StreamConfig> streams;

    Several(List<String> names, InitialPositionInStreamExtended start) {
      streams = names.stream().map(one -> new StreamConfig(StreamIdentifier.multiStreamInstance(one), start))
          .collect(Collectors.toList());
    }

    public List<StreamConfig> streamConfigList() {
      return streams;
    }

    public FormerStreamsLeasesDeletionStrategy formerStreamsLeasesDeletionStrategy() {
      return new FormerStreamsLeasesDeletionStrategy.NoLeaseDeletionStrategy();
    }
  }

  /**
   * The intervals that 3.x added: how often it measures its workers, and shares out leases. By the number of leases:
   * it would give none to a worker whose machine has more than 80 % of its processors busy, as one that tests often has.
   */
  static void hurry(LeaseManagementConfig leases) throws Exception {
    try {
      Object sharing = leases.getClass().getMethod("workerUtilizationAwareAssignmentConfig").invoke(leases);
      for (var each : Map.of("inMemoryWorkerMetricsCaptureFrequencyMillis", 200L,
          "workerMetricsReporterFreqInMillis", 500L).entrySet()) {
        sharing.getClass().getMethod(each.getKey(), long.class).invoke(sharing, each.getValue());
      }
      sharing.getClass().getMethod("disableWorkerMetrics", boolean.class).invoke(sharing, true);
      leases.getClass().getMethod("leaseAssignmentIntervalMillis", Long.class).invoke(leases, 500L);
    } catch (NoSuchMethodException isVersion2) {
      return;
    }
  }

  public static void main(String[] args) throws Exception {
    String endpoint = args[0], dynamo = args[1], application = args[3], worker = args[4];
    hangs = worker.startsWith("hangs");
    List<String> streams = Arrays.asList(args[2].split(","));
    long failover = args.length > 7 ? Long.parseLong(args[7]) : 1000;
    KinesisAsyncClient kinesis = client(KinesisAsyncClient.builder().httpClientBuilder(HTTP), endpoint);
    DynamoDbAsyncClient dynamodb = client(DynamoDbAsyncClient.builder().httpClientBuilder(HTTP), dynamo);
    CloudWatchAsyncClient cloudwatch = client(CloudWatchAsyncClient.builder().httpClientBuilder(HTTP), endpoint);
    InitialPositionInStreamExtended start = start(args.length > 6 ? args[6] : "TRIM_HORIZON");
    boolean isOne = streams.size() == 1;
    var fan = new FanOutConfig(kinesis).applicationName(application).retryBackoffMillis(200);
    var polling = isOne ? new PollingConfig(streams.get(0), kinesis) : new PollingConfig(kinesis);
    RetrievalSpecificConfig how = args[5].equals("fan-out")
        ? (isOne ? fan.streamName(streams.get(0)) : fan)
        : polling.idleTimeBetweenReadsInMillis(250).usePollingConfigIdleTimeValue(true);
    StreamTracker tracker = isOne ? new SingleStreamTracker(streams.get(0), start) : new Several(streams, start);
    var configs = new ConfigsBuilder(tracker, application, kinesis, dynamodb, cloudwatch, worker, Printer::new);
    LeaseManagementConfig leases = configs.leaseManagementConfig().billingMode(BillingMode.PAY_PER_REQUEST)
        .failoverTimeMillis(failover).shardSyncIntervalMillis(1000).leasesRecoveryAuditorExecutionFrequencyMillis(1000)
        .maxLeasesToStealAtOneTime(4);
    hurry(leases);
    CoordinatorConfig coordinator = configs.coordinatorConfig().parentShardPollIntervalMillis(200)
        .shardConsumerDispatchPollIntervalMillis(100).schedulerInitializationBackoffTimeMillis(200);
    Scheduler scheduler = new QuickScheduler(configs.checkpointConfig(), coordinator, leases,
        configs.lifecycleConfig().taskBackoffTimeMillis(100),
        configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
        configs.processorConfig().callProcessRecordsEvenForEmptyRecordList(true),
        configs.retrievalConfig().retrievalSpecificConfig(how));
    scheduler.run();
  }
}
