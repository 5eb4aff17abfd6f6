-- What of the ledger a close counts, as JSON: how many events, their sums, the numbers of each process and the root of a
-- tree of hashes over them. Null of closes that were made before it was kept. It is in the close's `hash`.
ALTER TABLE billing_closes ADD COLUMN evidence TEXT;
