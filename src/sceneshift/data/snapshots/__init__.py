"""States of a database, stored under what they were made from."""
