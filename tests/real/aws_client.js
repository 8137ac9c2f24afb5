// What the tests let AWS's SDK for JavaScript do: node aws_client.js JSON, where JSON is [url, key, secret, what, ...].
const { NodeHttpHandler } = require('@smithy/node-http-handler');
const k = require('@aws-sdk/client-kinesis');
const c = require('@aws-sdk/client-cloudwatch');
const s = require('@aws-sdk/client-sts');
const [url, accessKeyId, secretAccessKey, what, ...rest] = JSON.parse(process.argv[2]);
// The SDK speaks HTTP/2 to Kinesis unless told otherwise; the reference has HTTP/1.1 only.
const requestHandler = new NodeHttpHandler();
const options = {
  endpoint: url, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1, requestHandler,
};
const kinesis = new k.KinesisClient(options);
const cloudwatch = new c.CloudWatchClient(options);
const refusal = async (sent) => {
  try { await sent; } catch (error) { return error.name; }
  return 'nothing was refused';
};
const shardsOf = async (StreamName) => (await kinesis.send(new k.ListShardsCommand({ StreamName }))).Shards;
const acts = {
  stream: async (StreamName, values) => {
    await kinesis.send(new k.CreateStreamCommand({ StreamName, ShardCount: 2 }));
    await k.waitUntilStreamExists({ client: kinesis, minDelay: 1, maxDelay: 1, maxWaitTime: 20 }, { StreamName });
    const Records = values.map(value => ({ Data: Buffer.from(value), PartitionKey: value }));
    const put = await kinesis.send(new k.PutRecordsCommand({ StreamName, Records }));
    if (put.FailedRecordCount) throw new Error(JSON.stringify(put));
    const read = [];
    for (const { ShardId } of await shardsOf(StreamName)) {
      const start = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' };
      const { ShardIterator } = await kinesis.send(new k.GetShardIteratorCommand(start));
      const got = await kinesis.send(new k.GetRecordsCommand({ ShardIterator }));
      if (!(got.Records.every(one => one.ApproximateArrivalTimestamp instanceof Date))) throw new Error('no times');
      read.push(...got.Records.map(one => Buffer.from(one.Data).toString()));
    }
    return read;
  },
  missing: (StreamName) => refusal(kinesis.send(new k.DescribeStreamSummaryCommand({ StreamName }))),
  throttled: async (StreamName, size) => {
    const record = { StreamName, PartitionKey: 'k', Data: Buffer.alloc(size, 'x') };
    await kinesis.send(new k.PutRecordCommand(record));
    return refusal(kinesis.send(new k.PutRecordCommand(record)));
  },
  metrics: async (stream, start, end) => {
    const Dimensions = [{ Name: 'StreamName', Value: stream }];
    const listed = await cloudwatch.send(new c.ListMetricsCommand({ Namespace: 'AWS/Kinesis', Dimensions }));
    const Metric = { Namespace: 'AWS/Kinesis', MetricName: 'IncomingRecords', Dimensions };
    const data = await cloudwatch.send(new c.GetMetricDataCommand({
      MetricDataQueries: [{ Id: 'a', MetricStat: { Metric, Period: 60, Stat: 'Sum' } }],
      StartTime: new Date(start * 1000), EndTime: new Date(end * 1000),
    }));
    const [{ Timestamps, Values }] = data.MetricDataResults;
    return [listed.Metrics.map(one => one.MetricName), Timestamps.map(at => at.getTime() / 1000), Values];
  },
  whoami: async () => (await new s.STSClient(options).send(new s.GetCallerIdentityCommand({}))).Arn,
  refused: async () => [
    await refusal(kinesis.send(new k.ListStreamsCommand({}))),
    await refusal(cloudwatch.send(new c.ListMetricsCommand({}))),
    await refusal(new s.STSClient(options).send(new s.GetCallerIdentityCommand({}))),
  ],
  subscribe: async (StreamARN, count) => {
    const made = await kinesis.send(new k.RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'js' }));
    const { ConsumerARN } = made.Consumer;
    let status;
    while (status !== 'ACTIVE') {
      const told = await kinesis.send(new k.DescribeStreamConsumerCommand({ ConsumerARN }));
      status = told.ConsumerDescription.ConsumerStatus;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    const start = { ConsumerARN, ShardId: 'shardId-000000000000', StartingPosition: { Type: 'TRIM_HORIZON' } };
    const { EventStream } = await kinesis.send(new k.SubscribeToShardCommand(start));
    const read = [];
    for await (const { SubscribeToShardEvent } of EventStream) {
      read.push(...SubscribeToShardEvent.Records.map(one => Buffer.from(one.Data).toString()));
      if (read.length >= count) break;
    }
    return read;
  },
};
acts[what](...rest).then(answer => { console.log(JSON.stringify(answer)); process.exit(0); },
                         error => { console.error(error); process.exit(1); });
