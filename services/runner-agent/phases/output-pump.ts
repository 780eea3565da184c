import type { Clock } from "@pitaya/actors";
import type { AgentRecord, OutputParser } from "@pitaya/plugins";
import type { StepRecord } from "@pitaya/protocol";
import type { Redacted, Redactor } from "@pitaya/redaction";
import type { OutputPublisher } from "../adapters/output-publisher.ts";
import type { OutputCursor, OutputStream } from "../domain/output-messages.rules.ts";
import { outputTail } from "../domain/output-tail.ts";
import { stepRecord } from "../domain/step-records.rules.ts";
import type { OutputChunk, OutputGap } from "../ports/executor.port.ts";

/** What was published: a piece of output, or how many records were told of what came before. */
export type ReplayItem =
  | { readonly stream: OutputStream; readonly bytes: Uint8Array }
  | { readonly recordsTold: number };

export interface OutputPumpOptions {
  readonly parser: OutputParser;
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly onOutput: (atMs: number) => void;
  /** The agent CLI said how it calls its session. */
  readonly onSession: (sessionId: string) => void;
  readonly onGap: (gap: OutputGap) => void;
  /** The agent CLI said its last word. */
  readonly onFinal: () => void;
  /** A request of the agent's was refused, and it waits to make it again. */
  readonly onRefused: () => void;
}

/** An agent's output on its way: parsed, redacted, published, and its end kept. */
export interface OutputPump {
  /** Takes what an earlier incarnation had published, in its order, before anything is drained. */
  replay(item: ReplayItem): void;
  /** Reads to the end, as quickly as the bus takes it, from where `cursor` says. */
  drain(
    output: AsyncIterable<OutputChunk | { readonly gap: OutputGap }>,
    publisher: OutputPublisher,
    cursor: OutputCursor,
  ): Promise<void>;
  /** Takes records that came with the agent's end, and waits until everything is stored. */
  finish(records: readonly AgentRecord[], publisher: OutputPublisher): Promise<void>;
  lastOutput(): string;
}

const LAST_OUTPUT_BYTES = 8 * 1024;
/** Agent bytes handled at once: small enough that what comes of them fits into one message. */
const PIECE_BYTES = 64 * 1024;

/** Records kept from a replay whose own messages may be missing. */
const MAX_UNTOLD = 1_000;

export function outputPump(options: OutputPumpOptions): OutputPump {
  const { parser, redactor, clock } = options;
  const tail = outputTail(LAST_OUTPUT_BYTES);
  /** Read from output that was published, and as far as is known not published themselves. */
  let untold: StepRecord[] = [];

  function steps(records: readonly AgentRecord[]): StepRecord[] {
    for (const record of records) {
      if (record.type === "session") options.onSession(record.sessionId);
      if (record.type === "final") options.onFinal();
    }
    return records.map((record) => stepRecord(record, redactor.text));
  }

  let refusals = 0;
  function noteRefusals(): void {
    const { refusals: now = 0 } = parser;
    if (now > refusals) options.onRefused();
    refusals = now;
  }

  /** One stream of the agent, from `origin` on. */
  function reader(stream: OutputStream, publisher: OutputPublisher, origin: number) {
    const redacting = redactor.stream();
    let published = origin;
    const state = { position: origin, take, end };

    function publish({ bytes, consumed }: Redacted): void {
      if (bytes.byteLength === 0) return;
      tail.push(bytes);
      publisher.bytes({ stream, fromOffset: published, toOffset: origin + consumed, bytes });
      published = origin + consumed;
    }

    async function take({ bytes, offset }: OutputChunk): Promise<void> {
      // What was read before, by this incarnation or the one before it, is not read again.
      for (let at = state.position - offset; at < bytes.byteLength; at += PIECE_BYTES) {
        const piece = bytes.subarray(at, at + PIECE_BYTES);
        state.position += piece.byteLength;
        publish(redacting.push(piece));
        publisher.records(steps(parser.push(stream, piece)));
        noteRefusals();
        await publisher.room();
      }
    }

    function end(): void {
      publish(redacting.end());
    }
    return state;
  }

  return {
    replay(item) {
      if ("recordsTold" in item) {
        untold = untold.slice(item.recordsTold);
        return;
      }
      tail.push(item.bytes);
      untold.push(...steps(parser.push(item.stream, item.bytes)));
      // What it said long ago is no silence that begins now.
      refusals = parser.refusals ?? 0;
      if (untold.length > MAX_UNTOLD) untold = untold.slice(-MAX_UNTOLD);
    },

    async drain(output, publisher, { next }) {
      publisher.records(untold);
      untold = [];
      const readers = {
        stdout: reader("stdout", publisher, next.stdout),
        stderr: reader("stderr", publisher, next.stderr),
      };
      const skip = (stream: OutputStream, toOffset: number) => {
        const { position, end } = readers[stream];
        if (toOffset <= position) return;
        end();
        options.onGap({ stream, fromOffset: position, toOffset });
        readers[stream] = reader(stream, publisher, toOffset);
      };
      for await (const item of output) {
        if ("gap" in item) {
          const { stream, toOffset } = item.gap;
          if (toOffset === undefined) options.onGap(item.gap);
          else skip(stream, toOffset);
          continue;
        }
        options.onOutput(clock.now());
        skip(item.stream, item.offset);
        await readers[item.stream].take(item);
      }
      readers.stdout.end();
      readers.stderr.end();
    },

    async finish(records, publisher) {
      publisher.records(steps(records));
      await publisher.flush();
    },
    lastOutput: () => tail.text(),
  };
}
