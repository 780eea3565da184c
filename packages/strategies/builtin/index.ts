import { bestOfN } from "./best-of-n/best-of-n.ts";
import { bugFinding } from "./bug-finding/bug-finding.ts";
import { docReview } from "./doc-review/doc-review.ts";
import { iterative } from "./iterative/iterative.ts";
import { prReview } from "./pr-review/pr-review.ts";
import { scoring } from "./scoring/scoring.ts";
import { simple } from "./simple.ts";

/** The strategies Pitaya ships, as they are listed to people. */
export const builtIn = [
  simple,
  scoring,
  bestOfN,
  iterative,
  bugFinding,
  docReview,
  prReview,
] as const;
