const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** Say how long ago an instant was: `3 min. ago`. */
export function tellAgo(instant: string | null, now = Date.now()): string {
  if (!instant) return "never";
  const seconds = (now - Date.parse(instant)) / 1000;
  const step = STEPS.find(([, size]) => seconds >= size);
  return step ? AGO.format(-Math.floor(seconds / step[1]), step[0]) : "just now";
}

/** Say how long something took: `1 m 20 s`. */
export function tellDuration(from: string | null, to: string | null): string {
  if (!from || !to) return "";
  const seconds = Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}

export function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Return up to two initials of a name. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  return [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => word?.charAt(0) ?? "").join("");
}

/** Return a hue, 0 to 359, that stays with a name. */
export function hueOf(name: string): number {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)!) % 9973;
  return hash % 360;
}
