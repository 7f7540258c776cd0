"""States of databases of MariaDB and MySQL."""
