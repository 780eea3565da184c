import { constants } from "node:os";
import type { Container } from "dockerode";
import type { ContainerExit, Execution } from "../../ports/executor.port.ts";
import type { Attached } from "./attached.ts";
import { engineFault, unlessGone } from "./engine.ts";
import { follow } from "./follower.ts";
import { keptSegments, type Offsets, type OutputItem } from "./kept-segments.ts";
import type { Report } from "./report.rules.ts";
import { waitForEnd } from "./wait-for-end.ts";

/** How a container ended, with the wrapper's report where it left one. */
interface Ending {
  readonly exit: ContainerExit;
  readonly report: Report | undefined;
}

export interface ExecutionOptions {
  readonly container: Container;
  /** The stream attached before the start; undefined for an adopted container. */
  readonly live: Attached | undefined;
  readonly from: Offsets;
  /** The wrapper's report, once the container has ended. */
  readonly report: () => Promise<Report | undefined>;
  /** How long after a broken live stream its container is taken to be running on. */
  readonly settleMs: number;
}

/** A container that was started, watched to its end. */
export function watchExecution(options: ExecutionOptions): Execution {
  const { container, live } = options;
  const stop = new AbortController();
  const position = { ...options.from };

  const ending = (async (): Promise<Ending> => {
    try {
      const code = await waitForEnd(container, stop.signal);
      const [report, state] = await Promise.all([
        options.report(),
        unlessGone("look up an ended container", () => container.inspect()),
      ]);
      const oomKilled = state?.State.OOMKilled ?? false;
      return { report, exit: exitOf(code, oomKilled, report) };
    } catch (error) {
      // Whoever detached no longer listens; this never settles for them.
      if (stop.signal.aborted) return new Promise<never>(() => {});
      throw engineFault(error, "wait for a container");
    }
  })();
  // Its reader may come later, or not at all; a rejection nobody listens to must not end the process.
  const ended = ending.then(
    () => true,
    () => true,
  );

  async function* output(): AsyncGenerator<OutputItem> {
    if (live !== undefined) {
      for await (const { stream, bytes } of live.frames) {
        if (bytes.length === 0) continue;
        yield { stream, bytes, offset: position[stream] };
        position[stream] += bytes.length;
      }
      if (stop.signal.aborted) return;
    }
    // The live stream ends with its container. If the container goes on, the connection broke, and
    // its output is read from its segments, as that of an adopted one.
    let wait = live === undefined ? 0 : options.settleMs;
    while (!(await endedWithin(wait))) {
      const before = position.stdout + position.stderr;
      const follower = await follow(container, position);
      if (follower === undefined) break;
      const close = () => follower.close();
      stop.signal.addEventListener("abort", close);
      yield* follower.items;
      stop.signal.removeEventListener("abort", close);
      if (stop.signal.aborted) return;
      // One that brought nothing was killed by the agent, and so would the next be.
      if (position.stdout + position.stderr === before) break;
      wait = options.settleMs;
    }
    const { report } = await Promise.race([ending, aborted(stop.signal)]);
    if (stop.signal.aborted) return;
    yield* rest(report);
  }

  const endedWithin = (ms: number): Promise<boolean> => {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    return Promise.race([ended, timeout]).finally(() => clearTimeout(timer));
  };

  /** The end of the output, which the live stream may not have brought. */
  async function* rest(report: Report | undefined): AsyncGenerator<OutputItem> {
    if (report?.written === undefined) {
      if (live === undefined) yield* unknownGaps(position);
      return;
    }
    const isMissing = (stream: "stdout" | "stderr") =>
      position[stream] < (report.written?.[stream] ?? 0);
    if (!isMissing("stdout") && !isMissing("stderr")) return;
    yield* keptSegments(container, position);
    for (const stream of ["stdout", "stderr"] as const) {
      if (isMissing(stream)) {
        yield { gap: { stream, fromOffset: position[stream], toOffset: report.written[stream] } };
      }
    }
  }

  const exit = ending.then((end) => end.exit);
  exit.then(undefined, () => undefined);

  return {
    output: output(),
    exit,
    signal: async (signal) => {
      await unlessGone(
        "signal a container",
        () => container.kill({ signal: `SIG${signal}` }),
        [404, 409],
      );
    },
    detach: () => {
      stop.abort();
      live?.close();
    },
  };
}

/** Without a report nobody knows what was written after the last byte that was seen. */
function* unknownGaps(position: Offsets): Generator<OutputItem> {
  for (const stream of ["stdout", "stderr"] as const) {
    yield { gap: { stream, fromOffset: position[stream] } };
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<{ report: undefined }>((resolve) => {
    if (signal.aborted) resolve({ report: undefined });
    signal.addEventListener("abort", () => resolve({ report: undefined }), { once: true });
  });

function exitOf(
  containerCode: number,
  oomKilled: boolean,
  report: Report | undefined,
): ContainerExit {
  const code = report?.agentCode;
  if (code === undefined) return { kind: "container", exitCode: containerCode, oomKilled };
  const signal = signalName(code - 128);
  return {
    kind: "agent",
    exitCode: code,
    ...(signal && { signal }),
    oomKilled,
    ...(containerCode !== code && { containerCode }),
  };
}

const signalName = (number: number): string | undefined =>
  Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
