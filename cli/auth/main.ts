import { randomBytes } from "node:crypto";
import { errorRecord } from "@pitaya/protocol";
import { writeComposeCredentials } from "./compose-credentials.ts";

/** `node credentials.mjs <directory>`: the one-shot service of docker-compose.yml. */
const [, , directory = "/credentials"] = process.argv;
try {
  await writeComposeCredentials(directory, randomBytes(4).toString("hex"));
} catch (error) {
  const { message, hint } = errorRecord(error);
  process.stderr.write(`pitaya credentials: ${message}${hint ? `\n  ${hint}` : ""}\n`);
  process.exitCode = 1;
}
