import { useState, type ReactNode } from "react";

import { api } from "../api";
import { Icon, type IconName } from "../icons";
import { useLive } from "../live";
import { useFilters, type PageName } from "../route";
import type { Page } from "../types";
import { count } from "../words";
import { Confirm } from "./Confirm";
import { Editor, type FieldSpec, type Option } from "./Editor";
import { Empty, Failure, Skeleton, Stale } from "./states";
import { useAct } from "./toasts";

type Row = { id: number };

export type Column<Item> = {
  title: string;
  show: (item: Item) => ReactNode;
  /** `wide` takes what is left; `extra` is left out on narrow screens. */
  width?: "wide" | "extra";
};

export type Filter = { name: string; label: string; options: Option[] };

export type ListingSpec<Item extends Row> = {
  page: PageName;
  icon: IconName;
  noun: string;
  lead: string;
  nameOf: (item: Item) => string;
  columns: Column<Item>[];
  filters: Filter[];
  fields: FieldSpec[];
  /** What a new row begins with. */
  blank: Record<string, unknown>;
  /** What deleting takes along. */
  loss: string;
  actions?: (item: Item, reload: () => void) => ReactNode;
  tools?: (reload: () => void) => ReactNode;
};

const SIZE = 15;

/** A page that lists, filters, adds, edits and deletes rows of one kind. */
export function Listing<Item extends Row>({ spec }: { spec: ListingSpec<Item> }) {
  const { values, set } = useFilters(spec.page);
  const query = new URLSearchParams({ page_size: String(SIZE) });
  for (const [name, value] of Object.entries(values)) if (value) query.set(name, value);
  const { data, error, reload } = useLive<Page<Item>>(`/${spec.page}?${query}`);
  const [edited, setEdited] = useState<Record<string, unknown> & { id?: number }>();
  const [doomed, setDoomed] = useState<Item>();
  const act = useAct();
  const isFiltered = Object.entries(values).some(([name, value]) => name !== "page" && value);

  async function answer(isYes: boolean) {
    const item = doomed;
    setDoomed(undefined);
    if (isYes && item) {
      await act(() => api.delete(`/${spec.page}/${item.id}`), `The ${spec.noun} was deleted.`, reload);
    }
  }

  return (
    <section aria-labelledby="title">
      <header className="page-head">
        <div>
          <h1 id="title">{spec.page.charAt(0).toUpperCase() + spec.page.slice(1)}</h1>
          <p>{spec.lead}</p>
        </div>
        <div className="tools">
          {spec.tools?.(reload)}
          <button className="button is-primary" onClick={() => setEdited({ ...spec.blank })}>
            <Icon name="plus" /> New {spec.noun}
          </button>
        </div>
      </header>

      <div className="toolbar" role="search">
        <label className="search">
          <Icon name="search" />
          <span className="visually-hidden">Search {spec.page}</span>
          <input
            type="search"
            placeholder={`Search ${spec.page}`}
            value={values.q ?? ""}
            onChange={(event) => set("q", event.target.value)}
          />
        </label>
        {spec.filters.map((filter) => (
          <label key={filter.name} className={values[filter.name] ? "filter is-set" : "filter"}>
            <span>{filter.label}</span>
            <select value={values[filter.name] ?? ""} onChange={(event) => set(filter.name, event.target.value)}>
              <option value="">any</option>
              {filter.options.map((option) => (
                <option key={option.value} value={option.value}>
                  {option.label}
                </option>
              ))}
            </select>
          </label>
        ))}
        <output className="total">{data && count(data.total, spec.noun)}</output>
      </div>

      <div className="card">
        {data && <Stale error={error} />}
        {!data && !error && <Skeleton />}
        {!data && error && <Failure error={error} retry={reload} />}
        {data?.items.length === 0 && (
          <Empty icon={spec.icon} title={isFiltered ? "Nothing matches" : `No ${spec.page} yet`}>
            {isFiltered ? "Loosen a filter, or look for something else." : `Add the first ${spec.noun}.`}
          </Empty>
        )}
        {data && data.items.length > 0 && (
          <div className="table-frame">
            <table>
              <thead>
                <tr>
                  {spec.columns.map((column) => (
                    <th key={column.title} scope="col" className={column.width}>
                      {column.title}
                    </th>
                  ))}
                  <th scope="col">
                    <span className="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {data.items.map((item) => (
                  <tr key={item.id}>
                    {spec.columns.map((column) => (
                      <td key={column.title} className={column.width}>
                        {column.show(item)}
                      </td>
                    ))}
                    <td className="actions">
                      {spec.actions?.(item, reload)}
                      <Action icon="edit" label={`Edit ${spec.nameOf(item)}`} onClick={() => setEdited({ ...item })} />
                      <Action icon="trash" label={`Delete ${spec.nameOf(item)}`} onClick={() => setDoomed(item)} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {data && <Pager page={data.page} total={data.total} go={(page) => set("page", String(page))} />}
      </div>

      {edited && (
        <Editor
          noun={spec.noun}
          path={`/${spec.page}`}
          fields={spec.fields}
          row={edited}
          onClose={(saved) => {
            setEdited(undefined);
            if (saved) reload();
          }}
        />
      )}
      {doomed && (
        <Confirm
          title={`Delete ${spec.noun}?`}
          text={`“${spec.nameOf(doomed)}” ${spec.loss}`}
          verb="Delete"
          onAnswer={answer}
        />
      )}
    </section>
  );
}

export function Action({ icon, label, onClick }: { icon: IconName; label: string; onClick: () => void }) {
  return (
    <button className="button is-quiet is-icon" aria-label={label} title={label} onClick={onClick}>
      <Icon name={icon} size={16} />
    </button>
  );
}

function Pager({ page, total, go }: { page: number; total: number; go: (page: number) => void }) {
  const last = Math.max(1, Math.ceil(total / SIZE));
  if (last === 1 && page === 1) return null;
  return (
    <nav className="pager" aria-label="Pages">
      <button className="button is-quiet" disabled={page <= 1} onClick={() => go(page - 1)}>
        <Icon name="left" /> Previous
      </button>
      <span>
        Page {page} of {last}
      </span>
      <button className="button is-quiet" disabled={page >= last} onClick={() => go(page + 1)}>
        Next <Icon name="right" />
      </button>
    </nav>
  );
}
