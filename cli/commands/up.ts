import type { CommandMain } from "../command-line/commands.ts";
import { stackUp } from "../stack/index.ts";
import { stackOptions, stackText } from "../stack-words.ts";

/** `pitaya up`: starts the embedded stack where it does not run. */
export const command: CommandMain = async (session) => {
  const stack = await stackUp(stackOptions(session));
  await session.console.result(
    session.has("json") ? JSON.stringify({ v: 1, state: "running", stack }) : stackText(stack),
  );
  return 0;
};
