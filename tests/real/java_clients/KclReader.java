import java.net.URI;
import java.nio.charset.StandardCharsets;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/** Reads a stream with the Kinesis Client Library: KINESIS DYNAMODB STREAM APPLICATION WORKER polling|fan-out. */
public class KclReader {
    static class Processor implements ShardRecordProcessor {
        private String shard;

        public void initialize(InitializationInput input) {
            shard = input.shardId();
            say("lease " + shard);
        }

        public void processRecords(ProcessRecordsInput input) {
            for (KinesisClientRecord one : input.records()) {
                String data = StandardCharsets.UTF_8.decode(one.data()).toString();
                say("record " + shard + " " + one.partitionKey() + " " + data);
            }
            checkpoint(input.checkpointer()::checkpoint);
        }

        public void leaseLost(LeaseLostInput input) {
            say("lost " + shard);
        }

        public void shardEnded(ShardEndedInput input) {
            say("ended " + shard);
            checkpoint(input.checkpointer()::checkpoint);
        }

        public void shutdownRequested(ShutdownRequestedInput input) {
            checkpoint(input.checkpointer()::checkpoint);
        }
    }

    interface Checkpoint {
        void write() throws Exception;
    }

    static void checkpoint(Checkpoint checkpoint) {
        try {
            checkpoint.write();
        } catch (Exception error) {
            say("checkpoint " + error);
        }
    }

    static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    static NettyNioAsyncHttpClient.Builder http() {
        return NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1).maxConcurrency(200);
    }

    public static void main(String[] given) {
        String stream = given[2];
        String application = given[3];
        StaticCredentialsProvider keys = StaticCredentialsProvider.create(AwsBasicCredentials.create("kcl", "kcl"));
        KinesisAsyncClient kinesis = KinesisAsyncClient.builder().region(Region.US_EAST_1).credentialsProvider(keys)
                .endpointOverride(URI.create(given[0])).httpClientBuilder(http()).build();
        DynamoDbAsyncClient dynamo = DynamoDbAsyncClient.builder().region(Region.US_EAST_1).credentialsProvider(keys)
                .endpointOverride(URI.create(given[1])).httpClientBuilder(http()).build();
        CloudWatchAsyncClient watch = CloudWatchAsyncClient.builder().region(Region.US_EAST_1).credentialsProvider(keys)
                .endpointOverride(URI.create(given[0])).httpClientBuilder(http()).build();
        ConfigsBuilder configs =
                new ConfigsBuilder(stream, application, kinesis, dynamo, watch, given[4], Processor::new);
        InitialPositionInStreamExtended start =
                InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON);
        Scheduler scheduler = new Scheduler(
                configs.checkpointConfig(),
                configs.coordinatorConfig()
                        .parentShardPollIntervalMillis(200)
                        .shardConsumerDispatchPollIntervalMillis(100)
                        .schedulerInitializationBackoffTimeMillis(200),
                configs.leaseManagementConfig()
                        .failoverTimeMillis(1500)
                        .shardSyncIntervalMillis(500)
                        .leasesRecoveryAuditorExecutionFrequencyMillis(2000)
                        .initialPositionInStream(start),
                configs.lifecycleConfig(),
                configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
                configs.processorConfig(),
                given[5].equals("polling")
                        ? configs.retrievalConfig().initialPositionInStreamExtended(start).retrievalSpecificConfig(
                                new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(250))
                        : configs.retrievalConfig().initialPositionInStreamExtended(start).retrievalSpecificConfig(
                                new FanOutConfig(kinesis).streamName(stream).applicationName(application)));
        Runtime.getRuntime().addShutdownHook(new Thread(scheduler::shutdown));
        scheduler.run();
    }
}
