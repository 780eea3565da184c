import { PitayaError } from "@pitaya/protocol";
import type { Requests } from "../bus.port.ts";
import { matchesAny } from "../subject-filter.rules.ts";
import type { Clock } from "./clock.ts";
import { copyOf } from "./memory-stream.ts";

type Answering = (subject: string, payload: Uint8Array) => Promise<Uint8Array>;

/** Who answers what; shared by all connections. */
export type Responders = Set<{ readonly subjects: readonly string[]; readonly answer: Answering }>;

const ASK_AGAIN_MS = 100;

export function memoryRequests(responders: Responders, clock: Clock): Requests {
  const responderFor = (subject: string) =>
    [...responders].find(({ subjects }) => matchesAny(subjects, subject));

  return {
    ask(subject, payload, timeoutMs) {
      const deadline = clock.now() + timeoutMs;
      return new Promise((resolve, reject) => {
        let askedAnybody = false;
        const giveUp = clock.after(timeoutMs, () =>
          reject(askedAnybody ? noAnswer(subject, timeoutMs) : nobody(subject)),
        );
        const attempt = () => {
          const responder = responderFor(subject);
          if (responder === undefined) {
            if (clock.now() < deadline) clock.after(ASK_AGAIN_MS, attempt);
            return;
          }
          askedAnybody = true;
          responder.answer(subject, copyOf(payload)).then((answered) => {
            giveUp();
            resolve(copyOf(answered));
          }, reject);
        };
        attempt();
      });
    },
    serve(subjects, answer) {
      const responder = { subjects, answer };
      responders.add(responder);
      return async () => void responders.delete(responder);
    },
  };
}

const nobody = (subject: string) =>
  new PitayaError("no_coordinator", `Nobody answers ${subject}.`, {
    hint: "Start a coordinator, or look why it stopped: `pitaya status`.",
  });

const noAnswer = (subject: string, timeoutMs: number) =>
  new PitayaError("bus_unavailable", `No answer to ${subject} within ${timeoutMs} ms.`);
