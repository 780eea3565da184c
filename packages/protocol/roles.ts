import { ProcessId } from "./ids.ts";
import { buckets, runnerConsumers, streams } from "./streams.ts";
import { ALL_EVENTS, signOf, subjects } from "./subjects.ts";

/**
 * coordinator and admin share the account that has the streams; each runner and each cli is a guest
 * in an account of its own that imports exactly what is listed here. Inside one account the lists
 * would not hold: a server answers to whatever subject a request names as its reply, so a process
 * could have an answer, with bytes of its choice in it, delivered to subjects it may not write.
 */
export type Role = "coordinator" | "runner" | "cli" | "admin";

export const isGuest = (role: Role): boolean => role === "runner" || role === "cli";

/** Requests of JetStream itself, in the account that has it. */
export const JS_API = "$JS.API";
/** The same, as a guest's account imports them. */
export const GUEST_JS_API = "pitaya.v1.js";
/** Account with the streams. */
export const OWNER_ACCOUNT = "PITAYA";
/** Accounts of guests begin so. */
export const GUEST_ACCOUNT_PREFIX = "PITAYA-";
/** Answers to a process arrive under this and its id. */
export const INBOX_PREFIX = "_INBOX_";

/** Subjects, in the form the process uses them. What is not listed is refused. */
export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** May answer requests it receives, to wherever they ask. */
  readonly responds: boolean;
}

/** Stream behind a bucket. */
const kv = (bucket: { readonly name: string }) => `KV_${bucket.name}`;
const key = (bucket: { readonly name: string }, of: string) => `$KV.${bucket.name}.${of}`;
const inbox = (id: string) => `${INBOX_PREFIX}${id}.>`;

/** Reads of a whole stream: what it holds, batches, last of any subject. */
const reading = (api: string, stream: string) => [
  `${api}.STREAM.INFO.${stream}`,
  `${api}.DIRECT.GET.${stream}`,
  `${api}.DIRECT.GET.${stream}.>`,
];

/** The last message of some subjects and nothing else. */
const lastOf = (api: string, stream: string, subject: string) =>
  `${api}.DIRECT.GET.${stream}.${subject}`;

/** Storing blobs under one's own name, and reading everybody's. */
const blobs = (api: string, id: string) => [
  subjects.blob.filter({ writer: id }),
  key(buckets.pins, `${id}.*`),
  lastOf(api, streams.blobs.name, subjects.blob.filter()),
];

/**
 * All that a process of this role does on the bus.
 *
 * @param processId as its credential names it
 */
export function permissionsOf(role: Role, processId: string): Permissions {
  const id = ProcessId.parse(processId);
  const of: Record<Role, () => Permissions> = {
    coordinator: () => coordinator(id),
    runner: () => runner(id),
    cli: () => cli(id),
    admin: () => ({
      publish: [`${JS_API}.>`],
      subscribe: [inbox(id)],
      responds: false,
    }),
  };
  return of[role]();
}

function coordinator(id: string): Permissions {
  const watched = [buckets.runners, buckets.coordinators, buckets.runs, buckets.pins];
  const { blobs: stored, commands } = streams;
  return {
    publish: [
      subjects.decision.filter(),
      // Seals: the coordinator's last word on an attempt's own subject.
      subjects.fact.filter(),
      subjects.start.filter(),
      subjects.control.filter(),
      subjects.apiKeys.filter(),
      subjects.api.of({ verb: "coordinator-secrets" }),
      ...blobs(JS_API, id),
      key(buckets.leases, "coordinator"),
      key(buckets.coordinators, id),
      key(buckets.runs, "*"),
      // What runners that are gone have left of themselves.
      key(buckets.runners, "*.about"),
      key(buckets.runners, "*.inventory"),
      ...reading(JS_API, streams.events.name),
      ...watched.flatMap((bucket) => reading(JS_API, kv(bucket))),
      // The lease is read from the leader alone, which this request does.
      `${JS_API}.STREAM.MSG.GET.${kv(buckets.leases)}`,
      `${JS_API}.CONSUMER.CREATE.${commands.name}.>`,
      // To look the store over, and to remove what nobody owns.
      ...[stored, commands].flatMap(({ name }) => [
        `${JS_API}.STREAM.INFO.${name}`,
        `${JS_API}.STREAM.PURGE.${name}`,
      ]),
      ...[commands, streams.events, streams.output].flatMap(({ name }) => [
        `${JS_API}.CONSUMER.LIST.${name}`,
        `${JS_API}.CONSUMER.DELETE.${name}.*`,
      ]),
    ],
    subscribe: [
      inbox(id),
      subjects.api.filter(),
      subjects.apiRun.filter(),
      subjects.apiKeys.filter({ coordinator: id }),
      signOf(ALL_EVENTS),
      ...[buckets.leases, ...watched].map((bucket) => signOf(key(bucket, ">"))),
    ],
    responds: true,
  };
}

function runner(id: string): Permissions {
  const facts = subjects.fact.filter({ runner: id });
  const output = subjects.output.filter({ runner: id });
  const own = [id, `${id}.about`, `${id}.inventory`].map((name) => key(buckets.runners, name));
  const { start, control } = runnerConsumers(id);
  return {
    publish: [
      facts,
      output,
      ...own,
      ...blobs(GUEST_JS_API, id),
      subjects.api.of({ verb: "runner-secret" }),
      lastOf(GUEST_JS_API, streams.events.name, facts),
      lastOf(GUEST_JS_API, streams.output.name, output),
      ...own.map((subject) => lastOf(GUEST_JS_API, kv(buckets.runners), subject)),
      ...[start, control].flatMap(({ name }) => [
        `${GUEST_JS_API}.CONSUMER.MSG.NEXT.${streams.commands.name}.${name}`,
        `$JS.ACK.${streams.commands.name}.${name}.>`,
      ]),
    ],
    subscribe: [inbox(id)],
    responds: false,
  };
}

function cli(id: string): Permissions {
  const watched = [buckets.runs, buckets.runners, buckets.coordinators];
  return {
    publish: [
      subjects.note.filter({ client: id }),
      ...blobs(GUEST_JS_API, id),
      subjects.api.of({ verb: "submit" }),
      subjects.api.of({ verb: "gc" }),
      subjects.apiKeys.filter(),
      subjects.apiRun.filter(),
      ...reading(GUEST_JS_API, streams.events.name),
      ...reading(GUEST_JS_API, streams.output.name),
      ...watched.flatMap((bucket) => reading(GUEST_JS_API, kv(bucket))),
    ],
    subscribe: [
      inbox(id),
      signOf(ALL_EVENTS),
      ...streams.output.subjects.map(signOf),
      ...watched.map((bucket) => signOf(key(bucket, ">"))),
    ],
    responds: false,
  };
}
