import { useCallback, useSyncExternalStore } from "react";

export const pages = ["overview", "tasks", "projects", "agents", "users"] as const;
export type PageName = (typeof pages)[number];

/** Where one is: `#/tasks?status=queued` is the page `tasks` and its filters. */
export type Route = { page: PageName; filters: URLSearchParams };

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const page = pages.find((name) => name === path) ?? "overview";
  return { page, filters: new URLSearchParams(query) };
}

export function linkTo(page: PageName, filters: Record<string, string | number> = {}): string {
  const given = Object.entries(filters).filter(([, value]) => value !== "");
  const query = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return `#/${page}${query && `?${query}`}`;
}

function subscribe(notify: () => void) {
  addEventListener("hashchange", notify);
  return () => removeEventListener("hashchange", notify);
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}

/** Return the filters of a page, which are in its address, and a way to set one. */
export function useFilters(page: PageName) {
  const { filters } = useRoute();
  const values = Object.fromEntries(filters);
  const set = useCallback(
    (name: string, value: string) => {
      // Another filter begins at the first page again.
      const { page: _page, ...others } = Object.fromEntries(parseRoute(location.hash).filters);
      const kept = name === "page" ? { ...others, page: value } : { ...others, [name]: value };
      history.replaceState(null, "", linkTo(page, kept));
      dispatchEvent(new HashChangeEvent("hashchange"));
    },
    [page],
  );
  return { values, set };
}
