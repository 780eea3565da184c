import type { Sealer } from "@pitaya/bus";
import { errorRecord, shortInstanceId } from "@pitaya/protocol";
import { type Summary, summaryOf } from "@pitaya/views";
import type { Connection, StackGone } from "../connect/connection.port.ts";
import type { Console } from "../console.ts";
import { openGuardedFiles } from "../files/guarded-files.ts";
import { pathFrom } from "../files/pitaya-directory.ts";
import { deletedBranches } from "../import/deleted-branches.ts";
import type { InstanceImport } from "../import/import-instance.ts";
import { type Importer, importer } from "../import/importer.ts";
import type { LocalPlace } from "../local-place.ts";
import { openReporter } from "../output/open-reporter.ts";
import { unknownRun } from "../runs/run-name.rules.ts";
import type { Session } from "../session.ts";
import type { Credentials } from "../submit/sealed-credentials.ts";
import { handOverCredentials } from "./credential-hand-over.ts";
import { isAtRest, offering } from "./offering.rules.ts";
import { type FeedItem, type RunFeed, runFeed } from "./run-feed.ts";
import type { SignalDesk } from "./signal-desk.ts";
import { interruptRun, lastWords, stopWish } from "./stop-run.ts";
import { unmetWatch } from "./unmet-requirements.ts";

export interface FollowOptions {
  readonly session: Session;
  readonly connection: Connection;
  readonly run: string;
  readonly desk: SignalDesk;
  /** Without it the run is only shown. */
  readonly place: LocalPlace | undefined;
  /** What this command has for the run's agents, and the key it seals that with. */
  readonly own: { readonly sealer: Sealer; readonly credentials: Credentials };
}

export type FollowEnd =
  /** The run has ended, or is interrupted. */
  | {
      readonly how: "ended";
      readonly summary: Summary;
      readonly imports: readonly InstanceImport[];
    }
  /** This command goes and the run goes on. */
  | { readonly how: "departed" }
  /** The embedded stack ended under it. */
  | { readonly how: "stack-gone"; readonly gone: StackGone };

/**
 * Follows a run to its end: tells about it, keeps its files, brings its branches in as they come, and
 * hands its credentials to whoever decides. What `run`, `attach` and `resume` share.
 *
 * @throws {PitayaError} `unknown_run` where the log has no such run
 */
export async function followRun(options: FollowOptions): Promise<FollowEnd> {
  const { session, connection, run, desk, place } = options;
  const feed = runFeed(connection, run);
  const ending = new AbortController();
  const { reporter, console } = openReporter(session, {
    view: feed.view,
    footer: `Ctrl-C ${desk.role === "owner" ? "interrupts the run" : "leaves it running"}`,
    resultsPath: place && pathFrom(session.host.cwd, place.directory.results(run)),
  });
  const files = await openGuardedFiles({ session, run, place, feed, console });
  const branches = place && openImporter(options, place, feed, console);
  const offer = branches && offering(branches, feed);
  const tellUnmet = unmetWatch(connection.bus, feed, console.warn);

  let handOverAgain: () => void = () => undefined;
  let gone: StackGone | undefined;
  void connection.gone.then((how) => {
    gone = how;
    feed.stop();
  });
  desk.onDeparture(() => feed.stop());
  interruptible(options, feed, console, ending.signal);

  try {
    for await (const item of feed.items) {
      if (item.kind === "event" || item.kind === "steps") {
        for (const event of item.outward) await reporter.event(event);
      }
      await files.take(item);
      if (item.kind === "caughtUp") {
        if (feed.view.spec === undefined) throw unknownRun(run);
        // To a run at rest nothing is handed: a coordinator would keep it for nobody.
        if (!isAtRest(feed.view)) {
          handOver(options, feed, console, ending.signal, (again) => (handOverAgain = again));
        }
      }
      if (isNewOwner(item)) handOverAgain();
      offer?.(item);
      await tellUnmet(item);
      if (isDone(feed, branches)) feed.finish();
    }
    if (desk.departed || (gone && !isAtRest(feed.view))) {
      await files.leave();
      return gone && !desk.departed ? { how: "stack-gone", gone } : { how: "departed" };
    }
    await files.finish();
    const summary = summaryOf(feed.view, feed.textOf);
    await reporter.end(summary, await deletedBranches(place, summary));
    return { how: "ended", summary, imports: branches?.done ?? [] };
  } finally {
    ending.abort();
    feed.stop();
    await branches?.stop();
    await reporter.close();
  }
}

function handOver(
  { session, connection, run, own }: FollowOptions,
  feed: RunFeed,
  console: Console,
  signal: AbortSignal,
  onOwner: (again: () => void) => void,
): void {
  handOverCredentials({
    ...{ connection, run, ...own, signal, onOwner, clock: session.host.clock },
    onProblem: (error) =>
      void console.problem(`credentials could not be handed over: ${errorRecord(error).message}`),
  }).catch((error: unknown) => feed.stop(error));
}

const isNewOwner = (item: FeedItem): boolean =>
  item.kind === "event" &&
  item.event.kind === "decision" &&
  item.event.entry.type === "owner.changed";

/** The run is at rest, and all that this command had to do about it is done and in the log. */
const isDone = (feed: RunFeed, branches: Importer | undefined): boolean =>
  feed.caughtUp &&
  isAtRest(feed.view) &&
  (branches === undefined || (branches.idle && feed.view.sequence >= branches.lastNote));

function openImporter(
  { session, connection, run }: FollowOptions,
  target: LocalPlace,
  feed: RunFeed,
  console: Console,
): Importer {
  return importer({
    connection,
    host: session.host,
    run,
    target,
    onDone(result) {
      const missing = result.row.succeeded?.lfsObjectsMissing ?? 0;
      if (missing > 0 && result.status === "imported" && result.best === undefined) {
        void console.warn(
          `${shortInstanceId(result.row.instance)}: lfs_objects_missing: ${missing} new Git LFS objects stayed in the agent's container`,
        );
      }
    },
    onNoteFailed: (error) =>
      void console.problem(
        `an import could not be noted in the log: ${errorRecord(error).message}`,
      ),
    onIdle: feed.nudge,
  });
}

/** From now on a signal interrupts the run, and who leaves before that is done is told how things stand. */
function interruptible(
  { session, connection, run, desk }: FollowOptions,
  feed: RunFeed,
  console: Console,
  signal: AbortSignal,
): void {
  const stop = () =>
    interruptRun(connection, run, session.host.user, "interrupted from the terminal");
  const wish = stopWish({ run, stop, clock: session.host.clock, console, signal });
  desk.interruptBy(() => {
    void console.note(
      `interrupting ${run}: its containers are stopped and what was done is kept (again to leave at once)`,
    );
    void wish.pursue();
  });
  desk.onLeave(() => {
    const isHeard = wish.isHeard || feed.view.stopping !== undefined || isAtRest(feed.view);
    const embedded = session.settings.values["nats.url"] === undefined;
    const text = lastWords(run, isHeard, embedded);
    void (isHeard ? session.console.note(text) : session.console.problem(text));
  });
}
