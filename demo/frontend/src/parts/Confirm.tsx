import { Dialog } from "./Dialog";

type Props = { title: string; text: string; verb: string; onAnswer: (isYes: boolean) => void };

export function Confirm({ title, text, verb, onAnswer }: Props) {
  return (
    <Dialog title={title} onClose={() => onAnswer(false)}>
      <p className="question">{text}</p>
      <footer>
        <button className="button is-quiet" onClick={() => onAnswer(false)}>
          Keep
        </button>
        <button className="button is-danger" onClick={() => onAnswer(true)}>
          {verb}
        </button>
      </footer>
    </Dialog>
  );
}
