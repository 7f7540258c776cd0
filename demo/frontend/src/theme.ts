import { useEffect, useState } from "react";

export type Theme = "light" | "dark";

const STORED = "theme";

function readTheme(): Theme {
  const stored = localStorage.getItem(STORED);
  if (stored === "light" || stored === "dark") return stored;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Return the theme, the system's until one is chosen, and a way to turn it. */
export function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState(readTheme);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return [
    theme,
    () => {
      const other = theme === "dark" ? "light" : "dark";
      localStorage.setItem(STORED, other);
      setTheme(other);
    },
  ];
}
