"""Figures: arrays and an Axes in, the Axes out. `show` puts a finished figure into the notebook with alternative text.

Imports none of ours. Colours come from the Okabe-Ito palette, which colour-blind readers can tell apart; series differ
in marker or line style as well, so that a figure also reads in grey.
"""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINE_STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def show(fig: Figure, alt: str, dpi: int = 110) -> None:
    """Display a figure as a PNG that carries alternative text, and close it.

    The picture goes out as HTML: a plain `image/png` output loses its alternative text in JupyterLab and in exports.

    Args:
        fig: a matplotlib figure.
        alt: what the figure shows, for a reader who cannot see it: a sentence of at least 20 characters.
        dpi: dots per inch of the picture.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display

    if not isinstance(alt, str) or len(alt.strip()) < 20:
        raise ValueError(f"alt must describe the figure in a sentence of at least 20 characters, got {alt!r}")
    alt = " ".join(alt.split())
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", facecolor="white")
    plt.close(fig)
    picture = base64.b64encode(buffer.getvalue()).decode("ascii")
    page = f'<img src="data:image/png;base64,{picture}" alt="{html.escape(alt)}" style="max-width: 100%">'
    display({"text/html": page, "text/plain": f"[figure: {alt}]"}, raw=True)
