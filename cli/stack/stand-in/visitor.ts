import { connectStack } from "../connect.ts";

/** A command of its own: connects, says what it got on stdout, and stays until stdin ends. */
const { directory, entry, build } = JSON.parse(process.argv[2] ?? "") as Record<string, string>;
let starts = 0;
const connection = await connectStack({
  env: process.env,
  ...(directory ? { stateDirectory: directory } : {}),
  ...(entry ? { entry } : {}),
  onProgress: (text) => {
    if (text === "starting the stack") starts += 1;
  },
  program: { version: "0.1.0", build: build ?? "b1" },
});
const { pid } = await connection.status();
console.log(JSON.stringify({ pid, url: connection.bus.url, starts }));
process.stdin.resume();
process.stdin.on("end", () => connection.close());
