import type { Clock } from "@pitaya/actors";
import type { OutputLog } from "@pitaya/bus";
import { encode } from "@pitaya/bus";
import { isPitayaError, OutputRecords, type StepRecord } from "@pitaya/protocol";
import { headersOf, RECORDS_HEADERS } from "../domain/output-headers.rules.ts";
import {
  type OutputCursor,
  type OutputSegment,
  packOutput,
} from "../domain/output-messages.rules.ts";
import { packRecords } from "../domain/step-records.rules.ts";
import type { JournalEntry, OutputJournal } from "../ports/disk.port.ts";
import { pause } from "./waiting.ts";

export interface OutputPublisher {
  bytes(segment: OutputSegment): void;
  records(records: readonly StepRecord[]): void;
  /** Resolves while there is room for more; a reader that waits for it has back-pressure. */
  room(): Promise<void>;
  /** Resolves when everything given so far is stored. @throws what publishing failed with, for good */
  flush(): Promise<void>;
}

export interface OutputPublisherOptions {
  readonly output: Pick<OutputLog, "publish">;
  /** Gets each message before it is published. */
  readonly journal: Pick<OutputJournal, "append">;
  readonly subject: string;
  readonly cursor: OutputCursor;
  readonly clock: Clock;
  /** Aborted: nothing more is published and everyone who waits is let go. */
  readonly signal: AbortSignal;
  /** Told when publishing fails and is tried again. */
  readonly onTrouble: (error: unknown) => void;
}

/** Output that comes quicker than this is gathered; the first after a pause goes at once. */
const GATHER_MS = 50;
/** Gathered bytes that do not wait. */
const ENOUGH_BYTES = 64 * 1024;
/** Unpublished bytes at which reading stops. */
const FULL_BYTES = 1024 * 1024;
const RETRY_MS = 1_000;

/**
 * Publishes an agent's output in order, one message under way at a time: what comes meanwhile is
 * joined into the next, so a slow bus makes fewer and larger messages, and memory is bounded.
 */
export function outputPublisher(options: OutputPublisherOptions): OutputPublisher {
  const { output, journal, subject, clock, signal } = options;
  let cursor = options.cursor;
  let segments: OutputSegment[] = [];
  let steps: StepRecord[] = [];
  let waitingBytes = 0;
  let lastFlushAt = Number.NEGATIVE_INFINITY;
  let flushing: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;
  let failure: { readonly error: unknown } | undefined;
  let onRoom = Promise.withResolvers<void>();

  const idle = () => segments.length === 0 && steps.length === 0;

  /** A disk that is full is waited for, and the agent with it. */
  async function keep(entry: JournalEntry): Promise<void> {
    while (!signal.aborted) {
      try {
        return await journal.append(entry);
      } catch (error) {
        if (!isPitayaError(error, "disk_full")) throw error;
        options.onTrouble(error);
        await pause(clock, RETRY_MS, signal);
      }
    }
  }

  async function send(
    payload: Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    await keep({ headers, payload });
    while (!signal.aborted) {
      try {
        return await output.publish(subject, payload, headers);
      } catch (error) {
        if (isPitayaError(error) && !error.retryable) throw error;
        options.onTrouble(error);
        await pause(clock, RETRY_MS, signal);
      }
    }
  }

  async function drain(): Promise<void> {
    while (!idle() && !signal.aborted) {
      const [gathered, gatheredSteps] = [segments, steps];
      const gatheredBytes = waitingBytes;
      [segments, steps] = [[], []];
      const packed = packOutput(gathered, cursor);
      cursor = packed.cursor;
      for (const { head, body } of packed.messages) await send(body, headersOf(head));
      for (const records of packRecords(gatheredSteps)) {
        await send(encode(OutputRecords, { v: 1, records: [...records] }), RECORDS_HEADERS);
      }
      waitingBytes -= gatheredBytes;
      lastFlushAt = clock.now();
      release();
      // Let the rest of a burst gather, unless it is enough already.
      if (waitingBytes < ENOUGH_BYTES) break;
    }
  }

  const release = () => {
    onRoom.resolve();
    onRoom = Promise.withResolvers();
  };

  function start(): Promise<void> {
    cancelTimer?.();
    cancelTimer = undefined;
    // A turn later: what is given together goes together.
    flushing ??= Promise.resolve()
      .then(drain)
      .catch((error: unknown) => {
        failure = { error };
        release();
      })
      .finally(() => {
        flushing = undefined;
        if (!idle() && !failure && !signal.aborted) schedule();
      });
    return flushing;
  }

  function schedule(): void {
    if (flushing || failure || signal.aborted) return;
    const dueInMs = lastFlushAt + GATHER_MS - clock.now();
    if (dueInMs <= 0 || waitingBytes >= ENOUGH_BYTES) void start();
    else cancelTimer ??= clock.setTimer(dueInMs, () => void start());
  }

  const check = () => {
    if (failure) throw failure.error;
  };

  signal.addEventListener("abort", () => [cancelTimer?.(), release()], { once: true });

  return {
    bytes(segment) {
      if (segment.bytes.byteLength === 0) return;
      segments.push(segment);
      waitingBytes += segment.bytes.byteLength;
      schedule();
    },
    records(records) {
      if (records.length === 0) return;
      steps.push(...records);
      schedule();
    },
    async room() {
      while (waitingBytes >= FULL_BYTES && !failure && !signal.aborted) await onRoom.promise;
      check();
    },
    async flush() {
      while (!failure && !signal.aborted && (flushing || !idle())) await start();
      check();
    },
  };
}
