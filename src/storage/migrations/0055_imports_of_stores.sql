-- The store that an import was told to be about, where its file names none: the same file can be imported for several.
ALTER TABLE imports ADD COLUMN store_code TEXT NOT NULL DEFAULT '';
