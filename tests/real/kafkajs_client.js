// What the tests let kafkajs do: node kafkajs_client.js JSON, where JSON is [bootstrap, what, topic, group, rest].
const { Kafka, logLevel } = require('kafkajs');
const [bootstrap, what, topic, group, rest] = JSON.parse(process.argv[2]);
const kafka = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING, retry: { retries: 8 } });
const member = async (read) => {
  const consumer = kafka.consumer({ groupId: group, heartbeatInterval: 500 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let owned = 0;
  consumer.on(consumer.events.GROUP_JOIN, e => { owned = (e.payload.memberAssignment[topic] || []).length; });
  await consumer.run({ eachMessage: async ({ message }) => { read.push(message.value.toString()); } });
  return { stop: () => consumer.disconnect(), owned: () => owned };
};
const until = async (done) => { while (!done()) await new Promise(r => setTimeout(r, 50)); };
const acts = {
  produce: async () => {
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: rest.map(value => ({ value })) });
    await producer.disconnect();
  },
  consume: async () => {
    const read = [];
    const one = await member(read);
    await until(() => read.length >= rest);
    await one.stop();
    return read;
  },
  share: async () => {
    const both = [await member([]), await member([])];
    await until(() => both.every(one => one.owned() === 3));
    const owned = both.map(one => one.owned());
    for (const one of both) await one.stop();
    return owned;
  },
  administer: async () => {
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 2, replicationFactor: 3 }] });
    const resource = { type: 2, name: topic };
    const configEntries = [{ name: 'retention.ms', value: '1234567' }];
    await admin.alterConfigs({ resources: [{ ...resource, configEntries }] });
    const found = await admin.describeConfigs({ resources: [{ ...resource, configNames: ['retention.ms'] }] });
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
    return found.resources[0].configEntries[0].configValue;
  },
};
acts[what]().then(answer => { console.log(JSON.stringify(answer ?? null)); process.exit(0); },
                  error => { console.error(error); process.exit(1); });
