import type { CSSProperties } from "react";

import { capitalize, hueOf, initials } from "../words";

/** A status as a word with a colored dot: never by color alone. */
export function Badge({ value, pulse = false }: { value: string; pulse?: boolean }) {
  return (
    <span className={`badge is-${value}`}>
      <i className={pulse ? "dot pulse" : "dot"} aria-hidden="true" />
      {capitalize(value)}
    </span>
  );
}

const priorities = ["", "Low", "Normal", "High", "Urgent"];

export function Priority({ value }: { value: number }) {
  const name = priorities[value] ?? String(value);
  return (
    <span className={`priority p${value}`} title={`${name} priority`}>
      <span className="bars" aria-hidden="true">
        {[1, 2, 3, 4].map((bar) => (
          <i key={bar} className={bar <= value ? "on" : ""} />
        ))}
      </span>
      <span className="visually-hidden">{name} priority</span>
    </span>
  );
}

export function Avatar({ name, size = 26 }: { name: string; size?: number }) {
  const style = { "--hue": hueOf(name), "--size": `${size}px` } as CSSProperties;
  return (
    <span className="avatar" style={style} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

export function Person({ name }: { name: string | undefined }) {
  if (!name) return <span className="faint">nobody</span>;
  return (
    <span className="person">
      <Avatar name={name} />
      {name}
    </span>
  );
}

export function Progress({ value, label }: { value: number; label: string }) {
  return (
    <span
      className="progress"
      role="progressbar"
      aria-label={label}
      aria-valuenow={value}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <i style={{ inlineSize: `${value}%` }} />
    </span>
  );
}

export function ProjectKey({ value, name }: { value: string; name: string }) {
  return (
    <span className="key" title={name} style={{ "--hue": hueOf(value) } as CSSProperties}>
      {value}
    </span>
  );
}
