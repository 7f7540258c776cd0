import type { Day } from "../types";

const NAMES = new Intl.DateTimeFormat("en", { weekday: "narrow", timeZone: "UTC" });
const FULL = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", timeZone: "UTC" });

/** What ended on each of the last days, as stacked bars. */
export function Days({ days }: { days: Day[] }) {
  const most = Math.max(1, ...days.map((day) => day.done + day.failed));
  return (
    <ol className="days" aria-label="Tasks that ended, by day">
      {days.map((day) => {
        const date = new Date(day.day);
        const label = `${FULL.format(date)}: ${day.done} done, ${day.failed} failed`;
        return (
          <li key={day.day} title={label} aria-label={label}>
            <span className="bar" aria-hidden="true">
              <i className="failed" style={{ blockSize: `${(100 * day.failed) / most}%` }} />
              <i className="done" style={{ blockSize: `${(100 * day.done) / most}%` }} />
            </span>
            <span className="day" aria-hidden="true">
              {NAMES.format(date)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
