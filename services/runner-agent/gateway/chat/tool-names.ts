import { type Fields, fieldsOf, listOf, textOf } from "./fields.ts";

/** A tool as the agent offered it, behind a name that chat completions can have. */
export interface OfferedTool {
  readonly kind: "function" | "custom";
  readonly name: string;
  readonly namespace?: string;
}

/** Tools of a request of Responses, as functions of chat completions, and the way back. */
export interface ToolNames {
  readonly functions: readonly Fields[];
  offered(name: string): OfferedTool;
  nameOf(tool: { readonly name: string; readonly namespace?: string }): string;
}

/** A tool that takes any text has one parameter here. */
const FREE_TEXT = {
  type: "object",
  properties: { input: { type: "string" } },
  required: ["input"],
  additionalProperties: false,
};

const nameOf: ToolNames["nameOf"] = ({ name, namespace }) =>
  namespace ? `${namespace}__${name}` : name;

/**
 * Functions, tools that take any text, and groups of both; also those that stand in the conversation
 * (`additional_tools`). Tools that the provider itself would run are left out: there are none here.
 */
export function toolNames(request: Fields): ToolNames {
  const known = new Map<string, OfferedTool>();
  const functions: Fields[] = [];

  const take = (tool: Fields, namespace?: string): void => {
    const { type, description, parameters, strict } = tool;
    const name = textOf(tool["name"]);
    if (type === "namespace") {
      for (const inner of listOf(tool["tools"])) take(inner, name);
      return;
    }
    if ((type !== "function" && type !== "custom") || name === "") return;
    const offered = { kind: type, name, ...(namespace !== undefined && { namespace }) } as const;
    const chatName = nameOf(offered);
    if (known.has(chatName)) return;
    known.set(chatName, offered);
    functions.push({
      type: "function",
      function: {
        name: chatName,
        ...(typeof description === "string" && { description }),
        parameters:
          type === "custom" ? FREE_TEXT : (parameters ?? { type: "object", properties: {} }),
        ...(strict === true && { strict }),
      },
    });
  };

  for (const tool of listOf(request["tools"])) take(tool);
  for (const item of listOf(request["input"])) {
    if (item["type"] === "additional_tools") for (const tool of listOf(item["tools"])) take(tool);
  }
  return {
    functions,
    offered: (name) => known.get(name) ?? { kind: "function", name },
    nameOf,
  };
}

/** What the model wrote for a tool that takes any text. */
export function freeText(argumentsText: string): string {
  try {
    const input: unknown = fieldsOf(JSON.parse(argumentsText))["input"];
    return typeof input === "string" ? input : argumentsText;
  } catch {
    return argumentsText;
  }
}
