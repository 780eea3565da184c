import { MIN_SERVER_VERSION, PitayaError } from "@pitaya/protocol";

const numbers = (version: string) =>
  version.split(/[.-]/, 3).map((part) => Number.parseInt(part, 10));

/**
 * @param version as the server tells it, such as `2.12.1` or `2.12.0-RC.3`
 * @throws `server_too_old`
 */
export function checkServerVersion(version: string): void {
  const found = numbers(version);
  const wanted = numbers(MIN_SERVER_VERSION);
  for (const [i, least] of wanted.entries()) {
    const given = found[i] ?? 0;
    if (given > least) return;
    if (given < least || Number.isNaN(given)) throw tooOld(version);
  }
}

const tooOld = (version: string) =>
  new PitayaError(
    "server_too_old",
    `The NATS server is version ${version}; Pitaya needs ${MIN_SERVER_VERSION} or newer. Older ones accept its settings and silently ignore those its leases rely on.`,
    {
      hint: "Install a newer nats-server and name it in PITAYA_NATS_SERVER, or point PITAYA_NATS_URL at a newer one.",
      details: { found: version, needed: MIN_SERVER_VERSION },
    },
  );
