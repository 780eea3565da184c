import type { CommandMain } from "../command-line/commands.ts";
import { stackDown } from "../stack/index.ts";
import { stackOptions } from "../stack-words.ts";

/** `pitaya down`: ends the embedded stack, and says what that interrupted. */
export const command: CommandMain = async (session) => {
  const { console } = session;
  const whenIdle = session.has("when-idle");
  const report = await stackDown({ ...stackOptions(session), whenIdle });
  if (session.has("json")) {
    await console.result(JSON.stringify({ v: 1, ...report }));
    return 0;
  }
  await console.result(
    report.state === "stopped"
      ? "the embedded stack is stopped"
      : "the embedded stack was not running",
  );
  for (const run of report.interrupted) {
    await console.note(`interrupted ${run}; \`pitaya resume ${run}\` goes on with it`);
  }
  return 0;
};
