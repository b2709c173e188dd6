"""Several real processes at one queue."""

import json
import subprocess
import sys
import textwrap

from store_cases import rows, submit_small

_WORKER = textwrap.dedent("""\
    import json, sys, uuid
    from ablate.metrics import EpochMetrics, Outcome
    from ablate.protocol import WorkerInfo
    from ablate.store import Database
    from ablate.store.queue import Queue

    worker, taken = str(uuid.uuid4()), []
    with Database.open(sys.argv[1]) as db:
        queue = Queue(db)
        queue.introduce(
            WorkerInfo(id=worker, host="", pid=1, device="cpu", device_name="", provenance={})
        )
        print("ready", flush=True)
        sys.stdin.readline()
        while (claim := queue.claim(worker)) is not None:
            taken.append(claim.ticket.job)
            for epoch in (1, 2):
                queue.record_epoch(
                    claim.ticket,
                    EpochMetrics(
                        epoch=epoch, train_loss=1.0, train_accuracy=0.5, lr=0.1, seconds=1.0, images_per_second=1.0,
                        peak_memory_bytes=1,
                    ),
                )
            queue.finish(
                claim.ticket,
                Outcome(
                    selected_epoch=2, test_loss=1.0, test_accuracy=0.5, parameters=1, trainable_parameters=1, flops=1,
                    seconds=2.0, fingerprints={},
                ),
            )
    print(json.dumps(taken))
""")


def test_processes_that_claim_at_once_never_get_the_same_job(db, url):
    submit_small(db, batch_sizes=range(1, 31), seeds=(0, 1))
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _WORKER, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=200) for process in started]
    assert [error for _, error in told] == [""] * 3
    taken = [json.loads(output) for output, _ in told]
    assert sum(bool(jobs) for jobs in taken) >= 2, "the processes did not meet"
    every_job = [job for (job,) in rows(db, "SELECT id FROM jobs ORDER BY id")]
    assert sorted(job for jobs in taken for job in jobs) == every_job
    assert rows(db, "SELECT state, count(*) FROM jobs GROUP BY state") == [("succeeded", 60)]
    assert rows(db, "SELECT count(*) FROM epochs") == [(120,)]
    assert rows(db, "SELECT count(*) FROM attempts") == [(60,)]
