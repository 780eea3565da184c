import { ALL_EVENTS, PitayaError, runEvents } from "@pitaya/protocol";
import type { CommandMain } from "../command-line/commands.ts";
import { eventLine } from "../events/event-line.rules.ts";
import { subjectFilter } from "../events/subject-filter.rules.ts";
import { findRun } from "../runs/find-run.ts";

/** `pitaya events`: the log as it is stored, message by message. */
export const command: CommandMain = async (session) => {
  const { console, host, redactor } = session;
  const from = fromSequence(session.value("from"));
  const everyRun = session.has("all");
  const [name] = session.args;
  if (everyRun === (name !== undefined)) {
    throw new PitayaError("usage", "events needs a run or --all, and not both", {
      hint: "Usage: pitaya events <run>|--all [-f] [--from <seq>] [--subject <pattern>]",
    });
  }
  const stopping = new AbortController();
  const off = host.onSignal(() => stopping.abort());
  const connection = await session.connect();
  try {
    await connection.submitted();
    const run = name === undefined ? undefined : await findRun(connection.bus, name);
    const wanted = subjectFilter(session.value("subject"), run);
    const filters = run === undefined ? [ALL_EVENTS] : runEvents(run);
    const signal = AbortSignal.any([stopping.signal, console.closed]);
    let next = from;
    for (;;) {
      const { bus, moved } = connection;
      const until = AbortSignal.any([signal, moved]);
      const messages = session.has("follow")
        ? bus.events.follow(filters, { fromSequence: next, signal: until })
        : bus.events.read(filters, next);
      for await (const message of messages) {
        if (signal.aborted) break;
        if ("caughtUp" in message) continue;
        next = message.sequence + 1;
        if (wanted(message.subject)) {
          await console.result(eventLine(message, session.has("json"), redactor));
        }
      }
      if (signal.aborted || !session.has("follow")) return 0;
      await connection.settled();
    }
  } finally {
    off();
    await connection.close();
  }
};

function fromSequence(text: string | undefined): number {
  const number = Number(text ?? 1);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new PitayaError("usage", `--from: expected a sequence from 1, not "${text}"`);
}
