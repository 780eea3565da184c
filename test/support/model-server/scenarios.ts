import { COMMIT_INSTRUCTION } from "@pitaya/plugins";
import type { ModelRequest, Scenario, Step } from "./scenario.ts";

const WRITE = 'echo "hello from the scripted model" > hello.txt';
const COMMIT = 'git add hello.txt && git commit -q -m "Add hello.txt"';
const DONE: Step = { text: "Done: created hello.txt and committed it." };
const WORK: readonly Step[] = [
  { bash: `${WRITE} && ${COMMIT} && git log --oneline | head -1`, say: "I will add hello.txt." },
  DONE,
];

const failing = (
  status: number,
  type: string,
  message: string,
  { code, ...headers }: { code?: string } & Record<string, string> = {},
): Step => ({ error: { status, type, message, headers, ...(code !== undefined && { code }) } });

const RATE_LIMITED = "This request would exceed your account's rate limit. Please try again later.";

/** Commits only if it was told to, in the system text or in the prompt. */
function commitsIfTold(request: ModelRequest): Step {
  const told = `${request.system}\n${request.prompt}`.includes(COMMIT_INSTRUCTION);
  if (request.step === 0) return { bash: told ? `${WRITE} && ${COMMIT}` : WRITE };
  return { text: told ? "Added hello.txt and committed it." : "Added hello.txt." };
}

/** Hands part of the work to a sub-agent, whose own conversation comes here too. */
const withSubagent =
  (ofSubagent: readonly Step[], afterwards: readonly Step[]) =>
  (request: ModelRequest): Step => {
    const isSubagent = request.prompt.includes("Write hello.txt");
    const asks = asksFor("Write hello.txt", request.tools);
    const script = isSubagent ? ofSubagent : [...asks, ...afterwards];
    return script[request.step] ?? { text: "Nothing is left to do." };
  };

/** As the CLI offers it; where the call does not wait for the answer, until the work is there. */
function asksFor(prompt: string, tools: readonly string[]): readonly Step[] {
  if (tools.includes("spawn_agent")) {
    const input = { task_name: "writer", message: prompt, fork_turns: "none" };
    return [
      { tool: "collaboration.spawn_agent", input },
      { bash: "until [ -e hello.txt ]; do sleep 0.1; done" },
    ];
  }
  const subagent_type = tools.includes("task") ? "general" : "general-purpose";
  const tool = tools.find((name) => /^task$/i.test(name)) ?? "Agent";
  return [{ tool, input: { description: "Write a file", prompt, subagent_type } }];
}

const subagent = withSubagent(
  [{ bash: WRITE }, { text: "hello.txt is written." }],
  [{ bash: `${WRITE} && ${COMMIT}` }, { text: "A sub-agent wrote hello.txt, and I committed it." }],
);

/** Ends its turn while the sub-agent still works, and begins another one when it is told of its end. */
const subagentLate = withSubagent(
  [{ bash: `${WRITE} && ${COMMIT}`, beforeMs: 1_500 }, { text: "hello.txt is committed." }],
  [{ text: "A sub-agent writes hello.txt." }, { text: "The sub-agent is done." }],
);

const DEMO: readonly Step[] = [
  { bash: "git log --oneline | head -3; ls", say: "First a look around.", beforeMs: 300 },
  {
    bash: "printf '# Hello\\n\\nWritten by an agent that Pitaya ran in a container.\\n' > HELLO.md && git add HELLO.md && git commit -q -m 'Add HELLO.md'",
    say: "I will add HELLO.md and commit it.",
    beforeMs: 300,
  },
  {
    bash: "printf '\\nSee `git log` for how it came here.\\n' >> HELLO.md && git commit -q -am 'Say where HELLO.md comes from'",
    say: "One more small step.",
    beforeMs: 300,
  },
  { text: "Added HELLO.md in two commits.", beforeMs: 300 },
];

/** Scenarios known by name, in the path of a base URL. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  // work that is done
  ok: WORK,
  okslow: WORK.map((step) => ({ ...step, beforeMs: 1_500, betweenMs: 50 })),
  demo: DEMO,
  twotools: [{ bash: ["echo one > one.txt", "echo two > two.txt"] }, { text: "Two files." }],
  subagent,
  "subagent-late": subagentLate,
  "commits-if-told": commitsIfTold,
  "edits-never-commits": [{ bash: WRITE }, { text: "Added hello.txt." }],
  talks: [{ text: "There is nothing to change." }],

  // work that is not done
  loop: (): Step => ({ bash: "date >> loop.txt" }),
  empty: [{ text: "" }],
  maxtokens: [{ text: "I was about to", stop: "max_tokens" }],
  refusal: [{ text: "I cannot help with that.", stop: "refusal" }],

  // a provider that refuses
  auth401: [failing(401, "authentication_error", "invalid x-api-key")],
  forbid403: [failing(403, "permission_error", "Your account may not use this resource.")],
  billing400: [
    failing(400, "invalid_request_error", "Your credit balance is too low to access the API."),
  ],
  badmodel: [failing(404, "not_found_error", "model: no-such-model")],
  ctxlen: [
    failing(400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum", {
      code: "context_length_exceeded",
    }),
  ],
  quota429: [
    failing(429, "insufficient_quota", "You exceeded your current quota.", {
      code: "insufficient_quota",
    }),
  ],
  rate429: [failing(429, "rate_limit_error", RATE_LIMITED, { "retry-after": "1" })],
  rate429long: [failing(429, "rate_limit_error", RATE_LIMITED, { "retry-after": "3600" })],
  over529: [failing(529, "overloaded_error", "Overloaded")],
  err500: [failing(500, "api_error", "Internal server error")],

  // trouble that passes
  rate429once: [
    { ...failing(429, "rate_limit_error", RATE_LIMITED, { "retry-after": "1" }), times: 1 },
    ...WORK,
  ],
  over529once: [{ ...failing(529, "overloaded_error", "Overloaded"), times: 1 }, ...WORK],
  drop: [{ cut: "I will add", times: 1 }, ...WORK],
  sseerror: [
    { streamError: { type: "overloaded_error", message: "Overloaded" }, times: 1 },
    ...WORK,
  ],

  // trouble that is told of inside of an answer, and stays
  failedcontext: [{ streamError: { type: "context_length_exceeded", message: "too long" } }],
  failedquota: [{ streamError: { type: "insufficient_quota", message: "no credit" } }],
  failedrate: [
    {
      streamError: {
        type: "rate_limit_exceeded",
        message: "Rate limit reached. Please try again in 3.5s.",
      },
    },
  ],
  failedoverloaded: [{ streamError: { type: "server_is_overloaded", message: "Overloaded" } }],
  dropalways: [{ cut: "I will add" }],

  // silence
  hang: [{ hang: true }],
  hangmid: [{ stall: "I will add" }],
};
