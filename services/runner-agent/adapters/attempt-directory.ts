import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { StartCommand } from "@pitaya/protocol";
import type { z } from "zod";
import { AttemptRecord } from "../domain/attempt-record.ts";
import type { AttemptDirectories } from "../ports/disk.port.ts";
import type { AttemptName } from "../ports/executor.port.ts";
import { outputJournal } from "./output-journal.ts";

const START = "start.json";
const RECORD = "record.json";
const TOKEN = "gateway-token";

/** Where the directories of attempts lie. */
export const ATTEMPTS = "attempts";

export const directoryName = ({ runId, instanceId, attempt }: AttemptName) =>
  `${runId}.${instanceId}.${attempt}`;

function parseDirectoryName(text: string): AttemptName | undefined {
  const [runId, instanceId, attempt, ...rest] = text.split(".");
  if (!runId || !instanceId || !attempt || rest.length > 0 || !/^\d+$/.test(attempt))
    return undefined;
  return { runId, instanceId, attempt: Number(attempt) };
}

/** The directories of all attempts of one runner, under `<stateDir>/attempts`. */
export function attemptDirectories(stateDir: string): AttemptDirectories {
  const root = join(stateDir, ATTEMPTS);
  return {
    async create(name) {
      const path = join(root, directoryName(name));
      await mkdir(path, { recursive: true, mode: 0o700 });
      return {
        writeStart: (command) => replaceFile(join(path, START), JSON.stringify(command)),
        writeRecord: (record) => replaceFile(join(path, RECORD), JSON.stringify(record)),
        async gatewayToken() {
          const file = join(path, TOKEN);
          try {
            return await readFile(file, "utf8");
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
          }
          const token = randomBytes(24).toString("base64url");
          await replaceFile(file, token);
          return token;
        },
        freshHarvestDir: () => mkdtemp(join(path, "harvest-")),
        removeHarvestDir: (dir) => rm(dir, { recursive: true, force: true, maxRetries: 5 }),
        write: (file, content) =>
          pipeline(content, createWriteStream(file, { flags: "wx", mode: 0o600 })),
        read: (file) => createReadStream(file),
        removeFile: (file) => rm(file, { force: true }),
        openJournal: () => outputJournal(path),
        remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
      };
    },

    async scan() {
      await mkdir(root, { recursive: true, mode: 0o700 });
      const names = (await readdir(root)).flatMap((entry) => parseDirectoryName(entry) ?? []);
      return Promise.all(
        names.map(async (name) => {
          const path = join(root, directoryName(name));
          const command = await readJson(join(path, START), StartCommand);
          const record = await readJson(join(path, RECORD), AttemptRecord);
          const trouble = command.trouble ?? record.trouble;
          return {
            name,
            ...(command.value && { command: command.value }),
            ...(record.value && { record: record.value }),
            ...(trouble !== undefined && { trouble }),
          };
        }),
      );
    },
  };
}

/**
 * Old or new, never half, for whoever reads it after this process died: written beside, then renamed
 * over. Not synced: when the machine itself goes down, so do the containers, and the coordinator
 * places the attempt again.
 */
async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  await writeFile(beside, text, { mode: 0o600 });
  await rename(beside, path);
}

async function readJson<S extends z.ZodType>(
  path: string,
  schema: S,
): Promise<{ readonly value?: z.infer<S>; readonly trouble?: string }> {
  try {
    return { value: schema.parse(JSON.parse(await readFile(path, "utf8"))) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    return { trouble: `${path}: ${error instanceof Error ? error.message : String(error)}` };
  }
}
