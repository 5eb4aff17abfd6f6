-- Whether the run brought its journal to the disk before each answer: then a power cut has taken nothing of it that was
-- answered, and its end is sure after a restart of the machine, too.
ALTER TABLE usage_runs ADD COLUMN synced BOOLEAN NOT NULL DEFAULT FALSE;
