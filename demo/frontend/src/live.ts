import { useCallback, useEffect, useRef, useState } from "react";

import { api } from "./api";

export type Live<Answer> = {
  /** What the backend said last; kept while it does not answer. */
  data: Answer | undefined;
  error: Error | undefined;
  reload: () => void;
};

/** Ask for a path again and again, except while nobody looks at the page. */
export function useLive<Answer>(path: string, everyMs = 2000): Live<Answer> {
  const [data, setData] = useState<Answer>();
  const [error, setError] = useState<Error>();
  const askNow = useRef(() => {});

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let request = new AbortController();

    async function ask() {
      clearTimeout(timer);
      request.abort();
      const mine = (request = new AbortController());
      try {
        const answer = await api.get<Answer>(path, mine.signal);
        if (mine.signal.aborted) return;
        setData(answer);
        setError(undefined);
      } catch (problem) {
        if (mine.signal.aborted) return;
        setError(problem as Error);
      }
      if (!document.hidden) timer = setTimeout(ask, everyMs);
    }

    const look = () => !document.hidden && void ask();
    askNow.current = () => void ask();
    document.addEventListener("visibilitychange", look);
    void ask();
    return () => {
      document.removeEventListener("visibilitychange", look);
      clearTimeout(timer);
      request.abort();
    };
  }, [path, everyMs]);

  return { data, error, reload: useCallback(() => askNow.current(), []) };
}
