"""What a finished run keeps beside its figures: metrics by name, predictions, and the true classes, stored once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import Connection, insert
from sqlalchemy.dialects import postgresql, sqlite

from ablate.metrics import Predictions
from ablate.protocol import Ticket
from ablate.store.serialization import finite, words
from ablate.store.tables import predictions, run_metrics, test_sets


def keep_metrics(connection: Connection, ticket: Ticket, metrics: Mapping[str, float]) -> None:
    """Write the metrics of a whole run; what is no number is NULL."""
    if metrics:
        rows = [{"attempt": ticket.attempt, "name": name, "value": finite(value)} for name, value in metrics.items()]
        connection.execute(insert(run_metrics), rows)


def keep_predictions(connection: Connection, ticket: Ticket, said: Predictions) -> None:
    """Write what the selected network said of each test image, and the true classes unless they are there."""
    row = {
        "attempt": ticket.attempt,
        "test_set": _test_set(connection, said),
        "count": said.count,
        "correct": said.correct,
        "predicted": said.predicted,
        "confidence": said.confidence,
    }
    connection.execute(insert(predictions), row)


def _test_set(connection: Connection, said: Predictions) -> str | None:
    """The row of the true classes; None where they are not known."""
    if said.labels is None:
        return None
    classes = [words(name) for name in said.classes]
    digest = hashlib.sha256(json.dumps(classes).encode() + b"\n" + said.labels).hexdigest()
    # Other workers may store the same one just now.
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {"digest": digest, "count": said.count, "classes": classes, "labels": said.labels}
    connection.execute(make(test_sets).values(row).on_conflict_do_nothing(index_elements=["digest"]))
    return digest
