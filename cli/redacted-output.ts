import type { Redactor } from "@pitaya/redaction";
import type { Output } from "./host.ts";

/** The same stream with secrets taken out of every write. A write holds whole lines. */
export const redactedOutput = (output: Output, redactor: Redactor): Output => ({
  get isTTY() {
    return output.isTTY;
  },
  get columns() {
    return output.columns;
  },
  get rows() {
    return output.rows;
  },
  write: (text) => output.write(redactor.text(text)),
});
