// Brings agents' connections to the gateway, which is in the runner-agent, wherever that runs: this
// runs in a container on the engine's host, and all that it needs of the runner-agent is the engine.
//
//   node -e "$(cat relay.cjs)" listen ADDRESS PORT    takes connections, for as long as the container lives
//   node -e "$(cat relay.cjs)" uplink                 a runner-agent's end: HTTP/2 over its standard streams
//
// Each connection is a stream of one HTTP/2 session, which gives each its own back-pressure. Those
// that come while no runner-agent is there wait for the next one.
const http2 = require("node:http2");
const net = require("node:net");

const SOCKET = "/pitaya/relay/socket";
const PORT_IS_TAKEN = 98;
const WINDOW_BYTES = 1024 * 1024;
/** Of one agent at the same time: each costs memory here and in the runner-agent. */
const MAX_CONNECTIONS = 256;
const [, job, address, port] = process.argv;

function carry(session, socket) {
  const stream = session.request({ ":method": "CONNECT", ":authority": "gateway" });
  socket.pipe(stream).pipe(socket);
  const end = () => {
    socket.destroy();
    stream.destroy();
  };
  for (const side of [socket, stream]) side.on("error", end);
  socket.on("close", () => stream.close());
  stream.on("close", () => socket.destroy());
}

function listen() {
  let session;
  const waiting = new Set();
  const open = new Map();
  const agents = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const from = socket.remoteAddress;
    const others = open.get(from) ?? 0;
    if (others >= MAX_CONNECTIONS) return socket.destroy();
    open.set(from, others + 1);
    socket.on("close", () => {
      const left = open.get(from) - 1;
      if (left === 0) open.delete(from);
      else open.set(from, left);
    });
    if (session) return carry(session, socket);
    waiting.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => waiting.delete(socket));
  });
  const uplinks = net.createServer((socket) => {
    session?.destroy();
    const own = http2.connect("http://gateway", {
      createConnection: () => socket,
      settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
    });
    own.on("error", () => own.destroy());
    own.on("close", () => {
      socket.destroy();
      if (session === own) session = undefined;
    });
    // It may serve from now on: its settings are there.
    own.once("remoteSettings", () => {
      session = own;
      for (const agent of waiting) carry(own, agent);
      waiting.clear();
    });
  });
  agents.on("error", (error) => process.exit(error.code === "EADDRINUSE" ? PORT_IS_TAKEN : 1));
  agents.listen(Number(port), address, () => uplinks.listen(SOCKET));
}

// The container may have been started a moment ago.
function uplink(triesLeft) {
  const socket = net.connect(SOCKET);
  socket.once("connect", () => {
    process.stdin.pipe(socket).pipe(process.stdout);
    socket.on("close", () => process.exit(0));
  });
  socket.on("error", () => {
    if (triesLeft === 0) process.exit(1);
    setTimeout(() => uplink(triesLeft - 1), 50);
  });
}

if (job === "listen") listen();
else uplink(200);
