"""A client of debug adapters, as an editor has one."""
