import { type Answer, answered, unusable } from "../answers/answer.ts";
import { objectIn } from "../answers/json-in-text.rules.ts";

export const ASPECTS = ["correctness", "completeness", "quality"] as const;
export type Aspect = (typeof ASPECTS)[number];

/** At least one above 0. They need not add up to 1. */
export type Weights = Readonly<Record<Aspect, number>>;

/** What a scorer said, and what we make of it. */
export interface Score {
  /** Sub-scores as given, 0 to the scale's end; of aspects without weight there is none. */
  readonly aspects: Readonly<Partial<Record<Aspect, number>>>;
  /** Their weighted mean, 0 to the scale's end. */
  readonly score: number;
  /** The same, 0 to 1. */
  readonly normalised: number;
  /** One line: reasoning, risks, suggestions. */
  readonly feedback: string;
}

/** The aspects a scorer is asked for: those that count. */
export const weighedAspects = (weights: Weights): readonly Aspect[] =>
  ASPECTS.filter((aspect) => weights[aspect] > 0);

/**
 * The last JSON object of the answer that names an aspect is the answer. A total it may hold is not
 * looked at: the weights are ours.
 */
export function parseScore(text: string, weights: Weights, scaleMax: number): Answer<Score> {
  const aspects = weighedAspects(weights);
  const object = objectIn(text, aspects);
  if (!object.ok) return object;
  const said = object.value;
  const given: Partial<Record<Aspect, number>> = {};
  for (const aspect of aspects) {
    const value = said[aspect];
    if (typeof value !== "number" || !Number.isFinite(value)) {
      return unusable(`"${aspect}" is ${aspect in said ? "not a number" : "missing"}`);
    }
    if (value < 0 || value > scaleMax) {
      return unusable(`"${aspect}" is outside the scale of 0 to ${scaleMax}`);
    }
    given[aspect] = value;
  }
  const score = weightedMean(given, weights);
  return answered({
    aspects: given,
    score: rounded(score),
    normalised: rounded(score / scaleMax),
    feedback: feedbackOf(said),
  });
}

function weightedMean(given: Partial<Record<Aspect, number>>, weights: Weights): number {
  let sum = 0;
  let total = 0;
  for (const aspect of weighedAspects(weights)) {
    sum += weights[aspect] * (given[aspect] ?? 0);
    total += weights[aspect];
  }
  return sum / total;
}

/** Off the last digits, which are the arithmetic's and would break ties by chance. */
export const rounded = (value: number): number => Math.round(value * 1e9) / 1e9;

const FEEDBACK = ["reasoning", "risks", "suggestions"] as const;
const MAX_FEEDBACK = 4_000;

function feedbackOf(said: Readonly<Record<string, unknown>>): string {
  const parts = FEEDBACK.flatMap((name) => {
    const text = textOf(said[name]);
    return text === "" ? [] : [`${name}: ${text}`];
  });
  return parts.join(" | ").slice(0, MAX_FEEDBACK).toWellFormed();
}

function textOf(value: unknown): string {
  const texts = Array.isArray(value) ? value : [value];
  return texts
    .filter((text) => typeof text === "string")
    .map((text) => text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim())
    .filter((text) => text !== "")
    .join("; ");
}
