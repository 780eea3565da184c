import { Duplex } from "node:stream";
import { expect, it } from "vitest";
import { lineChannel } from "./line-channel.ts";

function channel() {
  const got: unknown[] = [];
  const sent: string[] = [];
  const ended = Promise.withResolvers<void>();
  const socket = new Duplex({
    read() {},
    write(chunk, _, done) {
      sent.push(String(chunk));
      done();
    },
  });
  const own = lineChannel(socket, { message: (value) => got.push(value), end: ended.resolve });
  return { socket, got, sent, ended: ended.promise, own };
}

it("gives each line once, however the bytes come in", async () => {
  const { socket, got, ended } = channel();
  const lines = [{ text: "käse ✓" }, { text: "a\nb" }, [1, 2], null];
  for (const byte of Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""))) {
    socket.push(Buffer.from([byte]));
  }
  socket.push(`${JSON.stringify("two at")}\n${JSON.stringify("once")}\n{"unfinished":`);
  socket.push(null);
  await ended;
  expect(got).toEqual([...lines, "two at", "once"]);
});

it.each([
  ["no JSON", '{"a":1}\nnonsense\n{"b":2}\n'],
  ["an empty line", '{"a":1}\n\n{"b":2}\n'],
  ["a line without end", `{"a":1}\n${"x".repeat(1024 * 1024 + 1)}`],
])("ends at %s, and gives nothing after it", async (_, text) => {
  const { socket, got, ended } = channel();
  socket.push(text);
  await ended;
  expect(got).toEqual([{ a: 1 }]);
  expect(socket.destroyed).toBe(true);
});

it("sends lines, and nothing once it is closed", async () => {
  const { sent, own, socket, ended } = channel();
  own.send({ a: "1\n2" });
  own.close();
  own.send({ b: 2 });
  socket.push(null);
  await ended;
  expect(sent).toEqual(['{"a":"1\\n2"}\n']);
});
