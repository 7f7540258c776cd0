import type { ReactNode } from "react";

import { Icon, type IconName } from "../icons";

export function Empty({ icon = "inbox", title, children }: { icon?: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <span className="state-icon">
        <Icon name={icon} size={26} />
      </span>
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
  );
}

/** What is shown where nothing could be loaded at all. */
export function Failure({ error, retry }: { error: Error; retry: () => void }) {
  return (
    <div className="state is-error" role="alert">
      <span className="state-icon">
        <Icon name="alert" size={26} />
      </span>
      <strong>This could not be loaded</strong>
      <p>{error.message}</p>
      <button className="button" onClick={retry}>
        <Icon name="again" /> Try again
      </button>
    </div>
  );
}

/** A word above old data: it is kept while the backend does not answer. */
export function Stale({ error }: { error: Error | undefined }) {
  if (!error) return null;
  return (
    <p className="stale" role="status">
      <Icon name="alert" /> Not up to date: {error.message}
    </p>
  );
}

export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <i key={row} style={{ animationDelay: `${row * 70}ms` }} />
      ))}
    </div>
  );
}
