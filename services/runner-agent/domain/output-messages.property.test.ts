import fc from "fast-check";
import { expect, it } from "vitest";
import { headersOf, readHeaders } from "./output-headers.rules.ts";
import {
  cursorAfter,
  FRESH_CURSOR,
  type OutputSegment,
  type OutputStream,
  packOutput,
} from "./output-messages.rules.ts";

const MAX_BYTES = 16;
const streams: readonly OutputStream[] = ["stdout", "stderr"];

/** Output as it is read: each segment follows the one before it in its stream; lengths may differ by redaction. */
const output = fc
  .array(
    fc.record({
      stream: fc.constantFrom(...streams),
      text: fc.string({ unit: fc.constantFrom("a", "b", "\n"), minLength: 1, maxLength: 50 }),
      taken: fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 60 })),
    }),
    { maxLength: 30, size: "max" },
  )
  .map((pieces) => {
    const at = { stdout: 0, stderr: 0 };
    return pieces.map(({ stream, text, taken }): OutputSegment => {
      const fromOffset = at[stream];
      at[stream] += taken ?? text.length;
      return { stream, fromOffset, toOffset: at[stream], bytes: Buffer.from(text) };
    });
  });

const textOf = (parts: readonly { readonly bytes: Uint8Array }[]) =>
  Buffer.concat(parts.map(({ bytes }) => bytes)).toString();

it("keeps every byte of each stream, in order, whatever the batches", () => {
  fc.assert(
    fc.property(output, fc.integer({ min: 1, max: 30 }), (segments, batch) => {
      let cursor = FRESH_CURSOR;
      const messages = [];
      for (let n = 0; n < segments.length; n += batch) {
        const packed = packOutput(segments.slice(n, n + batch), cursor, MAX_BYTES);
        messages.push(...packed.messages);
        cursor = packed.cursor;
      }
      for (const stream of streams) {
        const mine = messages.filter(({ head }) => head.stream === stream);
        const given = segments.filter((segment) => segment.stream === stream);
        expect(textOf(mine.map(({ body }) => ({ bytes: body })))).toBe(textOf(given));
        expect(cursor.next[stream]).toBe(given.at(-1)?.toOffset ?? 0);
        let before = "\n";
        for (const { head, body } of mine) {
          expect(body.byteLength).toBeLessThanOrEqual(MAX_BYTES);
          expect(head.beginsLine).toBe(before.endsWith("\n"));
          before = Buffer.from(body).toString();
          expect(head.endsLine).toBe(before.endsWith("\n"));
        }
      }
    }),
    { numRuns: 300 },
  );
});

it("lets adoption go on after any message without losing a byte", () => {
  fc.assert(
    fc.property(output, (segments) => {
      const { messages } = packOutput(segments, FRESH_CURSOR, MAX_BYTES);
      let cursor = FRESH_CURSOR;
      for (const message of messages) {
        const { stream, offset } = message.head;
        expect(offset).toBeLessThanOrEqual(cursor.next[stream]);
        cursor = cursorAfter(cursor, message);
        // What is said to be done must have been published whole.
        const done = segments.filter(
          (s) => s.stream === stream && s.toOffset <= cursor.next[stream],
        );
        const published = messages
          .slice(0, messages.indexOf(message) + 1)
          .filter(({ head }) => head.stream === stream);
        const text = textOf(published.map(({ body }) => ({ bytes: body })));
        expect(text.startsWith(textOf(done))).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

it("travels in headers and back", () => {
  fc.assert(
    fc.property(output, (segments) => {
      const { messages } = packOutput(segments, FRESH_CURSOR, MAX_BYTES);
      for (const { head } of messages) expect(readHeaders(headersOf(head))).toEqual(head);
    }),
    { numRuns: 50 },
  );
});
