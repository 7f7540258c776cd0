import { useId, useState, type FormEvent } from "react";

import { api, ApiError } from "../api";
import { Dialog } from "./Dialog";
import { useTell } from "./toasts";

export type Option = { value: string; label: string };

export type FieldSpec = {
  name: string;
  label: string;
  kind: "text" | "email" | "area" | "select" | "check";
  options?: Option[];
  /** An empty choice means null; a number is sent as such. */
  isNumber?: boolean;
  isRequired?: boolean;
  maxLength?: number;
  hint?: string;
};

type Values = Record<string, unknown>;

/** Turn what the form holds into what the backend takes. */
export function readForm(fields: FieldSpec[], form: FormData): Values {
  const entries = fields.map((field): [string, unknown] => {
    const value = form.get(field.name);
    if (field.kind === "check") return [field.name, value !== null];
    if (field.isNumber) return [field.name, value === "" ? null : Number(value)];
    return [field.name, String(value ?? "").trim()];
  });
  return Object.fromEntries(entries);
}

function Field({ field, value, problem }: { field: FieldSpec; value: unknown; problem: string | undefined }) {
  const id = useId();
  const initial = value === null || value === undefined ? "" : String(value);
  const common = {
    id,
    name: field.name,
    required: field.isRequired ?? false,
    "aria-invalid": problem ? true : undefined,
    "aria-describedby": problem || field.hint ? `${id}-hint` : undefined,
  };
  if (field.kind === "check") {
    return (
      <label className="field is-check">
        <input type="checkbox" id={id} name={field.name} defaultChecked={Boolean(value)} />
        <span>{field.label}</span>
      </label>
    );
  }
  return (
    <div className={problem ? "field is-wrong" : "field"}>
      <label htmlFor={id}>{field.label}</label>
      {field.kind === "select" && (
        <select {...common} defaultValue={initial}>
          {field.options?.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
      {field.kind === "area" && <textarea {...common} rows={3} defaultValue={initial} />}
      {(field.kind === "text" || field.kind === "email") && (
        <input {...common} type={field.kind} maxLength={field.maxLength} defaultValue={initial} autoComplete="off" />
      )}
      {(problem || field.hint) && <small id={`${id}-hint`}>{problem ?? field.hint}</small>}
    </div>
  );
}

type Props = {
  noun: string;
  path: string;
  fields: FieldSpec[];
  /** The row that is edited, or what a new one begins with. */
  row: Values & { id?: number };
  onClose: (saved: boolean) => void;
};

/** A dialog that adds a row, or edits the one it was given. */
export function Editor({ noun, path, fields, row, onClose }: Props) {
  const [error, setError] = useState<ApiError>();
  const [isSaving, setIsSaving] = useState(false);
  const tell = useTell();
  const isNew = row.id === undefined;

  async function save(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const values = readForm(fields, new FormData(event.currentTarget));
    setIsSaving(true);
    try {
      await (isNew ? api.post(path, values) : api.patch(`${path}/${row.id}`, values));
      tell(isNew ? `The ${noun} was added.` : `The ${noun} was saved.`);
      onClose(true);
    } catch (problem) {
      setError(problem instanceof ApiError ? problem : new ApiError(String(problem), 0));
      setIsSaving(false);
    }
  }

  return (
    <Dialog title={isNew ? `New ${noun}` : `Edit ${noun}`} onClose={() => onClose(false)}>
      <form onSubmit={save}>
        {error && (
          <p className="form-error" role="alert">
            {error.message}
          </p>
        )}
        <div className="fields">
          {fields.map((field) => (
            <Field key={field.name} field={field} value={row[field.name]} problem={error?.fields[field.name]} />
          ))}
        </div>
        <footer>
          <button type="button" className="button is-quiet" onClick={() => onClose(false)}>
            Cancel
          </button>
          <button className="button is-primary" disabled={isSaving}>
            {isNew ? `Add ${noun}` : "Save"}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
