// Topic Names and Topic Filters as far as the command line needs them: to complain before it connects, and for -T,
// which filters out on this side. The core checks again; this file exists for its words. A problem is a text, undefined
// is "valid".

import { UsageFailure } from "./failure.ts";

/** What is wrong with a Topic Name to publish to, or undefined. */
export function topicNameProblem(name: string): string | undefined {
  if (/[+#]/.test(name)) return "+ and # are wildcards, and only for subscribing"; // [v3.1.1 MQTT-3.3.2-2]
  return textProblem(name);
}

/** The Topic Name to publish to: -t, else that of -L. Throws UsageFailure when there is none, or it is not valid. */
export function publishTopic(flags: { topic?: string; url?: { topic?: string } }): string {
  const topicName = flags.topic ?? flags.url?.topic;
  if (topicName === undefined) throw new UsageFailure("a topic is missing: add -t TOPIC");
  const problem = topicNameProblem(topicName);
  if (problem !== undefined) throw new UsageFailure(`cannot publish on '${topicName}': ${problem}`);
  return topicName;
}

/** What is wrong with a Topic Filter, or undefined. */
export function topicFilterProblem(filter: string): string | undefined {
  const shared = /^\$share\/([^/]*)(\/.*)?$/su.exec(filter);
  if (shared !== null) return sharedProblem(shared[1] ?? "", shared[2]?.slice(1));
  const levels = filter.split("/");
  for (const [index, level] of levels.entries()) {
    if (level.includes("#") && (level !== "#" || index !== levels.length - 1)) {
      return "# stands alone in its level, and that level is the last"; // [v3.1.1 MQTT-4.7.1-2]
    }
    if (level.includes("+") && level !== "+") return "+ stands alone in its level"; // [v3.1.1 MQTT-4.7.1-3]
  }
  return textProblem(filter);
}

/** What is wrong with $share/NAME/FILTER, or undefined. */
function sharedProblem(name: string, filter: string | undefined): string | undefined {
  // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
  if (name === "" || /[+#]/.test(name) || !filter) return "a shared subscription is $share/NAME/FILTER";
  return topicFilterProblem(filter);
}

/** Whether a valid Topic Filter matches a Topic Name. */
export function topicMatches(filter: string, name: string): boolean {
  const wanted = filter.split("/");
  const levels = name.split("/");
  // A wildcard in the first level does not reach the broker's own topics. [v3.1.1 MQTT-4.7.2-1]
  if (name.startsWith("$") && (wanted[0] === "+" || wanted[0] === "#")) return false;
  for (const [index, level] of wanted.entries()) {
    // "a/#" matches "a" too: # includes the parent level.
    if (level === "#") return true;
    if (index === levels.length) return false;
    if (level !== "+" && level !== levels[index]) return false;
  }
  return wanted.length === levels.length;
}

function textProblem(text: string): string | undefined {
  if (text === "") return "it is empty"; // [v3.1.1 MQTT-4.7.3-1]
  if (text.includes("\0")) return "it contains a null character"; // [v3.1.1 MQTT-4.7.3-2]
  if (Buffer.byteLength(text) > TOPIC_LENGTH_MAX) return "it is longer than 65,535 bytes"; // [v3.1.1 MQTT-4.7.3-3]
  return undefined;
}

/** A UTF-8 string has a two-byte length in front. */
const TOPIC_LENGTH_MAX = 65_535;
