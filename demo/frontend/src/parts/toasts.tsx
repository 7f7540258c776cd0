import { createContext, use, useCallback, useRef, useState, type ReactNode } from "react";

type Toast = { id: number; text: string; isError: boolean };
type Tell = (text: string, options?: { isError?: boolean }) => void;

const TellContext = createContext<Tell>(() => {});

/** Return a function that says something to the user for a few seconds. */
export function useTell(): Tell {
  return use(TellContext);
}

/** Return a function that does something and says what came of it. */
export function useAct() {
  const tell = useTell();
  return useCallback(
    async (action: () => Promise<unknown>, success: string, then?: () => void) => {
      try {
        await action();
        tell(success);
      } catch (problem) {
        tell((problem as Error).message, { isError: true });
      }
      then?.();
    },
    [tell],
  );
}

export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const next = useRef(0);
  const tell = useCallback<Tell>((text, { isError = false } = {}) => {
    const id = next.current++;
    setToasts((shown) => [...shown.slice(-2), { id, text, isError }]);
    setTimeout(() => setToasts((shown) => shown.filter((toast) => toast.id !== id)), 4500);
  }, []);
  return (
    <TellContext value={tell}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map((toast) => (
          <p key={toast.id} className={toast.isError ? "toast is-error" : "toast"}>
            {toast.text}
          </p>
        ))}
      </div>
    </TellContext>
  );
}
