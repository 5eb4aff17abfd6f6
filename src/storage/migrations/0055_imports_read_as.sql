-- How the file of an import was read, as a hash over its format, its mapping and the store that it was told to be about: the
-- same file read otherwise tells something else. When it was imported first of the times that nothing else came under its
-- name; NULL in rows from before.
ALTER TABLE imports ADD COLUMN read_as TEXT NOT NULL DEFAULT '';
ALTER TABLE imports ADD COLUMN told_at BIGINT;
