import { parseArgs } from "node:util";
import { startModelServer } from "./model-server.ts";
import { SCENARIOS } from "./scenarios.ts";

/*
 * The scripted model server as a program: prints one line of JSON with its address, and ends on
 * SIGTERM or SIGINT, or with `--until-stdin-ends` when the process that started it is gone.
 */
const { values } = parseArgs({
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    "until-stdin-ends": { type: "boolean", default: false },
  },
});

const server = await startModelServer({ host: values.host, port: Number(values.port) });
const scenarios = Object.keys(SCENARIOS);
process.stdout.write(
  `${JSON.stringify({ host: values.host, port: server.port, url: "/s/<scenario>/<id>", scenarios })}\n`,
);

const stop = () => {
  server.close().then(() => process.exit(0));
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
if (values["until-stdin-ends"]) process.stdin.on("end", stop).resume();
