import { errorFromRecord, PitayaError } from "@pitaya/protocol";
import { lineChannel } from "./line-channel.ts";
import {
  type BusAccess,
  type EndReason,
  type Hello,
  type Request,
  type StackStatus,
  SupervisorMessage,
} from "./messages.ts";
import { openSocket } from "./socket-probe.ts";

/** How a connection to a supervisor ended: by its own closing, or without a word. */
export interface LineEnd {
  readonly reason: EndReason | "lost";
  /** Live runs that it interrupted for its closing. */
  readonly interrupted: readonly string[];
}

/** A request without what the line adds. */
export type Ask = Request extends infer R
  ? R extends Request
    ? Omit<R, "type" | "id">
    : never
  : never;

/** A connection to a supervisor that has answered. */
export interface StackLine {
  /** As it was at the welcome. */
  readonly status: StackStatus;
  /**
   * Resolves when the stack can be used, and with how the line ended if it ends before.
   *
   * @throws what the start of the stack failed with
   */
  readonly ready: Promise<BusAccess | LineEnd>;
  /** @throws what it refused with; `stack_failed` when the line ends before the answer */
  ask(request: Ask): Promise<StackStatus>;
  readonly ended: Promise<LineEnd>;
  close(): void;
}

/**
 * Connects and greets. `undefined`: nobody listens, or went before answering.
 *
 * @throws `stack_failed` when who listens does not answer in time; `version_skew` when its answer
 *   cannot be understood
 */
export async function openLine(
  path: string,
  hello: Hello,
  onProgress: (text: string) => void,
  timeoutMs: number,
): Promise<StackLine | undefined> {
  const socket = await openSocket(path);
  if (!socket) return undefined;
  const welcome = Promise.withResolvers<StackStatus | undefined>();
  const ready = Promise.withResolvers<BusAccess | LineEnd>();
  const ended = Promise.withResolvers<LineEnd>();
  const asked = new Map<number, PromiseWithResolvers<StackStatus>>();
  let end: LineEnd = { reason: "lost", interrupted: [] };
  let count = 0;

  const channel = lineChannel(socket, {
    message(value) {
      const parsed = SupervisorMessage.safeParse(value);
      if (parsed.success) return receive(parsed.data);
      welcome.reject(skewed());
      socket.destroy();
    },
    end() {
      welcome.resolve(undefined);
      ready.resolve(end);
      ended.resolve(end);
      for (const { reject } of asked.values()) reject(wentAway());
    },
  });

  function receive(message: SupervisorMessage): void {
    if (message.type === "welcome") welcome.resolve(message.status);
    else if (message.type === "progress") onProgress(message.text);
    else if (message.type === "ready") ready.resolve(message.bus);
    else if (message.type === "failed") ready.reject(errorFromRecord(message.error));
    else if (message.type === "closing") {
      end = { reason: message.reason, interrupted: message.interrupted };
      ready.resolve(end);
    } else {
      const waiting = asked.get(message.id);
      asked.delete(message.id);
      if (message.type === "done") waiting?.resolve(message.status);
      else waiting?.reject(errorFromRecord(message.error));
    }
  }

  // Whoever only asks for the status waits for neither.
  ready.promise.catch(() => {});
  channel.send(hello);
  const silent = setTimeout(() => welcome.reject(noAnswer(timeoutMs)), timeoutMs);
  try {
    const status = await welcome.promise;
    if (!status) return undefined;
    return {
      status,
      ready: ready.promise,
      ended: ended.promise,
      close: channel.close,
      ask(request) {
        const id = ++count;
        const answer = Promise.withResolvers<StackStatus>();
        asked.set(id, answer);
        if (socket.writable) channel.send({ type: "request", id, ...request });
        else answer.reject(wentAway());
        return answer.promise;
      },
    };
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(silent);
  }
}

const wentAway = () => new PitayaError("stack_failed", "the stack went away before it answered");

const noAnswer = (timeoutMs: number) =>
  new PitayaError("stack_failed", `the stack's supervisor has not answered for ${timeoutMs} ms`);

const skewed = () =>
  new PitayaError("version_skew", "the stack that runs is of another version of Pitaya");
