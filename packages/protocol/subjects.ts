import { subjectFamily } from "./subject.ts";

/**
 * Every subject Pitaya uses. Stream descriptors (`streams.ts`) and the permissions of each role
 * (`roles.ts`) are made from this table, so a subject that is not here can be neither stored nor
 * published.
 */
export const subjects = {
  /** Decisions of the active coordinator: one chain a run. */
  decision: subjectFamily("pitaya.v1.evt.:run.decision"),
  /** Facts of the runner that claimed the attempt, and the coordinator's seal: one chain an attempt. */
  fact: subjectFamily("pitaya.v1.evt.:run.fact.:runner.:instance.:attempt"),
  /** Notes of a cli. Unchained, never an input to decisions. */
  note: subjectFamily("pitaya.v1.evt.:run.client.:client"),

  /** Starts, taken by a runner only while it holds a slot permit. */
  start: subjectFamily("pitaya.v1.cmd.:runner.start"),
  /** Everything else a runner is told; always consumed, also by a full runner. */
  control: subjectFamily("pitaya.v1.cmd.:runner.ctl.:verb"),

  /** An agent's output bytes and the records its plugin read from them. */
  output: subjectFamily("pitaya.v1.out.:runner.:run.:instance.:attempt"),

  /** Parts `0`, `1`, … and at last `manifest`. */
  blob: subjectFamily("pitaya.v1.blob.:writer.:sha256.:part"),

  /** Requests to the coordinator that decides. */
  api: subjectFamily("pitaya.v1.api.:verb"),
  apiRun: subjectFamily("pitaya.v1.api.run.:run.:verb"),
  /** The one request a coordinator answers that does not decide: its public key. */
  apiKeys: subjectFamily("pitaya.v1.api.keys.:coordinator"),
} as const;

/** All events of one run, whoever wrote them. */
export const runEvents = (run: string): readonly string[] => [
  subjects.decision.filter({ run }),
  subjects.fact.filter({ run }),
  subjects.note.filter({ run }),
];

/** All events of all runs. */
export const ALL_EVENTS = "pitaya.v1.evt.>";

/**
 * Where the server says that something was stored under a subject or filter: the headers of the
 * message, after it was stored. A sign to look, and no more; it may get lost.
 */
export const signOf = (subject: string): string => `pitaya.v1.sign.${subject}`;
