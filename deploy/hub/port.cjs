// Loaded into the proxy: its port is open already, handed over by the launcher, which keeps it while a
// proxy falls and the next one starts. So it can be nobody else's, and who asks meanwhile waits.
const { Server } = require("net");
const { listen } = Server.prototype;
const port = Number(process.env.LENET_HUB_PORT);

Server.prototype.listen = function (where, ...more) {
  return listen.call(this, where === port ? { fd: Number(process.env.LENET_SOCKET) } : where, ...more);
};
