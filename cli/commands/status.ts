import type { CommandMain } from "../command-line/commands.ts";
import { stackStatus } from "../stack/index.ts";
import { stackOptions, stackText } from "../stack-words.ts";

/** `pitaya status`: looks at the embedded stack, and starts nothing. */
export const command: CommandMain = async (session) => {
  const report = await stackStatus(stackOptions(session));
  const { console } = session;
  if (session.has("json")) await console.result(JSON.stringify({ v: 1, ...report }));
  else if (report.state === "running") await console.result(stackText(report.stack));
  else await console.result("the embedded stack is not running; a run or `pitaya up` starts it");
  return 0;
};
