"""The figure that all pictures of a report are drawn on. Imported when one is drawn, since it loads matplotlib."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from ablate.report.figures import style


class Picture(Figure):
    """A figure that a notebook shows by itself, whether or not `matplotlib.pyplot` was ever imported there."""

    def _repr_png_(self) -> bytes:
        """The picture as the report has it."""
        stream = io.BytesIO()
        with style.drawing(), style.unknown_letters():
            self.savefig(stream, format="png", metadata={"Software": None})
        return stream.getvalue()
