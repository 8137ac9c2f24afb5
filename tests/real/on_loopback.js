// Starts a server that would listen on all addresses, but on loopback: node on_loopback.js PROGRAM ARGUMENT...
const net = require('net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (where, ...rest) {
  const options = typeof where === 'object' ? where : { port: Number(where) };
  return listen.call(this, { ...options, host: '127.0.0.1' }, ...rest.filter(one => typeof one === 'function'));
};
process.argv.splice(1, 1);
require(process.argv[1]);
