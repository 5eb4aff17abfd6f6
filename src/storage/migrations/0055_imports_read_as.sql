-- How the file of an import was read, as a hash over its format, its mapping and the store that it was told to be about: the
-- same file read otherwise tells something else.
ALTER TABLE imports ADD COLUMN read_as TEXT NOT NULL DEFAULT '';
