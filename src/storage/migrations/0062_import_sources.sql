-- Where the file of an import came from: the source by its name, `upload` or `cli`; NULL in rows from before.
ALTER TABLE imports ADD COLUMN source TEXT;
