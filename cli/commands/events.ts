import type { CommandMain } from "../command-line/commands.ts";

export const command: CommandMain = async () => 0;
