import { natsBus } from "@pitaya/bus";

/**
 * Stores and reads a blob of the given bytes and tells the most memory this process ever had. Its
 * own program, so that what it tells is of the transfer alone.
 */
const [servers = "", length = "0"] = process.argv.slice(2);
const bytes = Number(length);

async function* content() {
  const chunk = Buffer.alloc(64 * 1024, 7);
  for (let sent = 0; sent < bytes; sent += chunk.byteLength) {
    chunk.writeUInt32BE(sent >>> 0, 0);
    yield Buffer.from(chunk.subarray(0, Math.min(chunk.byteLength, bytes - sent)));
  }
}

const bus = await natsBus({ servers, name: "transfer" });
const ref = await bus.blobs.put(content);
let read = 0;
for await (const part of bus.blobs.get(ref)) read += part.byteLength;
await bus.close();
process.stdout.write(JSON.stringify({ read, maxRssBytes: process.resourceUsage().maxRSS * 1024 }));
