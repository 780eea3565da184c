import type { Duplex } from "node:stream";
import { PitayaError } from "@pitaya/protocol";
import type { Container, ContainerInspectInfo } from "dockerode";
import { isSessionPath } from "../../domain/session-paths.rules.ts";
import {
  MAX_SESSION_BYTES,
  type Snapshot,
  type SnapshotOptions,
} from "../../ports/executor.port.ts";
import { attached } from "./attached.ts";
import { unlessGone } from "./engine.ts";
import { AGENT_USER, PLACE } from "./places.ts";
import { parseReport } from "./report.rules.ts";
import { readSnapshot, type SentSnapshot } from "./snapshot-stream.ts";

/** For looking at the workspace and making bundle and patch. The agent stands still for a part of it. */
const LOOK_SECONDS = 15;
/** For all of it. */
const TIMEOUT_MS = 60_000;

/** Statuses by which the engine says that nothing can be started in a container. */
const NOT_RUNNING = [404, 409, 500];

/** Before the path of a session's file, in the names that the script gives. */
const SESSION = "session/";

/** Takes a snapshot in a running container, by the wrapper's snapshot.sh. */
export async function takeSnapshot(
  container: Container,
  options: SnapshotOptions,
): Promise<Snapshot | undefined> {
  const found = await unlessGone("look up a container", () => container.inspect());
  if (found === undefined || !found.State.Running || found.State.Paused) return undefined;
  const streams = await exec(container, [
    "/bin/sh",
    `${PLACE.wrapper}/snapshot.sh`,
    ...scriptArguments(found),
    "--",
    ...options.sessionFiles,
  ]);
  if (streams === undefined) return undefined;
  const close = () => streams.close();
  const timer = setTimeout(close, TIMEOUT_MS);
  options.signal.addEventListener("abort", close, { once: true });
  try {
    const sent = await readSnapshot(streams.frames, {
      toDir: options.toDir,
      maxBytes: options.maxBytes,
      maxSessionBytes: MAX_SESSION_BYTES,
    });
    return snapshotOf(sent, options.sessionFiles);
  } catch (error) {
    await letGo(container);
    throw error;
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", close);
    close();
  }
}

/** The script's own arguments are the wrapper's, in another order. */
function scriptArguments({ Config }: ContainerInspectInfo): readonly string[] {
  const own = Config.Cmd.slice(0, Math.max(Config.Cmd.indexOf("--"), 0));
  const after = (option: string, offset = 1) => own[own.indexOf(option) + offset] ?? "";
  return [
    after("--base"),
    after("--author"),
    after("--author", 2),
    String(LOOK_SECONDS),
    String(MAX_SESSION_BYTES),
    ...(own.includes("--read-only") ? ["--read-only"] : []),
  ];
}

function snapshotOf(
  { small, saved }: SentSnapshot,
  wanted: readonly string[],
): Snapshot | undefined {
  const session = [...small].flatMap(([name, bytes]) => {
    const path = name.startsWith(SESSION) ? name.slice(SESSION.length) : "";
    return isSessionPath(path, wanted) ? [{ path, bytes }] : [];
  });
  if (session.length === 0) return undefined;
  const report = parseReport(Buffer.from(small.get("report") ?? []).toString());
  const bundlePath = saved.get("bundle");
  const patchPath = saved.get("patch");
  const isWhole =
    report?.head !== undefined &&
    report.trouble.length === 0 &&
    report.hasBundle === (bundlePath !== undefined) &&
    report.hasPatch === (patchPath !== undefined);
  if (!isWhole) {
    const why = report?.trouble.join("; ") || "its report and its files differ";
    throw new PitayaError("harvest_failed", `The snapshot is not whole: ${why}.`);
  }
  return {
    commit: report.head,
    ...(bundlePath !== undefined && { bundlePath }),
    ...(patchPath !== undefined && { patchPath }),
    session,
  };
}

/** Where the script cannot: what it stopped must not stand still for ever. */
async function letGo(container: Container): Promise<void> {
  const streams = await exec(container, ["/bin/sh", "-c", "kill -CONT -1"]).catch(() => undefined);
  if (streams === undefined) return;
  for await (const _ of streams.frames);
}

/** Undefined where nothing can be started in it. */
async function exec(container: Container, command: readonly string[]) {
  const made = await unlessGone(
    "start a process in a container",
    () =>
      container.exec({
        Cmd: [...command],
        User: AGENT_USER,
        AttachStdout: true,
        AttachStderr: true,
      }),
    NOT_RUNNING,
  );
  if (made === undefined) return undefined;
  const connection = await unlessGone(
    "start a process in a container",
    () => made.start({ hijack: true, stdin: false }),
    NOT_RUNNING,
  );
  return connection === undefined ? undefined : attached(connection as Duplex);
}
