-- When a file came first is looked for by its feed, its name and how it is read, at the beginning of every import.
CREATE INDEX imports_by_name ON imports (feed, file_name, read_as, started_at);
