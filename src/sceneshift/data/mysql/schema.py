"""What there is in a database of MariaDB or MySQL, by name, in one query.

For a program that has no session of ours, see `rehearsal`; `mycontent.read_schema` has
it in the server's own words.
"""

from __future__ import annotations

from sceneshift.data.marker import VIEW
from sceneshift.data.mysql.names import NOTE, OWN

# ruff: noqa: S608 - names of ours
_OURS = ", ".join(f"'{name}'" for name in (*OWN, NOTE, VIEW))

QUERY = f"""\
SELECT concat('column ', table_name, '.', column_name), concat_ws(' ', column_type,
    collation_name, if(is_nullable = 'NO', 'NOT NULL', NULL), column_default, extra,
    generation_expression, column_comment)
FROM information_schema.columns
WHERE table_schema = database() AND table_name NOT IN ({_OURS})
    AND table_name NOT IN (
        SELECT table_name FROM information_schema.views WHERE table_schema = database())
UNION ALL
SELECT concat('index ', table_name, '.', index_name), concat_ws(' ', max(index_type),
    if(max(non_unique), NULL, 'UNIQUE'), group_concat(concat_ws(' ', column_name,
    sub_part, collation) ORDER BY seq_in_index))
FROM information_schema.statistics WHERE table_schema = database()
GROUP BY table_name, index_name
UNION ALL
SELECT concat('constraint ', k.table_name, '.', k.constraint_name),
    concat_ws(' ', group_concat(concat_ws(' ', k.column_name,
    k.referenced_table_name, k.referenced_column_name) ORDER BY k.ordinal_position),
    max(r.update_rule), max(r.delete_rule))
FROM information_schema.key_column_usage k
JOIN information_schema.referential_constraints r
    ON r.constraint_schema = k.constraint_schema
    AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
WHERE k.table_schema = database() GROUP BY k.table_name, k.constraint_name
UNION ALL
SELECT concat('constraint ', t.table_name, '.', c.constraint_name), c.check_clause
FROM information_schema.check_constraints c
JOIN information_schema.table_constraints t
    ON t.constraint_schema = c.constraint_schema
    AND t.constraint_name = c.constraint_name AND t.constraint_type = 'CHECK'
    /*M! AND t.table_name = c.table_name */
WHERE c.constraint_schema = database()
UNION ALL
SELECT concat('view ', table_name), view_definition
FROM information_schema.views
WHERE table_schema = database() AND table_name NOT IN ({_OURS})
UNION ALL
SELECT concat('trigger ', trigger_name), concat_ws(' ', action_timing,
    event_manipulation, event_object_table, action_statement)
FROM information_schema.triggers WHERE trigger_schema = database()
UNION ALL
SELECT concat(lower(routine_type), ' ', routine_name), routine_definition
FROM information_schema.routines WHERE routine_schema = database()
UNION ALL
SELECT concat('event ', event_name), event_definition
FROM information_schema.events WHERE event_schema = database()
"""
