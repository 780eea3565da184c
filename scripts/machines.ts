/** Draws the machines as Mermaid: `node scripts/machines.ts` writes docs/machines.md. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { drawings } from "./machines/drawings.ts";

writeFileSync(fileURLToPath(new URL("../docs/machines.md", import.meta.url)), drawings());
