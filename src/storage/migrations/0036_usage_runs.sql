-- Each run of a node's journal, from before its first answer, so that what never reached the ledger shows, too.
-- `through`: every event of the run whose call was accepted before is in the ledger. `told_at`: so far its journal had
-- been folded when it last said so. `next_seq` is the number behind the highest that the ledger has seen, `accounted`
-- how many of the numbers below it hold an event or are known to hide none: less is a gap. A run ends when its
-- journal was drained (`drained`) or taken over (`recovered`, or `tail_unsure` where the machine was started anew
-- in between and the journal was not synced before each answer). `before`: of an earlier version.
CREATE TABLE usage_runs (
    node       TEXT NOT NULL,
    epoch      BIGINT NOT NULL,
    version    TEXT NOT NULL,
    boot       TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    through    BIGINT NOT NULL,
    told_at    BIGINT NOT NULL,
    next_seq   BIGINT NOT NULL,
    accounted  BIGINT NOT NULL,
    ended_at   BIGINT,
    ended      TEXT,
    PRIMARY KEY (node, epoch)
);
CREATE INDEX usage_runs_open ON usage_runs (told_at) WHERE ended_at IS NULL;
CREATE INDEX usage_runs_gaps ON usage_runs (node, epoch) WHERE next_seq <> accounted;

-- Gaps inside of a segment are not seen by this; earlier versions have told of them when they folded it.
INSERT INTO usage_runs (node, epoch, version, boot, started_at, through, told_at, next_seq, accounted, ended_at, ended)
    SELECT node, epoch, '', '', MIN(min_at), MAX(folded_at), MAX(folded_at), MAX(next_seq),
        CAST(SUM(next_seq - first_seq) AS BIGINT), MAX(folded_at), 'before'
    FROM usage_segments GROUP BY node, epoch;
